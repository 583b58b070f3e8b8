"""Runs migrations on the database that DATABASE_URL names."""

from alembic import context

from shop.engine import connect
from shop.models import Base

with connect().connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
