"""Where an order's messages lie in Kafka, as the gateway says, held against Kafka itself."""

from typing import Any
from uuid import uuid4

from services.events import LANGUAGE
from services.gateway.order_messages import BOUNDS
from tests.integration.conftest import Wire
from tests.system import System, eventually

ANY_TIME = {"message.timestamp.after.max.ms": str(2**63 - 1)}
TOPICS = ("orders", "payments", "inventory", "shipping")


def looked_up(system: System, order: str, *topics: str) -> dict[str, Any]:
    """What the gateway finds of an order."""
    path = f"/api/orders/{order}/messages"
    found: dict[str, Any] = system.get(path, params={"topic": topics})
    assert found["success"] is True
    return found


def places(messages: list[dict[str, Any]]) -> set[tuple[str, int, int]]:
    """Where they lie."""
    return {(m["topic"], m["partition"], m["offset"]) for m in messages}


def test_the_messages_of_an_order_are_all_found_where_they_lie(system: System, wire: Wire) -> None:
    orders = [system.accepted(("PROD-001", 1)) for _ in range(12)]
    for order in orders:
        system.ended(order)
    system.settle()
    lie: dict[str, set[tuple[str, int, int]]] = {order: set() for order in orders}
    for topic in TOPICS:
        for message in wire.read(topic):
            if (key := (message.key() or b"").decode()) in lie:
                lie[key].add((topic, message.partition(), message.offset()))
    for order in orders:
        found = looked_up(system, order)
        assert (places(found["messages"]), found["complete"]) == (lie[order], True)
        events = system.get(f"/api/orders/{order}/events")["events"]
        assert {(e["id"], e["event_type"], e["topic"]) for e in events} == {
            (m["eventId"], m["eventType"], m["topic"]) for m in found["messages"]
        }
        assert not any(m["isReplay"] for m in found["messages"])
        assert all(m["headers"]["event-id"] == m["eventId"] for m in found["messages"])
    assert len({partition for each in lie.values() for _, partition, _ in each}) > 1


def test_replayed_copies_are_found_on_their_target_and_marked(system: System, wire: Wire) -> None:
    customer, topic = f"CUST-{uuid4()}", f"copies-{uuid4()}"
    order = system.accepted(("PROD-001", 1), body={"customerId": customer})
    system.ended(order)
    system.settle()
    asked = {"days": 1, "topic": topic, "partitions": 3, "filter": {"customerIds": [customer]}}
    asked |= {"eventTypes": ["ORDER_CREATED", "PAYMENT_PROCESSED"]}
    replay = system.post("/api/orders/replay", asked).json()["replay"]["id"]
    eventually(
        lambda: system.get(f"/api/replays/{replay}")["replay"]["phase"] == "Completed",
        what="the replay is completed",
    )
    found = looked_up(system, order, topic)
    copies = [m for m in found["messages"] if m["topic"] == topic]
    assert [m["eventType"] for m in copies] == asked["eventTypes"]
    assert all(m["isReplay"] and m["headers"]["replay-id"] == replay for m in copies)
    assert places(copies) == {(topic, m.partition(), m.offset()) for m in wire.read(topic)}
    live = [m for m in found["messages"] if m["topic"] != topic]
    ids = {m["eventType"]: m["eventId"] for m in live}
    assert [m["originalEventId"] for m in copies] == [ids[type] for type in asked["eventTypes"]]
    assert {m["originalEventId"] for m in live} == {None}
    assert places(live) == places(looked_up(system, order)["messages"])
    assert found["complete"]


def test_an_order_on_its_way_is_read_to_the_end_of_its_topics(system: System) -> None:
    system.stop("shipping")
    order = system.accepted(("PROD-001", 1))
    eventually(lambda: system.status(order) == "paid")
    found = looked_up(system, order)
    types = {m["eventType"] for m in found["messages"]}
    assert types == {
        *("ORDER_CREATED", "INVENTORY_RESERVED", "PAYMENT_PROCESSING", "PAYMENT_PROCESSED"),
    }
    assert {m["topic"] for m in found["messages"]} == {LANGUAGE.topics[type] for type in types}
    assert found["complete"]


def test_one_request_reads_so_many_messages_and_says_that_there_are_more(
    system: System, wire: Wire
) -> None:
    order = system.accepted(("PROD-001", 1))
    system.ended(order)
    topic = system.new_topic()
    for _ in range(BOUNDS.messages + 1_000):
        wire.producer.produce(topic, b"{}", b"another")
        wire.producer.poll(0)
    wire.send(topic, b"no JSON", order)
    found = looked_up(system, order, topic)
    assert found["complete"] is False
    assert topic not in {m["topic"] for m in found["messages"]}


def test_what_is_no_event_is_shown_too(system: System, wire: Wire) -> None:
    order = system.accepted(("PROD-001", 1))
    system.ended(order)
    topic = system.new_topic(1, **ANY_TIME)
    wire.send(topic, b"no JSON", order, headers=[("colour", b"red")])
    wire.send(topic, None, order)
    wire.producer.produce(topic, b"{}", order, timestamp=10**17)
    assert wire.producer.flush(10) == 0
    shown = [m for m in looked_up(system, order, topic)["messages"] if m["topic"] == topic]
    assert [(m["offset"], m["eventId"], m["eventType"], m["headers"]) for m in shown] == [
        (0, None, None, {"colour": "red"}),
        (1, None, None, {}),
        (2, None, None, {}),
    ]
    assert shown[2]["timestamp"] is None


def test_without_kafka_the_lookup_says_so(system: System) -> None:
    order = system.accepted(("PROD-001", 1))
    system.ended(order)
    system.settle()
    system.kafka.kill()
    try:
        answer = system.http.get(system.url("gateway", f"/api/orders/{order}/messages"))
        assert (answer.status_code, answer.json()["type"]) == (
            503,
            "urn:orderflow:problem:kafka-unavailable",
        )
    finally:
        system.kafka.start()
    eventually(lambda: looked_up(system, order)["complete"])
