"""Uses the app on the database of DATABASE_URL: logs in, inserts, searches, changes and deletes rows, and opens the admin."""

import datetime
import uuid
from decimal import Decimal

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.flatpages.models import FlatPage
from django.contrib.redirects.models import Redirect
from django.contrib.sessions.models import Session
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import models
from django.test import Client
from django.utils import timezone

from catalog.models import Category, Comment, DigitalProduct, Product, Profile, Purchase, StockLevel, Tag


class Command(BaseCommand):
    help = "Uses the app."

    def handle(self, **options):
        self.users()
        before = self.highest_keys()
        self.insert()
        self.admin()
        for model, key in self.highest_keys().items():
            assert key > before[model], model
        self.search()
        # Nothing of the models is left to create, and every content type and permission is there.
        call_command("migrate", check_unapplied=True, verbosity=0)
        call_command("migrate", verbosity=0)
        self.stdout.write("the app works")

    def highest_keys(self):
        """Of each model that numbers its rows."""
        numbered = [model for model in apps.get_models() if isinstance(model._meta.pk, models.AutoField) and not model._meta.proxy]
        # Rows of these are made by Django alone.
        numbered = [model for model in numbered if model._meta.model_name not in ("contenttype", "permission")]
        return {model: model._base_manager.aggregate(key=models.Max("pk"))["key"] or 0 for model in numbered}

    def users(self):
        # The session of the admin, which was made on SQLite, is valid.
        session = Session.objects.get()
        client = Client()
        client.cookies["sessionid"] = session.session_key
        assert client.get("/admin/catalog/product/").status_code == 200
        # A password that was set on SQLite; a user without one; one who is not active.
        assert Client().login(username="Ünïcode@example.org", password="pässwörd")
        assert not Client().login(username="Ünïcode@example.org", password="password")
        assert not Client().login(username="user1", password="")
        # Permissions by group and by user, whose rows have other numbers in a new database.
        assert User.objects.get(username="user3").has_perms(["catalog.delete_product", "flatpages.change_flatpage", "sessions.view_session"])
        assert User.objects.get(username="user4").get_all_permissions() == {"catalog.publish_product"}
        assert not User.objects.get(username="user5").is_active
        # Generic relations find their objects.
        comment = Comment.objects.filter(content_type__model="product").first()
        assert isinstance(comment.subject, Product)

    def insert(self):
        user = User.objects.create_user("new", password="new")
        user.groups.add(Group.objects.create(name="new"))
        category = Category.objects.create(name="New", slug="brand-new")
        product = DigitalProduct.objects.create(
            category=category, sku="NEW", title="Neu", price=Decimal("1.10"), stock=3, attributes={"ü": [None]}, size=1,
            warranty=datetime.timedelta(days=-1, microseconds=5), supplier_ip="::1", external_id=uuid.uuid4(), thumbnail=b"\x00\xff",
        )
        product.refresh_from_db()
        assert (product.stock_value, bytes(product.thumbnail)) == (Decimal("3.30"), b"\x00\xff")
        assert abs(product.imported - product.created) < datetime.timedelta(minutes=1)
        product.tags.add(Tag.objects.create(name="newest"))
        product.related.add(Product.objects.first())
        Purchase.objects.create(product=product, buyer=user, bought=timezone.now())
        StockLevel.objects.create(product=product, warehouse="x")
        Profile.objects.create(user=user, preferences=None)
        Comment.objects.create(subject=user, author=user, body="new", written=timezone.now())
        site = Site.objects.create(domain="new.example", name="New")
        FlatPage.objects.create(url="/new/", title="New").sites.add(site)
        Redirect.objects.create(site=site, old_path="/new", new_path="/newer")

    def search(self):
        assert Product.objects.filter(attributes__a__b__0=1).exists()
        assert Product.objects.filter(warranty__gt=datetime.timedelta(days=700)).exists()
        assert Product.objects.filter(released__year=2024, created__date=timezone.now().date()).exists()
        assert Product.objects.filter(notes__isnull=True).exists() and Product.objects.filter(notes=models.Value(None, models.JSONField())).exists()
        assert Product.objects.filter(title__icontains="GRÜSSE").exists() or Product.objects.filter(title__icontains="grüße").exists()
        assert Purchase.objects.latest().bought
        Product.objects.filter(sku="NEW").update(price=models.F("price") * 3)
        assert Product.objects.get(sku="NEW").price == Decimal("3.30")
        Product.objects.get(sku="NEW").delete()

    def admin(self):
        client = Client()
        assert client.login(username="admin", password="correct horse")
        category = Category.objects.first()
        before = LogEntry.objects.count()
        answer = client.post("/admin/catalog/product/add/", {"category": category.pk, "sku": "ADMIN-2", "title": "Again", "price": "1.50"})
        assert answer.status_code == 302, answer.content
        assert LogEntry.objects.count() == before + 1
        assert LogEntry.objects.first().content_type == ContentType.objects.get_for_model(Product)
        assert b"ADMIN-2" in client.get("/admin/catalog/product/?q=again").content
