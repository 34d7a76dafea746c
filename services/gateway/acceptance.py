"""Accepting orders: checked, priced, and stored with their event in one statement."""

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)
from pydantic.alias_generators import to_camel
from sqlalchemy import Connection
from uuid_utils import uuid7

from services.eventkit.event import encode, new_event, rfc3339
from services.eventkit.problems import Problem
from services.events import (
    LANGUAGE,
    EventType,
    Line,
    OrderCreated,
    OrderStatus,
)
from services.gateway.catalogue import Catalogue

SERVICE = "gateway"
MAX_LINES = 100
MAX_QUANTITY = 1000

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)+")
Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


def _number(value: Any) -> Any:
    if value is not None and (isinstance(value, bool) or not isinstance(value, Decimal | int)):
        raise ValueError("Send a number, such as 79.99, or leave it out")
    if isinstance(value, Decimal) and (len(value.as_tuple().digits) > 20 or value.adjusted() > 20):
        raise ValueError("This is no price; send one with two decimal places, or leave it out")
    return value


# 80, 80.0 and 8E1 are one price, and so one request under an Idempotency-Key.
Price = Annotated[
    Decimal, BeforeValidator(_number), Field(ge=0), AfterValidator(lambda p: p.normalize())
]


class _Request(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("A NUL character cannot be stored; remove it")
        return value


class LineRequest(_Request):
    """A line as the client sends it; name and price are the catalogue's to say."""

    product_id: Id
    name: Annotated[str, StringConstraints(max_length=500)] | None = None
    price: Price | None = None
    quantity: int = Field(ge=1, le=MAX_QUANTITY, strict=True)


class OrderRequest(_Request):
    """An order as the client sends it."""

    customer_id: Id
    customer_email: str = Field(max_length=254)
    items: list[LineRequest] = Field(min_length=1, max_length=MAX_LINES)

    @field_validator("customer_email")
    @classmethod
    def _is_email(cls, value: str) -> str:
        if not _EMAIL.fullmatch(value):
            raise ValueError("This is no e-mail address; it looks like name@example.com")
        return value


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a client is told of its order: the JSON, and whether it is told again."""

    order_id: str
    response: bytes
    repeated: bool = False


_ACCEPT = """
WITH {claim} stored AS (
    INSERT INTO orders (id, customer_id, customer_email, items, total, correlation_id,
        created_at, updated_at)
    SELECT %(id)s, %(customer_id)s, %(customer_email)s, %(items)s::jsonb, %(total)s,
        %(correlation_id)s, %(created_at)s, %(created_at)s {where}
    ON CONFLICT (id) DO NOTHING RETURNING id
), recorded AS (
    INSERT INTO order_events (id, order_id, event_type, payload, service_name, created_at)
    SELECT %(event_id)s, id, %(event_type)s, %(payload)s::jsonb, 'gateway', %(created_at)s
    FROM stored
)
INSERT INTO outbox (topic, key, headers, value)
SELECT %(topic)s, id::text, %(headers)s, %(value)s FROM stored RETURNING key
"""
_ACCEPT_ONCE = _ACCEPT.format(
    claim="""claimed AS (
    INSERT INTO idempotency_keys (key, fingerprint, order_id, response)
    VALUES (%(key)s, %(fingerprint)s, %(id)s, %(response)s) ON CONFLICT DO NOTHING RETURNING 1
), """,
    where="FROM claimed",
)
_ACCEPT_PLAIN = _ACCEPT.format(claim="", where="")


class Acceptance:
    """One order on its way in; :meth:`store` may be repeated after a lost connection."""

    def __init__(
        self, order: OrderRequest, catalogue: Catalogue, *, correlation_id: str, key: str | None
    ) -> None:
        """Price the order. Raises Problem where the catalogue disagrees with it."""
        lines = _price(order, catalogue)
        total = sum((line.price * line.quantity for line in lines), Decimal())
        if total >= 10**10:
            raise Problem(400, "order-too-large", "The total is beyond what can be charged.")
        self.id, self._key = str(uuid7()), key
        self.event = new_event(
            EventType.ORDER_CREATED,
            self.id,
            OrderCreated(
                order_id=UUID(self.id),
                customer_id=order.customer_id,
                customer_email=order.customer_email,
                items=lines,
                total=total,
            ),
            correlation_id=correlation_id,
        )
        value, headers = encode(self.event, SERVICE)
        items = orjson.dumps([_line(line) for line in lines])
        created = self.event.time
        self.response = orjson.dumps(
            {
                "success": True,
                "message": "Order created; it is being processed.",
                "order": {
                    "id": self.id,
                    "customer_id": order.customer_id,
                    "customer_email": order.customer_email,
                    "items": orjson.Fragment(items),
                    "total": f"{total:.2f}",
                    "status": OrderStatus.PENDING,
                    "failure_reason": None,
                    "cancellation": None,
                    "created_at": rfc3339(created),
                    "updated_at": rfc3339(created),
                },
                "eventId": self.event.id,
            }
        )
        self._row = {
            "id": self.id,
            "customer_id": order.customer_id,
            "customer_email": order.customer_email,
            "items": items.decode(),
            "total": total,
            "correlation_id": correlation_id,
            "created_at": created,
            "event_id": self.event.id,
            "event_type": self.event.type,
            "payload": self.event.payload.model_dump_json(by_alias=True, exclude_none=True),
            "topic": LANGUAGE.topics[self.event.type],
            "headers": headers.decode(),
            "value": value,
        }
        if key:
            self._row |= {"key": key, "fingerprint": fingerprint(order)}
            self._row["response"] = self.response.decode()

    def store(self, db: Connection) -> Accepted:
        """Store order, event and outbox row in one statement. Raises Problem for a reused key.

        ``db`` commits each statement.
        """
        if not self._key:
            db.exec_driver_sql(_ACCEPT_PLAIN, self._row)
        elif not db.exec_driver_sql(_ACCEPT_ONCE, self._row).first():
            first = recall(db, self._key, self._row["fingerprint"])
            if first is None:  # forgotten this very moment, a day after it was used
                return self.store(db)
            # Our own id: the first try of this request was stored though its answer was lost.
            return replace(first, repeated=first.order_id != self.id)
        return Accepted(self.id, self.response)


def fingerprint(order: OrderRequest) -> str:
    """What tells a repeated request from another one under the same key."""
    return hashlib.sha256(order.model_dump_json().encode()).hexdigest()


def recall(db: Connection, key: str, fingerprint: str) -> Accepted | None:
    """What was answered to ``key`` before, or None. Raises Problem where that was another order."""
    first = db.exec_driver_sql(
        "SELECT fingerprint, order_id::text, response FROM idempotency_keys WHERE key = %(key)s",
        {"key": key},
    ).first()
    if first is None:
        return None
    if first.fingerprint != fingerprint:
        raise Problem(
            409,
            "idempotency-key-reused",
            f"Idempotency-Key {key!r} was used for another order, {first.order_id};"
            " send a new key with a new order.",
            orderId=first.order_id,
        )
    return Accepted(first.order_id, first.response.encode(), repeated=True)


def _price(order: OrderRequest, catalogue: Catalogue) -> list[Line]:
    """The order's lines at catalogue prices; lines of one product become one."""
    if not len(catalogue):
        raise Problem(
            503,
            "catalogue-unavailable",
            "The prices are not known yet, as inventory has not answered; try again in a second.",
            headers={"Retry-After": "1"},
        )
    quantities: dict[str, int] = defaultdict(int)
    faults = []
    for index, line in enumerate(order.items):
        product = catalogue.get(line.product_id)
        if product is None:
            faults.append(
                {
                    "field": f"items[{index}].productId",
                    "message": f"There is no product {line.product_id!r};"
                    " GET /api/inventory lists them",
                }
            )
        elif line.price is not None and line.price != product.price:
            faults.append(
                {
                    "field": f"items[{index}].price",
                    "message": f"The price of {line.product_id} is {product.price};"
                    " send that, or leave it out",
                    "price": str(product.price),
                }
            )
        quantities[line.product_id] += line.quantity
        if quantities[line.product_id] > MAX_QUANTITY:
            faults.append(
                {
                    "field": f"items[{index}].quantity",
                    "message": f"An order may have at most {MAX_QUANTITY} of {line.product_id}",
                }
            )
    if faults:
        first = faults[0]
        raise Problem(
            400, "invalid-order", f"{first['field']}: {first['message']}", errors=faults[:20]
        )
    lines = []
    for product_id, quantity in quantities.items():
        product = catalogue.get(product_id)
        assert product  # noqa: S101 - it was there a moment ago, and products do not leave
        lines.append(
            Line(product_id=product_id, name=product.name, price=product.price, quantity=quantity)
        )
    return lines


def _line(line: Line) -> dict[str, Any]:
    # Clients of the Node system read the price of a line as a number; this one is exact.
    return {
        "productId": line.product_id,
        "name": line.name,
        "price": orjson.Fragment(f"{line.price:.2f}"),
        "quantity": line.quantity,
    }
