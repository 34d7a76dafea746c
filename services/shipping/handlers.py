"""What shipping does: makes a shipment of each paid order, and decides whether a cancel wins.

An order has one row in ``shipments``, made by whichever event comes first. Its status moves under
the row's lock, so a cancel and a dispatch in the same instant have one winner.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.eventkit.consumer import Handler
from services.eventkit.event import Event, InvalidMessage, follow
from services.events import CancelRefused, EventType, ShipmentCancelled, ShipmentChanged

CARRIERS = ("DHL", "FedEx", "UPS", "USPS")


class Handlers:
    """The handlers, with the time that a parcel waits before it leaves and is on its way."""

    def __init__(self, *, dispatch_delay: timedelta, delivery_delay: timedelta) -> None:
        self._dispatch_delay, self._delivery_delay = dispatch_delay, delivery_delay
        self.by_type: dict[str, Handler] = {
            EventType.ORDER_CREATED: self.order_created,
            EventType.PAYMENT_PROCESSED: self.paid,
            EventType.ORDER_CANCEL_REQUESTED: self.cancel_requested,
        }

    def order_created(self, db: Connection, events: list[Event]) -> list[Event]:
        """Note that the order exists."""
        db.exec_driver_sql(
            """
            INSERT INTO shipments AS s (order_id, ordered, correlation_id)
            SELECT order_id, true, correlation_id
            FROM unnest(%(ids)s::uuid[], %(correlations)s::uuid[]) AS e (order_id, correlation_id)
            ON CONFLICT (order_id) DO UPDATE SET ordered = true WHERE NOT s.ordered
            """,
            _columns(events),
        )
        return self._create(db, events, "paid")

    def paid(self, db: Connection, events: list[Event]) -> list[Event]:
        """Make shipments of orders that are paid for."""
        created = self._create(db, events, "ordered")
        done = {event.key for event in created}
        if early := [e for e in events if e.key not in done]:
            # Read before its order, which comes on another topic; or cancelled meanwhile.
            db.exec_driver_sql(
                """
                INSERT INTO shipments AS s (order_id, paid, correlation_id)
                SELECT order_id, true, correlation_id FROM unnest(%(ids)s::uuid[],
                    %(correlations)s::uuid[]) AS e (order_id, correlation_id)
                ON CONFLICT (order_id) DO UPDATE SET paid = true WHERE NOT s.paid
                """,
                _columns(early),
            )
            created += self._create(db, early, "ordered")
        return created

    def _create(self, db: Connection, events: list[Event], other: str) -> list[Event]:
        """Create the shipments of orders of which the ``other`` fact is known as well."""
        rows = db.exec_driver_sql(
            f"""
            UPDATE shipments s SET status = 'created', ordered = true, paid = true,
                cause_id = e.cause_id, tracking_number = e.tracking, carrier = e.carrier,
                due_at = now() + %(delay)s
            FROM unnest(%(ids)s::uuid[], %(causes)s::uuid[], %(trackings)s::text[],
                %(carriers)s::text[]) AS e (order_id, cause_id, tracking, carrier)
            WHERE s.order_id = e.order_id AND s.status = 'waiting' AND s.{other}
            RETURNING s.order_id::text, tracking_number, s.carrier
            """,
            _columns(events)
            | {
                "delay": self._dispatch_delay,
                "trackings": [_tracking(e) for e in events],
                "carriers": [CARRIERS[int(e.key[-1], 16) % len(CARRIERS)] for e in events],
            },
        )
        parcels = {order: (tracking, carrier) for order, tracking, carrier in rows}
        estimate = datetime.now(UTC) + self._dispatch_delay + self._delivery_delay
        estimate = estimate.replace(microsecond=0)
        return [
            follow(
                e,
                EventType.SHIPMENT_CREATED,
                _changed(e.key, *parcels[e.key], estimated_delivery=estimate),
            )
            for e in events
            if e.key in parcels
        ]

    def cancel_requested(self, db: Connection, events: list[Event]) -> list[Event]:
        """Stop the shipment where the parcel has not left, and refuse where it has."""
        columns = _columns(events)
        won = {
            row[0]
            for row in db.exec_driver_sql(
                "UPDATE shipments SET status = 'cancelled', due_at = NULL, cancelled_at = now()"
                " WHERE order_id = ANY(%(ids)s::uuid[]) AND ordered"
                " AND status IN ('waiting', 'created')"
                " RETURNING order_id::text",
                columns,
            )
        }
        status: dict[str, tuple[str, datetime]] = {
            row[0]: (row[1], row[2])
            for row in db.exec_driver_sql(
                "SELECT order_id::text, status, dispatched_at FROM shipments"
                " WHERE order_id = ANY(%(ids)s::uuid[]) AND ordered",
                columns,
            )
        }
        published = []
        for event in events:
            if event.key not in status:
                # The order's own event comes before it, on the same partition.
                raise InvalidMessage(f"order {event.key} is unknown and cannot be cancelled")
            now, left = status[event.key]
            payload: ShipmentCancelled | CancelRefused
            if event.key in won:
                payload = ShipmentCancelled(order_id=event.key, reason=event.payload.reason)
                published.append(follow(event, EventType.SHIPMENT_CANCELLED, payload))
            elif now in ("dispatched", "delivered"):
                reason = f"The parcel left at {left:%Y-%m-%d %H:%M:%S} UTC"
                payload = CancelRefused(order_id=event.key, reason=reason, status=now)
                published.append(follow(event, EventType.SHIPMENT_CANCEL_REFUSED, payload))
        return published


def _columns(events: list[Event]) -> dict[str, Any]:
    events.sort(key=lambda e: e.key)  # rows are locked in one order by everybody
    return {
        "ids": [e.key for e in events],
        "correlations": [e.correlation_id for e in events],
        "causes": [e.id for e in events],
    }


def _tracking(event: Event) -> str:
    return f"TRK{event.key.replace('-', '')[-12:].upper()}"


def _changed(
    order_id: Any, tracking: str, carrier: str, *, estimated_delivery: datetime | None = None
) -> ShipmentChanged:
    return ShipmentChanged(
        order_id=order_id,
        tracking_number=tracking,
        carrier=carrier,
        estimated_delivery=estimated_delivery,
    )
