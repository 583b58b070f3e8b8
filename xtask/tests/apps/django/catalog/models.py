"""A shop's catalog, with every common type of column, key and constraint."""

import uuid

from django.contrib.auth.models import User
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now


class Category(models.Model):
    name = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(fields=["parent", "name"], name="category_name_once"),
            models.CheckConstraint(condition=Q(position__lte=1000), name="category_position"),
            models.CheckConstraint(condition=~Q(id=F("parent")), name="category_not_its_parent"),
        ]


class Tag(models.Model):
    name = models.CharField(max_length=50, primary_key=True)


class Product(models.Model):
    class Kind(models.TextChoices):
        GOODS = "goods"
        SERVICE = "service"
        GIFT_CARD = "gift card"

    class State(models.IntegerChoices):
        DRAFT = 0
        ON_SALE = 1
        WITHDRAWN = -1

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    category = models.ForeignKey(Category, on_delete=models.PROTECT)
    sku = models.CharField("stock keeping unit", max_length=20, unique=True)
    title = models.CharField(max_length=200, db_index=True)
    description = models.TextField(blank=True, default="")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.GOODS)
    state = models.SmallIntegerField(choices=State, default=State.DRAFT)
    price = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])
    weight = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    stock = models.PositiveIntegerField(default=0)
    views = models.PositiveBigIntegerField(default=0)
    balance = models.BigIntegerField(null=True)
    rating = models.FloatField(null=True)
    is_active = models.BooleanField(default=True)
    is_featured = models.BooleanField(null=True)
    attributes = models.JSONField(default=dict)
    notes = models.JSONField(null=True)
    thumbnail = models.BinaryField(null=True)
    manual = models.FileField(upload_to="manuals", blank=True)
    released = models.DateField(null=True)
    ships_at = models.TimeField(null=True)
    warranty = models.DurationField(null=True)
    supplier_ip = models.GenericIPAddressField(null=True)
    router_ip = models.GenericIPAddressField(protocol="IPv4", null=True)
    homepage = models.URLField(blank=True)
    contact = models.EmailField(blank=True)
    external_id = models.UUIDField(null=True, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    seen = models.DateTimeField(null=True)
    imported = models.DateTimeField(db_default=Now())
    stock_value = models.GeneratedField(
        expression=F("price") * F("stock"),
        output_field=models.DecimalField(max_digits=20, decimal_places=2),
        db_persist=True,
    )
    tags = models.ManyToManyField(Tag, blank=True)
    related = models.ManyToManyField("self", symmetrical=False, blank=True)
    buyers = models.ManyToManyField(User, through="Purchase")

    class Meta:
        ordering = ["sku"]
        permissions = [("publish_product", "Can publish products")]
        indexes = [
            models.Index(fields=["-created"], name="product_newest"),
            models.Index(fields=["category", "price"], condition=Q(is_active=True), name="product_on_sale"),
            models.Index(Lower("title"), name="product_title_lower"),
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("title"), "category", condition=Q(is_active=True), name="product_title_once"
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="product_price"),
            models.CheckConstraint(condition=Q(rating__isnull=True) | Q(rating__range=(0, 5)), name="product_rating"),
        ]


class DigitalProduct(Product):
    """A table of its own whose key is the parent's."""

    download = models.FilePathField(path="/srv/downloads", blank=True)
    size = models.BigIntegerField()


class Featured(Product):
    """No table, but a content type and permissions."""

    class Meta:
        proxy = True


class Purchase(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    buyer = models.ForeignKey(User, on_delete=models.CASCADE)
    quantity = models.SmallIntegerField(default=1)
    bought = models.DateTimeField()

    class Meta:
        unique_together = [("product", "buyer", "bought")]
        get_latest_by = "bought"


class StockLevel(models.Model):
    """A key of two columns."""

    pk = models.CompositePrimaryKey("product", "warehouse")
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    warehouse = models.CharField(max_length=10)
    level = models.IntegerField(default=0)


class Profile(models.Model):
    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)
    birthday = models.DateField(null=True)
    reminder = models.TimeField(null=True)
    preferences = models.JSONField(null=True, blank=True)
    favourite = models.ForeignKey(Product, null=True, on_delete=models.SET_NULL)


class Comment(models.Model):
    """On any object: `object_id` holds a key of any type as text."""

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.CharField(max_length=64)
    subject = GenericForeignKey()
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    body = models.TextField()
    written = models.DateTimeField()

    class Meta:
        db_table = "comments"
        indexes = [models.Index(fields=["content_type", "object_id"])]
