"""What replays read: history by type and time, as it stood at a moment."""

from alembic import op

revision = "gateway_0002"
down_revision = "gateway_0001"


def upgrade() -> None:
    # Events come late and out of order; when each was recorded tells what a snapshot holds. The
    # default is constant first, so that the table need not be written anew.
    op.execute("""
        ALTER TABLE order_events ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
        ALTER TABLE order_events ALTER COLUMN recorded_at SET DEFAULT clock_timestamp();
        CREATE INDEX order_events_history ON order_events (event_type, created_at, id);
    """)


def downgrade() -> None:
    op.execute("""
        DROP INDEX order_events_history;
        ALTER TABLE order_events DROP COLUMN recorded_at;
    """)
