"""What payment hears: it writes the facts of each order down, in whichever order they come.

What is to be done about them follows in one place, the generated column ``payments.action``, and
is done by the teller.
"""

from sqlalchemy import Connection

from services.eventkit.consumer import Handler
from services.eventkit.event import Event
from services.events import EventType


def order_created(db: Connection, events: list[Event]) -> list[Event]:
    """Note what the order costs and who pays."""
    db.exec_driver_sql(
        """
        INSERT INTO payments AS p (order_id, amount, customer_email, correlation_id, cause_id)
        SELECT * FROM unnest(%(ids)s::uuid[], %(amounts)s::numeric[], %(emails)s::text[],
            %(correlations)s::uuid[], %(causes)s::uuid[])
        ON CONFLICT (order_id) DO UPDATE SET
            amount = excluded.amount, customer_email = excluded.customer_email,
            correlation_id = excluded.correlation_id, cause_id = excluded.cause_id
        WHERE p.amount IS NULL
        """,
        _columns(events)
        | {
            "amounts": [e.payload.total for e in events],
            "emails": [e.payload.customer_email for e in events],
        },
    )
    return []


def stock_decided(db: Connection, events: list[Event]) -> list[Event]:
    """Note whether the stock is reserved or there is not enough."""
    db.exec_driver_sql(
        """
        INSERT INTO payments AS p (order_id, stock, correlation_id, cause_id)
        SELECT * FROM unnest(%(ids)s::uuid[], %(stock)s::text[], %(correlations)s::uuid[],
            %(causes)s::uuid[])
        ON CONFLICT (order_id) DO UPDATE SET stock = excluded.stock, cause_id = excluded.cause_id,
            due_at = now(), attempts = 0
        WHERE p.stock IS NULL
        """,
        _columns(events)
        | {
            "stock": [
                "reserved" if e.type == EventType.INVENTORY_RESERVED else "failed" for e in events
            ],
        },
    )
    return []


def shipment_cancelled(db: Connection, events: list[Event]) -> list[Event]:
    """Note that no parcel will leave, so no money may stay."""
    db.exec_driver_sql(
        """
        INSERT INTO payments AS p (order_id, cancelled, correlation_id, cause_id)
        SELECT order_id, true, correlation_id, cause_id FROM unnest(%(ids)s::uuid[],
            %(correlations)s::uuid[], %(causes)s::uuid[]) AS e (order_id, correlation_id, cause_id)
        ON CONFLICT (order_id) DO UPDATE SET cancelled = true, cause_id = excluded.cause_id,
            due_at = now(), attempts = 0
        WHERE NOT p.cancelled
        """,
        _columns(events),
    )
    return []


def _columns(events: list[Event]) -> dict[str, list[str]]:
    events.sort(key=lambda e: e.key)  # rows are locked in one order by everybody
    return {
        "ids": [str(e.payload.order_id) for e in events],
        "correlations": [e.correlation_id for e in events],
        "causes": [e.id for e in events],
    }


HANDLERS: dict[str, Handler] = {
    EventType.ORDER_CREATED: order_created,
    EventType.INVENTORY_RESERVED: stock_decided,
    EventType.INVENTORY_FAILED: stock_decided,
    EventType.SHIPMENT_CANCELLED: shipment_cancelled,
}
