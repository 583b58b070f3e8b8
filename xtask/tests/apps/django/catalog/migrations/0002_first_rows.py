"""Rows that every installation has."""

from django.db import migrations


def insert(apps, schema_editor):
    alias = schema_editor.connection.alias
    category = apps.get_model("catalog", "Category").objects.using(alias)
    goods = category.create(name="Goods", slug="goods")
    category.create(name="Books", slug="books", parent=goods, position=1)
    tag = apps.get_model("catalog", "Tag").objects.using(alias)
    tag.bulk_create(tag.model(name=name) for name in ["new", "sale", "größer", "数量限定"])
    apps.get_model("auth", "Group").objects.using(alias).create(name="editors")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(insert, migrations.RunPython.noop)]
