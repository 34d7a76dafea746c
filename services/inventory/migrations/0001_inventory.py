"""Stock, and what is reserved of it."""

from alembic import op

from services.eventkit.database import INBOX_AND_OUTBOX

revision = "inventory_0001"
down_revision = None


def upgrade() -> None:
    op.execute(INBOX_AND_OUTBOX)
    op.execute("""
        CREATE TABLE inventory (
            product_id text PRIMARY KEY,
            name text NOT NULL,
            price numeric(12, 2) NOT NULL CHECK (price >= 0),
            quantity bigint NOT NULL CHECK (quantity >= reserved),
            reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
            initial bigint NOT NULL CHECK (initial >= 0),
            restocked bigint NOT NULL DEFAULT 0 CHECK (restocked >= 0),
            shipped bigint NOT NULL DEFAULT 0 CHECK (shipped >= 0),
            updated_at timestamptz NOT NULL DEFAULT now(),
            CHECK (quantity + shipped = initial + restocked)
        ) WITH (fillfactor = 50);

        CREATE TABLE reservations (
            order_id uuid PRIMARY KEY,
            status text NOT NULL CHECK (status IN
                ('reserved', 'failed', 'released', 'committed', 'refused')),
            items jsonb NOT NULL DEFAULT '[]',
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        ) WITH (fillfactor = 70);
        COMMENT ON COLUMN reservations.status IS
            'refused: the order had ended before its stock was asked for.';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE reservations, inventory, outbox, inbox")
