"""Products in the admin."""

from django.contrib import admin

from .models import Category, Product

admin.site.register(Category)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["sku", "title", "price", "released"]
    search_fields = ["title"]
    fields = ["category", "sku", "title", "price"]
