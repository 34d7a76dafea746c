"""The live feed over its WebSocket: who listens hears everything once, and harms nobody."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from confluent_kafka import Consumer, Message
from websocket import (
    ABNF,
    WebSocket,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketException,
    create_connection,
)

from services.analytics import feed as feeds
from services.eventkit.settings import Settings
from tests.integration.conftest import Wire, envelope
from tests.system import System, eventually

HAPPY = {
    "ORDER_CREATED",
    "PAYMENT_PROCESSING",
    "INVENTORY_RESERVED",
    "PAYMENT_PROCESSED",
    "SHIPMENT_CREATED",
    "SHIPMENT_DISPATCHED",
    "INVENTORY_COMMITTED",
    "SHIPMENT_DELIVERED",
}


class Client:
    """A WebSocket client that has been greeted."""

    def __init__(self, system: System, last_event_id: str | None = None, path: str = "/ws") -> None:
        query = f"?lastEventId={last_event_id}" if last_event_id else ""
        self.ws, self.messages = connect(system, path + query), 0
        self.greeting = self.next()

    def next(self) -> dict[str, Any]:
        """The next message. Raises WebSocketConnectionClosedException where none comes any more."""
        text = self.ws.recv()
        self.messages += 1
        if not text:
            raise WebSocketConnectionClosedException("the server said farewell")
        message: dict[str, Any] = json.loads(text)
        return message

    def events(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The events that come, until there are enough of them; none may be missed."""
        found: list[dict[str, Any]] = []
        while not enough(found):
            message = self.next()
            assert message["type"] != "GAP", message
            if message["type"] == "EVENT":
                found.append(message["event"])
            elif message["type"] == "EVENTS":
                found += message["events"]
        return found

    def close(self) -> None:
        """Leave without a word."""
        leave(self.ws)


def leave(ws: WebSocket) -> None:
    """Close the connection without a word, as a closed laptop does."""
    ws.shutdown()  # type: ignore[no-untyped-call]


def connect(system: System, path: str = "/ws", **more: Any) -> WebSocket:
    """Open a WebSocket, without reading from it."""
    url = system.url("analytics", path).replace("http", "ws")
    return create_connection(url, timeout=60, **more)


@pytest.fixture
def client(system: System) -> Iterator[Client]:
    """A client that listens from now on."""
    with closing(Client(system)) as client:
        yield client


@pytest.fixture(autouse=True)
def _quiet(system: System) -> Iterator[None]:
    """Whatever a client does, no request of it ends in an error of ours."""
    log = system.root / "analytics.log"
    before = log.stat().st_size
    yield
    with log.open() as lines:
        lines.seek(before)
        assert [line for line in lines if "request failed" in line or "Traceback" in line] == []


def whole(*orders: str) -> Callable[[list[dict[str, Any]]], bool]:
    """Whether each of the orders has had all of its events."""
    return lambda events: all(
        {e["eventType"] for e in events if e["orderId"] == order} >= HAPPY for order in orders
    )


def some(events: list[dict[str, Any]]) -> bool:
    return bool(events)


def ids(events: list[dict[str, Any]]) -> list[str]:
    return [event["eventId"] for event in events]


# Listening.


@pytest.mark.parametrize("path", ["/ws", "/"])
def test_a_client_is_greeted_first(system: System, path: str) -> None:
    with closing(Client(system, path=path)) as client:
        assert client.greeting["type"] == "CONNECTED"


def test_every_event_of_an_order_is_heard_as_it_happens(system: System, client: Client) -> None:
    order = system.accepted(("PROD-001", 2))
    heard = [e for e in client.events(whole(order)) if e["orderId"] == order]
    assert len(heard) == len(HAPPY)
    eventually(lambda: len(system.event_types(order)) == len(HAPPY))
    stored = {e["id"]: e for e in system.get(f"/api/orders/{order}/events")["events"]}
    for event in heard:
        assert event.keys() >= {"eventType", "orderId", "timestamp", "source", "data"}
        same = stored[event["eventId"]]
        assert (event["eventType"], event["source"]) == (same["event_type"], same["service_name"])
        assert event["timestamp"] == same["created_at"]
        assert event["data"]["orderId"] == order
    created = next(e for e in heard if e["eventType"] == "ORDER_CREATED")
    assert created["data"]["total"] == "159.98"


def test_the_statistics_follow_the_events(system: System, client: Client) -> None:
    before = system.get("/api/analytics")["analytics"]["summary"]
    order = system.accepted(("PROD-001", 1))
    client.events(whole(order))
    while True:
        message = client.next()
        if message["type"] == "STATS_UPDATE":
            stats = message["stats"]
            if stats["completed_orders"] > before["completed_orders"]:
                break
    assert stats.keys() >= {"total_orders", "total_revenue", "pending_orders", "failed_orders"}
    assert stats == system.get("/api/analytics")["analytics"]["summary"]


