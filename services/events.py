"""The published language: topics, event types, their payloads, and what each means for an order.

Every name of the saga stands here once. Services speak to each other in these words only.
"""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

from services.eventkit.event import Language


class Topic(StrEnum):
    """The live topics. Every message on them is keyed by order id."""

    ORDERS = "orders"
    PAYMENTS = "payments"
    INVENTORY = "inventory"
    SHIPPING = "shipping"


class EventType(StrEnum):
    """The types of events."""

    ORDER_CREATED = "ORDER_CREATED"
    ORDER_CANCEL_REQUESTED = "ORDER_CANCEL_REQUESTED"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    PAYMENT_PROCESSING = "PAYMENT_PROCESSING"
    PAYMENT_PROCESSED = "PAYMENT_PROCESSED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    PAYMENT_VOIDED = "PAYMENT_VOIDED"
    PAYMENT_REFUNDED = "PAYMENT_REFUNDED"
    INVENTORY_RESERVED = "INVENTORY_RESERVED"
    INVENTORY_FAILED = "INVENTORY_FAILED"
    INVENTORY_RELEASED = "INVENTORY_RELEASED"
    INVENTORY_COMMITTED = "INVENTORY_COMMITTED"
    SHIPMENT_CREATED = "SHIPMENT_CREATED"
    SHIPMENT_DISPATCHED = "SHIPMENT_DISPATCHED"
    SHIPMENT_DELIVERED = "SHIPMENT_DELIVERED"
    SHIPMENT_CANCELLED = "SHIPMENT_CANCELLED"
    SHIPMENT_CANCEL_REFUSED = "SHIPMENT_CANCEL_REFUSED"


class OrderStatus(StrEnum):
    """Where an order stands; the later in this list wins.

    The status of an order is the greatest that any of its events means, so it depends on which
    events there are and not on the order in which they were read. PostgreSQL's enum of the same
    name has the same order.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    RESERVED = "reserved"
    PAID = "paid"
    PREPARING = "preparing"
    SHIPPED = "shipped"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


# What an event says about its order's status; the others say nothing about it.
STATUS: dict[str, OrderStatus] = {
    EventType.ORDER_CREATED: OrderStatus.PENDING,
    EventType.PAYMENT_PROCESSING: OrderStatus.PROCESSING,
    EventType.INVENTORY_RESERVED: OrderStatus.RESERVED,
    EventType.PAYMENT_PROCESSED: OrderStatus.PAID,
    EventType.SHIPMENT_CREATED: OrderStatus.PREPARING,
    EventType.SHIPMENT_DISPATCHED: OrderStatus.SHIPPED,
    EventType.SHIPMENT_DELIVERED: OrderStatus.COMPLETED,
    EventType.INVENTORY_FAILED: OrderStatus.FAILED,
    EventType.PAYMENT_FAILED: OrderStatus.FAILED,
    EventType.ORDER_CANCELLED: OrderStatus.CANCELLED,
}
TERMINAL = frozenset({OrderStatus.COMPLETED, OrderStatus.FAILED, OrderStatus.CANCELLED})
# While an order stands here, its total is captured and not refunded: revenue.
EARNED = frozenset(
    {OrderStatus.PAID, OrderStatus.PREPARING, OrderStatus.SHIPPED, OrderStatus.COMPLETED}
)


def _exact(amount: object) -> str:
    if isinstance(amount, str) and re.fullmatch(r"\d+\.\d\d", amount):
        return amount
    raise ValueError('Money is a decimal string such as "79.99"')


# Money travels as a decimal string, "79.99", so that no reader takes it for a float.
Money = Annotated[
    Decimal,
    BeforeValidator(lambda amount: amount if isinstance(amount, Decimal) else _exact(amount)),
    Field(ge=0, max_digits=12, decimal_places=2),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str, when_used="json"),
]
# PostgreSQL stores no NUL, so a text with one can never be handled.
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]


class Payload(BaseModel):
    """What all payloads share: JSON in camel case, unknown fields ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )

    order_id: UUID


class Line(BaseModel):
    """One product of an order."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    product_id: Name
    name: Name
    price: Money
    quantity: int = Field(ge=1, le=1_000_000, strict=True)


class OrderCreated(Payload):
    """An order was accepted, priced from the catalogue."""

    customer_id: Name
    customer_email: Name
    items: list[Line] = Field(min_length=1, max_length=1000)
    total: Money


class CancelRequested(Payload):
    """The customer wants the order stopped; shipping decides."""

    reason: Text | None = None


class OrderCancelled(Payload):
    """The order is cancelled for good."""

    reason: Text | None = None


class PaymentChanged(Payload):
    """The provider did something with the order's money."""

    amount: Money
    transaction_id: Name


