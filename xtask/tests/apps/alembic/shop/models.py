"""Models with every common type of column, key and constraint. `with_variant` has PostgreSQL's own type where SQLite has none."""

import datetime
import enum
import uuid
from decimal import Decimal

from sqlalchemy import (
    ARRAY, JSON, BigInteger, Boolean, CheckConstraint, Column, Computed, Date, DateTime, Double, Enum, Float, ForeignKey,
    ForeignKeyConstraint, Identity, Index, Integer, Interval, LargeBinary, MetaData, Numeric, PickleType, SmallInteger, String, Table,
    Text, Time, TypeDecorator, Unicode, UniqueConstraint, Uuid, func, text, true,
)
from sqlalchemy.dialects.postgresql import BYTEA, CIDR, INET, JSONB, MACADDR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Color(enum.Enum):
    """Stored by name."""

    RED = 1
    GREEN = 2
    dark_blue = 3


class Status(enum.StrEnum):
    """Stored by value, with labels that are no identifiers."""

    NEW = "new"
    IN_TRANSIT = "in transit"
    RETURNED = "zurück"


class UtcDateTime(TypeDecorator):
    """An aware moment; SQLite holds it without its zone, in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return value and value.astimezone(datetime.timezone.utc)

    def process_result_value(self, value, dialect):
        if value is None:
            return None
        return value.replace(tzinfo=datetime.timezone.utc) if value.tzinfo is None else value.astimezone(datetime.timezone.utc)


BigKey = BigInteger().with_variant(Integer, "sqlite")
Document = JSON().with_variant(JSONB, "postgresql")


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(Unicode(100))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    wants_news: Mapped[bool | None]
    settings: Mapped[dict | None] = mapped_column(Document)
    last_ip: Mapped[str | None] = mapped_column(String(45).with_variant(INET, "postgresql"))
    network: Mapped[str | None] = mapped_column(String(45).with_variant(CIDR, "postgresql"))
    device: Mapped[str | None] = mapped_column(String(17).with_variant(MACADDR, "postgresql"))
    referrer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"), index=True)
    joined: Mapped[datetime.datetime] = mapped_column(UtcDateTime, server_default=func.now())
    birthday: Mapped[datetime.date | None]
    __table_args__ = (
        Index("ix_customers_email_lower", func.lower(text("email")), unique=True),
        CheckConstraint("name <> ''", name="name_not_empty"),
    )


product_labels = Table(
    "product_labels",
    Base.metadata,
    Column("product_id", ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("label_id", ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True),
)


class Label(Base):
    __tablename__ = "labels"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class Product(Base):
    __tablename__ = "products"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    sku: Mapped[str] = mapped_column(String(20), unique=True)
    type: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(Text)
    color: Mapped[Color | None]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    exact: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    ratio: Mapped[Decimal | None] = mapped_column(Numeric)
    weight: Mapped[float | None] = mapped_column(Float)
    precise: Mapped[float | None] = mapped_column(Double)
    stock: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    views: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[Decimal | None] = mapped_column(Numeric(20, 2), Computed("price * stock", persisted=True))
    attributes: Mapped[dict | None] = mapped_column(Document)
    history: Mapped[list | None] = mapped_column(JSON(none_as_null=True))
    keywords: Mapped[list[str] | None] = mapped_column(JSON().with_variant(ARRAY(Text), "postgresql"))
    picture: Mapped[bytes | None] = mapped_column(LargeBinary)
    cached: Mapped[object | None] = mapped_column(PickleType)
    released: Mapped[datetime.date | None]
    ships_at: Mapped[datetime.time | None]
    warranty: Mapped[datetime.timedelta | None]
    sold_from: Mapped[datetime.datetime | None]
    changed: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    external: Mapped[uuid.UUID | None] = mapped_column(Uuid(as_uuid=True), unique=True)
    version: Mapped[int] = mapped_column(default=1)
    labels: Mapped[list[Label]] = relationship(secondary=product_labels)
    __mapper_args__ = {"polymorphic_on": "type", "polymorphic_identity": "product", "version_id_col": version}
    __table_args__ = (
        CheckConstraint("price >= 0", name="price"),
        Index("ix_products_on_sale", "price", postgresql_where=text("stock > 0"), sqlite_where=text("stock > 0")),
    )


class Download(Product):
    """A table of its own whose key is the parent's."""

    __tablename__ = "downloads"

    id: Mapped[uuid.UUID] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    url: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    __mapper_args__ = {"polymorphic_identity": "download"}


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(Integer, Identity(start=1000), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    status: Mapped[Status] = mapped_column(
        Enum(Status, name="order_status", values_callable=lambda members: [member.value for member in members]),
        server_default=Status.NEW.value,
    )
    placed: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    is_gift: Mapped[bool] = mapped_column(Boolean, server_default=true())
    note: Mapped[str | None] = mapped_column(Text)


class OrderLine(Base):
    """A key of two columns, which another table references."""

    __tablename__ = "order_lines"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("products.id"))
    quantity: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))


class Shipment(Base):
    __tablename__ = "shipments"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int]
    line: Mapped[int] = mapped_column(SmallInteger)
    label: Mapped[bytes | None] = mapped_column(LargeBinary(64))
    seal: Mapped[bytes | None] = mapped_column(LargeBinary().with_variant(BYTEA, "postgresql"))
    took: Mapped[datetime.timedelta | None] = mapped_column(Interval)
    speed: Mapped[str | None] = mapped_column(Enum("slow", "fast", name="speed", native_enum=False, create_constraint=True))
    __table_args__ = (
        ForeignKeyConstraint(["order_id", "line"], ["order_lines.order_id", "order_lines.line"]),
        UniqueConstraint("order_id", "line", "took"),
    )


class Country(Base):
    """Rows that a migration inserts."""

    __tablename__ = "countries"

    code: Mapped[str] = mapped_column(String(2), primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    since: Mapped[datetime.datetime] = mapped_column(server_default=func.now())