def test_what_is_no_event_is_not_sent_on(system: System, client: Client, wire: Wire) -> None:
    wire.send("orders", b"junk", key="junk", headers=[("event-type", b"TEST_JUNK")])
    wire.send("orders", {"eventType": "TEST"}, key="junk", headers=[("event-type", b"TEST_JUNK")])
    order = system.accepted()
    assert {e["orderId"] for e in client.events(whole(order))} == {order}


def test_a_heartbeat_tells_whether_anything_can_come(system: System, client: Client) -> None:
    def beat() -> dict[str, Any]:
        while (message := client.next())["type"] != "HEARTBEAT":
            pass
        return message

    system.settle()
    eventually(lambda: beat() == {"type": "HEARTBEAT", "behindSeconds": 0, "fault": None})
    system.kafka.kill()
    try:
        eventually(lambda: beat()["fault"], what="the fault of Kafka is told")
    finally:
        system.kafka.start()
    eventually(lambda: beat()["fault"] is None, what="that it is gone is told")


# Coming back.


def test_a_client_that_comes_back_hears_exactly_what_it_missed(
    system: System, client: Client
) -> None:
    before = client.events(whole(system.accepted()))
    with closing(Client(system, before[3]["eventId"])) as early:
        assert ids(early.events(lambda e: len(e) == len(before) - 4)) == ids(before)[4:]

    orders = [system.accepted() for _ in range(5)]
    missed = client.events(whole(*orders))
    with closing(Client(system, before[-1]["eventId"])) as back:
        assert back.greeting["resumed"] is True
        assert back.greeting["missed"] == len(missed)
        then = system.accepted()
        heard = back.events(whole(then))
    assert ids(heard) == ids(missed) + ids(client.events(whole(then)))


def test_a_client_hears_what_it_missed_after_the_service_was_started_anew(
    system: System, client: Client
) -> None:
    before = client.events(whole(system.accepted()))
    system.stop("analytics")
    orders = [system.accepted() for _ in range(5)]
    eventually(lambda: all(len(system.event_types(order)) == len(HAPPY) for order in orders))
    system.launch("analytics")

    def back() -> Client | None:
        try:  # As soon as anybody listens, as browsers do.
            return Client(system, before[-1]["eventId"])
        except (OSError, WebSocketException):
            return None

    with closing(eventually(back)) as client:
        assert client.greeting["resumed"] is True
        again = client.events(whole(*orders))
    # The feed now is in the order of time: what came before the last event may lie after it.
    heard = [event for event in again if event["eventId"] not in ids(before)]
    assert len(ids(heard)) == len(set(ids(heard))) == len(orders) * len(HAPPY)
    for order in orders:
        own = [event["eventType"] for event in heard if event["orderId"] == order]
        assert own[0] == "ORDER_CREATED"
        assert own.index("SHIPMENT_DISPATCHED") < own.index("SHIPMENT_DELIVERED")
    system.wait_ready("analytics")


@pytest.mark.parametrize("last", [str(UUID(int=7)), "junk", "%00", "x" * 1000])
def test_a_client_whose_last_event_is_not_known_is_told_so_and_hears_what_comes(
    system: System, last: str
) -> None:
    with closing(Client(system, last)) as client:
        assert client.greeting["resumed"] is False
        order = system.accepted()
        assert {e["orderId"] for e in client.events(whole(order))} == {order}


def test_clients_are_sent_away_when_the_service_stops(system: System, client: Client) -> None:
    system.stop("analytics")
    with pytest.raises((WebSocketConnectionClosedException, ConnectionError)):
        while True:
            client.next()


# What was there before.


class SlowAtFirst(Consumer):
    """A consumer that Kafka lets wait for its first messages."""

    waits = 3

    def poll(self, timeout: float = -1) -> Message | None:
        """Nothing at first, and then what there is."""
        if self.waits:
            self.waits -= 1
            return None
        return super().poll(timeout)


