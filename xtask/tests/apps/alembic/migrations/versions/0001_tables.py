"""tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade():
    op.create_table("countries",
        sa.Column("code", sa.String(length=2), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("since", sa.DateTime(), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_countries"))
    )
    op.create_table("customers",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.Unicode(length=100), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("wants_news", sa.Boolean(), nullable=True),
        sa.Column("settings", DOCUMENT, nullable=True),
        sa.Column("last_ip", sa.String(length=45).with_variant(postgresql.INET(), "postgresql"), nullable=True),
        sa.Column("network", sa.String(length=45).with_variant(postgresql.CIDR(), "postgresql"), nullable=True),
        sa.Column("device", sa.String(length=17).with_variant(postgresql.MACADDR(), "postgresql"), nullable=True),
        sa.Column("referrer_id", BIG_KEY, nullable=True),
        sa.Column("joined", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("birthday", sa.Date(), nullable=True),
        sa.CheckConstraint("name <> ''", name=op.f("ck_customers_name_not_empty")),
        sa.ForeignKeyConstraint(["referrer_id"], ["customers.id"], name=op.f("fk_customers_referrer_id_customers"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("email", name=op.f("uq_customers_email"))
    )
    op.create_index("ix_customers_email_lower", "customers", [sa.text("lower(email)")], unique=True)
    op.create_index("ix_customers_referrer_id", "customers", ["referrer_id"], unique=False)
    op.create_table("labels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
        sa.UniqueConstraint("name", name=op.f("uq_labels_name"))
    )
    op.create_table("products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("color", sa.Enum("RED", "GREEN", "dark_blue", name="color"), nullable=True),
        sa.Column("price", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("exact", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("ratio", sa.Numeric(), nullable=True),
        sa.Column("weight", sa.Float(), nullable=True),
        sa.Column("precise", sa.Double(), nullable=True),
        sa.Column("stock", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Numeric(precision=20, scale=2), sa.Computed("price * stock", persisted=True), nullable=True),
        sa.Column("attributes", DOCUMENT, nullable=True),
        sa.Column("history", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("keywords", sa.JSON().with_variant(sa.ARRAY(sa.Text()), "postgresql"), nullable=True),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("cached", sa.PickleType(), nullable=True),
        sa.Column("released", sa.Date(), nullable=True),
        sa.Column("ships_at", sa.Time(), nullable=True),
        sa.Column("warranty", sa.Interval(), nullable=True),
        sa.Column("sold_from", sa.DateTime(), nullable=True),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("price >= 0", name=op.f("ck_products_price")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("external", name=op.f("uq_products_external")),
        sa.UniqueConstraint("sku", name=op.f("uq_products_sku"))
    )
    op.create_index("ix_products_on_sale", "products", ["price"], unique=False, postgresql_where=sa.text("stock > 0"), sqlite_where=sa.text("stock > 0"))
    op.create_table("downloads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["products.id"], name=op.f("fk_downloads_id_products"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_downloads"))
    )
    op.create_table("orders",
        sa.Column("id", sa.Integer(), sa.Identity(always=False, start=1000), nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("status", sa.Enum("new", "in transit", "zurück", name="order_status"), server_default="new", nullable=False),
        sa.Column("placed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_gift", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id_customers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders"))
    )
    op.create_index("ix_orders_customer_id", "orders", ["customer_id"], unique=False)
    op.create_table("product_labels",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], name=op.f("fk_product_labels_label_id_labels"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_labels_product_id_products"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("product_id", "label_id", name=op.f("pk_product_labels"))
    )
    op.create_table("order_lines",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id_orders"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_order_lines_product_id_products")),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_order_lines"))
    )
    op.create_table("shipments",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("label", sa.LargeBinary(length=64), nullable=True),
        sa.Column("seal", sa.LargeBinary().with_variant(postgresql.BYTEA(), "postgresql"), nullable=True),
        sa.Column("took", sa.Interval(), nullable=True),
        sa.Column("speed", sa.Enum("slow", "fast", name="speed", native_enum=False, create_constraint=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id", "line"], ["order_lines.order_id", "order_lines.line"], name=op.f("fk_shipments_order_id_order_lines")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipments")),
        sa.UniqueConstraint("order_id", "line", "took", name=op.f("uq_shipments_order_id"))
    )


def downgrade():
    op.drop_table("shipments")
    op.drop_table("order_lines")
    op.drop_table("product_labels")
    op.drop_table("orders")
    op.drop_table("downloads")
    op.drop_table("products")
    op.drop_table("labels")
    op.drop_table("customers")
    op.drop_table("countries")
