"""The notifications, after the inbox and the outbox that every service has."""

from alembic import op

from services.eventkit.database import INBOX_AND_OUTBOX

revision = "notification_0001"
down_revision = None


def upgrade() -> None:
    op.execute(INBOX_AND_OUTBOX)
    op.execute("""
        CREATE TABLE notifications (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_id uuid NOT NULL,
            order_id uuid NOT NULL,
            event_type text NOT NULL,
            text text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX notifications_order ON notifications (order_id);
    """)


def downgrade() -> None:
    op.execute("DROP TABLE notifications, outbox, inbox")
