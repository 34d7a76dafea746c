"""The replay engine: whatever happens to it, the target holds each event once and in order."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    NewPartitions,
)
from sqlalchemy import Engine, create_engine, make_url

from services import registry
from services.eventkit.event import Envelope
from services.eventkit.migrations import migrate
from services.eventkit.settings import Settings
from services.events import LANGUAGE
from services.orderreplay.checkpoint import Checkpoint, Follower, ShardPhase, read
from services.replay.engine import Stopped, Task, run
from services.replay.message import event_id
from services.replay.target import Refused
from services.replay.verify import verify
from tests.bench.history import fill
from tests.integration.conftest import Wire
from tests.system import System, eventually

ORDERS = 20_000
NOW = datetime.now(UTC)
BEGIN = NOW - timedelta(days=20)


class History:
    """A database of its own with a stored history, and replays of it."""

    def __init__(self, system: System) -> None:
        self.system = system
        admin = create_engine(
            make_url(system.postgres.url).set(username="postgres", database="postgres"),
            isolation_level="AUTOCOMMIT",
        )
        with admin.connect() as db:
            db.exec_driver_sql("CREATE DATABASE history OWNER orderflow")
        admin.dispose()
        url = make_url(system.postgres.url).set(database="history")
        self.settings = Settings(
            kafka_bootstrap_servers=system.kafka.bootstrap,
            database_url=url.render_as_string(hide_password=False),
        )
        self.owner: Engine = create_engine(url, pool_pre_ping=True)
        with self.owner.begin() as db:
            migrate(db, registry.load("gateway"), self.settings)
        fill(self.owner, ORDERS, BEGIN, NOW - timedelta(hours=1), whole=True)

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """The rows of a query over the gateway's tables."""
        with self.owner.begin() as db:
            db.exec_driver_sql("SET LOCAL search_path = gateway")
            return list(db.exec_driver_sql(sql, values).all())

    def task(self, spec: dict[str, Any], shard: int = 0, id: UUID | None = None) -> Task:
        """A replay of the last 30 days to a topic of its own, unless ``spec`` says otherwise."""
        id = id or uuid4()
        if "from" not in spec:
            spec = {"days": 30} | spec
        return Task(id, {"topic": f"target-{id.hex[:8]}"} | spec, NOW, "test", shard)

    def replay(self, spec: dict[str, Any], stopping: threading.Event | None = None) -> Checkpoint:
        """Replay in this process to the end."""
        return run(self.task(spec), self.settings, stopping or threading.Event())

    def launch(self, task: Task) -> subprocess.Popen[str]:
        """Replay a shard in a process, as a Job's pod does."""
        return subprocess.Popen(
            [Path(sys.executable).parent / "orderflow", "replay", "run"],
            env={
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka_bootstrap_servers,
                "DATABASE_URL": self.settings.database_url,
                "REPLAY_ID": str(task.replay_id),
                "REPLAY_SPEC": json.dumps(task.spec),
                "REPLAY_REQUESTED_AT": task.requested_at.isoformat(),
                "JOB_COMPLETION_INDEX": str(task.shard),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def checkpoints(self, task: Task) -> list[Checkpoint]:
        """What is committed of a replay."""
        return read(self.settings, str(task.replay_id))

    def replayed(self, task: Task) -> int:
        """How many events are committed of a replay."""
        return sum(c.replayed for c in self.checkpoints(task))

    def holds_once_and_in_order(self, task: Task) -> None:
        """Assert that report, history and target agree."""
        found = self.checkpoints(task)
        assert [c.phase for c in found] == [ShardPhase.COMPLETE] * found[0].shards
        verdict = verify(self.settings, found)
        assert verdict.faults == []
        assert verdict.target.events == sum(c.plan.events for c in found)


@pytest.fixture(scope="module")
def history(backends: System) -> Iterator[History]:
    """20,000 orders with all their events, over twenty days."""
    history = History(backends)
    yield history
    history.owner.dispose()


@pytest.fixture
def target(backends: System) -> Callable[[Task], list[dict[str, Any]]]:
    """The values on a replay's target, partition by partition."""

    def values(task: Task) -> list[dict[str, Any]]:
        messages = Wire(backends).read(task.spec["topic"])
        return [json.loads(m.value()) for m in messages]

    return values


def exists(system: System, topic: str) -> bool:
    admin = AdminClient({"bootstrap.servers": system.kafka.bootstrap})
    return topic in admin.list_topics(timeout=10).topics


# What is replayed.


def test_an_event_is_replayed_as_it_was_and_says_that_it_is_a_replay(
    history: History, backends: System
) -> None:
    task = history.task({})
    done = run(task, history.settings, threading.Event())
    assert (done.replayed, done.plan.events, done.plan.filtered) == (ORDERS, ORDERS, 0)
    history.holds_once_and_in_order(task)
    message = Wire(backends).read(task.spec["topic"])[0]
    value, headers = json.loads(message.value()), dict(message.headers())
    replay = value["replay"]
    (row,) = history.rows(
        "SELECT e.*, o.correlation_id FROM order_events e JOIN orders o ON o.id = e.order_id"
        " WHERE e.id = %(id)s::uuid",
        id=replay["originalEventId"],
    )
    assert value["payload"] == row.payload | {"isReplay": True}
    assert value["isReplay"] is True
    assert headers["is-replay"] == b"true"
    assert message.key().decode() == str(row.order_id) == value["payload"]["orderId"]
    assert value["metadata"]["source"] == row.service_name
    assert value["metadata"]["correlationId"] == str(row.correlation_id)
    assert datetime.fromisoformat(value["timestamp"]) == row.created_at
    assert datetime.fromisoformat(replay["originalTimestamp"]) == row.created_at
    assert replay["originalTopic"] == "orders"
    assert replay["id"] == str(task.replay_id) == headers["replay-id"].decode()
    assert value["eventId"] == event_id(task.replay_id, NOW, str(row.id))
    assert headers["event-id"].decode() == value["eventId"]
    assert UUID(value["eventId"]).version == 7
    # Kafka keeps it from now on, however old it is.
    assert message.timestamp()[1] > NOW.timestamp() * 1000
    Envelope.model_validate_json(message.value())
    LANGUAGE.payloads[value["eventType"]].model_validate(value["payload"])


def test_two_replays_of_the_same_differ_in_their_ids_and_agree_in_their_checksum(
    history: History, target: Callable[[Task], list[dict[str, Any]]]
) -> None:
    day = {"from": BEGIN.isoformat(), "to": (BEGIN + timedelta(days=1)).isoformat()}
    tasks = [history.task(day) for _ in range(2)]
    one, two = [run(task, history.settings, threading.Event()) for task in tasks]
    assert one.checksum == two.checksum != "0" * 32
    ids = [{value["eventId"] for value in target(task)} for task in tasks]
    assert len(ids[0]) == len(ids[1]) == one.replayed
    assert not ids[0] & ids[1]


def test_a_replay_that_is_complete_replays_nothing_more(history: History) -> None:
    task = history.task({"from": (NOW - timedelta(days=1)).isoformat()})
    done = run(task, history.settings, threading.Event())
    again = run(task, history.settings, threading.Event())
    assert again == done
    history.holds_once_and_in_order(task)


EXPECTED = [
    ({"eventTypes": ["PAYMENT_PROCESSED", "INVENTORY_FAILED"]}, "true"),
    (
        {"filter": {"customerIds": ["CUST-0007", "CUST-0008"]}},
        "customer_id IN ('CUST-0007', 'CUST-0008')",
    ),
    ({"filter": {"productIds": ["PROD-004"]}}, "items::text LIKE '%%PROD-004%%'"),
    ({"filter": {"statuses": ["failed"]}}, "status = 'failed'"),
    ({"filter": {"minTotal": "100.00", "maxTotal": "194.97"}}, "total BETWEEN 100 AND 194.97"),
    (
        {"filter": {"statuses": ["completed"], "productIds": ["PROD-004"], "maxTotal": 200}},
        "status = 'completed' AND items::text LIKE '%%PROD-004%%' AND total <= 200",
    ),
]


@pytest.mark.parametrize(("spec", "condition"), EXPECTED, ids=lambda v: str(v)[:60])
def test_a_filter_lets_by_what_it_says_and_counts_the_rest(
    history: History, spec: dict[str, Any], condition: str
) -> None:
    shards, id = 3, uuid4()
    spec = spec | {"parallelism": shards}
    tasks = [history.task(spec, shard, id) for shard in range(shards)]
    found = [run(task, history.settings, threading.Event()) for task in tasks]
    types = spec.get("eventTypes", ["ORDER_CREATED"])
    (expected,) = history.rows(
        f"SELECT count(*) FILTER (WHERE {condition}), count(*) FROM order_events e"
        " JOIN orders o ON o.id = order_id WHERE event_type = ANY(%(types)s)",
        types=types,
    )
    assert sum(c.replayed for c in found) == expected[0] > 0
    assert sum(c.plan.filtered for c in found) == expected[1] - expected[0]
    assert {t for c in found for t in c.by_type} == set(types)
    for each in found:
        assert each.by_type == each.plan.by_type
        assert each.by_day == each.plan.by_day
    history.holds_once_and_in_order(tasks[0])


def test_the_events_of_an_order_keep_their_order_across_types(
    history: History, target: Callable[[Task], list[dict[str, Any]]]
) -> None:
    task = history.task(
        {
            "from": (NOW - timedelta(hours=3)).isoformat(),
            "eventTypes": sorted(LANGUAGE.topics),
            "partitions": 3,
        }
    )
    run(task, history.settings, threading.Event())
    lives: dict[str, list[dict[str, Any]]] = {}
    for value in target(task):
        lives.setdefault(value["payload"]["orderId"], []).append(value)
    assert len(lives) > 50
    for life in lives.values():
        assert all(a["timestamp"] < b["timestamp"] for a, b in pairwise(life))
        assert life[0]["eventType"] == "ORDER_CREATED"
    history.holds_once_and_in_order(task)


def test_a_window_includes_its_begin_and_not_its_end(history: History) -> None:
    times = [r[0] for r in history.rows("SELECT created_at FROM orders ORDER BY 1 LIMIT 5")]
    task = history.task({"from": times[1].isoformat(), "to": times[4].isoformat()})
    done = run(task, history.settings, threading.Event())
    assert (done.plan.first_time, done.plan.last_time) == (times[1], times[3])
    assert done.replayed == 3


# At a snapshot.


def test_what_is_recorded_after_the_snapshot_does_not_shift_the_replay(history: History) -> None:
    task = history.task({"eventsPerSecond": 4000})
    process = history.launch(task)
    eventually(lambda: history.replayed(task), what="it has begun")
    fill(history.owner, 500, BEGIN, NOW - timedelta(minutes=30))  # behind it and before it
    # And an order whose status changes: at the snapshot it was completed.
    assert process.wait(60) == 0, process.communicate()
    history.holds_once_and_in_order(task)
    assert history.replayed(task) < history.replay({}).replayed
    history.rows(
        "WITH gone AS (DELETE FROM order_events WHERE recorded_at > (SELECT"
        " percentile_disc(0.5) WITHIN GROUP (ORDER BY recorded_at) FROM order_events)"
        " AND order_id NOT IN (SELECT order_id FROM order_events WHERE event_type !="
        " 'ORDER_CREATED') RETURNING order_id)"
        " DELETE FROM orders WHERE id IN (SELECT order_id FROM gone) RETURNING 1"
    )
    assert history.replay({}).replayed == ORDERS


def test_a_snapshot_waits_for_whoever_is_writing_an_earlier_event(history: History) -> None:
    order = str(uuid4())
    with history.owner.connect() as slow:
        slow.exec_driver_sql("SET search_path = gateway")
        slow.exec_driver_sql(
            "INSERT INTO orders (id, customer_id, customer_email, items, total, correlation_id,"
            " created_at, updated_at) VALUES (%(id)s, 'SLOW', 'x@example.com', '[]', 1,"
            " gen_random_uuid(), now(), now())",
            {"id": order},
        )
        slow.exec_driver_sql(
            "INSERT INTO order_events (id, order_id, event_type, payload, service_name, created_at)"
            " VALUES (gen_random_uuid(), %(id)s, 'ORDER_CREATED', '{}', 'gateway',"
            " %(at)s)",
            {"id": order, "at": NOW - timedelta(minutes=1)},
        )
        task = history.task({"filter": {"customerIds": ["SLOW"]}})
        process = history.launch(task)
        assert process.stderr
        next(line for line in process.stderr if "waiting for 1 that still write" in line)
        slow.commit()
    assert process.wait(30) == 0
    assert history.replayed(task) == 1
    history.rows("DELETE FROM order_events WHERE order_id = %(id)s RETURNING 1", id=order)
    history.rows("DELETE FROM orders WHERE id = %(id)s RETURNING 1", id=order)


# Whatever happens to it.


def test_a_replay_killed_again_and_again_holds_each_event_once_and_in_order(
    history: History,
) -> None:
    shards, id = 2, uuid4()
    spec = {"parallelism": shards, "eventsPerSecond": 6000}
    for shard in range(shards):
        task, killed = history.task(spec, shard, id), 0
        while True:
            process = history.launch(task)
            before = history.replayed(task)
            if killed < 5:
                assert process.stdout
                for line in process.stdout:  # one a commit; between two the transaction is open
                    if int(line.split()[1]) > 0 and history.replayed(task) > before:
                        break
                process.kill()
                process.wait()
                killed += process.returncode == -signal.SIGKILL
                if process.returncode != -signal.SIGKILL:
                    break
            else:
                assert process.wait(60) == 0, process.communicate()
                break
        assert killed >= 1
    history.holds_once_and_in_order(history.task(spec, 0, id))


def test_a_second_process_of_a_shard_fences_the_first(history: History) -> None:
    task = history.task({"eventsPerSecond": 3000})
    first = history.launch(task)
    eventually(lambda: history.replayed(task), what="it has begun")
    second = history.launch(task)
    said = first.communicate(timeout=30)[1]
    assert (first.returncode, "taken over" in said) == (75, True), said
    assert second.wait(60) == 0
    history.holds_once_and_in_order(task)


def test_a_replay_that_is_stopped_goes_on_where_it_was_at_another_pace(history: History) -> None:
    task = history.task({"eventsPerSecond": 500})
    process = history.launch(task)
    eventually(lambda: history.replayed(task), what="it has begun")
    process.terminate()
    assert process.wait(10) == 143
    (stopped,) = history.checkpoints(task)
    assert stopped.phase == ShardPhase.STOPPED
    assert 0 < stopped.replayed < ORDERS
    faster = Task(task.replay_id, task.spec | {"eventsPerSecond": 100_000}, NOW)
    run(faster, history.settings, threading.Event())
    history.holds_once_and_in_order(task)


def test_a_replay_in_the_middle_of_a_long_pause_stops_at_once(history: History) -> None:
    stopping = threading.Event()
    seen: list[int] = []

    def progress(checkpoint: Checkpoint) -> None:
        if checkpoint.replayed:  # committed, as the next is due in minutes
            seen.append(checkpoint.replayed)
            stopping.set()

    task = history.task({"speed": 0.1})
    with pytest.raises(Stopped):
        run(task, history.settings, stopping, progress)
    assert seen[0] == 1


def test_a_replay_outlives_restarts_of_kafka_and_postgresql(
    history: History, backends: System
) -> None:
    task = history.task({"eventsPerSecond": 2500})
    process = history.launch(task)
    for backend in (backends.kafka, backends.postgres):
        before = history.replayed(task) if exists(backends, task.spec["topic"]) else 0
        eventually(lambda before=before: history.replayed(task) > before)  # type: ignore[misc]
        backend.stop()
        backend.start()
    assert process.wait(90) == 0, process.communicate()
    history.holds_once_and_in_order(task)


def test_whoever_follows_the_checkpoints_says_that_kafka_is_gone_and_back(
    history: History,
) -> None:
    kafka, follower = history.system.kafka, Follower(history.settings)
    assert kafka.process
    follower.start()
    try:
        eventually(lambda: follower.ready.is_set() and not follower.fault, what="all is read")
        kafka.process.send_signal(signal.SIGSTOP)
        eventually(lambda: follower.fault, what="it says so")
        kafka.process.send_signal(signal.SIGCONT)
        eventually(lambda: not follower.fault, what="it says that all is well")
        done = history.replay({"filter": {"customerIds": ["CUST-0007"]}})
        eventually(lambda: follower.of(done.replay_id)[:1] == [done], what="it follows")
    finally:
        follower.stop()
        follower.join()


def test_a_replay_sees_its_checkpoint_behind_the_open_transaction_of_another(
    history: History,
) -> None:
    task = history.task({"eventsPerSecond": 5000})
    process = history.launch(task)
    eventually(lambda: history.replayed(task), what="it has begun")
    stranger = Producer(
        history.settings.kafka(
            transactional_id=f"stranger-{uuid4()}", transaction_timeout_ms=10_000
        )
    )
    stranger.init_transactions(10)
    stranger.begin_transaction()
    for number in range(100):  # on every partition, for as long as its time is not out
        stranger.produce("replay-checkpoints", b"{}", f"stranger/{number}")
    assert stranger.flush(10) == 0
    assert process.stdout
    for line in process.stdout:
        if int(line.split()[1]) > 10_000:
            break
    process.kill()
    process.wait()
    again = history.launch(task)
    assert again.wait(60) == 0, again.communicate()
    history.holds_once_and_in_order(task)


def test_events_that_do_not_fit_the_target_end_the_replay_with_the_reason(
    history: History, backends: System
) -> None:
    topic = backends.new_topic(1, **{"max.message.bytes": "300"})
    task = history.task({"topic": topic})
    with pytest.raises(Refused, match=f"for {topic}: .*too large"):
        run(task, history.settings, threading.Event())
    (checkpoint,) = history.checkpoints(task)
    assert (checkpoint.phase, checkpoint.replayed) == (ShardPhase.REFUSED, 0)


@pytest.mark.parametrize("change", ["deleted", "repartitioned"])
def test_a_target_that_changed_while_the_replay_stood_still_is_refused(
    history: History, backends: System, change: str
) -> None:
    task = history.task({"eventsPerSecond": 1000})
    process = history.launch(task)
    eventually(lambda: history.replayed(task), what="it has begun")
    process.terminate()
    assert process.wait(10) == 143
    admin, topic = AdminClient({"bootstrap.servers": backends.kafka.bootstrap}), task.spec["topic"]
    if change == "deleted":
        admin.delete_topics([topic])[topic].result(10)
        eventually(lambda: not exists(backends, topic))
    else:
        admin.create_partitions([NewPartitions(topic, 12)])[topic].result(10)
    with pytest.raises(Refused, match=r"was deleted|12 partitions now and had 6"):
        run(task, history.settings, threading.Event())


@pytest.mark.parametrize("stuck", ["planning", "kafka"])
def test_a_replay_stops_soon_whatever_it_waits_for(
    history: History, backends: System, stuck: str
) -> None:
    task = history.task({"eventsPerSecond": 2000})
    with history.owner.connect() as lock:
        if stuck == "planning":
            lock.exec_driver_sql("LOCK gateway.orders IN ACCESS EXCLUSIVE MODE")
        process = history.launch(task)
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'orders'::regclass"
        if stuck == "planning":
            eventually(lambda: history.rows(waiting), what="the plan waits for the lock")
        else:
            eventually(lambda: history.replayed(task), what="it has begun")
            assert backends.kafka.process
            backends.kafka.process.send_signal(signal.SIGSTOP)
        process.terminate()
        try:
            assert process.wait(5) == 143
        finally:
            if stuck == "kafka" and backends.kafka.process:
                backends.kafka.process.send_signal(signal.SIGCONT)
    again = history.launch(Task(task.replay_id, task.spec | {"eventsPerSecond": 100_000}, NOW))
    assert again.wait(60) == 0, again.communicate()
    history.holds_once_and_in_order(task)


# Without harm.


def test_a_dry_run_counts_and_writes_nothing(history: History, backends: System) -> None:
    task = history.task({"dryRun": True, "filter": {"statuses": ["completed"]}})
    done = run(task, history.settings, threading.Event())
    plan = done.plan
    assert done.phase == ShardPhase.COMPLETE
    assert done.replayed == 0
    assert (plan.events, plan.filtered, plan.orders) == (18_000, 2_000, 18_000)
    assert plan.bytes is not None
    assert plan.bytes > 18_000 * 500
    assert sum(plan.by_day.values()) == sum(plan.by_type.values()) == 18_000
    assert plan.target == {"exists": False, "partitions": 6}
    assert any("history begins at" in warning for warning in plan.warnings)
    assert not exists(backends, task.spec["topic"])


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"topic": "orders"}, "live topic"),
        ({"topic": "payments"}, "live topic"),
        ({"topic": "dead-letters"}, "system's own"),
        ({"topic": "replay-checkpoints"}, "system's own"),
        ({"topic": "__consumer_offsets"}, "system's own"),
        ({"topic": "orders.retry.5s"}, "retry or dead-letter"),
        ({"topic": "x" * 300}, "1 to 249"),
        ({"days": -1}, "greater than or equal to 1"),
        ({"from": "2999-01-01T00:00:00Z"}, "future"),
        ({"surprise": 1}, "surprise"),
        ({"speed": 0}, "greater than or equal to 0.001"),
        ({"parallelism": 2, "shard": 2}, "no shard 2"),
    ],
    ids=str,
)
def test_what_can_never_be_replayed_is_refused_for_good_and_nothing_is_made(
    history: History, backends: System, spec: dict[str, Any], reason: str
) -> None:
    shard = spec.get("shard", 0)
    task = history.task({k: v for k, v in spec.items() if k != "shard"}, shard)
    for _ in range(2):  # and stays refused
        with pytest.raises(Refused, match=reason):
            run(task, history.settings, threading.Event())
    (checkpoint,) = history.checkpoints(task)
    assert (checkpoint.phase, checkpoint.replayed) == (ShardPhase.REFUSED, 0)
    assert reason in checkpoint.message
    made = str(task.spec["topic"]).startswith("target-") and exists(backends, task.spec["topic"])
    assert not made


