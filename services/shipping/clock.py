"""The clock: the loop that dispatches and delivers shipments when their time has come.

The timers are rows, so a restart loses none; what fell due in between is done at once.
"""

from datetime import timedelta

from sqlalchemy import Connection

from services.eventkit.event import Event, new_event
from services.eventkit.service import Service
from services.events import EventType, ShipmentChanged

BATCH = 500

_ADVANCE = f"""
UPDATE shipments SET
    status = CASE status WHEN 'created' THEN 'dispatched' ELSE 'delivered' END,
    dispatched_at = coalesce(dispatched_at, now()),
    delivered_at = CASE status WHEN 'dispatched' THEN now() END,
    due_at = CASE status WHEN 'created' THEN now() + %(delivery)s END
WHERE order_id = ANY(ARRAY(
    SELECT order_id FROM shipments WHERE due_at <= now() ORDER BY due_at
    LIMIT {BATCH} FOR UPDATE SKIP LOCKED
))
RETURNING order_id::text, status, tracking_number, carrier, correlation_id::text, cause_id::text
"""
_NEXT_DUE = "SELECT extract(epoch FROM min(due_at) - now())::float FROM shipments"
_SAYS = {
    "dispatched": EventType.SHIPMENT_DISPATCHED,
    "delivered": EventType.SHIPMENT_DELIVERED,
}


class Clock:
    """The work of the loop. ``delivery_delay`` is the time from dispatch to delivery."""

    def __init__(self, service: Service, *, delivery_delay: timedelta) -> None:
        self._service, self._delivery_delay = service, delivery_delay

    def __call__(self, db: Connection) -> float | None:
        """Take one step with each shipment that is due. Returns the seconds until more are."""
        with db.begin():
            rows = db.exec_driver_sql(_ADVANCE, {"delivery": self._delivery_delay}).all()
            if not rows:
                wait: float | None = db.exec_driver_sql(_NEXT_DUE).scalar()
                return None if wait is None else max(wait, 0.001)
            published = [_event(*row) for row in rows]
            self._service.publish(db, published)
        self._service.published(published)
        return 0


def _event(
    order_id: str, status: str, tracking: str, carrier: str, correlation_id: str, cause_id: str
) -> Event:
    payload = ShipmentChanged(
        order_id=order_id,
        tracking_number=tracking,
        carrier=carrier,
    )
    return new_event(
        _SAYS[status], order_id, payload, correlation_id=correlation_id, causation_id=cause_id
    )
