"""The replays that were asked for on this machine, and how they stand."""

from alembic import op

revision = "replay_0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE replays (
            id uuid PRIMARY KEY,
            spec jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            suspend boolean NOT NULL DEFAULT false,
            cancel boolean NOT NULL DEFAULT false,
            phase text NOT NULL DEFAULT 'Pending' CHECK (phase IN
                ('Pending', 'Running', 'Suspended', 'Completed', 'Failed', 'Cancelled')),
            status jsonb NOT NULL DEFAULT '{}',
            idempotency_key text UNIQUE
        );
        CREATE INDEX replays_created ON replays (created_at, id);
        CREATE INDEX replays_open ON replays (created_at)
            WHERE phase NOT IN ('Completed', 'Failed', 'Cancelled');
        COMMENT ON COLUMN replays.phase IS 'Written by the worker alone, as is status.';
        COMMENT ON COLUMN replays.suspend IS 'What is wanted, as is cancel; the API writes them.';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE replays")
