"""Payments: what is known of an order's money, and what is to be done about it."""

from alembic import op

from services.eventkit.database import INBOX_AND_OUTBOX

revision = "payment_0001"
down_revision = None


def upgrade() -> None:
    op.execute(INBOX_AND_OUTBOX)
    op.execute("""
        CREATE TABLE payments (
            order_id uuid PRIMARY KEY,
            customer_email text,
            amount numeric(12, 2) CHECK (amount >= 0),
            status text NOT NULL DEFAULT 'new' CHECK (status IN
                ('new', 'authorised', 'declined', 'captured', 'voided', 'refunded')),
            stock text CHECK (stock IN ('reserved', 'failed')),
            cancelled boolean NOT NULL DEFAULT false,
            captured numeric(12, 2) NOT NULL DEFAULT 0 CHECK (captured IN (0, amount)),
            refunded numeric(12, 2) NOT NULL DEFAULT 0 CHECK (refunded IN (0, captured)),
            transaction_id text,
            failure_reason text,
            correlation_id uuid,
            cause_id uuid,
            attempts integer NOT NULL DEFAULT 0,
            due_at timestamptz NOT NULL DEFAULT now(),
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            CHECK (status <> 'declined' OR captured = 0),
            -- The state machine: what the provider is to be asked next, from the facts alone.
            action text GENERATED ALWAYS AS (CASE
                WHEN amount IS NULL THEN NULL
                WHEN status = 'new' AND NOT cancelled AND stock IS DISTINCT FROM 'failed'
                    THEN 'authorise'
                WHEN status = 'authorised' AND (cancelled OR stock = 'failed') THEN 'void'
                WHEN status = 'authorised' AND stock = 'reserved' THEN 'capture'
                WHEN status = 'captured' AND cancelled THEN 'refund'
            END) STORED
        ) WITH (fillfactor = 70);
        CREATE INDEX payments_due ON payments (due_at) WHERE action IS NOT NULL;
    """)


def downgrade() -> None:
    op.execute("DROP TABLE payments, outbox, inbox")
