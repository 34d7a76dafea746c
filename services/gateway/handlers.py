"""What the gateway hears: every event of an order, recorded once, and the status that follows."""

from dataclasses import dataclass, field

import orjson
from sqlalchemy import Connection

from services.eventkit.consumer import Handler
from services.eventkit.event import Event, InvalidMessage, follow
from services.events import STATUS, EventType, OrderCancelled, OrderStatus

_RANK = {status: rank for rank, status in enumerate(OrderStatus)}

_RECORD = """
INSERT INTO order_events (id, order_id, event_type, payload, service_name, causation_id, created_at)
SELECT * FROM unnest(%(ids)s::uuid[], %(orders)s::uuid[], %(types)s::text[], %(payloads)s::jsonb[],
    %(services)s::text[], %(causes)s::uuid[], %(times)s::timestamptz[])
ON CONFLICT DO NOTHING RETURNING id::text
"""
_UPDATE = """
UPDATE orders o SET
    status = greatest(o.status, c.status),
    failure_reason = coalesce(o.failure_reason, c.failure_reason),
    cancel_status = coalesce(c.cancel_status, o.cancel_status),
    cancel_detail = coalesce(c.cancel_detail, o.cancel_detail),
    updated_at = now()
FROM unnest(%(ids)s::uuid[], %(statuses)s::order_status[], %(failures)s::text[],
        %(cancels)s::text[], %(details)s::text[])
    AS c (id, status, failure_reason, cancel_status, cancel_detail)
WHERE o.id = c.id
"""


@dataclass(slots=True)
class _Change:
    """What the events of one batch make of one order."""

    status: OrderStatus
    failure_reason: str | None = None
    cancel_status: str | None = None
    cancel_detail: str | None = None
    events: list[Event] = field(default_factory=list)


def record(db: Connection, events: list[Event]) -> list[Event]:
    """Record events of orders and bring the orders up to date.

    Returns an ORDER_CANCELLED for each order whose cancellation shipping has granted, unless the
    order had failed before: it then has ended already.
    """
    before = _lock(db, events)
    fresh = _record(db, events)
    changes: dict[str, _Change] = {}
    for event in events:
        if event.id in fresh:
            change = changes.setdefault(event.key, _Change(before[event.key]))
            change.status = max(change.status, STATUS.get(event.type, change.status), key=_RANK.get)  # type: ignore[arg-type]
            change.events.append(event)
    published = [e for change in changes.values() for e in _decide(change)]
    if published:
        _record(db, published, source="gateway")
    if changes:
        _update(db, changes)
    return published


def _lock(db: Connection, events: list[Event]) -> dict[str, OrderStatus]:
    """Lock the orders of ``events``. Returns the status of each; raises where there is none."""
    rows = db.exec_driver_sql(
        "SELECT id::text, status FROM orders WHERE id = ANY(%(ids)s::uuid[])"
        " ORDER BY id FOR UPDATE",
        {"ids": list({e.key for e in events})},
    )
    status = {order: OrderStatus(text) for order, text in rows}
    if unknown := sorted({e.key for e in events} - status.keys()):
        raise InvalidMessage(f"there is no order {', '.join(unknown[:3])}")
    return status


def _decide(change: _Change) -> list[Event]:
    """Fill in what the new events say of failure and cancellation."""
    for event in change.events:
        match event.type:
            case EventType.INVENTORY_FAILED | EventType.PAYMENT_FAILED:
                change.failure_reason = event.payload.reason
            case EventType.SHIPMENT_CANCEL_REFUSED:
                change.cancel_status = "refused"
                change.cancel_detail = event.payload.reason
            case EventType.SHIPMENT_CANCELLED if change.status == OrderStatus.FAILED:
                change.cancel_status = "refused"
                change.cancel_detail = "The order had failed before"
            case EventType.SHIPMENT_CANCELLED:
                change.cancel_status = "accepted"
                change.status = OrderStatus.CANCELLED
                payload = OrderCancelled(
                    order_id=event.payload.order_id, reason=event.payload.reason
                )
                return [follow(event, EventType.ORDER_CANCELLED, payload)]
    return []


def _record(db: Connection, events: list[Event], source: str | None = None) -> set[str]:
    """Insert events that are not there yet. Returns their ids."""
    rows = db.exec_driver_sql(
        _RECORD,
        {
            "ids": [e.id for e in events],
            "orders": [e.key for e in events],
            "types": [e.type for e in events],
            "payloads": [
                orjson.dumps(e.body).decode()
                if source is None
                else e.payload.model_dump_json(by_alias=True, exclude_none=True)
                for e in events
            ],
            "services": [source or e.source for e in events],
            "causes": [e.causation_id for e in events],
            "times": [e.time for e in events],
        },
    )
    return {row[0] for row in rows}


def _update(db: Connection, changes: dict[str, _Change]) -> None:
    db.exec_driver_sql(
        _UPDATE,
        {
            "ids": list(changes),
            "statuses": [c.status for c in changes.values()],
            "failures": [c.failure_reason for c in changes.values()],
            "cancels": [c.cancel_status for c in changes.values()],
            "details": [c.cancel_detail for c in changes.values()],
        },
    )


HANDLERS: dict[str, Handler] = {
    type: record
    for type in EventType
    if type
    not in (
        # The gateway's own, recorded where they are made.
        EventType.ORDER_CREATED,
        EventType.ORDER_CANCEL_REQUESTED,
        EventType.ORDER_CANCELLED,
    )
}
