"""Orders by their total, which never changes."""

from alembic import op

revision = "gateway_0003"
down_revision = "gateway_0002"


def upgrade() -> None:
    # None by updated_at: each event of an order would have to write it anew.
    op.execute("CREATE INDEX orders_total ON orders (total, id)")


def downgrade() -> None:
    op.execute("DROP INDEX orders_total")
