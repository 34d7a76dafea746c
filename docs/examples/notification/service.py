"""Notification: writes down, once, what a customer is to be told of an order.

orderflow migrate docs/examples/notification/service.py
orderflow serve docs/examples/notification/service.py
"""

from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, current_app
from sqlalchemy import Connection

from services.eventkit.event import Event
from services.eventkit.http import reply
from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE, EventType

TEXTS: dict[str, str] = {
    EventType.SHIPMENT_DISPATCHED: "Your parcel {0.tracking_number} is with {0.carrier}.",
    EventType.PAYMENT_FAILED: "Your payment of {0.amount} failed: {0.reason}.",
    EventType.ORDER_CANCELLED: "Your order is cancelled.",
}
MIGRATIONS = Path(__file__).parent / "migrations"
routes = Blueprint("notification", __name__)


def notify(db: Connection, events: list[Event]) -> list[Event]:
    """Write one notification an event; a repeated event does not come this far."""
    db.exec_driver_sql(
        "INSERT INTO notifications (event_id, order_id, event_type, text)"
        " SELECT * FROM unnest(%(ids)s::uuid[], %(orders)s::uuid[], %(types)s, %(texts)s)",
        {
            "ids": [e.id for e in events],
            "orders": [e.key for e in events],
            "types": [e.type for e in events],
            "texts": [TEXTS[e.type].format(e.payload) for e in events],
        },
    )
    return []


@routes.get("/api/notifications/<uuid:order_id>")
def notifications(order_id: UUID) -> Response:
    """What the customer was told of one order."""
    with current_app.extensions["orderflow"].statements.connect() as db:
        rows = db.exec_driver_sql(
            "SELECT event_type, text FROM notifications WHERE order_id = %(id)s ORDER BY id",
            {"id": str(order_id)},
        )
        told = [dict(row._mapping) for row in rows]
    return reply({"success": True, "notifications": told})


def create() -> Service:
    """Put the service together, from the environment."""
    handlers, settings = dict.fromkeys(TEXTS, notify), read_settings(Settings)
    return Service("notification", 4007, LANGUAGE, settings, MIGRATIONS, handlers, routes=routes)