def test_a_compacted_target_is_refused(history: History, backends: System) -> None:
    topic = backends.new_topic(1, **{"cleanup.policy": "compact"})
    with pytest.raises(Refused, match="is compacted"):
        history.replay({"topic": topic})


def test_a_name_that_kafka_takes_for_another_is_refused(history: History) -> None:
    day = {"from": (NOW - timedelta(days=1)).isoformat()}
    history.replay(day | {"topic": "scores.one"})
    with pytest.raises(Refused, match=r"scores\.one for one name"):
        history.replay(day | {"topic": "scores_one"})


def test_a_replay_begun_with_one_selection_is_not_continued_with_another(history: History) -> None:
    task = history.task({"from": (NOW - timedelta(days=1)).isoformat()})
    run(task, history.settings, threading.Event())
    stopped = history.task({"eventsPerSecond": 100})
    process = history.launch(stopped)
    eventually(lambda: history.replayed(stopped))
    process.terminate()
    process.wait(10)
    other = Task(stopped.replay_id, stopped.spec | {"eventTypes": ["ORDER_CANCELLED"]}, NOW)
    with pytest.raises(Refused, match="another eventTypes"):
        run(other, history.settings, threading.Event())


def test_the_role_that_reads_the_history_can_do_nothing_else(history: History) -> None:
    engine = create_engine(history.settings.database("history"))
    for sql in (
        "DELETE FROM gateway.order_events",
        "UPDATE gateway.orders SET total = 0",
        "SELECT 1 FROM gateway.outbox",
        "SELECT 1 FROM gateway.idempotency_keys",
        "CREATE TABLE gateway.mine (n int)",
    ):
        with engine.connect() as db, pytest.raises(Exception, match="permission denied"):
            db.exec_driver_sql(sql)
    engine.dispose()