def test_what_was_there_before_is_no_news_however_long_kafka_takes(
    system: System, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood(wire, 600, 20_000)
    flood(wire, 1, 10)
    monkeypatch.setattr(feeds, "Consumer", SlowAtFirst)
    feed = feeds.Feed(Settings(kafka_bootstrap_servers=wire.bootstrap))
    reader = threading.Thread(target=feed.run)
    reader.start()
    try:
        assert feed.filled.wait(60)
        position, newest = feed.end()
        assert position >= 500
        flood(wire, 1, 30)
        news, _, missed = feed.read(position, most=10, wait=60)
        assert missed == 0
        assert [json.loads(each.text() or "")["data"]["number"] for each in news] == [0]
        assert len(json.loads(news[0].text() or "")["data"]["text"]) == 36
        assert feed.after(newest or "") == position
    finally:
        feed.stop()
        reader.join()


# Several at a time.


def test_a_client_that_takes_several_at_a_time_hears_the_same_in_the_same_order(
    system: System, client: Client, wire: Wire
) -> None:
    with closing(Client(system, path="/ws?batch=true")) as other:
        flood(wire, 2_000, 300)
        flood(wire, 1, 20_000)  # more than goes into a message
        order = system.accepted()
        heard, same = client.events(whole(order)), other.events(whole(order))
        assert ids(same) == ids(heard)
        assert other.messages < len(same) / 5


# Being a nuisance.


def note(number: int, size: int) -> dict[str, Any]:
    """An event that no service heeds."""
    text = f"{number:06}" + "x" * size
    return envelope("TEST_NOTE", {"orderId": "notes", "number": number, "text": text})


def flood(wire: Wire, count: int, size: int) -> None:
    """Publish events that no service heeds, all of one key."""
    for number in range(count):
        value = json.dumps(note(number, size)).encode()
        headers: dict[str, str | bytes | None] = {
            "event-type": "TEST_NOTE",
            "event-id": str(uuid4()),
        }
        wire.producer.produce("orders", value, b"notes", headers=headers)
        wire.producer.poll(0)
    assert wire.producer.flush(60) == 0


def memory(system: System) -> int:
    """Bytes of memory that the processes of analytics hold."""
    (process,) = system.processes["analytics"]
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
        workers = children.read().split()
    total = 0
    for worker in workers:
        with open(f"/proc/{worker}/statm") as statm:
            total += int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def never_reads(system: System) -> WebSocket:
    """A client with little room that reads nothing."""
    return connect(system, sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),))


def test_a_client_that_never_reads_slows_nobody_down_and_costs_no_memory(
    system: System, wire: Wire
) -> None:
    with closing(Client(system)) as client:
        flood(wire, 10_000, 500)  # the ring is full from here on
        client.events(lambda events: len(events) == 10_000)
        stuck = [never_reads(system) for _ in range(5)]
        before = memory(system)
        flood(wire, 10_000, 500)
        heard = client.events(lambda events: len(events) == 10_000)
        assert [event["data"]["number"] for event in heard] == list(range(10_000))
        assert memory(system) - before < 50_000_000
        for each in stuck:
            leave(each)


def test_a_client_that_never_reads_loses_its_place(system: System, wire: Wire) -> None:
    system.stop("analytics")
    system.start("analytics", WEBSOCKET_CLIENTS="1", WEBSOCKET_PATIENCE="1")
    stuck = never_reads(system)
    # Large ones: the first that does not fit must not hold the server for good.
    flood(wire, 30, 500_000)

    def free() -> bool:
        try:
            Client(system).close()
        except WebSocketBadStatusException as full:
            assert full.status_code == 503
            return False
        return True

    eventually(free, 60)
    leave(stuck)
    system.stop("analytics")


def test_a_client_that_falls_behind_is_told_how_much_it_missed(system: System, wire: Wire) -> None:
    with closing(Client(system)) as slow:
        flood(wire, 25_000, 200)
        # The order's events must not fall out of the ring before the other client has them.
        eventually(lambda: system.lag("analytics") == 0, 60)
        with closing(Client(system)) as other:
            other.events(whole(system.accepted()))
        numbers, gaps = [-1], 0
        while numbers[-1] < 24_999:
            message = slow.next()
            if message["type"] == "GAP":
                gaps += message["missed"]
            elif message["type"] == "EVENT" and message["event"]["eventType"] == "TEST_NOTE":
                numbers.append(message["event"]["data"]["number"])
    assert numbers == sorted(set(numbers))
    assert len(numbers) - 1 + gaps >= 25_000


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(lambda ws: ws.send("junk"), id="text"),
        pytest.param(lambda ws: ws.send(b"\xff\x00" * 100, ABNF.OPCODE_BINARY), id="bytes"),
        pytest.param(lambda ws: ws.send("x" * 200_000), id="a big message"),
        pytest.param(lambda ws: [ws.send("x" * 100) for _ in range(5000)], id="many messages"),
        pytest.param(lambda ws: ws.sock.sendall(b"\xff" * 5000), id="bytes that are no frame"),
        pytest.param(lambda ws: ws.sock.sendall(b"GET / HTTP/1.1\r\n\r\n"), id="another request"),
        pytest.param(lambda ws: ws.ping("x"), id="a ping"),
        pytest.param(lambda ws: ws.send_close(), id="farewell"),
        pytest.param(leave, id="nothing more"),
    ],
)
def test_a_client_that_sends_anything_harms_nobody(
    system: System, client: Client, junk: Callable[[WebSocket], object]
) -> None:
    nuisance = connect(system)
    with suppress(OSError, WebSocketException):  # It may be cut off in the middle.
        junk(nuisance)
    order = system.accepted()
    heard = client.events(whole(order))
    assert {e["orderId"] for e in heard} == {order}
    leave(nuisance)


