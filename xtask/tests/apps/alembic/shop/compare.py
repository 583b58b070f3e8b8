"""Compares every row of every table in two databases as the models read them: the SQLite file that SQLITE names, and DATABASE_URL."""

import math
import os
import sys

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.engine import connect
from shop.models import Base


class Computed(float):
    """What each database has computed by itself: SQLite with floating point, PostgreSQL with decimals."""

    def __eq__(self, other):
        return math.isclose(self, other, rel_tol=1e-14, abs_tol=0.005)


def seen(column, value):
    """A value with its type, so that 1, 1.0 and True differ."""
    if column.computed is not None and value is not None:
        return Computed(value)
    return (type(value).__name__, value)


def rows(table, session):
    """The rows by key."""
    key = [column.name for column in table.primary_key]
    for row in session.execute(select(table)).mappings():
        yield str([row[name] for name in key]), {name: seen(table.columns[name], value) for name, value in row.items()}


def compare():
    compared, problems = 0, []
    with Session(connect("sqlite:///" + os.environ["SQLITE"])) as one, Session(connect()) as other:
        for table in Base.metadata.sorted_tables:
            before, after = dict(rows(table, one)), dict(rows(table, other))
            compared += len(before)
            for key in sorted(before.keys() | after.keys()):
                if before.get(key) == after.get(key):
                    continue
                columns = before[key].keys() if key in before and key in after else []
                shown = {name: (before[key][name], after[key][name]) for name in columns if before[key][name] != after[key][name]}
                problems.append(f"{table.name} {key}: {str(shown)[:300] if shown else 'is in one of them'}")
    if problems:
        sys.exit("\n".join([*problems[:50], f"{len(problems)} rows differ"]))
    print(f"{compared} rows are equal")


if __name__ == "__main__":
    compare()
