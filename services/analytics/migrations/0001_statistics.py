"""What is known of each order, and the sums by day and hour."""

from alembic import op

from services.eventkit.database import INBOX_AND_OUTBOX

revision = "analytics_0001"
down_revision = None


def upgrade() -> None:
    op.execute(INBOX_AND_OUTBOX)
    op.execute("""
        CREATE TYPE order_status AS ENUM (
            'pending', 'processing', 'reserved', 'paid', 'preparing', 'shipped',
            'completed', 'failed', 'cancelled'
        );
        CREATE TABLE order_facts (
            order_id uuid PRIMARY KEY,
            status order_status NOT NULL,
            total numeric(12, 2),
            created_at timestamptz,
            failure_reason text
        ) WITH (fillfactor = 70);
        COMMENT ON TABLE order_facts IS 'One row an order; the inbox of analytics.';
    """)
    for table, column, type in (
        ("analytics_daily", "date", "date"),
        ("analytics_hourly", "hour", "timestamptz"),
    ):
        op.execute(f"""
            CREATE TABLE {table} (
                {column} {type} PRIMARY KEY,
                orders integer NOT NULL DEFAULT 0,
                completed integer NOT NULL DEFAULT 0,
                failed integer NOT NULL DEFAULT 0,
                cancelled integer NOT NULL DEFAULT 0,
                revenue numeric(16, 2) NOT NULL DEFAULT 0,
                updated_at timestamptz NOT NULL DEFAULT now()
            ) WITH (fillfactor = 50)
        """)


def downgrade() -> None:
    op.execute("DROP TABLE analytics_hourly, analytics_daily, order_facts, outbox, inbox")
    op.execute("DROP TYPE order_status")
