"""Fills the database through the app's own models: hundreds of rows, with values at the edges of their types."""

import datetime
import random
import uuid
from decimal import Decimal

from django.conf import settings
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.flatpages.models import FlatPage
from django.contrib.redirects.models import Redirect
from django.contrib.sites.models import Site
from django.core.management.base import BaseCommand
from django.db import transaction
from django.db.models import F, JSONField, Value
from django.test import Client

from catalog.models import Category, Comment, DigitalProduct, Product, Profile, Purchase, StockLevel, Tag

TEXTS = [
    "",
    " ",
    "plain",
    "O'Brien \"quoted\" \\ back\\slash \\N \\.",
    "tab\tline\nreturn\r\nend",
    "Grüße, Ελλάδα, Россия, 日本語, עברית",
    "👩‍👩‍👧 🏳️‍🌈 e\u0301 \u200b\ufeff",
    "\x01\x1f\x7f\x85\u2028",
    "%s {} $1 ; -- /* */",
    "true",
    "null",
    "0012",
    "long " * 2000,
]
DOCUMENTS = [
    {},
    [],
    None,
    "text",
    0,
    -1,
    1.5,
    True,
    False,
    9007199254740993,
    10**30,
    {"a": {"b": [1, 2.25, None, "ü", {"c": []}]}, "": "empty key", "ключ": "значение"},
    [[[]], {"deep": {"er": {"est": 1}}}],
    {"escape": "\" \\ / \b\f\n\r\t \x7f \u2028", "emoji": "😀"},
    {"size": 1e-7, "big": 1e15, "negative": -0.5},
]
IPS = ["10.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "2001:db8::ff00:42:8329", "fe80::1", "::ffff:192.0.2.1", None]
DURATIONS = [
    datetime.timedelta(0),
    datetime.timedelta(microseconds=1),
    datetime.timedelta(days=730, hours=5, minutes=4, seconds=3, microseconds=21),
    datetime.timedelta(days=-1, seconds=1),
    datetime.timedelta(milliseconds=-1500),
    datetime.timedelta(days=36500),
    None,
]
TIMES = [
    datetime.time(0),
    datetime.time(23, 59, 59, 999999),
    datetime.time(12, 30),
    datetime.time(6, 0, 0, 1),
    datetime.time(1, 2, 3, 400000),
    None,
]
DATES = [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.date(2024, 2, 29), datetime.date(1900, 1, 1), None]
MOMENTS = [
    datetime.datetime(1, 1, 2),
    datetime.datetime(9999, 12, 30, 23, 59, 59, 999999),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(2024, 2, 29, 12),
    datetime.datetime(2024, 3, 31, 1, 30, 0, 120000),
    datetime.datetime(2038, 1, 19, 3, 14, 8, 1),
    None,
]
PRICES = ["0", "0.01", "19.99", "1234567890.12", "9999999999.99", "0.10", "100"]
WEIGHTS = ["0.000001", "-1", "12345678.123456", "99999999.999999", "0.1", None]
BYTES = [b"", b"\x00", bytes(range(256)), b"\xff\xfe text", b"\\x00", "ü".encode() * 5000, None]


class Command(BaseCommand):
    help = "Fills the database."

    def add_arguments(self, parser):
        parser.add_argument("--products", type=int, default=300)

    @transaction.atomic
    def handle(self, *, products, **options):
        self.random = random.Random(14)
        users = self.users()
        categories = self.categories()
        self.products(products, users, categories)
        self.others(users)
        self.admin()

    def moment(self, value):
        """The app's own idea of a moment: with a time zone, or as the clock on the wall shows it."""
        return value.replace(tzinfo=datetime.timezone.utc) if value and settings.USE_TZ else value

    def users(self):
        admin = User.objects.create_superuser("admin", "admin@example.org", "correct horse")
        users = [User.objects.create_user(f"user{n}", first_name=TEXTS[n % 8][:150], password=None) for n in range(40)]
        users.append(User.objects.create_user("Ünïcode@example.org", password="pässwörd"))
        editors, _ = Group.objects.get_or_create(name="editors")
        editors.permissions.set(Permission.objects.filter(content_type__app_label__in=["catalog", "flatpages"]))
        readers = Group.objects.create(name="readers")
        readers.permissions.set(Permission.objects.filter(codename__startswith="view_"))
        users[3].groups.set([editors, readers])
        users[4].user_permissions.set(Permission.objects.filter(codename="publish_product"))
        User.objects.filter(pk=users[5].pk).update(is_active=False, last_login=self.moment(MOMENTS[4]))
        # A hole at the end of the keys: SQLite's counter is ahead of the highest one.
        User.objects.create_user("leaver").delete()
        return [admin, *users]

    def categories(self):
        roots = list(Category.objects.all())
        for n in range(30):
            parent = self.random.choice([None, *roots])
            roots.append(Category.objects.create(name=f"{TEXTS[n % 9][:60]} {n}", slug=f"c{n}", parent=parent, position=n))
        return roots

    def products(self, count, users, categories):
        tags = [Tag.objects.get_or_create(name=name)[0] for name in ["new", "sale", "größer", "数量限定", "x" * 50, "A", "a"]]
        made = []
        for n in range(count):
            pick = lambda values: values[n % len(values)]
            fields = dict(
                id=uuid.UUID(int=self.random.getrandbits(128)),
                category=self.random.choice(categories),
                sku=f"SKU-{n:05}",
                title=f"{pick(TEXTS)[:180]} {n}",
                description=pick(TEXTS),
                kind=pick(Product.Kind.values),
                state=pick(Product.State.values),
                price=Decimal(pick(PRICES)),
                weight=pick(WEIGHTS) and Decimal(pick(WEIGHTS)),
                stock=pick([0, 1, 3, 2147483, n]),
                views=pick([0, 9223372036854775807, n]),
                balance=pick([None, -9223372036854775808, 9223372036854775807, -1]),
                rating=pick([None, 0.0, 5.0, 3.3333333333333335, 1e-300, 0.1]),
                is_active=pick([True, True, False]),
                is_featured=pick([True, False, None]),
                attributes=pick([document for document in DOCUMENTS if document is not None]),
                notes=pick(DOCUMENTS),
                thumbnail=pick(BYTES),
                manual=pick(["", "manuals/größe.pdf"]),
                released=pick(DATES),
                ships_at=pick(TIMES),
                warranty=pick(DURATIONS),
                supplier_ip=pick(IPS),
                router_ip=pick(["192.168.0.1", None]),
                homepage=pick(["", "https://example.org/?q=ü&x=1#y"]),
                contact=pick(["", "a+b@example.org"]),
                external_id=pick([None, uuid.UUID(int=n), uuid.UUID(int=2**128 - 1 - n)]),
                seen=self.moment(pick(MOMENTS)),
            )
            model = DigitalProduct if n % 10 == 0 else Product
            if model is DigitalProduct:
                fields |= dict(download=f"/srv/downloads/{n}", size=n * 2**40)
            product = model.objects.create(**fields)
            product.tags.set(self.random.sample(tags, n % 4))
            made.append(product if model is Product else product.product_ptr)
        for n, product in enumerate(made):
            product.related.set(self.random.sample(made, n % 3))
            Comment.objects.create(
                subject=product, author=self.random.choice([None, *users]), body=TEXTS[n % len(TEXTS)], written=self.moment(MOMENTS[n % 6])
            )
            for buyer in self.random.sample(users, n % 3):
                Purchase.objects.create(product=product, buyer=buyer, quantity=n - 150, bought=self.moment(MOMENTS[n % 6]))
            StockLevel.objects.create(product=product, warehouse="Nord", level=n)
            StockLevel.objects.create(product=product, warehouse="süd", level=-n)
        # JSON's null instead of SQL's.
        Product.objects.filter(sku="SKU-00001").update(notes=Value(None, JSONField()))
        # Arithmetic in SQL, which SQLite does with floating point: 0.1 * 3 is 0.30000000000000004 there.
        Product.objects.filter(price=Decimal("0.10")).update(price=F("price") * 3)

    def others(self, users):
        for n, user in enumerate(users):
            Profile.objects.create(
                user=user, birthday=DATES[n % 5], reminder=TIMES[n % 6], preferences=DOCUMENTS[n % len(DOCUMENTS)],
                favourite=Product.objects.order_by("sku")[n] if n % 2 else None,
            )
            for subject in (user, Category.objects.first()):
                Comment.objects.create(subject=subject, author=user, body="hm", written=self.moment(MOMENTS[3]))
        site = Site.objects.get(pk=1)
        Site.objects.filter(pk=1).update(domain="shop.example.org", name="Shop")
        page = FlatPage.objects.create(url="/about/", title="About", content="<p>ü</p>", registration_required=True)
        page.sites.set([site, Site.objects.create(domain="bücher.example", name="Bücher")])
        Redirect.objects.create(site=site, old_path="/old", new_path="")

    def admin(self):
        """What the admin itself writes: a session, a login, entries of its log."""
        client = Client()
        assert client.login(username="admin", password="correct horse")
        category = Category.objects.first()
        answer = client.post("/admin/catalog/product/add/", {"category": category.pk, "sku": "ADMIN-1", "title": "By the admin", "price": "1.50"})
        assert answer.status_code == 302, answer.content
        LogEntry.objects.create(
            user=User.objects.get(username="user3"), content_type=ContentType.objects.get_for_model(Tag), object_id="new",
            object_repr="new", action_flag=ADDITION, change_message='[{"added": {}}]',
        )
