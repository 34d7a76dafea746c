"""Topics, groups, messages and dead letters through the gateway, on a real Kafka."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from services import registry
from services.eventkit.problems import Problem
from services.eventkit.settings import Settings
from services.gateway import messages
from services.gateway.deadletters import LetterQuery, Letters, RedriveRequest
from services.gateway.kafka import BROWSES, Bounds, Kafka
from tests.integration.conftest import Wire
from tests.system import System, eventually, free_port

MANY = 20_000
BEGIN = 1_700_000_000_000  # the time of the first of many messages, in milliseconds


@pytest.fixture
def new_topic(system: System) -> Iterator[Callable[..., str]]:
    """Makes topics of its own for a test, which are gone after it."""
    made: list[str] = []

    def make(partitions: int = 1, **config: str) -> str:
        made.append(system.new_topic(partitions, **config))
        return made[-1]

    yield make
    admin = AdminClient({"bootstrap.servers": system.kafka.bootstrap})
    for future in (admin.delete_topics(made) if made else {}).values():
        future.result(10)


def producer(system: System, **more: Any) -> Producer:
    """A producer of a stranger, which keeps the order of what it sends."""
    config = {"bootstrap.servers": system.kafka.bootstrap, "enable.idempotence": True}
    return Producer(config | {"log_level": 2} | more)


@pytest.fixture(scope="module")
def many(running: System) -> str:
    """A topic of 20,000 messages in four partitions, a millisecond apart in turn."""
    name = running.new_topic(4)
    sender = producer(running)
    for number in range(MANY):
        sender.produce(
            name,
            json.dumps({"eventType": "ODD" if number % 2 else "EVEN", "number": number}),
            f"key-{number % 100}",
            partition=number % 4,
            timestamp=BEGIN + number,
            headers={"hundred": str(number // 100)} if number % 100 == 0 else None,
        )
        sender.poll(0)
    assert sender.flush(60) == 0
    return name


def page(system: System, topic: str, **parameters: Any) -> dict[str, Any]:
    """A page of messages."""
    answer: dict[str, Any] = system.get(f"/api/topics/{topic}/messages", params=parameters)
    assert answer["success"], answer
    return answer


def search(system: System, topic: str, **parameters: Any) -> tuple[list[dict[str, Any]], list[int]]:
    """All messages that match, page by page, and how many each page scanned."""
    found: list[dict[str, Any]] = []
    scanned: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = page(system, topic, **parameters, **cursor)
        found += answer["messages"]
        scanned.append(answer["scanned"])
        if answer["cursor"] is None:
            return found, scanned
        cursor = {"cursor": answer["cursor"]}


def numbers(found: list[dict[str, Any]]) -> list[int]:
    """What the messages of ``many`` say."""
    return [message["value"]["number"] for message in found]


def test_the_topics_are_listed_with_what_they_are_for(system: System, many: str) -> None:
    system.ended(system.accepted(("PROD-001", 1)))
    topics = {topic["name"]: topic for topic in system.get("/api/topics")["topics"]}
    kinds = {name: topic["kind"] for name, topic in topics.items()}
    for name in ("orders", "payments", "inventory", "shipping"):
        assert kinds[name] == "live"
        assert topics[name]["messages"] > 0
        assert topics[name]["approximateBytes"] > 300 * topics[name]["messages"]
        assert topics[name]["retentionMs"] == 7 * 86_400_000
    assert kinds["dead-letters"] == "dead-letters"
    assert kinds["orders-replay"] == "replay"
    assert kinds["replay-checkpoints"] == "checkpoints"
    assert (topics["replay-checkpoints"]["cleanupPolicy"]) == "compact"
    assert topics["replay-checkpoints"]["retentionMs"] is None
    assert not [name for name in topics if name.startswith("__")]
    assert (kinds[many], topics[many]["messages"]) == ("other", MANY)
    assert topics[many]["partitionCount"] == 4
    with_internal = system.get("/api/topics?internal=true")["topics"]
    assert "internal" in {t["kind"] for t in with_internal if t["name"] == "__consumer_offsets"}


def test_a_topic_that_a_replay_wrote_to_is_known_by_its_messages(
    system: System, wire: Wire, new_topic: Callable[..., str]
) -> None:
    topic = new_topic()
    assert system.get(f"/api/topics/{topic}")["topic"]["kind"] == "other"
    assert system.get(f"/api/topics/{topic}")["topic"]["approximateBytes"] == 0
    wire.send(topic, {}, "k", headers={"is-replay": "true"})
    assert system.get(f"/api/topics/{topic}")["topic"]["kind"] == "replay"


def test_the_size_of_a_topic_is_not_decided_by_its_newest_messages(
    system: System, new_topic: Callable[..., str]
) -> None:
    topic = new_topic()
    sender = producer(system)
    for number in range(300):
        sender.produce(topic, b"x" * (100 if number < 280 else 10_000))
    assert sender.flush(20) == 0
    # In truth 228 kB, of which the newest messages would make 3 MB.
    assert system.get(f"/api/topics/{topic}")["topic"]["approximateBytes"] < 1_100_000
    for _ in range(280):
        sender.produce(topic, b"x" * 10_000)
    assert sender.flush(20) == 0
    size = system.get(f"/api/topics/{topic}")["topic"]["approximateBytes"]
    assert 1_500_000 < size < 4_500_000  # in truth 3 MB


def test_a_topic_shows_who_reads_it_and_how_far_behind_they_are(
    system: System, new_topic: Callable[..., str]
) -> None:
    topic, group = new_topic(2), f"test-{uuid4().hex[:8]}"
    sender = producer(system)
    for number in range(10):
        sender.produce(topic, b"x", partition=number % 2)
    assert sender.flush(10) == 0
    consumer = Consumer({"bootstrap.servers": system.kafka.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, 2)], asynchronous=False)
    consumer.close()

    found = system.get(f"/api/topics/{topic}")["topic"]
    place = {"low": 0, "high": 5, "leader": 1, "replicas": [1], "inSync": [1]}
    assert found["partitions"] == [{"partition": 0} | place, {"partition": 1} | place]
    assert found["groups"] == [
        {
            "group": group,
            "state": "empty",
            "members": 0,
            "lag": 8,
            "partitions": [
                {"partition": 0, "committed": 2, "lag": 3},
                {"partition": 1, "committed": None, "lag": 5},
            ],
        }
    ]
    listed = {each["group"]: each for each in system.get("/api/groups")["groups"]}
    assert (listed[group]["topics"], listed[group]["lag"]) == ([topic], 8)
    assert listed["payment"]["state"] == "stable"
    assert listed["payment"]["topics"] == ["inventory", "orders", "shipping"]
    assert listed["payment"]["members"] == 1

    def lags() -> dict[str, int]:
        return {each["group"]: each["lag"] for each in system.get("/api/groups")["groups"]}

    eventually(lambda: lags()["payment"] == system.lag("payment") == 0)


def test_looking_leaves_no_group_behind(system: System, many: str) -> None:
    page(system, many, text="nowhere")
    system.get("/api/topics")
    system.get("/api/dead-letters")
    groups = {each["group"] for each in system.get("/api/groups")["groups"]}
    assert "orderflow-browse" not in groups


def test_newest_first_is_newest_over_all_partitions(system: System, many: str) -> None:
    first = page(system, many, limit=7)
    assert numbers(first["messages"]) == list(range(MANY - 1, MANY - 8, -1))
    assert first["scanned"] == 7
    second = page(system, many, limit=200, cursor=first["cursor"])
    assert numbers(second["messages"]) == list(range(MANY - 8, MANY - 208, -1))


def test_newest_first_where_one_partition_has_all_that_is_new(
    system: System, new_topic: Callable[..., str]
) -> None:
    topic, sender = new_topic(3), producer(system)
    for number in range(300):  # the newest hundred are in the last partition
        sender.produce(
            topic, json.dumps({"number": number}), partition=number // 100, timestamp=BEGIN + number
        )
    assert sender.flush(10) == 0
    assert numbers(page(system, topic, limit=150)["messages"]) == list(range(299, 149, -1))
    found, _ = search(system, topic, limit=33)
    assert numbers(found) == list(range(299, -1, -1))


def test_a_browse_by_offset_goes_on_from_there(system: System, many: str) -> None:
    found = page(system, many, **{"from": "offset:4990", "partition": 2, "limit": 3})
    assert [m["offset"] for m in found["messages"]] == [4990, 4991, 4992]
    more = page(system, many, **{"from": "offset:4990", "partition": 2, "cursor": found["cursor"]})
    assert [m["offset"] for m in more["messages"]] == list(range(4993, 5000))
    assert more["cursor"] is None
    beyond = page(system, many, **{"from": "offset:999999", "partition": 2})
    assert (beyond["messages"], beyond["cursor"]) == ([], None)


def test_a_browse_by_time_begins_there_in_every_partition(system: System, many: str) -> None:
    since = datetime.fromtimestamp(BEGIN / 1000, UTC) + timedelta(milliseconds=12_345)
    text = since.isoformat().replace("+00:00", "Z")
    found = page(system, many, **{"from": text, "limit": 50})
    assert numbers(found["messages"]) == list(range(12_345, 12_395))
    assert found["messages"][0]["timestamp"] == text[:23] + "Z"
    assert found["messages"][0]["timestampType"] == "create"
    assert page(system, many, **{"from": "2999-01-01T00:00:00Z"})["messages"] == []
    assert numbers(
        page(system, many, **{"from": "1960-01-01T00:00:00Z", "limit": 1})["messages"]
    ) == [0]


def test_oldest_first_reads_the_whole_topic_in_the_order_of_time_by_its_cursor(
    system: System, many: str
) -> None:
    found, _ = search(system, many, **{"from": "oldest", "limit": 200, "type": "ODD"})
    assert numbers(found) == list(range(1, MANY, 2))


@pytest.mark.parametrize("begin", ["newest", "oldest"])
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"key": "key-42"}, range(42, MANY, 100)),
        ({"header": "hundred"}, range(0, MANY, 100)),
        ({"header": "hundred=17"}, [1700]),
        ({"text": '"NUMBER": 1234}'}, [1234]),
        ({"text": "nowhere to be found"}, []),
        ({"type": "ODD", "text": 'number": 7777}'}, [7777]),
        ({"type": "odd"}, []),
        ({"key": "key-0", "partition": 1}, []),
    ],
)
def test_a_search_goes_on_to_the_end_and_never_beyond_its_bounds(
    system: System, many: str, begin: str, filters: dict[str, str], expected: Any
) -> None:
    found, scanned = search(system, many, **filters, **{"from": begin})
    expected = sorted(expected, reverse=begin == "newest")
    assert numbers(found) == expected
    assert sum(scanned) == (MANY // 4 if "partition" in filters else MANY)
    assert max(scanned) <= 5000
    assert len(scanned) >= sum(scanned) / 5000


def test_a_browse_stops_after_five_megabytes(system: System, new_topic: Callable[..., str]) -> None:
    topic, sender = new_topic(2, **{"max.message.bytes": "2000000"}), producer(system)
    for number in range(60):
        sender.produce(topic, b"%d " % number + b"x" * 500_000, partition=number % 2)
    assert sender.flush(30) == 0
    _, scanned = search(system, topic, text="nowhere")
    assert sum(scanned) == 60
    assert max(scanned) <= 30  # the first window is read before the size is known
    found = page(system, topic, limit=1)["messages"][0]
    assert (found["truncated"], found["encoding"], found["value"]) == (True, "utf-8", None)
    assert (len(found["text"]), found["size"] > 500_000) == (64 * 1024, True)


def test_a_key_of_an_order_is_looked_for_in_its_partition_only(system: System) -> None:
    orders = [system.accepted(("PROD-001", 1)) for _ in range(8)]
    for order in orders:
        system.ended(order)
        found = page(system, "orders", key=order)
        assert len(found["partitions"]) == 1
        assert [m["eventType"] for m in found["messages"]] == ["ORDER_CREATED"]
        assert found["messages"][0]["partition"] == found["partitions"][0]
        assert found["messages"][0]["value"]["payload"]["orderId"] == order
    assert len({page(system, "orders", key=order)["partitions"][0] for order in orders}) > 1


def test_what_was_aborted_is_not_shown_and_marks_cost_no_message(
    system: System, new_topic: Callable[..., str]
) -> None:
    topic = new_topic(1)
    sender = producer(system, **{"transactional.id": topic})
    sender.init_transactions(10)
    for number in range(30):  # each transaction takes an offset for its mark, too
        sender.begin_transaction()
        for part in range(5):
            sender.produce(topic, json.dumps({"number": number * 5 + part}))
        assert sender.flush(10) == 0
        if number % 3:
            sender.commit_transaction(10)
        else:
            sender.abort_transaction(10)
    committed = [n for n in range(150) if n // 5 % 3]
    for begin, expected in (("newest", committed[::-1]), ("oldest", committed)):
        for limit in (3, 200):
            found, scanned = search(system, topic, limit=limit, **{"from": begin})
            assert numbers(found) == expected
            assert sum(scanned) == 100
    sender.begin_transaction()
    sender.produce(topic, json.dumps({"number": 999}))
    assert sender.flush(10) == 0
    assert numbers(page(system, topic, limit=1)["messages"]) == [committed[-1]]  # it is open yet
    sender.commit_transaction(10)
    assert numbers(page(system, topic, limit=1)["messages"]) == [999]


def test_a_browse_ends_where_a_transaction_is_open(
    system: System, new_topic: Callable[..., str]
) -> None:
    topic = new_topic(1)
    sender = producer(system, **{"transactional.id": topic})
    sender.init_transactions(10)
    for first, last in ((0, 100), (100, 400)):
        sender.begin_transaction()
        for number in range(first, last):
            sender.produce(topic, json.dumps({"number": number}))
        assert sender.flush(10) == 0
        if first == 0:
            sender.commit_transaction(10)
    for begin in ("newest", "oldest"):
        found, _ = search(system, topic, limit=200, **{"from": begin})
        assert sorted(numbers(found)) == list(range(100))
    topics = {each["name"]: each for each in system.get("/api/topics")["topics"]}
    assert (topics[topic]["messages"], topics[topic]["approximateBytes"] > 0) == (401, True)
    sender.commit_transaction(10)
    assert numbers(search(system, topic, **{"from": "oldest"})[0]) == list(range(400))


def test_a_topic_of_nothing_but_what_was_aborted_is_empty(
    system: System, new_topic: Callable[..., str]
) -> None:
    topic = new_topic(1)
    sender = producer(system, **{"transactional.id": topic})
    sender.init_transactions(10)
    for _ in range(20):
        sender.begin_transaction()
        sender.produce(topic, b"x")
        assert sender.flush(10) == 0  # else it would never be sent
        sender.abort_transaction(10)
    assert search(system, topic) == ([], [0])
    assert system.get(f"/api/topics/{topic}")["topic"]["approximateBytes"] is None


def test_values_of_any_kind_are_shown(system: System, new_topic: Callable[..., str]) -> None:
    topic, sender = new_topic(1), producer(system)
    values: list[tuple[bytes | None, tuple[Any, Any, Any]]] = [
        (b'{"a": [1, null]}', ({"a": [1, None]}, None, "json")),
        (b"null", (None, None, "json")),
        (b"plain \xc3\xa9", (None, "plain \u00e9", "utf-8")),
        (b"", (None, "", "utf-8")),
        (b'{"half": "\\ud800"}', (None, '{"half": "\\ud800"}', "utf-8")),
        (b"[" * 5000, (None, "[" * 5000, "utf-8")),
        (b"\xff\x00\x01", (None, base64.b64encode(b"\xff\x00\x01").decode(), "base64")),
        (b"a\x00b", (None, base64.b64encode(b"a\x00b").decode(), "base64")),
        (None, (None, None, None)),
    ]
    for value, _ in values:
        sender.produce(topic, value)
    assert sender.flush(10) == 0
    found = page(system, topic, **{"from": "oldest"})["messages"]
    assert [(m["value"], m["text"], m["encoding"]) for m in found] == [e for _, e in values]
    exact = b'{"price": 1.10, "big": 123456789012345678901234567890}'
    sender.produce(topic, exact)
    assert sender.flush(10) == 0
    raw = system.http.get(system.url("gateway", f"/api/topics/{topic}/messages?limit=1"))
    assert exact in raw.content


def test_keys_and_headers_of_any_bytes_are_shown(
    system: System, new_topic: Callable[..., str]
) -> None:
    topic = new_topic(1, **{"message.timestamp.after.max.ms": str(2**63 - 1)})
    sender = producer(system)
    sender.produce(
        topic,
        json.dumps({"eventId": "E", "isReplay": True}),
        b"\xfe\xff",
        headers=[("a", b"1"), ("a", b"2"), ("empty", None), ("bin", b"\xff")],
        timestamp=10**17,
    )
    sender.produce(topic, b"1", "text", headers={"event-type": "T", "event-id": "H"})
    assert sender.flush(10) == 0
    binary, text = page(system, topic, **{"from": "offset:0", "partition": 0})["messages"]
    assert (binary["key"], binary["keyEncoding"]) == ("/v8=", "base64")
    assert binary["headers"] == {"a": "1, 2", "empty": "", "bin": "\ufffd"}
    assert (binary["eventId"], binary["eventType"], binary["isReplay"]) == ("E", None, True)
    assert binary["timestamp"] is None
    assert (text["key"], text["eventType"], text["eventId"]) == ("text", "T", "H")
    assert (text["value"], text["isReplay"]) == (1, False)


def refused(system: System, path: str, status: int, code: str, **parameters: Any) -> dict[str, Any]:
    """What a request that is refused is told."""
    answer = system.http.get(system.url("gateway", path), params=parameters, timeout=10)
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["type"].rpartition(":")[2]) == (status, code), problem
    return problem


def test_bad_requests_say_what_to_write(system: System, many: str) -> None:
    for path in ("/api/topics/nowhere", "/api/topics/nowhere/messages", "/api/topics/a%00b"):
        told = refused(system, path, 404, "topic-not-found")
        assert "GET /api/topics lists them" in told["detail"]
    known = AdminClient({"bootstrap.servers": system.kafka.bootstrap}).list_topics(timeout=5).topics
    assert "nowhere" not in known  # nor was it made by asking
    path = f"/api/topics/{many}/messages"
    for begin in ("", "first", "offset:", "offset:-1", "2026-11-22", "2026-11-22T17:00:00", "17"):
        told = refused(system, path, 400, "invalid-request", **{"from": begin})
        assert "newest, oldest, offset:N" in told["detail"]
    told = refused(system, path, 400, "invalid-request", **{"from": "offset:3"})
    assert told["detail"].startswith("partition: Send it")
    told = refused(system, path, 400, "invalid-request", partition=4)
    assert "it has 0 to 3" in told["detail"]
    for bad in ({"limit": 0}, {"limit": 201}, {"limit": "ten"}, {"partition": -1}, {"key": ""}):
        refused(system, path, 400, "invalid-request", **bad)
    for bad in ({"type": ""}, {"header": ""}, {"text": ""}, {"text": "x" * 201}, {"colour": "red"}):
        refused(system, path, 400, "invalid-request", **bad)
    cursor = page(system, many, limit=1)["cursor"]
    for other in ({"from": "oldest"}, {"text": "x"}, {"partition": 0}):
        refused(system, path, 400, "invalid-cursor", cursor=cursor, **other)
    for junk in ("junk", "", "é", base64.b64encode(b"x:1,2").decode()):
        refused(system, path, 400, "invalid-cursor", cursor=junk)
    refused(system, "/api/topics/orders/messages", 400, "invalid-cursor", cursor=cursor)
    refused(system, "/api/topics", 400, "invalid-request", internal="perhaps")


def test_more_browses_than_may_be_at_a_time_are_told_to_come_again(
    system: System, many: str
) -> None:
    kafka = Kafka(Settings(kafka_bootstrap_servers=system.kafka.bootstrap))
    turns = [kafka.reader() for _ in range(BROWSES)]
    for turn in turns:
        turn.__enter__()
    with pytest.raises(Problem) as caught:
        messages.browse(kafka, many, messages.MessageQuery())
    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
    turns[0].__exit__(None, None, None)
    assert messages.browse(kafka, many, messages.MessageQuery())["messages"]
    for turn in turns[1:]:
        turn.__exit__(None, None, None)


def letters(system: System, **parameters: Any) -> dict[str, Any]:
    """A page of the dead letters."""
    answer: dict[str, Any] = system.get("/api/dead-letters", params=parameters)
    assert answer["success"], answer
    return answer


def redrive(system: System, **body: Any) -> requests.Response:
    """Ask for a redrive."""
    return system.post("/api/dead-letters/redrive", body)


def poisoned(system: System, count: int) -> tuple[str, list[int]]:
    """Junk on a live topic; its key, and the numbers of payment's letters about it."""
    key = system.poison(count)
    found = letters(system, text=key, service="payment", limit=200)["deadLetters"]
    return key, sorted(letter["number"] for letter in found)


