"""first rows, and a column that came later"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    countries = sa.table("countries", sa.column("code", sa.String), sa.column("name", sa.String))
    op.bulk_insert(countries, [{"code": "DE", "name": "Deutschland"}, {"code": "JP", "name": "日本"}])
    labels = sa.table("labels", sa.column("name", sa.String))
    op.bulk_insert(labels, [{"name": "new"}, {"name": "größer"}])
    # On SQLite, this makes the table anew.
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("note", sa.Text))
        orders.alter_column("is_gift", server_default=sa.true())


def downgrade():
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("note")
