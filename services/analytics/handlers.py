"""What analytics hears: every event, turned into one row an order and sums by day and hour.

A row only ever grows towards the greatest status, so a repeated or late event adds nothing.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Connection

from services.eventkit.consumer import Handler
from services.eventkit.event import Event
from services.events import EARNED, STATUS, EventType, OrderStatus

_RANK = {status: rank for rank, status in enumerate(OrderStatus)}
_LOCK = 7_003_412  # sums are added up by one transaction at a time


@dataclass(slots=True)
class Fact:
    """What is known of an order. Total and time come with its first event."""

    status: OrderStatus
    total: Decimal | None = None
    created_at: datetime | None = None
    failure_reason: str | None = None
    reached: int = 0  # bit n: the n-th status was brought by some event

    def sums(self) -> dict[str, Decimal | int]:
        """What the order adds to its day and hour; nothing before it is known when it came."""
        if self.created_at is None or self.total is None:
            return {}
        return {
            "orders": 1,
            "completed": int(self.status == OrderStatus.COMPLETED),
            "failed": int(self.status == OrderStatus.FAILED),
            "cancelled": int(self.status == OrderStatus.CANCELLED),
            "revenue": self.total if self.status in EARNED else Decimal(),
        }


def bit(status: OrderStatus) -> int:
    """What stands for a status in ``Fact.reached``."""
    return 1 << _RANK[status]


def count(db: Connection, events: list[Event]) -> list[Event]:
    """Bring facts and sums up to date, together."""
    events = [e for e in events if e.type in STATUS]
    if not events:
        return []
    db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    before = _facts(db, list({e.key for e in events}))
    after: dict[str, Fact] = {}
    for event in events:
        old = after.get(event.key) or before.get(event.key) or Fact(OrderStatus.PENDING)
        after[event.key] = _learn(old, event)
    changed = {order: fact for order, fact in after.items() if fact != before.get(order)}
    if changed:
        _store(db, changed)
        _add_up(db, before, changed)
    return []


def _learn(fact: Fact, event: Event) -> Fact:
    status = max(fact.status, STATUS[event.type], key=lambda s: _RANK[s])
    reached = fact.reached | bit(STATUS[event.type])
    if event.type == EventType.ORDER_CREATED and fact.total is None:
        return Fact(status, event.payload.total, event.time, fact.failure_reason, reached)
    reason = fact.failure_reason
    if event.type in (EventType.INVENTORY_FAILED, EventType.PAYMENT_FAILED):
        reason = reason or (
            "out of stock" if event.type == EventType.INVENTORY_FAILED else "declined"
        )
    return Fact(status, fact.total, fact.created_at, reason, reached)


def _facts(db: Connection, orders: list[str]) -> dict[str, Fact]:
    rows = db.exec_driver_sql(
        "SELECT order_id::text, status, total, created_at, failure_reason, reached"
        " FROM order_facts WHERE order_id = ANY(%(ids)s::uuid[])",
        {"ids": orders},
    )
    return {row[0]: Fact(OrderStatus(row[1]), *row[2:]) for row in rows}


def _store(db: Connection, facts: dict[str, Fact]) -> None:
    db.exec_driver_sql(
        """
        INSERT INTO order_facts (order_id, status, total, created_at, failure_reason, reached)
        SELECT * FROM unnest(%(ids)s::uuid[], %(statuses)s::order_status[], %(totals)s::numeric[],
            %(times)s::timestamptz[], %(reasons)s::text[], %(reached)s::smallint[])
        ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, total = excluded.total,
            created_at = excluded.created_at, failure_reason = excluded.failure_reason,
            reached = excluded.reached
        """,
        {
            "ids": list(facts),
            "statuses": [f.status for f in facts.values()],
            "totals": [f.total for f in facts.values()],
            "times": [f.created_at for f in facts.values()],
            "reasons": [f.failure_reason for f in facts.values()],
            "reached": [f.reached for f in facts.values()],
        },
    )


def _add_up(db: Connection, before: dict[str, Fact], after: dict[str, Fact]) -> None:
    hours: dict[datetime, dict[str, Decimal | int]] = defaultdict(lambda: defaultdict(int))
    for order, fact in after.items():
        if fact.created_at is None:
            continue
        hour = fact.created_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        old = before[order].sums() if order in before else {}
        for name, value in fact.sums().items():
            hours[hour][name] += value - old.get(name, 0)
    names = ("orders", "completed", "failed", "cancelled", "revenue")
    columns = {name: [hours[hour][name] for hour in hours] for name in names}
    added = ", ".join(f"{n} = t.{n} + excluded.{n}" for n in names)
    for table, column, bucket in (
        ("analytics_hourly", "hour", "hour"),
        ("analytics_daily", "date", "(hour AT TIME ZONE 'UTC')::date"),
    ):
        db.exec_driver_sql(
            f"""
            INSERT INTO {table} AS t ({column}, {", ".join(names)})
            SELECT {bucket}, {", ".join(f"sum({n})" for n in names)}
            FROM unnest(%(hours)s::timestamptz[], %(orders)s::int[], %(completed)s::int[],
                %(failed)s::int[], %(cancelled)s::int[], %(revenue)s::numeric[])
                AS h (hour, {", ".join(names)})
            GROUP BY 1
            ON CONFLICT ({column}) DO UPDATE SET {added}, updated_at = now()
            """,
            columns | {"hours": list(hours)},
        )


HANDLERS: dict[str, Handler] = dict.fromkeys(EventType, count)
