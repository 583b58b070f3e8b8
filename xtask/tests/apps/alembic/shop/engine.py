"""Connects to the database that DATABASE_URL names."""

import os

from sqlalchemy import create_engine


def connect(url=None):
    url = url or os.environ.get("DATABASE_URL", "sqlite:///app.db")
    if url.startswith("sqlite:"):
        return create_engine(url)
    # Addresses are text in Python, as in SQLite.
    return create_engine(url.replace("postgres://", "postgresql+psycopg://", 1), native_inet_types=False)
