"""Compares every row of every model in two databases as the app reads them: the SQLite file that SQLITE names, and DATABASE_URL."""

import math

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError


class Computed(float):
    """What each database has computed by itself: SQLite with floating point, PostgreSQL with decimals."""

    def __eq__(self, other):
        return math.isclose(self, other, rel_tol=1e-14, abs_tol=0.005)


def seen(field, value):
    """A value with its type, so that 1, 1.0 and True differ."""
    if field.generated and value is not None:
        return Computed(value)
    if isinstance(value, memoryview):
        value = bytes(value)
    return (type(value).__name__, value)


def rows(model, alias):
    fields = model._meta.concrete_fields
    objects = model._base_manager.using(alias).iterator()
    return {str(one.pk): {field.attname: seen(field, getattr(one, field.attname)) for field in fields} for one in objects}


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