def test_dead_letters_are_listed_with_what_they_died_of(system: System) -> None:
    key, ours = poisoned(system, 3)
    found = letters(system, text=key, service="payment")
    assert (found["total"], found["complete"], found["cursor"]) == (3, True, None)
    newest = found["deadLetters"][0]
    assert newest["number"] == ours[-1]
    assert (newest["service"], newest["topic"], newest["key"]) == ("payment", "orders", key)
    assert (newest["text"], newest["encoding"]) == ("junk 2", "utf-8")
    assert isinstance(newest["partition"], int)
    assert isinstance(newest["offset"], int)
    assert newest["error"] == "InvalidMessage"
    assert (newest["redriven"], newest["obstacle"]) == ([], None)
    assert [(c["error"], c["count"], c["open"]) for c in found["byCause"]] == [
        ("InvalidMessage", 3, 3)
    ]
    assert found["byOrigin"] == [
        {"service": "payment", "topic": "orders", "count": 3, "redrivable": 3}
    ]
    at_origin = page(
        system, "orders", **{"from": f"offset:{newest['offset']}", "partition": newest["partition"]}
    )
    assert at_origin["messages"][0]["text"] == "junk 2"

    numbers_: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = letters(system, text=key, limit=5, **cursor)
        numbers_ += [letter["number"] for letter in answer["deadLetters"]]
        assert answer["total"] == 12
        if answer["cursor"] is None:
            break
        cursor = {"cursor": answer["cursor"]}
    assert numbers_ == sorted(set(numbers_), reverse=True)
    assert len(numbers_) == 12
    for nothing in ({"topic": "payments"}, {"error": "KeyError"}, {"redriven": True}):
        assert letters(system, text=key, **nothing)["total"] == 0
    assert letters(system, text=key, redriven=False, topic="orders")["total"] == 12
    [one] = letters(system, number=ours[1])["deadLetters"]
    assert one["text"] == "junk 1"
    assert letters(system, number=ours[1], error="KeyError")["total"] == 0


