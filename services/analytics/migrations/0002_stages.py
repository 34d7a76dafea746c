"""Which stages each order has reached, and orders by their time."""

from alembic import op

revision = "analytics_0002"
down_revision = "analytics_0001"


def upgrade() -> None:
    # Of past orders that failed or were cancelled it is not known how far they had come. The
    # others' statuses tell it: whoever is paid was authorised and reserved, in either order.
    op.execute("""
        ALTER TABLE order_facts ADD COLUMN reached smallint NOT NULL DEFAULT 0;
        COMMENT ON COLUMN order_facts.reached IS
            'Bit n is set once an event has brought the n-th status, from 0.';
        UPDATE order_facts SET reached = CASE status
            WHEN 'pending' THEN 1 WHEN 'processing' THEN 3 WHEN 'reserved' THEN 5
            WHEN 'paid' THEN 15 WHEN 'preparing' THEN 31 WHEN 'shipped' THEN 63
            WHEN 'completed' THEN 127 WHEN 'failed' THEN 129 WHEN 'cancelled' THEN 257 END;
        CREATE INDEX order_facts_created ON order_facts (created_at);
    """)


def downgrade() -> None:
    op.execute("DROP INDEX order_facts_created; ALTER TABLE order_facts DROP COLUMN reached")
