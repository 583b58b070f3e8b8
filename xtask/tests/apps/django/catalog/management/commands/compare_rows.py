"""Compares every row of every model in two databases as the app reads them: the SQLite file that SQLITE names, and DATABASE_URL."""

import math

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError


def value(value):
    """A value that equals another one only if both have the same type."""
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, float) and math.isnan(value):
        return ("nan",)
    return (type(value).__name__, value)


def rows(model, alias):
    fields = [field.attname for field in model._meta.concrete_fields]
    objects = model._base_manager.using(alias)
    return {str(one.pk): {name: value(getattr(one, name)) for name in fields} for one in objects.iterator()}


class Command(BaseCommand):
    help = "Compares two databases."

    def handle(self, **options):
        compared = differences = 0
        for model in apps.get_models(include_auto_created=True):
            if model._meta.proxy:
                continue
            before, after = rows(model, "sqlite"), rows(model, "default")
            compared += len(before)
            for key in sorted(before.keys() | after.keys()):
                one, other = before.get(key), after.get(key)
                if one != other:
                    differences += 1
                    columns = [name for name in one if one[name] != other[name]] if one and other else []
                    shown = [(name, one[name], other[name]) for name in columns]
                    self.stdout.write(f"{model._meta.label} {key}: {str(shown)[:400] or ('is missing' if one else 'is extra')}")
        if differences:
            raise CommandError(f"{differences} rows differ")
        self.stdout.write(f"{compared} rows are equal")