def test_one_letter_and_then_a_selection_are_redriven_once(system: System) -> None:
    key, ours = poisoned(system, 3)
    answer = redrive(system, numbers=[ours[0]], by="Ada")
    assert answer.json() == {
        "success": True,
        "redriven": [ours[0]],
        "skipped": [],
        "remaining": 0,
    }
    # It is junk still, so payment, and nobody else, writes a new letter.
    eventually(lambda: letters(system, text=key)["total"] == 13)
    [done] = letters(system, text=key, redriven=True)["deadLetters"]
    assert (done["number"], done["redriven"][0]["by"]) == (ours[0], "Ada")
    assert letters(system, text=key, service="payment")["total"] == 4

    refused = redrive(system, numbers=ours)
    assert (refused.status_code, refused.json()["numbers"]) == (409, [ours[0]])
    assert letters(system, text=key, redriven=True)["total"] == 1
    assert redrive(system, numbers=ours[::-1], again=True).json()["redriven"] == ours
    again = letters(system, text=key, redriven=True)["deadLetters"]
    assert [(le["number"], len(le["redriven"])) for le in again][::-1] == [
        (ours[0], 2),
        (ours[1], 1),
        (ours[2], 1),
    ]
    assert again[0]["redriven"][0]["by"] == "dashboard"
    eventually(lambda: letters(system, text=key, service="payment")["total"] == 7)


