"""Orders, their events, idempotency keys and the copy of the catalogue."""

from alembic import op

from services.eventkit.database import INBOX_AND_OUTBOX

revision = "gateway_0001"
down_revision = None


def upgrade() -> None:
    op.execute(INBOX_AND_OUTBOX)
    op.execute("""
        CREATE TYPE order_status AS ENUM (
            'pending', 'processing', 'reserved', 'paid', 'preparing', 'shipped',
            'completed', 'failed', 'cancelled'
        );
        COMMENT ON TYPE order_status IS 'The later wins: an order has its events'' greatest.';

        CREATE TABLE orders (
            id uuid PRIMARY KEY,
            customer_id text NOT NULL,
            customer_email text NOT NULL,
            items jsonb NOT NULL,
            total numeric(12, 2) NOT NULL CHECK (total >= 0),
            status order_status NOT NULL DEFAULT 'pending',
            failure_reason text,
            cancel_status text CHECK (cancel_status IN ('requested', 'accepted', 'refused')),
            cancel_reason text,
            cancel_detail text,
            correlation_id uuid NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        ) WITH (fillfactor = 70);
        CREATE INDEX orders_created ON orders (created_at, id);
        CREATE INDEX orders_customer ON orders (customer_id, created_at, id);

        CREATE TABLE order_events (
            id uuid PRIMARY KEY,
            order_id uuid NOT NULL,
            event_type text NOT NULL,
            payload jsonb NOT NULL,
            service_name text NOT NULL,
            causation_id uuid,
            created_at timestamptz NOT NULL
        );
        CREATE INDEX order_events_order ON order_events (order_id);
        COMMENT ON TABLE order_events IS 'Each event of an order once; the inbox of the gateway.';

        CREATE TABLE idempotency_keys (
            key text PRIMARY KEY,
            fingerprint text NOT NULL,
            order_id uuid NOT NULL,
            response text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

        CREATE TABLE catalogue (
            product_id text PRIMARY KEY,
            name text NOT NULL,
            price numeric(12, 2) NOT NULL
        );
        COMMENT ON TABLE catalogue IS 'What inventory last said of its products.';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalogue, idempotency_keys, order_events, orders, outbox, inbox")
    op.execute("DROP TYPE order_status")
