"""The stored history, as a shard of a replay reads it: in order of time, at a snapshot."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.events import STATUS
from services.orderreplay.checkpoint import Plan
from services.orderreplay.spec import ReplaySpec

log = logging.getLogger(__name__)

PAGE = 2_000  # events
# A filter that lets little by reads far for a page.
_PATIENT = "SET LOCAL statement_timeout = '10min'"
OVERHEAD = 700  # bytes of envelope and headers around a payload


class Stored(NamedTuple):
    """An event as it was stored, with ``isReplay`` put into its payload."""

    time: datetime
    id: str
    order_id: str
    type: str
    payload: str
    source: str
    causation_id: str | None
    correlation_id: str


_REST = (
    "(payload || '{\"isReplay\": true}')::text, service_name, causation_id::text,"
    " o.correlation_id::text"
)
# In the order of the index from its first row on, whatever the statistics say.
_IN_ORDER = f"{_PATIENT}; SET LOCAL max_parallel_workers_per_gather = 0; " + "; ".join(
    f"SET LOCAL enable_{method} = off"
    for method in ("sort", "hashjoin", "mergejoin", "bitmapscan", "seqscan")
)


@dataclass(frozen=True)
class Selection:
    """What one shard replays: of a window, at a snapshot, its share of what the filter lets by."""

    spec: ReplaySpec
    since: datetime
    to: datetime
    snapshot: datetime
    shard: int
    shards: int

    def page(
        self,
        db: Connection,
        after: tuple[datetime, str] | None,
        *,
        size: int = PAGE,
        ids_only: bool = False,
    ) -> list[Any]:
        """The next events after a cursor, ``size`` at most, as rows like :class:`Stored`.

        With ``ids_only`` they end after ``type``. Each page is a transaction of its own, so that
        a replay of days holds none open; the snapshot is in the condition.
        """
        columns = "" if ids_only else f", {_REST}"
        with db.begin():
            db.exec_driver_sql(_IN_ORDER)
            sql, values = self._query(columns, after)
            cursor = db.exec_driver_sql(f"{sql} LIMIT {size}", values).cursor
            return list(cursor.fetchall()) if cursor else []

    def _query(
        self, columns: str, after: tuple[datetime, str] | None
    ) -> tuple[str, dict[str, Any]]:
        condition, values = self._condition()
        begin = "created_at >= %(since)s"
        if after:
            begin = "(created_at, id) > (%(after_time)s, %(after_id)s::uuid)"
        # One ordered index scan a type, merged.
        scans = " UNION ALL ".join(
            f"(SELECT * FROM order_events WHERE event_type = '{type}'"
            f" AND {begin} AND created_at < %(to)s ORDER BY created_at, id)"
            for type in self.spec.event_types
        )
        sql = (
            f"SELECT e.created_at, e.id::text, e.order_id::text, e.event_type{columns}"
            f" FROM ({scans}) e JOIN orders o ON o.id = e.order_id"
            f" WHERE {self._shard()} AND {condition} ORDER BY e.created_at, e.id"
        )
        if after:
            values |= {"after_time": after[0], "after_id": after[1]}
        return sql, values

    def _shard(self) -> str:
        shard = "e.recorded_at <= %(snapshot)s"
        if self.shards > 1:
            hashed = "get_byte(sha256(uuid_send(e.order_id)), 0)"
            shard += f" AND {hashed} %% {self.shards} = {self.shard}"
        return shard

    def _condition(self) -> tuple[str, dict[str, Any]]:
        """What the filter asks of the order ``o``, with the values of the whole query."""
        wanted = self.spec.filter
        values: dict[str, Any] = {
            "since": self.since,
            "to": self.to,
            "snapshot": self.snapshot,
        }
        conditions = ["true"]
        if wanted.customer_ids:
            conditions.append("o.customer_id = ANY(%(customers)s)")
            values["customers"] = list(wanted.customer_ids)
        if wanted.product_ids:
            conditions.append(
                "EXISTS (SELECT FROM jsonb_array_elements(o.items) line"
                " WHERE line->>'productId' = ANY(%(products)s))"
            )
            values["products"] = list(wanted.product_ids)
        if wanted.min_total is not None:
            conditions.append("o.total >= %(min_total)s")
            values["min_total"] = wanted.min_total
        if wanted.max_total is not None:
            conditions.append("o.total <= %(max_total)s")
            values["max_total"] = wanted.max_total
        if wanted.statuses:
            # The status that the events of the snapshot give: the order's own may have moved on.
            meanings = " ".join(f"WHEN '{type}' THEN '{s}'" for type, s in STATUS.items())
            conditions.append(
                f"(SELECT max((CASE x.event_type {meanings} END)::order_status)"
                " FROM order_events x WHERE x.order_id = o.id AND x.recorded_at <= %(snapshot)s"
                ")::text = ANY(%(statuses)s)"
            )
            values["statuses"] = [str(status) for status in wanted.statuses]
        return " AND ".join(conditions), values

    def plan(self, db: Connection, *, sizes: bool) -> Plan:
        """Count what is selected; with ``sizes`` its orders and bytes too, which takes longer."""
        condition, values = self._condition()
        more = (
            "count(DISTINCT order_id) FILTER (WHERE wanted),"
            " sum(octet_length(payload::text)) FILTER (WHERE wanted)"
            if sizes
            else "NULL, NULL"
        )
        values["types"] = self._types
        db.exec_driver_sql(_PATIENT)
        rows = db.exec_driver_sql(
            f"""
            WITH chosen AS (
                SELECT e.*, ({condition}) AS wanted FROM order_events e
                JOIN orders o ON o.id = e.order_id
                WHERE event_type = ANY(%(types)s) AND e.created_at >= %(since)s
                    AND e.created_at < %(to)s AND {self._shard()}
            )
            SELECT event_type, (created_at AT TIME ZONE 'UTC')::date::text,
                count(*) FILTER (WHERE wanted), count(*) FILTER (WHERE NOT wanted),
                min(created_at) FILTER (WHERE wanted), max(created_at) FILTER (WHERE wanted), {more}
            FROM chosen GROUP BY GROUPING SETS ((event_type), (2), ())
            """,
            values,
        ).all()
        whole = next(row for row in rows if row[0] is None and row[1] is None)
        return Plan(
            events=whole[2],
            filtered=whole[3],
            first_time=whole[4],
            last_time=whole[5],
            orders=whole[6],
            bytes=(whole[7] or 0) + whole[2] * OVERHEAD if sizes else None,
            by_type={row[0]: row[2] for row in rows if row[0] and row[2]},
            by_day=dict(sorted((row[1], row[2]) for row in rows if row[1] and row[2])),
        )

    def oldest(self, db: Connection) -> datetime | None:
        """The time of the first event of the selected types that is stored at all."""
        first: datetime | None = db.exec_driver_sql(
            "SELECT min(first) FROM unnest(%(types)s) type, LATERAL"
            " (SELECT min(created_at) AS first FROM order_events WHERE event_type = type) each",
            {"types": self._types},
        ).scalar_one()
        return first

    @property
    def _types(self) -> list[str]:
        return [str(type) for type in self.spec.event_types]


def snapshot(db: Connection, stopped: Callable[[float], bool]) -> datetime | None:
    """The time of now, once all that was recorded before it can be read; None when stopped.

    Whoever was writing to the history is waited for: what they have inserted bears an earlier
    time and shows only when they commit. ``stopped`` waits for so many seconds.
    """
    with db.begin():
        now: datetime = db.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    writers: set[str] | None = None
    while True:
        with db.begin():
            found = set(db.exec_driver_sql(_WRITERS).scalars())
        if found and writers is None:
            log.info("waiting for %d that still write to the history", len(found))
        writers = found if writers is None else writers & found
        if not writers:
            return now
        if stopped(0.05):
            return None


_WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE relation = 'order_events'::regclass AND mode = 'RowExclusiveLock' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