def test_a_client_that_leaves_while_much_happens_harms_nobody(
    system: System, client: Client, wire: Wire
) -> None:
    others = [connect(system) for _ in range(10)]
    flood(wire, 500, 100)
    for other in others:
        leave(other)
    flood(wire, 500, 100)
    assert len(client.events(lambda events: len(events) == 1000)) == 1000


def test_clients_stay_while_the_database_is_away(
    system: System, client: Client, wire: Wire
) -> None:
    system.postgres.stop()
    try:
        eventually(lambda: not system.http.get(system.url("analytics", "/api/stats")).ok)
        with closing(Client(system)) as late:  # It is due its statistics, which cannot be had.
            for _ in range(3):
                flood(wire, 1, 10)
                for each in (client, late):
                    assert each.events(some)[0]["eventType"] == "TEST_NOTE"
    finally:
        system.postgres.start()
        for name in system.processes:
            system.wait_ready(name)
    client.events(whole(system.accepted()))


def test_more_clients_than_places_are_turned_away_until_one_leaves(system: System) -> None:
    system.stop("analytics")
    system.start("analytics", WEBSOCKET_CLIENTS="2")
    first, second = Client(system), Client(system)
    with pytest.raises(WebSocketBadStatusException) as refused:
        Client(system)
    assert refused.value.status_code == 503
    headers = refused.value.resp_headers or {}
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["retry-after"]) > 0
    body = json.loads(refused.value.resp_body or b"")
    assert "2 clients follow the feed already; try again later" in body["detail"]
    assert system.http.get(system.url("analytics", "/api/stats")).status_code == 200

    first.close()

    def third() -> Client | None:
        try:
            return Client(system)
        except WebSocketBadStatusException:
            return None

    with closing(eventually(third)) as client:
        order = system.accepted()
        client.events(whole(order))
        second.events(whole(order))
    second.close()
    system.stop("analytics")


HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/stats", HANDSHAKE),
        ("/api/analytics", HANDSHAKE),
        ("/nowhere", HANDSHAKE),
        ("/ws", {}),
        ("/", {}),
        ("/ws", HANDSHAKE | {"Sec-WebSocket-Version": "7"}),
        ("/ws", {"Upgrade": "websocket", "Connection": "Upgrade"}),
        ("/ws", {"Upgrade": "h2c", "Connection": "Upgrade"}),
    ],
)
def test_a_request_that_is_no_websocket_takes_no_place_and_is_answered(
    system: System, path: str, headers: dict[str, str]
) -> None:
    for _ in range(60):  # more than there are places
        with socket.create_connection(("127.0.0.1", system.ports["analytics"]), 10) as raw:
            lines = [f"GET {path} HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in headers.items())]
            raw.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = raw.recv(4096)
        assert answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")), answer

    def heard() -> bool:
        with closing(Client(system)) as client:
            return bool(client.greeting["type"] == "CONNECTED")

    eventually(heard)


def test_a_post_to_the_feed_is_refused(system: System) -> None:
    answer = requests.post(system.url("analytics", "/ws"), timeout=10)
    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_server_pings_a_silent_client(system: System) -> None:
    system.stop("analytics")
    system.start("analytics", WEBSOCKET_PING="1")
    with closing(Client(system)) as client:
        while True:
            opcode, _ = client.ws.recv_data(control_frame=True)
            if opcode == ABNF.OPCODE_PING:
                break
    system.stop("analytics")


def test_of_the_events_of_an_order_none_overtakes_another_of_its_topic(
    system: System, client: Client
) -> None:
    orders = [system.accepted() for _ in range(20)]
    heard = client.events(whole(*orders))

    def place(event: dict[str, Any]) -> tuple[str, str]:
        return event["orderId"], event["topic"]

    for _, events in groupby(sorted(heard, key=place), place):
        offsets = [event["offset"] for event in events]
        assert offsets == sorted(offsets)