# The verdict.


@pytest.mark.parametrize(
    "tampering", ["a copy", "a stranger", "junk", "another payload", "nothing"]
)
def test_a_verification_sees_what_is_wrong_with_a_target(
    history: History, backends: System, tampering: str
) -> None:
    task = history.task({"from": (NOW - timedelta(hours=5)).isoformat()})
    done = run(task, history.settings, threading.Event())
    message = Wire(backends).read(task.spec["topic"])[0]
    producer = Producer({"bootstrap.servers": backends.kafka.bootstrap})
    value = message.value()
    if tampering == "a stranger":
        original = json.loads(value)["replay"]["originalEventId"]
        value = value.replace(original.encode(), str(uuid4()).encode())
    if tampering == "junk":
        value = b"x"
    if tampering == "a change":
        value = value.replace(b'"orderId"', b'"order"')
    if tampering != "nothing":
        producer.produce(task.spec["topic"], value, message.key(), headers=message.headers())
    assert producer.flush(10) == 0
    verdict = verify(history.settings, [done])
    assert bool(verdict.faults) == (tampering != "nothing"), verdict.faults
    said = subprocess.run(
        [Path(sys.executable).parent / "orderflow", "replay", "verify", str(task.replay_id)],
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": history.settings.kafka_bootstrap_servers,
            "DATABASE_URL": history.settings.database_url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == (tampering != "nothing"), said
    assert ("all agree" in said.stdout) == (tampering == "nothing")
