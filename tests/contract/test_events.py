"""The schemas under ``contracts/events`` are those of the code, and messages fit them."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from confluent_kafka import Message
from jsonschema import Draft202012Validator

from contracts import generate
from services.eventkit.event import InvalidMessage, decode, encode, new_event
from services.events import (
    LANGUAGE,
    CancelRefused,
    CancelRequested,
    EventType,
    Line,
    OrderCancelled,
    OrderCreated,
    Payload,
    PaymentChanged,
    PaymentFailed,
    Quantity,
    ShipmentCancelled,
    ShipmentChanged,
    Shortage,
    StockChanged,
    StockFailed,
)
from tests.contract.documents import document, faults

ID = UUID("01a2046e-8cf5-75fa-94fb-531c4c9b5763")
CORRELATION = "41b3c2e3-4e80-47bc-9979-427c5546b832"
CAUSE = "01a2046e-9953-7692-8e3d-e8fc1f96b9bc"
PAYLOADS: list[Payload] = [
    OrderCreated(
        order_id=ID,
        customer_id="CUST-001",
        customer_email="john@example.com",
        items=[
            Line(product_id="PROD-001", name="Headphones", price=Decimal("79.99"), quantity=2),
            Line(product_id="PROD-009", name="Sticker", price=Decimal(0), quantity=1),
        ],
        total=Decimal("159.98"),
    ),
    CancelRequested(order_id=ID, reason="changed my mind"),
    CancelRequested(order_id=ID),
    OrderCancelled(order_id=ID, reason=None),
    PaymentChanged(order_id=ID, amount=Decimal("9999999999.99"), transaction_id="txn_1"),
    PaymentFailed(order_id=ID, amount=Decimal("159.9"), reason="Card declined"),
    StockChanged(order_id=ID, items=[Quantity(product_id="PROD-001", quantity=2)]),
    StockFailed(
        order_id=ID,
        reason="Out of stock",
        shortages=[Shortage(product_id="PROD-001", requested=2, available=0)],
    ),
    ShipmentChanged(
        order_id=ID,
        tracking_number="TRK1",
        carrier="UPS",
        estimated_delivery=datetime(2026, 11, 22, 18, 4, 54, tzinfo=UTC),
    ),
    ShipmentChanged(order_id=ID, tracking_number="TRK1", carrier="UPS"),
    ShipmentCancelled(order_id=ID, reason="changed my mind"),
    CancelRefused(order_id=ID, reason="The parcel left", status="dispatched"),
]
MESSAGES = [(t, p) for t in EventType for p in PAYLOADS if type(p) is LANGUAGE.payloads[t]]


class _Read:
    """A message as a consumer reads it."""

    def __init__(self, value: bytes | None, key: bytes | None = str(ID).encode()) -> None:
        self._value, self._key = value, key

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return self._key


def read(value: Any, key: bytes | None = str(ID).encode()) -> Message:
    """``value`` as a message: bytes as they are, anything else as JSON."""
    raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return cast(Message, _Read(raw, key))


def message(type: EventType = EventType.ORDER_CREATED) -> dict[str, Any]:
    """The value of a good message of a type."""
    payload = next(p for t, p in MESSAGES if t == type)
    value: dict[str, Any] = json.loads(encode(_event(type, payload), "test")[0])
    return value


def _event(type: EventType, payload: Payload) -> Any:
    return new_event(type, str(ID), payload, correlation_id=CORRELATION, causation_id=CAUSE)


def test_the_files_are_what_the_code_generates() -> None:
    assert generate.differing() == [], "run python contracts/generate.py"


def test_the_generator_makes_missing_files_and_removes_those_of_no_event(tmp_path: Path) -> None:
    gone = "events/GONE.schema.json"
    (tmp_path / "events").mkdir()
    (tmp_path / gone).write_text("{}")
    assert gone in generate.write(tmp_path)
    assert generate.differing(tmp_path) == []
    assert not (tmp_path / gone).exists()
    assert {p.name for p in (tmp_path / "events").iterdir()} == {
        p.name for p in (generate.FOLDER / "events").iterdir()
    }


@pytest.mark.parametrize("name", sorted(generate.schemas()))
def test_each_schema_is_valid_and_open_to_new_fields(name: str) -> None:
    schema = document(name)
    Draft202012Validator.check_schema(schema)
    stem = Path(name).name.removesuffix(".schema.json")
    assert schema["$id"] == f"https://orderflow.dev/schemas/{stem}.json"
    assert '"additionalProperties": false' not in json.dumps(schema)


def test_each_event_type_has_a_sample_here() -> None:
    assert {type for type, _ in MESSAGES} == set(EventType)


@pytest.mark.parametrize(("type", "payload"), MESSAGES)
def test_what_the_code_writes_fits_the_schema_and_is_read_back(
    type: EventType, payload: Payload
) -> None:
    event = _event(type, payload)
    value, headers = encode(event, "test")

    assert faults(f"events/{type}.schema.json", json.loads(value)) == []
    assert faults("events/envelope.schema.json", json.loads(value)) == []
    named = "asyncapi.yaml#/components/schemas/EventHeaders"
    assert faults(named, json.loads(headers)) == []
    again = decode(read(value.encode()), LANGUAGE)
    assert (again.type, again.key, again.payload) == (type, str(ID), payload)
    assert (again.id, again.correlation_id, again.causation_id) == (event.id, CORRELATION, CAUSE)
    assert (again.source, again.replay) == ("test", False)


Change = Callable[[dict[str, Any]], Any]


def put(value: Any, *path: str | int) -> Change:
    """A change that puts ``value`` at ``path``."""

    def change(found: dict[str, Any]) -> None:
        place: Any = found
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


def drop(*path: str) -> Change:
    """A change that takes away what stands at ``path``."""

    def change(found: dict[str, Any]) -> None:
        for part in path[:-1]:
            found = found[part]
        del found[path[-1]]

    return change


BAD: dict[str, Change] = {
    "money as a number": put(159.98, "payload", "total"),
    "money without places": put("160", "payload", "total"),
    "a time as a number": put(1_795_370_000, "timestamp"),
    "a version as text": put("1", "metadata", "version"),
    "a replay mark as text": put("yes", "isReplay"),
    "no event id": drop("eventId"),
    "no event type": drop("eventType"),
    "no timestamp": drop("timestamp"),
    "no payload": drop("payload"),
    "no metadata": drop("metadata"),
    "no source": drop("metadata", "source"),
    "no correlation": drop("metadata", "correlationId"),
    "an event id that is no UUID": put("42", "eventId"),
    "an empty event type": put("", "eventType"),
    "a time without an offset": put("2026-11-22T18:04:43", "timestamp"),
    "a time in words": put("yesterday", "timestamp"),
    "a payload that is a list": put([], "payload"),
    "version 0": put(0, "metadata", "version"),
    "a cause that is no UUID": put("it", "metadata", "causationId"),
    "no order id": drop("payload", "orderId"),
    "an order id that is no UUID": put("ORDER-1", "payload", "orderId"),
    "no customer": drop("payload", "customerId"),
    "an empty customer": put("", "payload", "customerId"),
    "a customer of 256 characters": put("C" * 256, "payload", "customerId"),
    "a NUL in the customer": put("C\0", "payload", "customerId"),
    "a number for a text": put(7, "payload", "customerId"),
    "no items": drop("payload", "items"),
    "empty items": put([], "payload", "items"),
    "items that are null": put(None, "payload", "items"),
    "quantity 0": put(0, "payload", "items", 0, "quantity"),
    "quantity -3": put(-3, "payload", "items", 0, "quantity"),
    "quantity 1.5": put(1.5, "payload", "items", 0, "quantity"),
    "quantity as text": put("2", "payload", "items", 0, "quantity"),
    "quantity true": put(True, "payload", "items", 0, "quantity"),
    "a quantity of millions": put(1_000_001, "payload", "items", 0, "quantity"),
    "a negative price": put("-1.00", "payload", "items", 0, "price"),
    "a price of three places": put("79.999", "payload", "items", 0, "price"),
    "a price that is no number": put("NaN", "payload", "items", 0, "price"),
    "a price too large": put("1e400", "payload", "items", 0, "price"),
    "a total that is null": put(None, "payload", "total"),
}


@pytest.mark.parametrize("name", BAD)
def test_schema_and_code_both_refuse(name: str) -> None:
    value = deepcopy(message())
    BAD[name](value)

    assert faults("events/ORDER_CREATED.schema.json", value)
    with pytest.raises(InvalidMessage):
        decode(read(value), LANGUAGE)


def test_an_event_id_without_hyphens_is_read_all_the_same() -> None:
    value = deepcopy(message())
    put(ID.hex, "eventId")(value)

    assert faults("events/ORDER_CREATED.schema.json", value)
    assert decode(read(value), LANGUAGE).key == str(ID)


def test_a_status_that_no_parcel_can_have_is_refused() -> None:
    value = message(EventType.SHIPMENT_CANCEL_REFUSED)
    value["payload"]["status"] = "lost"

    assert faults("events/SHIPMENT_CANCEL_REFUSED.schema.json", value)
    with pytest.raises(InvalidMessage, match="status"):
        decode(read(value), LANGUAGE)


@pytest.mark.parametrize("key", [None, b"", b"\xff", CAUSE.encode()])
def test_a_message_under_another_key_than_its_order_is_refused(key: bytes | None) -> None:
    with pytest.raises(InvalidMessage, match="the key is"):
        decode(read(message(), key), LANGUAGE)


@pytest.mark.parametrize("value", [None, b"", b"junk", b"\xff\x00", b"null", b"[]", b"7", b'"x"'])
def test_a_value_that_is_no_json_object_is_refused(value: bytes | None) -> None:
    with pytest.raises(InvalidMessage):
        decode(read(value), LANGUAGE)


@pytest.mark.parametrize("type", EventType)
def test_unknown_fields_are_tolerated_everywhere(type: EventType) -> None:
    value = message(type)
    for place in (value, value["metadata"], value["payload"], *value["payload"].get("items", ())):
        place["addedLater"] = {"by": "a newer version"}

    assert faults(f"events/{type}.schema.json", value) == []
    event = decode(read(value), LANGUAGE)
    assert event.body["addedLater"] == {"by": "a newer version"}


def test_an_unknown_event_type_is_read_without_its_payload() -> None:
    event = decode(read(message() | {"eventType": "ORDER_PRAISED"}), LANGUAGE)
    assert (event.type, event.payload) == ("ORDER_PRAISED", None)


def test_a_replayed_event_is_told_apart() -> None:
    value = message() | {"isReplay": True}
    assert faults("events/ORDER_CREATED.schema.json", value) == []
    assert decode(read(value), LANGUAGE).replay
