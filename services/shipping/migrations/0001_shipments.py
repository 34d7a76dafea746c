"""Shipments and their timers."""

from alembic import op

from services.eventkit.database import INBOX_AND_OUTBOX

revision = "shipping_0001"
down_revision = None


def upgrade() -> None:
    op.execute(INBOX_AND_OUTBOX)
    op.execute("""
        CREATE TABLE shipments (
            order_id uuid PRIMARY KEY,
            ordered boolean NOT NULL DEFAULT false,
            paid boolean NOT NULL DEFAULT false,
            status text NOT NULL DEFAULT 'waiting' CHECK (status IN
                ('waiting', 'created', 'dispatched', 'delivered', 'cancelled')),
            tracking_number text,
            carrier text,
            correlation_id uuid,
            cause_id uuid,
            due_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now(),
            dispatched_at timestamptz,
            delivered_at timestamptz,
            cancelled_at timestamptz,
            CHECK (status IN ('waiting', 'cancelled') OR (ordered AND paid))
        ) WITH (fillfactor = 60);
        COMMENT ON COLUMN shipments.due_at IS 'When the next step is taken; the timers are rows.';
        CREATE INDEX shipments_due ON shipments (due_at) WHERE due_at IS NOT NULL;
    """)


def downgrade() -> None:
    op.execute("DROP TABLE shipments, outbox, inbox")
