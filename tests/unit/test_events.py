"""The envelope on the wire, and what an event means for its order."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from confluent_kafka import Message
from uuid_utils import uuid7

from services.eventkit.event import (
    Event,
    InvalidMessage,
    decode,
    encode,
    follow,
    header,
    new_event,
    rfc3339,
    traceparent,
)
from services.events import (
    EARNED,
    LANGUAGE,
    STATUS,
    TERMINAL,
    EventType,
    Line,
    OrderCreated,
    OrderStatus,
    Topic,
)
from services.registry import load

ORDER = "01a2044a-4761-7186-96ad-a96f596b82f6"


def created() -> Event:
    """An order that was accepted a moment ago."""
    line = Line(
        product_id="PROD-001", name="Wireless Headphones", price=Decimal("79.99"), quantity=2
    )
    payload = OrderCreated(
        order_id=UUID(ORDER),
        customer_id="Müller & Söhne \U0001f6d2",
        customer_email="ada@example.com",
        items=[line],
        total=Decimal("159.98"),
    )
    return new_event(EventType.ORDER_CREATED, ORDER, payload, correlation_id=str(uuid4()))


def on_the_wire(event: Event, **changes: Any) -> Message:
    """An event as a message, with parts of the envelope changed."""
    value, headers = encode(event, "gateway")
    return Message(
        topic="orders",
        key=event.key.encode(),
        value=orjson.dumps(orjson.loads(value) | changes),
        headers=[(name, text.encode()) for name, text in orjson.loads(headers).items()],
    )


def test_what_is_written_is_read_again() -> None:
    event = created()
    read = decode(on_the_wire(event), LANGUAGE)
    assert (read.id, read.type, read.key) == (event.id, event.type, event.key)
    assert (read.correlation_id, read.causation_id) == (event.correlation_id, None)
    assert read.payload == event.payload
    assert read.source == "gateway"
    assert not read.replay
    assert abs(read.time - event.time) < timedelta(milliseconds=1)


def test_an_event_that_follows_names_its_cause_and_keeps_its_correlation_and_key() -> None:
    cause = created()
    read = decode(on_the_wire(follow(cause, EventType.ORDER_CREATED, cause.payload)), LANGUAGE)
    assert (read.causation_id, read.correlation_id) == (cause.id, cause.correlation_id)
    assert read.key == cause.key
    assert read.id > cause.id


def test_an_event_is_later_than_its_cause_whatever_this_clock_says() -> None:
    cause = created()
    ahead = cause.time + timedelta(minutes=5)
    cause.id = str(uuid7(nanoseconds=int(ahead.timestamp() * 1000) * 1_000_000))
    effect = follow(cause, EventType.ORDER_CREATED, cause.payload)
    later = follow(effect, EventType.ORDER_CREATED, cause.payload)
    assert ahead < effect.time < later.time
    assert cause.id < effect.id < later.id


def test_money_travels_as_a_decimal_string_and_names_in_camel_case() -> None:
    payload = json.loads(encode(created(), "gateway")[0])["payload"]
    assert payload["total"] == "159.98"
    assert payload["items"][0] == {
        "productId": "PROD-001",
        "name": "Wireless Headphones",
        "price": "79.99",
        "quantity": 2,
    }


def test_the_headers_say_what_the_event_is_without_reading_it() -> None:
    event = created()
    message = on_the_wire(event)
    assert header(message, "event-type") == "ORDER_CREATED"
    assert header(message, "event-id") == event.id
    assert header(message, "correlation-id") == event.correlation_id
    assert header(message, "traceparent") == traceparent(event.correlation_id, event.id)
    assert header(message, "unheard-of") is None


def test_the_traceparent_is_a_w3c_trace_context_of_the_correlation() -> None:
    text = traceparent("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", ORDER)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", text)
    assert text == "00-4bf92f3577b34da6a3ce929d0e0e4736-96ada96f596b82f6-01"


def test_times_are_written_in_utc_to_the_millisecond() -> None:
    time = datetime(2026, 11, 22, 19, 11, 53, 123_999, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(time) == "2026-11-22T17:11:53.123Z"
    assert rfc3339(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000Z"


def test_unknown_fields_are_kept_on_the_side_and_do_no_harm() -> None:
    event = created()
    body = {**json.loads(encode(event, "gateway")[0])["payload"], "giftWrap": True}
    read = decode(on_the_wire(event, payload=body, comment="?"), LANGUAGE)
    assert read.payload == event.payload
    assert read.body["giftWrap"] is True


def test_an_unknown_type_is_read_without_its_payload() -> None:
    read = decode(on_the_wire(created(), eventType="ORDER_GIFT_WRAPPED"), LANGUAGE)
    assert (read.type, read.payload) == ("ORDER_GIFT_WRAPPED", None)


def test_a_replayed_event_says_so() -> None:
    assert decode(on_the_wire(created(), isReplay=True), LANGUAGE).replay


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"eventId": "1"}, "eventId"),
        ({"eventType": ""}, "eventType"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2026-11-22T17:11:53"}, "timestamp"),
        # In UTC this is the year 10000, which neither Python nor psycopg2 can read again.
        ({"timestamp": "9999-12-31T23:59:59-10:00"}, "timestamp"),
        ({"payload": []}, "payload"),
        ({"payload": {"orderId": ORDER}}, "customerId: Field required"),
        ({"metadata": {"source": "gateway"}}, "metadata.correlationId"),
    ],
)
def test_a_wrong_envelope_is_invalid_and_the_field_is_named(
    changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InvalidMessage, match=re.escape(fault)):
        decode(on_the_wire(created(), **changes), LANGUAGE)


@pytest.mark.parametrize(
    "value", [b"", b"junk", b"\xff\x00", b"null", b"[]", b'"text"', b"{}", None]
)
def test_what_is_no_event_is_invalid(value: bytes | None) -> None:
    with pytest.raises(InvalidMessage):
        decode(Message(topic="orders", key=ORDER.encode(), value=value), LANGUAGE)


@pytest.mark.parametrize("key", [None, b"", b"another", b"\xff"])
def test_a_key_other_than_the_order_id_is_invalid(key: bytes | None) -> None:
    value, _ = encode(created(), "gateway")
    with pytest.raises(InvalidMessage, match=f"the payload's is {ORDER}"):
        decode(Message(topic="orders", key=key, value=value.encode()), LANGUAGE)


# What an event means for its order.


def test_every_event_type_has_a_topic_and_a_payload_and_every_topic_an_event() -> None:
    assert set(LANGUAGE.topics) == set(LANGUAGE.payloads) == set(EventType)
    assert set(LANGUAGE.topics.values()) == set(Topic)


@pytest.mark.parametrize("service", ["gateway", "analytics"])
def test_the_order_of_statuses_is_that_of_the_databases_enum(service: str) -> None:
    (migration,) = load(service).migrations.glob("0001_*.py")
    found = re.search(r"CREATE TYPE order_status AS ENUM \(([^)]*)\)", migration.read_text())
    assert found
    assert re.findall(r"'(\w+)'", found[1]) == [status.value for status in OrderStatus]


def test_an_orders_status_does_not_depend_on_the_order_in_which_its_events_are_read() -> None:
    rank = {status: number for number, status in enumerate(OrderStatus)}

    def status(types: tuple[str, ...]) -> OrderStatus:
        now = OrderStatus.PENDING
        for type in types:
            now = max(now, STATUS.get(type, now), key=rank.__getitem__)
        return now

    for story, end in (
        (("INVENTORY_RESERVED", "PAYMENT_FAILED", "INVENTORY_RELEASED"), OrderStatus.FAILED),
        (("INVENTORY_FAILED", "PAYMENT_PROCESSING", "PAYMENT_VOIDED"), OrderStatus.FAILED),
        (("SHIPMENT_DELIVERED", "SHIPMENT_DISPATCHED", "ORDER_CREATED"), OrderStatus.COMPLETED),
        (("ORDER_CANCELLED", "PAYMENT_PROCESSED", "PAYMENT_REFUNDED"), OrderStatus.CANCELLED),
    ):
        assert {status(types) for types in permutations(story)} == {end}


def test_each_step_of_the_happy_path_means_a_greater_status() -> None:
    rank = list(OrderStatus)
    steps = [
        EventType.ORDER_CREATED,
        EventType.PAYMENT_PROCESSING,
        EventType.INVENTORY_RESERVED,
        EventType.PAYMENT_PROCESSED,
        EventType.SHIPMENT_CREATED,
        EventType.SHIPMENT_DISPATCHED,
        EventType.SHIPMENT_DELIVERED,
    ]
    places = [rank.index(STATUS[step]) for step in steps]
    assert places == sorted(set(places))


def test_an_order_that_has_ended_stands_above_all_that_have_not() -> None:
    assert set(list(OrderStatus)[-len(TERMINAL) :]) == TERMINAL
    assert not EARNED & {OrderStatus.FAILED, OrderStatus.CANCELLED}


def test_every_status_is_meant_by_an_event() -> None:
    assert set(STATUS.values()) == set(OrderStatus)
