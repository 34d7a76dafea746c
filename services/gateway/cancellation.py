"""Asking for an order to be cancelled. Shipping decides; the order shows what came of it."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection

from services.eventkit.event import Event, new_event
from services.eventkit.problems import Problem
from services.events import TERMINAL, CancelRequested, EventType, OrderStatus, Text


class CancelRequest(BaseModel):
    """Why an order is to be cancelled."""

    reason: Text | None = None


_ENDED = {
    OrderStatus.SHIPPED: "its parcel has left",
    OrderStatus.COMPLETED: "it has been delivered",
    OrderStatus.FAILED: "it has failed",
    OrderStatus.CANCELLED: "it is cancelled already",
}


def request(db: Connection, order_id: UUID, reason: str | None) -> Event | None:
    """Note the request. Returns the event to publish, or None where one is waiting already.

    Raises Problem where there is no such order or it can't be cancelled any more.
    """
    order: Any = db.exec_driver_sql(
        "SELECT status, cancel_status, cancel_detail, correlation_id::text FROM orders"
        " WHERE id = %(id)s FOR UPDATE",
        {"id": str(order_id)},
    ).first()
    if order is None:
        raise unknown(order_id)
    status = OrderStatus(order.status)
    if status == OrderStatus.SHIPPED or status in TERMINAL or order.cancel_status == "refused":
        why = _ENDED.get(status) or order.cancel_detail
        raise Problem(
            409,
            "not-cancellable",
            f"Order {order_id} cannot be cancelled any more: {why}.",
            orderId=str(order_id),
            orderStatus=status,
        )
    if order.cancel_status == "requested":
        return None
    event = new_event(
        EventType.ORDER_CANCEL_REQUESTED,
        str(order_id),
        CancelRequested(order_id=order_id, reason=reason),
        correlation_id=order.correlation_id,
    )
    db.exec_driver_sql(
        """
        WITH noted AS (
            UPDATE orders SET cancel_status = 'requested', cancel_reason = %(reason)s,
                updated_at = now()
            WHERE id = %(order)s
        )
        INSERT INTO order_events (id, order_id, event_type, payload, service_name, created_at)
        VALUES (%(id)s, %(order)s, %(type)s, %(payload)s::jsonb, 'gateway', %(time)s)
        """,
        {
            "order": event.key,
            "reason": reason,
            "id": event.id,
            "type": event.type,
            "payload": event.payload.model_dump_json(by_alias=True, exclude_none=True),
            "time": event.time,
        },
    )
    return event


def unknown(order_id: UUID) -> Problem:
    """What is answered for an order that there is not."""
    return Problem(
        404, "order-not-found", f"There is no order {order_id}; GET /api/orders lists them."
    )
