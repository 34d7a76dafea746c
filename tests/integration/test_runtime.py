"""The consumer runtime, the relay and the dead letters, with anything on Kafka that may come."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer
from uuid_utils import uuid7

from tests.integration.conftest import Wire, envelope
from tests.system import System, eventually


def letters(system: System, key: str) -> list[dict[str, object]]:
    """The dead letters with a key."""
    listed = json.loads(system.run("dlq", "list", "--all", "--json").stdout)
    return [letter for letter in listed if letter["key"] == key]


def created(order: str, **payload: object) -> dict[str, object]:
    """An ORDER_CREATED that no gateway wrote."""
    return envelope(
        "ORDER_CREATED",
        {
            "orderId": order,
            "customerId": "C",
            "customerEmail": "ada@example.com",
            "items": [{"productId": "PROD-001", "name": "P", "price": "1.00", "quantity": 1}],
            "total": "1.00",
        }
        | payload,
    )


def test_poison_messages_go_to_the_dead_letters_with_cause_and_origin_and_hold_nothing_up(
    system: System, wire: Wire
) -> None:
    before = system.stock("PROD-001")
    payments = system.rows("SELECT count(*) FROM payment.payments")
    key = str(uuid7())
    negative = [{"productId": "PROD-001", "name": "P", "price": "1.00", "quantity": -5}]
    poison = [
        b"\xff\xfe junk",
        b"",
        None,
        b"null",
        b"[]",
        b'{"eventId": 1}',
        created(key, items=negative),
        created(key, items=[]),
        created(key, total="-1.00"),
        created(key, total="NaN"),
        created(key, customerEmail="a\x00b"),
        created("no uuid"),
        created(str(uuid7())),  # keyed by another order
        created(key) | {"timestamp": "yesterday"},
        b"{" * 100_000,
        b"x" * 900_000,
    ]
    for value in poison:
        wire.send("orders", value, key)
    order = system.accepted(("PROD-001", 1))
    assert system.ended(order)["status"] == "completed"

    # Four services read the topic and can handle none of them.
    eventually(lambda: len(letters(system, key)) >= 4 * len(poison), what="all are dead letters")
    found = letters(system, key)
    assert len(found) == 4 * len(poison)
    assert {letter["service"] for letter in found} == {
        "analytics",
        "inventory",
        "payment",
        "shipping",
    }
    assert all(letter["topic"] == "orders" and letter["cause"] for letter in found)
    assert any("quantity" in str(letter["cause"]) for letter in found)
    assert system.rows("SELECT count(*) FROM payment.payments")[0][0] == payments[0][0] + 1
    eventually(lambda: system.stock("PROD-001")["reserved"] == 0)
    assert system.stock("PROD-001")["quantity"] == before["quantity"] - 1


def test_a_message_too_large_to_keep_is_told_without_its_value(system: System, wire: Wire) -> None:
    key = str(uuid7())
    squeezed = Producer(
        {
            "bootstrap.servers": wire.bootstrap,
            "compression.type": "gzip",
            "message.max.bytes": 10_000_000,
        }
    )
    squeezed.produce("payments", b"0" * 5_000_000, key.encode())
    assert squeezed.flush(10) == 0
    eventually(lambda: len(letters(system, key)) >= 4)
    letter = letters(system, key)[0]
    assert letter["value"] is None
    assert "5000000 bytes" in str(letter["truncated"])
    refused = system.run("dlq", "redrive", str(letter["number"]), check=False)
    assert refused.returncode == 1
    assert "too large" in refused.stderr
    assert system.ended(system.accepted(("PROD-001", 1)))["status"] == "completed"


def test_a_schema_that_is_not_there_holds_a_consumer_up_and_loses_nothing(
    system: System,
) -> None:
    system.rows("ALTER TABLE payment.payments RENAME TO away; SELECT 1")
    order = system.accepted(("PROD-001", 1))

    def waiting() -> bool:
        answer = system.http.get(system.url("payment", "/ready"), timeout=5)
        return answer.status_code == 503 and "payments" in answer.json()["checks"]["consumer"]

    eventually(waiting)
    system.rows("ALTER TABLE payment.away RENAME TO payments; SELECT 1")
    assert system.ended(order)["status"] == "completed"
    assert letters(system, order) == []


def test_unknown_types_unknown_fields_and_replays_are_passed_over_without_effect(
    system: System, wire: Wire
) -> None:
    unknown, replayed, marked = str(uuid7()), str(uuid7()), str(uuid7())
    before = system.get("/api/analytics")["analytics"]["summary"]
    wire.send("orders", envelope("ORDER_GIFT_WRAPPED", {"orderId": unknown}), unknown)
    wire.send("orders", created(replayed, isReplay=True), replayed)
    wire.send("orders", created(marked), marked, headers={"is-replay": "true"})
    order = system.accepted(("PROD-001", 1))
    system.settle()
    assert system.status(order) == "completed"
    for stranger in (unknown, replayed, marked):
        assert letters(system, stranger) == []
        for table in ("payment.payments", "inventory.reservations", "shipping.shipments"):
            assert not system.rows(f"SELECT 1 FROM {table} WHERE order_id = %(id)s", id=stranger), (
                table
            )
    after = system.get("/api/analytics")["analytics"]["summary"]
    assert after["total_orders"] == before["total_orders"] + 1


def test_events_for_an_unknown_order_store_and_publish_nothing_that_counts(
    system: System, wire: Wire
) -> None:
    order = str(uuid7())
    parcel = {"orderId": order, "trackingNumber": "T", "carrier": "C"}
    money = {"orderId": order, "amount": "10.00", "transactionId": "T"}
    shipped = system.rows("SELECT sum(shipped) FROM inventory.inventory")[0][0]
    wire.send("payments", envelope("PAYMENT_PROCESSED", money), order)
    wire.send("shipping", envelope("SHIPMENT_DISPATCHED", parcel), order)
    wire.send("orders", envelope("ORDER_CANCEL_REQUESTED", {"orderId": order}), order)
    eventually(lambda: len(letters(system, order)) >= 4, what="gateway, inventory and shipping")
    assert {(letter["service"], letter["topic"]) for letter in letters(system, order)} == {
        ("gateway", "payments"),
        ("gateway", "shipping"),
        ("inventory", "shipping"),
        ("shipping", "orders"),
    }
    assert system.http.get(system.url("gateway", f"/api/orders/{order}")).status_code == 404
    assert system.rows("SELECT sum(shipped) FROM inventory.inventory")[0][0] == shipped
    assert not [
        m for m in wire.read("shipping") if m.key() == order.encode() and b"CREATED" in m.value()
    ]


def test_a_dead_letter_is_redriven_to_its_service_alone_with_the_same_event_id(
    system: System, wire: Wire, product: Callable[[int], str]
) -> None:
    shelf = product(5)
    # Inventory fails on every order of this product while its row says so.
    system.rows(
        "ALTER TABLE inventory.reservations ADD CONSTRAINT broken CHECK"
        f" (NOT (items ? '{shelf}')) NOT VALID; SELECT 1"
    )
    order = system.accepted((shelf, 2))
    fine = system.accepted(("PROD-002", 1))
    assert system.ended(fine)["status"] == "completed"
    eventually(lambda: letters(system, order))
    letter = letters(system, order)[0]
    assert (letter["service"], letter["error"]) == ("inventory", "IntegrityError")
    event_id = json.loads(str(letter["value"]))["eventId"]

    system.rows("ALTER TABLE inventory.reservations DROP CONSTRAINT broken; SELECT 1")
    shown = json.loads(system.run("dlq", "show", str(letter["number"])).stdout)
    assert json.loads(shown["value"])["eventId"] == event_id
    done = system.run("dlq", "redrive", str(letter["number"]), "--by", "the night shift")
    assert "1 redriven" in done.stdout
    assert system.ended(order)["status"] == "completed"
    assert len(letters(system, order)) == 1
    assert "by the night shift" in str(letters(system, order)[0]["redriven"])
    refused = system.run("dlq", "redrive", str(letter["number"]), check=False)
    assert refused.returncode == 1
    assert "--again" in refused.stderr
    system.run("dlq", "redrive", "--again", str(letter["number"]))
    system.settle()
    assert system.stock(shelf) == {"quantity": 3, "reserved": 0, "shipped": 2}
    # The message that came again went to inventory; its event is the same.
    copies = [m for m in wire.read("orders") if m.key() == order.encode()]
    assert {json.loads(m.value())["eventId"] for m in copies} == {event_id}
    assert [dict(m.headers()).get("redrive-to") for m in copies].count(b"inventory") == 2


def test_a_stranger_in_the_dead_letter_topic_is_shown_and_not_redriven(
    system: System, wire: Wire
) -> None:
    key = str(uuid7())
    wire.send("dead-letters", b"hello", key)
    wire.send("dead-letters", b"", key, headers={"dlq-redrives": "1"})
    found = letters(system, key)
    assert [letter["value"] for letter in found] == ["hello"]
    refused = system.run("dlq", "redrive", str(found[0]["number"]), check=False)
    assert refused.returncode == 1
    assert "not written by a service of ours" in refused.stderr


def test_redriving_what_is_not_there_says_so(system: System) -> None:
    done = system.run("dlq", "redrive", "123456789", check=False)
    assert done.returncode == 1
    assert "There is no dead letter 123456789" in done.stderr
    assert system.run("dlq", "redrive", check=False).returncode == 2


def test_a_deploy_that_fails_on_everything_does_not_drain_the_topic_into_the_dead_letters(
    system: System, wire: Wire
) -> None:
    system.stop("payment")
    keys = [str(uuid4()) for _ in range(30)]
    for key in keys:
        wire.send("orders", b"junk", key)
    system.launch("payment", DEAD_LETTERS_A_MINUTE="10")

    def standing_still() -> bool:
        answer = system.http.get(system.url("payment", "/ready"), timeout=5)
        return answer.status_code == 503 and "dead letters a minute" in answer.text

    eventually(standing_still)
    listed = json.loads(system.run("dlq", "list", "--json", "--service", "payment").stdout)
    assert len([letter for letter in listed if letter["key"] in keys]) == 10
    assert system.http.get(system.url("payment", "/health"), timeout=5).ok
    system.stop("payment")
    system.start("payment")
    eventually(
        lambda: (
            len(
                [
                    letter
                    for letter in json.loads(
                        system.run("dlq", "list", "--json", "--service", "payment").stdout
                    )
                    if letter["key"] in keys
                ]
            )
            >= 30
        )
    )


def test_a_service_that_never_ran_before_sees_all_that_was_posted(
    system: System, product: Callable[[int], str]
) -> None:
    # A group that does not exist yet begins at the beginning.
    before = system.rows("SELECT count(*) FROM analytics.order_facts")[0][0]
    system.stop("analytics")
    system.rows(
        "TRUNCATE analytics.order_facts, analytics.analytics_daily, analytics.analytics_hourly;"
        " SELECT 1"
    )
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": system.kafka.bootstrap})
    eventually(
        lambda: admin.delete_consumer_groups(["analytics"])["analytics"].exception() is None,
        what="the group of analytics is forgotten",
    )
    system.accepted(("PROD-001", 1))
    system.start("analytics")
    eventually(lambda: system.rows("SELECT count(*) FROM analytics.order_facts")[0][0] > before)


def test_every_message_of_every_topic_delivered_again_changes_nothing(
    system: System, wire: Wire
) -> None:
    orders = [system.accepted(("PROD-001", 1)) for _ in range(20)]
    system.settle()
    tables = [
        "gateway.orders",
        "payment.payments",
        "inventory.inventory",
        "inventory.reservations",
        "shipping.shipments",
        "analytics.analytics_daily",
    ]

    def state() -> list[list[Any]]:
        return [system.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables]

    before, seen = state(), 0
    for topic in ("shipping", "inventory", "payments", "orders"):
        for message in reversed(wire.read(topic)):
            if message.key() and message.key().decode() in orders:
                wire.send(topic, message.value(), message.key().decode(), headers=message.headers())
                seen += 1
    assert seen >= 8 * len(orders)
    last = system.accepted(("PROD-002", 1))
    system.ended(last)
    system.settle()
    after = state()
    for table, was, now in zip(tables, before, after, strict=True):
        known = {row[0] for row in was}
        if table == "inventory.inventory":
            was = [r for r in was if r[0] != "PROD-002"]
            now = [r for r in now if r[0] != "PROD-002"]
            known.discard("PROD-002")
        elif table == "analytics.analytics_daily":
            assert now[0].orders == was[0].orders + 1
            continue
        assert [row for row in now if row[0] in known] == was, table


def test_two_processes_of_every_service_share_the_work_and_repeat_nothing(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(100)
    system.start("gateway", "payment", "inventory", "shipping")
    orders = [system.accepted((shelf, 1)) for _ in range(150)]
    outcome = [system.ended(order)["status"] for order in orders]
    assert (outcome.count("completed"), outcome.count("failed")) == (100, 50)
    for name in ("gateway", "payment", "inventory", "shipping"):
        system.stop(name)
        system.start(name)
