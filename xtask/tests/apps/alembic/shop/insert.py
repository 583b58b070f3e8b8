"""Inserts, reads, changes and deletes a row of each model in the database that DATABASE_URL names."""

import datetime
import uuid
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.engine import connect
from shop.models import Color, Country, Customer, Download, Label, Order, OrderLine, Product, Shipment, Status

UTC = datetime.timezone.utc


def insert(session):
    highest = {model: session.scalar(select(func.max(model.id))) for model in (Customer, Label, Order, Shipment)}
    customer = Customer(email="new@example.org", name="Neu", settings={"a": [1]}, last_ip="::1", network="10.0.0.0/8", device="08:00:2b:01:02:04")
    label = Label(name="newest")
    product = Product(
        sku="NEW", title="Neu", color=Color.dark_blue, price=Decimal("1.10"), stock=3, attributes={"ü": None}, history=[1],
        keywords=["a", "ü"], picture=b"\x00\xff", cached={1, 2}, warranty=timedelta(days=-1, microseconds=5), external=uuid.uuid4(),
        changed=datetime.datetime(2024, 1, 2, tzinfo=UTC), labels=[label],
    )
    download = Download(sku="NEW-2", title="x", price=Decimal(2), url="https://example.org", bytes=2**40)
    session.add_all([customer, product, download, Country(code="NZ", name="Aotearoa")])
    session.flush()
    order = Order(customer_id=customer.id, status=Status.RETURNED, placed=datetime.datetime(2024, 1, 2, tzinfo=UTC))
    session.add(order)
    session.flush()
    session.add(OrderLine(order_id=order.id, line=1, product_id=product.id, quantity=1, price=product.price))
    session.flush()
    shipment = Shipment(order_id=order.id, line=1, label=b"x", seal=b"y", took=timedelta(hours=30), speed="slow")
    session.add(shipment)
    session.commit()
    for row in (customer, label, order, shipment):
        assert row.id > highest[type(row)], row
    session.expire_all()
    assert (customer.is_active, order.is_gift, order.status) == (True, True, Status.RETURNED)
    assert customer.joined.tzinfo and abs(datetime.datetime.now(UTC) - customer.joined) < timedelta(minutes=5)
    assert (product.total, product.warranty, product.cached) == (Decimal("3.30"), timedelta(days=-1, microseconds=5), {1, 2})
    # What the app asks the database.
    assert session.scalars(select(Product).where(Product.warranty > timedelta(days=700))).first().warranty.days >= 700
    assert session.scalar(select(func.count()).select_from(Customer).where(func.lower(Customer.email) == "new@example.org")) == 1
    product.title = "changed"
    session.commit()
    assert product.version == 2
    session.delete(download)
    session.commit()


if __name__ == "__main__":
    with Session(connect()) as session:
        insert(session)
        print("inserted")