class PaymentFailed(Payload):
    """The provider declined."""

    amount: Money
    reason: Text


class StockChanged(Payload):
    """Stock was reserved for, given back from, or taken off the shelf for an order."""

    items: list["Quantity"]


class Quantity(BaseModel):
    """So many of a product."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    product_id: Name
    quantity: int = Field(ge=1, strict=True)


class Shortage(BaseModel):
    """A product of which there was not enough."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    product_id: Name
    requested: int
    available: int


class StockFailed(Payload):
    """Not all lines could be reserved, so none was."""

    reason: Text
    shortages: list[Shortage]


class ShipmentChanged(Payload):
    """A parcel took a step on its way."""

    tracking_number: Name
    carrier: Name
    estimated_delivery: AwareDatetime | None = None


class ShipmentCancelled(Payload):
    """No parcel leaves for this order, now or ever."""

    reason: Text | None = None


class CancelRefused(Payload):
    """The parcel had left before the request to cancel came."""

    reason: Text
    status: Literal["dispatched", "delivered"]


_WORDS: dict[EventType, tuple[Topic, type[Payload], str]] = {
    EventType.ORDER_CREATED: (
        Topic.ORDERS,
        OrderCreated,
        "The gateway accepted an order, priced from the catalogue.",
    ),
    EventType.ORDER_CANCEL_REQUESTED: (
        Topic.ORDERS,
        CancelRequested,
        "The customer wants the order stopped; shipping decides.",
    ),
    EventType.ORDER_CANCELLED: (
        Topic.ORDERS,
        OrderCancelled,
        "The order is cancelled for good.",
    ),
    EventType.PAYMENT_PROCESSING: (
        Topic.PAYMENTS,
        PaymentChanged,
        "The provider authorised the payment: the money is held.",
    ),
    EventType.PAYMENT_PROCESSED: (
        Topic.PAYMENTS,
        PaymentChanged,
        "The payment was captured, as it is authorised and the stock is reserved.",
    ),
    EventType.PAYMENT_FAILED: (
        Topic.PAYMENTS,
        PaymentFailed,
        "The provider declined the payment.",
    ),
    EventType.PAYMENT_VOIDED: (
        Topic.PAYMENTS,
        PaymentChanged,
        "The authorisation was given up; nothing was captured.",
    ),
    EventType.PAYMENT_REFUNDED: (
        Topic.PAYMENTS,
        PaymentChanged,
        "What was captured was given back.",
    ),
    EventType.INVENTORY_RESERVED: (
        Topic.INVENTORY,
        StockChanged,
        "All lines of the order are reserved.",
    ),
    EventType.INVENTORY_FAILED: (
        Topic.INVENTORY,
        StockFailed,
        "Not all lines could be reserved, so none was.",
    ),
    EventType.INVENTORY_RELEASED: (
        Topic.INVENTORY,
        StockChanged,
        "What was reserved is free again.",
    ),
    EventType.INVENTORY_COMMITTED: (
        Topic.INVENTORY,
        StockChanged,
        "What was reserved has left the shelf with the parcel.",
    ),
    EventType.SHIPMENT_CREATED: (
        Topic.SHIPPING,
        ShipmentChanged,
        "A parcel is being made ready for the paid order.",
    ),
    EventType.SHIPMENT_DISPATCHED: (
        Topic.SHIPPING,
        ShipmentChanged,
        "The parcel has left.",
    ),
    EventType.SHIPMENT_DELIVERED: (
        Topic.SHIPPING,
        ShipmentChanged,
        "The parcel has arrived.",
    ),
    EventType.SHIPMENT_CANCELLED: (
        Topic.SHIPPING,
        ShipmentCancelled,
        "No parcel leaves for this order, now or ever.",
    ),
    EventType.SHIPMENT_CANCEL_REFUSED: (
        Topic.SHIPPING,
        CancelRefused,
        "The parcel had left before the request to cancel came.",
    ),
}
LANGUAGE = Language(
    topics={type: topic for type, (topic, _, _) in _WORDS.items()},
    payloads={type: payload for type, (_, payload, _) in _WORDS.items()},
    key=lambda payload: str(payload.order_id),
)
# What each event says, in a sentence.
MEANING = {type: sentence for type, (_, _, sentence) in _WORDS.items()}