def test_all_that_match_are_redriven_step_by_step_from_the_oldest_on(system: System) -> None:
    key, ours = poisoned(system, 3)
    matching = {"text": key, "service": "payment"}
    first = redrive(system, filter=matching, limit=2).json()
    assert (first["redriven"], first["remaining"]) == (ours[:2], 1)
    eventually(lambda: letters(system, **matching)["total"] == 5)
    [origin] = letters(system, **matching)["byOrigin"]
    assert (origin["count"], origin["redrivable"]) == (5, 3)


def test_all_that_match_are_redriven_and_take_effect(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(10)
    system.rows(
        "ALTER TABLE inventory.reservations ADD CONSTRAINT broken"
        f" CHECK (position('{shelf}' in items::text) = 0) NOT VALID; SELECT 1"
    )
    try:
        orders = [system.accepted((shelf, 1)) for _ in range(3)]
        eventually(
            lambda: (
                sum(letters(system, text=order, service="inventory")["total"] for order in orders)
                >= 3
            ),
            what="inventory gave up on the orders",
        )
    finally:
        system.rows("ALTER TABLE inventory.reservations DROP CONSTRAINT broken; SELECT 1")
    first = redrive(system, filter={"service": "inventory", "text": orders[0]}).json()
    assert len(first["redriven"]) == 1
    assert system.ended(orders[0])["status"] == "completed"
    rest = redrive(
        system, filter={"service": "inventory", "topic": "orders", "error": "IntegrityError"}
    )
    assert len(rest.json()["redriven"]) == 2, rest.text
    for order in orders:
        assert system.ended(order)["status"] == "completed"
    assert (
        redrive(system, filter={"service": "inventory", "error": "IntegrityError"}).json()[
            "redriven"
        ]
        == []
    )
    assert system.stock(shelf)["quantity"] == 7


def test_what_cannot_be_redriven_is_refused_by_number_and_left_out_of_all(
    system: System, wire: Wire
) -> None:
    key, ours = poisoned(system, 1)
    wire.send("dead-letters", b"hello", key)
    [stranger] = [le for le in letters(system, text=key)["deadLetters"] if not le["service"]]
    assert "not written by a service of ours" in stranger["obstacle"]
    assert (stranger["topic"], stranger["offset"]) == (None, None)
    forged = {"dlq-service": "payment", "dlq-topic": "__consumer_offsets"}
    wire.send("dead-letters", b"hello", f"forged-{key}", headers=forged)
    [astray] = letters(system, topic="__consumer_offsets", text=key)["deadLetters"]
    assert "no service of ours reads" in astray["obstacle"]
    assert redrive(system, numbers=[astray["number"]]).status_code == 409
    refused = redrive(system, numbers=[ours[0], stranger["number"]])
    assert (refused.status_code, refused.json()["numbers"]) == (409, [stranger["number"]])
    assert letters(system, text=key, redriven=True)["total"] == 0
    matching = redrive(system, filter={"text": key}).json()
    assert len(matching["redriven"]) == 4
    assert matching["skipped"] == [stranger["number"], astray["number"]]


def test_bad_redrives_are_refused_and_redrive_nothing(system: System) -> None:
    key, ours = poisoned(system, 1)
    unknown = redrive(system, numbers=[*ours, 123_456_789])
    assert unknown.status_code == 404
    assert unknown.json()["numbers"] == [123_456_789]
    assert "There is no dead letter 123456789" in unknown.json()["detail"]
    bodies: tuple[dict[str, Any], ...] = (
        {},
        {"numbers": ours, "filter": {"text": key}},
        {"numbers": []},
        {"numbers": [-1]},
        {"numbers": [1.5]},
        {"numbers": list(range(1001))},
        {"numbers": None},
        {"numbers": ours, "all": True},
        {"numbers": ours, "limit": 1},
        {"filter": {"text": key}, "limit": 0},
        {"filter": {"text": key}, "limit": 1001},
        {"numbers": ours, "colour": "red"},
        {"numbers": ours, "by": ""},
        {"filter": {}},
        {"filter": {}, "all": False},
        {"filter": {"text": None}},
        {"filter": {"colour": "red"}},
        {"filter": {"text": key}, "again": True},
    )
    for body in bodies:
        answer = redrive(system, **body)
        assert (answer.status_code, answer.json()["title"]) == (400, "Invalid request"), body
    assert letters(system, text=key, redriven=True)["total"] == 0
    for bad in ({"limit": 0}, {"limit": 201}, {"redriven": "perhaps"}, {"number": -1}, {"a": 1}):
        refused(system, "/api/dead-letters", 400, "invalid-request", **bad)
    refused(system, "/api/dead-letters", 400, "invalid-cursor", cursor="junk")


def test_letters_in_the_newest_part_of_the_topic_know_that_they_were_redriven(
    system: System, wire: Wire
) -> None:
    key, ours = poisoned(system, 2)
    wire.send("dead-letters", b"", key, headers={"dlq-redrives": "1"})
    assert redrive(system, numbers=ours).status_code == 200
    listed = json.loads(system.run("dlq", "list", "--all", "--json").stdout)
    by_command = {letter["number"]: bool(letter["redriven"]) for letter in listed}
    for letter in letters(system, text=key, limit=200)["deadLetters"]:
        assert by_command[letter["number"]] == bool(letter["redriven"])


def test_letters_with_many_redrives_after_them_know_that_they_were_redriven(
    system: System, wire: Wire, new_topic: Callable[..., str]
) -> None:
    topic, count = new_topic(), 300
    origin = {"dlq-service": "tester", "dlq-topic": topic}
    for number in range(count):
        wire.send("dead-letters", str(number).encode(), topic, headers=origin)
    eventually(lambda: letters(system, topic=topic)["total"] == count)
    for left in (200, 100, 0):
        answer = redrive(system, filter={"topic": topic}, limit=100).json()
        assert (len(answer["redriven"]), answer["remaining"]) == (100, left)
        assert letters(system, topic=topic, redriven=False)["total"] == left
    found, _ = search(system, topic, **{"from": "oldest"}, limit=200)
    assert [message["value"] for message in found] == list(range(count))


def test_messages_without_a_value_are_read_like_any_other(
    system: System, new_topic: Callable[..., str]
) -> None:
    topic, sender = new_topic(1), producer(system)
    for number in range(100):
        sender.produce(topic, None if number % 2 else b"", str(number))
    assert sender.flush(10) == 0
    for begin in ("newest", "oldest"):
        found, _ = search(system, topic, **{"from": begin}, limit=30)
        assert sorted(int(message["key"]) for message in found) == list(range(100))


def test_only_the_newest_of_very_many_dead_letters_are_looked_at(system: System) -> None:
    poisoned(system, 3)
    settings = Settings(kafka_bootstrap_servers=system.kafka.bootstrap)
    few = Letters(settings, Kafka(settings), Bounds(messages=5))
    page_ = few.page(LetterQuery())
    assert (page_["total"], page_["complete"]) == (5, False)
    with pytest.raises(Problem) as caught:
        few.redrive(RedriveRequest(numbers=[0]))
    assert caught.value.more == {"numbers": [0]}
    assert "`orderflow dlq` knows older ones too" in caught.value.detail


def test_without_kafka_it_is_said_that_it_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    client = registry.load("gateway").create_app().test_client()
    for answer in (
        client.get("/api/topics"),
        client.post("/api/dead-letters/redrive", json={"numbers": [1]}),
    ):
        problem = answer.get_json()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert problem["type"] == "urn:orderflow:problem:kafka-unavailable"
        assert "Kafka does not answer" in problem["detail"]
