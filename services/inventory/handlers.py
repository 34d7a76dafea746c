"""What inventory does: reserves stock for whole orders, gives it back, takes it off the shelf.

An order has one row in ``reservations``, made by whichever event comes first; that row decides
what a later or a repeated event may do. It is written before any product is locked, and products
are locked in the order of their ids; what deadlocks all the same is tried again.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from services.eventkit.consumer import Handler
from services.eventkit.event import Event, InvalidMessage, follow
from services.events import EventType, Quantity, Shortage, StockChanged, StockFailed

Stock = Counter[str]  # product id -> pieces


def reserve(db: Connection, events: list[Event]) -> list[Event]:
    """Reserve all lines of an order or none."""
    events = _first(events)
    wanted = {e.key: _sum((i.product_id, i.quantity) for i in e.payload.items) for e in events}
    new = _insert(db, "reserved", wanted)
    events = [e for e in events if e.key in new]
    free = _lock(db, {product for e in events for product in wanted[e.key]})
    taken: Stock = Counter()
    failed: list[str] = []
    published = []
    for event in events:
        order = wanted[event.key]
        short = [
            Shortage(product_id=p, requested=n, available=free[p])
            for p, n in order.items()
            if n > free[p]
        ]
        if short:
            failed.append(event.key)
            published.append(follow(event, EventType.INVENTORY_FAILED, _failed(event.key, short)))
        else:
            free.subtract(order)
            taken.update(order)
            published.append(follow(event, EventType.INVENTORY_RESERVED, _changed(event, order)))
    _move(db, taken, reserved=1)
    if failed:
        db.exec_driver_sql(
            "UPDATE reservations SET status = 'failed', updated_at = now()"
            " WHERE order_id = ANY(%(ids)s::uuid[])",
            {"ids": failed},
        )
    return published


def release(db: Connection, events: list[Event]) -> list[Event]:
    """Give back what is reserved for an order that has failed or whose parcel will not leave."""
    events = _first(events)
    # Where the order's stock was not asked for yet, the row keeps it from being reserved later.
    _insert(db, "refused", {e.key: Counter() for e in events})
    freed = _end(db, events, "released")
    return _give(db, events, freed, EventType.INVENTORY_RELEASED, reserved=-1)


def commit(db: Connection, events: list[Event]) -> list[Event]:
    """Take what has left with the parcel off the shelf."""
    events = _first(events)
    gone = _end(db, events, "committed")
    if missing := [e.key for e in events if e.key not in gone]:
        rows = db.exec_driver_sql(
            "SELECT order_id::text FROM reservations WHERE order_id = ANY(%(ids)s::uuid[])"
            " AND status = 'committed'",
            {"ids": missing},
        )
        if unknown := set(missing) - {row[0] for row in rows}:
            raise InvalidMessage(f"no stock is reserved for {', '.join(sorted(unknown))}")
    return _give(db, events, gone, EventType.INVENTORY_COMMITTED, reserved=-1, shipped=1)


HANDLERS: dict[str, Handler] = {
    EventType.ORDER_CREATED: reserve,
    EventType.PAYMENT_FAILED: release,
    EventType.SHIPMENT_CANCELLED: release,
    EventType.SHIPMENT_DISPATCHED: commit,
}


def _first(events: list[Event]) -> list[Event]:
    """The first event of each order: two that ask for the same have one answer."""
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.key, event)
    return list(first.values())


def _sum(items: Iterable[tuple[str, int]]) -> Stock:
    total: Stock = Counter()
    for product, quantity in items:
        total[product] += quantity
    return total


def _insert(db: Connection, status: str, orders: dict[str, Stock]) -> set[str]:
    """Make the row of each order that has none. Returns the ids of those orders."""
    ids = sorted(orders)
    rows = db.exec_driver_sql(
        "INSERT INTO reservations (order_id, status, items) SELECT order_id, %(status)s, items"
        " FROM unnest(%(ids)s::uuid[], %(items)s::jsonb[]) AS r (order_id, items)"
        " ON CONFLICT DO NOTHING RETURNING order_id::text",
        {"status": status, "ids": ids, "items": [orjson.dumps(orders[i]).decode() for i in ids]},
    )
    return {row[0] for row in rows}


def _end(db: Connection, events: Sequence[Event], status: str) -> dict[str, Stock]:
    """Move open reservations to ``status``. Returns what they held, by order."""
    rows = db.exec_driver_sql(
        "UPDATE reservations SET status = %(status)s, updated_at = now()"
        " WHERE order_id = ANY(%(ids)s::uuid[]) AND status = 'reserved'"
        " RETURNING order_id::text, items::text",
        {"status": status, "ids": sorted({e.key for e in events})},
    )
    return {order: Counter(orjson.loads(items)) for order, items in rows}


def _give(
    db: Connection, events: Sequence[Event], orders: dict[str, Stock], type: str, **signs: int
) -> list[Event]:
    """Move the stock of ended reservations, and say so."""
    total: Stock = Counter()
    for stock in orders.values():
        total.update(stock)
    _lock(db, total)
    _move(db, total, **signs)
    return [follow(e, type, _changed(e, orders[e.key])) for e in events if e.key in orders]


def _lock(db: Connection, products: Iterable[str]) -> Stock:
    """Lock products against all others. Returns how many pieces of each are free."""
    rows = db.exec_driver_sql(
        "SELECT product_id, quantity - reserved FROM inventory"
        " WHERE product_id = ANY(%(ids)s) ORDER BY product_id FOR UPDATE",
        {"ids": sorted(products)},
    )
    return Counter({row[0]: row[1] for row in rows})


def _move(db: Connection, stock: Stock, *, reserved: int, shipped: int = 0) -> None:
    """Add ``stock`` to what is reserved, or take it away where ``reserved`` is -1."""
    if stock:
        db.exec_driver_sql(
            """
            UPDATE inventory i SET
                reserved = reserved + m.pieces * %(reserved)s,
                quantity = quantity - m.pieces * %(shipped)s,
                shipped = shipped + m.pieces * %(shipped)s,
                updated_at = now()
            FROM unnest(%(ids)s::text[], %(pieces)s::bigint[]) AS m (product_id, pieces)
            WHERE i.product_id = m.product_id
            """,
            {
                "ids": list(stock),
                "pieces": list(stock.values()),
                "reserved": reserved,
                "shipped": shipped,
            },
        )


def _changed(event: Event, stock: Stock) -> StockChanged:
    items = [Quantity(product_id=p, quantity=n) for p, n in stock.items()]
    return StockChanged(order_id=event.payload.order_id, items=items)


def _failed(order_id: Any, short: list[Shortage]) -> StockFailed:
    names = ", ".join(f"{s.product_id}: {s.requested} wanted, {s.available} there" for s in short)
    return StockFailed(order_id=order_id, reason=f"Out of stock ({names})"[:500], shortages=short)
