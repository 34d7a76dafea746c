"""PostgreSQL: engines, the inbox, the outbox table, and which errors pass by themselves."""

import select
from collections.abc import Iterable, Sequence

import psycopg2
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InvalidatePoolError,
    TimeoutError,
)

from services.eventkit.event import Event, Language, encode

# Every service's schema begins with these two.
INBOX_AND_OUTBOX = """
CREATE TABLE inbox (
    event_id uuid PRIMARY KEY
);
COMMENT ON TABLE inbox IS 'Ids of the events that were handled; UUIDv7, so they sort by age.';

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    headers text NOT NULL,
    value text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
    -- A queue: rows come and go at the rate of events, so its dead rows are cleared by number.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_threshold = -1
);
COMMENT ON TABLE outbox IS 'Events committed but not yet acknowledged by Kafka.';
"""

# Locks are waited for, but neither a lock nor a statement may hold a consumer for ever. The server
# notices a dead client as soon as the client a dead server: its locks must not outlive it.
_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        "lock_timeout=10s",
        "statement_timeout=30s",
        "idle_in_transaction_session_timeout=60s",
        "tcp_keepalives_idle=5",
        "tcp_keepalives_interval=2",
        "tcp_keepalives_count=3",
        "tcp_user_timeout=10s",
    )
)


def connect(url: URL, *, schema: str, pool: int, autocommit: bool = False) -> Engine:
    """An engine of ``pool`` connections to ``schema`` that notices a dead server within seconds.

    With ``autocommit`` each statement is a transaction of its own: one round trip.
    """
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
        pool_size=pool,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # an error's text goes into logs and answers
        connect_args={
            "connect_timeout": 3,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "options": f"-c search_path={schema} {_OPTIONS}",
        },
    )
    event.listen(engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(connection: psycopg2.extensions.connection, *_: object) -> None:
    """A server that left has said so, which needs no round trip to see; the pool then connects."""
    idle = select.poll()
    if not connection.closed:
        idle.register(connection, select.POLLIN)
    if connection.closed or idle.poll(0):
        raise InvalidatePoolError


def is_transient(error: BaseException) -> bool:
    """Whether trying the same again may succeed: the server is away, or another was in the way."""
    if isinstance(error, TimeoutError | DisconnectionError):
        return True
    if not isinstance(error, DBAPIError):
        return isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    # 08: connection. 25: read-only, idle too long. 40: serialization failure, deadlock.
    # 53: out of resources. 55: lock not available. 57: shutdown, cancelled. 58: system error.
    state = getattr(error.orig, "pgcode", None)
    if state:
        return state[:2] in ("08", "25", "40", "53", "55", "57", "58")
    return error.connection_invalidated or isinstance(
        error.orig, psycopg2.OperationalError | psycopg2.InterfaceError
    )


# The schema is not there yet or not as the code needs it, or the role may not: no message's fault.
_DEPLOYMENT = ("28", "3D", "3F")
_DEPLOYMENT_STATES = ("42501", "42703", "42883", "42P01", "42P02", "42704")


def passes(error: BaseException) -> bool:
    """Whether it is not the message's fault: transient, or for whoever deploys to mend."""
    state = getattr(getattr(error, "orig", None), "pgcode", None) or ""
    return is_transient(error) or state[:2] in _DEPLOYMENT or state in _DEPLOYMENT_STATES


def is_too_much(error: BaseException) -> bool:
    """Whether less at a time may succeed: a timeout of the statement, or memory."""
    state = getattr(getattr(error, "orig", None), "pgcode", None)
    return state in ("57014", "53200")


def unseen(db: Connection, event_ids: Sequence[str]) -> set[str]:
    """Put ids into the inbox and return those that were not there.

    Sorted, so that two consumers that meet on the same ids wait for each other in one direction.
    """
    rows = db.exec_driver_sql(
        "INSERT INTO inbox SELECT unnest(%(ids)s::uuid[]) ON CONFLICT DO NOTHING"
        " RETURNING event_id::text",
        {"ids": sorted(event_ids)},
    )
    return {row[0] for row in rows}


def publish(db: Connection, events: Iterable[Event], language: Language, source: str) -> None:
    """Put events into the outbox, in the transaction of ``db`` and in the order given."""
    rows = [(language.topics[e.type], e.key, *encode(e, source)) for e in events]
    if not rows:
        return
    topics, keys, values, headers = zip(*rows, strict=True)
    db.exec_driver_sql(
        "INSERT INTO outbox (topic, key, value, headers) SELECT * FROM"
        " unnest(%(topics)s::text[], %(keys)s::text[], %(values)s::text[], %(headers)s::text[])",
        {
            "topics": list(topics),
            "keys": list(keys),
            "values": list(values),
            "headers": [h.decode() for h in headers],
        },
    )
