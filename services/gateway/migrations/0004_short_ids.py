"""Orders by the end of their id, which is what people are shown of it."""

from alembic import op

revision = "gateway_0004"
down_revision = "gateway_0003"


def upgrade() -> None:
    op.execute("CREATE INDEX orders_id_end ON orders (right(id::text, 8))")


def downgrade() -> None:
    op.execute("DROP INDEX orders_id_end")
