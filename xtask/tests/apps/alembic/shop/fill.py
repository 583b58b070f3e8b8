"""Fills the database that DATABASE_URL names: hundreds of rows, with values at the edges of their types."""

import datetime
import random
import uuid
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import null, select, update
from sqlalchemy.orm import Session

from shop.engine import connect
from shop.models import Color, Country, Customer, Download, Label, Order, OrderLine, Product, Shipment, Status

UTC = datetime.timezone.utc
TEXTS = [
    "plain",
    " ",
    "O'Brien \"quoted\" \\ back\\slash \\N \\.",
    "tab\tline\nreturn\r\nend",
    "Grüße, Ελλάδα, Россия, 日本語, עברית",
    "👩‍👩‍👧 🏳️‍🌈 e\u0301 \u200b\ufeff",
    "\x01\x1f\x7f\x85\u2028",
    "NULL",
    "long " * 2000,
]
DOCUMENTS = [
    {},
    [],
    "text",
    0,
    1.5,
    True,
    9007199254740993,
    {"a": {"b": [1, 2.25, None, "ü", {"c": []}]}, "": "empty key", "ключ": "значение"},
    {"escape": "\" \\ / \b\f\n\r\t \x7f \u2028", "emoji": "😀"},
]
MOMENTS = [
    datetime.datetime(1, 1, 2),
    datetime.datetime(9999, 12, 30, 23, 59, 59, 999999),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(2024, 2, 29, 12),
    datetime.datetime(2024, 3, 31, 1, 30, 0, 120000),
    None,
]
DURATIONS = [
    timedelta(0),
    timedelta(microseconds=1),
    timedelta(days=730, hours=5, minutes=4, seconds=3, microseconds=21),
    timedelta(days=-1, seconds=1),
    timedelta(milliseconds=-1500),
    timedelta(days=36500),
    None,
]
TIMES = [datetime.time(0), datetime.time(23, 59, 59, 999999), datetime.time(12, 30), None]
DATES = [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.date(2024, 2, 29), None]
BYTES = [b"", b"\x00", bytes(range(256)), b"\xff\xfe text", b"\\x00", "ü".encode() * 5000, None]
PRICES = ["0", "0.01", "19.99", "1234567890.12", "9999999999.99", "0.10", "100"]


def aware(moment):
    return moment and moment.replace(tzinfo=UTC)


def fill(session):
    chance = random.Random(14)
    labels = [*session.scalars(select(Label)), *(Label(name=f"label {n}") for n in range(5))]
    customers = []
    for n in range(60):
        customer = Customer(
            email=f"user{n}@example.org", name=TEXTS[n % 8][:100], is_active=n % 3 > 0, wants_news=[None, True, False][n % 3],
            settings=DOCUMENTS[n % len(DOCUMENTS)] if n % 4 else null(),
            last_ip=["10.0.0.1", "::1", "2001:db8::ff00:42:8329", None][n % 4], network=["10.0.0.0/8", "2001:db8::/32", None][n % 3],
            device=["08:00:2b:01:02:03", None][n % 2], birthday=DATES[n % 4],
        )
        session.add(customer)
        session.flush()
        if customers and n % 2:
            customer.referrer_id = chance.choice(customers).id
        customers.append(customer)
    products = []
    for n in range(300):
        pick = lambda values: values[n % len(values)]
        fields = dict(
            id=uuid.UUID(int=chance.getrandbits(128)), sku=f"SKU-{n:05}", title=pick(TEXTS), color=pick([*Color, None]),
            price=Decimal(pick(PRICES)), exact=pick([Decimal("0.000001"), Decimal("-12345678.123456"), None]),
            ratio=pick([Decimal("0.3333333333"), Decimal(7), None]), weight=pick([0.1, -1e-300, 1e300, None]),
            precise=pick([3.3333333333333335, 0.0, None]), stock=pick([0, 1, 3, 32767, -1]),
            views=pick([0, 2**63 - 1, -(2**63)]), attributes=pick([*DOCUMENTS, None]), history=pick([*DOCUMENTS, None]),
            keywords=pick([[], ["a"], ["ü", "", "NULL", 'quo"ted', "a,b", "{}"], null()]), picture=pick(BYTES),
            cached=pick([{"a": (1, 2)}, {3, 4}, "text", null()]), released=pick(DATES), ships_at=pick(TIMES), warranty=pick(DURATIONS),
            sold_from=pick(MOMENTS), changed=aware(pick(MOMENTS)), external=pick([None, uuid.UUID(int=n)]),
        )
        product = Download(url="https://example.org/ü", bytes=n * 2**40, **fields) if n % 10 == 0 else Product(**fields)
        product.labels = chance.sample(labels, n % 4)
        products.append(product)
    session.add_all(products)
    session.flush()
    for n in range(120):
        order = Order(
            customer_id=chance.choice(customers).id, status=list(Status)[n % 3], placed=aware(MOMENTS[n % 5]), note=TEXTS[n % 9]
        )
        session.add(order)
        session.flush()
        for line in range(n % 4):
            product = chance.choice(products)
            session.add(OrderLine(order_id=order.id, line=line, product_id=product.id, quantity=n, price=product.price))
            session.flush()
            session.add(Shipment(
                order_id=order.id, line=line, label=BYTES[n % 4], seal=BYTES[n % 7], took=DURATIONS[n % 7],
                speed=["slow", "fast", None][n % 3],
            ))
    # Arithmetic in SQL, which SQLite does with floating point: 0.1 * 3 is 0.30000000000000004 there.
    session.execute(update(Product).where(Product.price == Decimal("0.10")).values(price=Product.price * 3))
    session.add(Country(code="GR", name="Ελλάδα", since=MOMENTS[4]))


if __name__ == "__main__":
    with Session(connect()) as session, session.begin():
        fill(session)
