"""Connects to the database that DATABASE_URL names."""

import os

from sqlalchemy import create_engine


def connect(url=None):
    url = url or os.environ.get("DATABASE_URL", "sqlite:///app.db")
    return create_engine(url.replace("postgres://", "postgresql+psycopg://", 1))
