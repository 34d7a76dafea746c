"""The engine: one shard of a replay, from the stored history to the target, exactly once.

Each transaction of Kafka holds events and the checkpoint that counts them. Whoever starts the
shard again, after any crash, goes on where the last committed transaction ended.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, Producer
from pydantic import ValidationError
from sqlalchemy import Connection

from services.eventkit.database import connect, is_transient
from services.eventkit.event import explain
from services.eventkit.log import brief
from services.eventkit.settings import Settings
from services.orderreplay.checkpoint import (
    CONFIG,
    PARTITIONS,
    Checkpoint,
    Plan,
    ShardPhase,
    make_topic,
    read,
)
from services.orderreplay.spec import CHECKPOINTS, ReplaySpec
from services.replay.message import encoder
from services.replay.pace import pace
from services.replay.source import Selection, snapshot
from services.replay.target import RETENTION, Refused, look

log = logging.getLogger(__name__)

COMMIT_SECONDS = 1.0
PATIENCE = 300.0  # seconds for which a backend that is away is asked again
ABORTS = 20  # in a row, of transactions
# What no further try can help: the topic is gone or may not be written, a message does not fit.
HOPELESS = (
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.POLICY_VIOLATION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
)


class Fenced(Exception):
    """Another process has taken this shard over."""


class Stopped(Exception):
    """The shard was told to stop, and what it had sent is committed."""


class _Aborted(Exception):
    """The transaction is void; go on from the last committed one."""


@dataclass(frozen=True)
class Task:
    """Which shard of which replay. ``spec`` is as it was given, not yet checked."""

    replay_id: UUID
    spec: dict[str, Any]
    requested_at: datetime
    name: str = ""
    shard: int = 0


Progress = Callable[[Checkpoint], None]
Answer = TypeVar("Answer")


def run(
    task: Task,
    settings: Settings,
    stopping: threading.Event,
    progress: Progress = lambda _: None,
) -> Checkpoint:
    """Replay a shard to its end and return its last checkpoint.

    ``progress`` is called after each commit. Raises Refused for what no further try can help,
    Fenced, Stopped once ``stopping`` is set, and KafkaException or DBAPIError where a backend
    stays away.
    """
    return _Shard(task, settings, stopping, progress).run()


def selection_of(checkpoint: Checkpoint) -> Selection:
    """What a shard that has its plan replays, anybody may read it again."""
    spec = ReplaySpec.model_validate(checkpoint.spec)
    c = checkpoint
    assert c.from_ is not None  # noqa: S101 - a plan has them
    assert c.to is not None  # noqa: S101
    assert c.snapshot_at is not None  # noqa: S101
    return Selection(spec, c.from_, c.to, c.snapshot_at, c.shard, c.shards)


def _checked(task: Task) -> ReplaySpec:
    try:
        spec = ReplaySpec.model_validate(task.spec)
    except ValidationError as error:
        raise Refused(explain(error)) from None
    if task.shard >= spec.parallelism:
        raise Refused(f"There is no shard {task.shard}: parallelism is {spec.parallelism}")
    return spec


class _Shard:
    def __init__(
        self, task: Task, settings: Settings, stopping: threading.Event, progress: Progress
    ) -> None:
        self._task, self._settings = task, settings
        self._stopping, self._progress = stopping, progress
        self._spec: ReplaySpec
        self._producer: Producer
        self._source: Source
        self._shared: datetime | None = None
        self._committed = Checkpoint(
            replay_id=str(task.replay_id),
            name=task.name,
            shard=task.shard,
            spec=task.spec,
            topic=str(task.spec.get("topic", "")),
            requested_at=task.requested_at,
        )
        self._began: float | None = None  # to send
        self._fault: KafkaError | None = None  # why something was not delivered
        self._aborts = 0  # since the last commit
        self._active_before = 0.0

    def run(self) -> Checkpoint:
        self._take_over()
        try:
            if self._committed.phase == ShardPhase.REFUSED:
                raise Refused(self._committed.message)
            if self._committed.phase != ShardPhase.COMPLETE:
                if self._stopping.is_set():  # it was started to stop whoever was at it
                    self._record(phase=ShardPhase.STOPPED)
                    raise Stopped
                self._replay()
        except Refused as refused:
            with contextlib.suppress(KafkaException):  # it may be Kafka that refuses
                self._record(phase=ShardPhase.REFUSED, message=str(refused), rate=0.0)
            raise
        return self._committed

    def _record(self, **changes: Any) -> None:
        """Commit a checkpoint by itself."""
        while True:
            with contextlib.suppress(_Aborted):
                self._commit(self._committed.model_copy(update=changes))
                return
            self._recover()

    def _recover(self) -> None:
        """After a transaction was given up: see what is committed, and wait a little."""
        self._aborts += 1
        if self._aborts > ABORTS:
            raise KafkaException(self._fault or KafkaError(KafkaError._TIMED_OUT))
        if self._stopping.wait(min(0.1 * 2**self._aborts, 5.0)):
            raise Stopped
        self._look_back()

    # --- taking over

    def _take_over(self) -> None:
        """Fence whoever is at the same shard, and find out where it has come to."""
        own = self._committed
        self._patiently(
            lambda: make_topic(self._settings, CHECKPOINTS, partitions=PARTITIONS, config=CONFIG)
        )
        self._producer = Producer(
            self._settings.kafka(
                transactional_id=f"orderflow-replay-{own.replay_id}-{own.shard}",
                transaction_timeout_ms=20_000,
                linger_ms=20,
                batch_size=256 * 1024,
                batch_num_messages=10_000,
                queue_buffering_max_kbytes=16 * 1024,
                compression_type="lz4",
                message_max_bytes=2_000_000,
                delivery_report_only_error=True,
            )
            | {"on_delivery": self._undelivered}
        )
        # From here on the other can commit nothing, so what is read now stays true.
        self._until_done(lambda: self._producer.init_transactions(10))
        self._look_back()

    def _look_back(self) -> None:
        for checkpoint in self._patiently(self._read):
            if checkpoint.shard == self._task.shard:
                self._committed = checkpoint
        if self._began is None:
            self._active_before = self._committed.active_seconds

    def _read(self) -> list[Checkpoint]:
        return read(self._settings, self._committed.replay_id)

    def _undelivered(self, error: KafkaError | None, _: object) -> None:
        if error is not None and error.code() != KafkaError._PURGE_QUEUE:
            self._fault = self._fault or error

    def _patiently(self, step: Callable[[], Answer]) -> Answer:
        """Ask Kafka until it answers. Raises KafkaException where it stays away."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return step()
            except KafkaException as error:
                log.warning("Kafka does not answer, trying again: %s", brief(error))
                if time.monotonic() > until:
                    raise
                if self._stopping.wait(1):
                    raise Stopped from None

    def _replay(self) -> None:
        self._spec = _checked(self._task)
        if self._committed.snapshot_at:
            self._same_selection()
            self._same_target()
        self._source = Source(self._settings)
        if not self._committed.snapshot_at:
            self._plan()
        if self._spec.dry_run:
            return
        while True:
            with contextlib.suppress(_Aborted):
                self._send()
                return
            self._recover()

    def _same_selection(self) -> None:
        # As this version reads it: of an older one, new fields have their defaults.
        then = ReplaySpec.model_validate(self._committed.spec).selection()
        now = self._spec.selection()
        names = sorted(then.keys() | now.keys())
        if changed := [name for name in names if then.get(name) != now.get(name)]:
            raise Refused(
                f"The replay was begun with another {changed[0]}; make a new replay for that"
            )

    def _same_target(self) -> None:
        state, _ = self._patiently(lambda: look(self._settings, self._spec))
        topic, planned = self._spec.topic, self._committed.plan.target.get("partitions")
        if not state["exists"]:
            raise Refused(f"{topic} was deleted since the replay began; make a new replay")
        if state["partitions"] != planned:
            raise Refused(
                f"{topic} has {state['partitions']} partitions now and had {planned}, so the events"
                " of an order would lie on two; make a new replay"
            )

    # --- planning

    def _plan(self) -> None:
        spec, task = self._spec, self._task
        try:
            since, to = spec.window(task.requested_at)
        except ValueError as error:
            raise Refused(str(error)) from None
        state, warnings = self._patiently(lambda: look(self._settings, spec))
        self._shared = self._first_snapshot()
        at, plan, oldest = self._source.ask(lambda db: self._count(db, since, to), self._stopping)
        if oldest is None or oldest > since:
            begins = f"begins at {oldest:%Y-%m-%dT%H:%M:%SZ}" if oldest else "holds none of these"
            warnings.append(f"The stored history {begins}; what came before is not there")
        if not plan.events:
            warnings.append("Nothing matches")
        plan = plan.model_copy(update={"target": state, "warnings": warnings})
        if not spec.dry_run and make_topic(
            self._settings, spec.topic, partitions=spec.partitions, config=RETENTION
        ):
            log.info("topic made", extra={"topic": spec.topic})
        now = datetime.now(UTC)
        self._record(
            spec=spec.as_json(),
            shards=spec.parallelism,
            topic=spec.topic,
            phase=ShardPhase.COMPLETE if spec.dry_run else ShardPhase.RUNNING,
            snapshot_at=at,
            from_=since,
            to=to,
            plan=plan,
            started_at=now,
            completed_at=now if spec.dry_run else None,
        )

    def _first_snapshot(self) -> datetime | None:
        """The snapshot of the first shard, which all use; None for the first itself."""
        while self._task.shard:
            for first in self._patiently(self._read):
                if first.shard == 0 and first.phase == ShardPhase.REFUSED:
                    raise Refused(first.message)
                if first.shard == 0 and first.snapshot_at:
                    return first.snapshot_at
            if self._stopping.wait(1):
                raise Stopped
        return None

    def _count(
        self, db: Connection, since: datetime, to: datetime
    ) -> tuple[datetime, Plan, datetime | None]:
        at = self._shared or snapshot(db, self._stopping.wait)
        if at is None:
            raise Stopped
        selection = Selection(self._spec, since, to, at, self._task.shard, self._spec.parallelism)
        with db.begin():
            return at, selection.plan(db, sizes=self._spec.dry_run), selection.oldest(db)

    # --- sending

    def _send(self) -> None:
        """Send what is left, from the last commit on. Raises _Aborted to be called again."""
        done = self._committed
        self._began = self._began or time.monotonic()
        selection = selection_of(done)
        reader = _Reader(self._source, selection, done.cursor)
        reader.start()
        try:
            self._pump(reader)
        finally:
            reader.stopping.set()

    def _pump(self, reader: "_Reader") -> None:
        encode = encoder(self._task.replay_id, self._task.requested_at, self._task.shard)
        waiter, topic, produce = pace(self._spec), self._spec.topic, self._producer.produce
        batch = _Batch(self._committed)
        commit_at = time.monotonic() + COMMIT_SECONDS
        while True:
            rows = self._next_page(reader, batch)
            if not rows:
                break
            for row in rows:
                if waiter is not None:
                    wait = waiter.wait(row[0])
                    # Shorter ones are made up for together: no timer is as fine.
                    if wait > 0.005:
                        commit_at = self._pause(wait, batch, commit_at)
                if not batch.open:
                    self._begin()
                    batch.open = True
                value, headers = encode(row)
                try:
                    produce(topic, value, row[2], headers=headers)
                except BufferError:
                    self._produce(topic, value, row[2], headers)
                except KafkaException as error:
                    self._judge(error)
                batch.add(row)
                if batch.count % 256 == 0 and time.monotonic() >= commit_at:
                    self._commit_batch(batch, ShardPhase.RUNNING)
                    commit_at = time.monotonic() + COMMIT_SECONDS
                if self._stopping.is_set():
                    self._stop(batch)
        self._commit_batch(batch, ShardPhase.COMPLETE)

    def _produce(self, topic: str, value: Any, key: str, headers: Any = None) -> None:
        """Send one message, once there is room for it in the queue."""
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers or [])
                return
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as error:
                self._judge(error)

    def _next_page(self, reader: "_Reader", batch: "_Batch") -> list[Any]:
        while True:
            try:
                return reader.next(COMMIT_SECONDS)
            except queue.Empty:  # a page that takes long must not hold back what was sent
                if self._stopping.is_set():
                    self._stop(batch)
                if batch.count:
                    self._commit_batch(batch, ShardPhase.RUNNING)

    def _pause(self, seconds: float, batch: "_Batch", commit_at: float) -> float:
        """Wait, committing meanwhile what is due. Returns when the next commit is."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            if batch.count and (now >= commit_at or until - now > COMMIT_SECONDS):
                self._commit_batch(batch, ShardPhase.RUNNING)
                commit_at = time.monotonic() + COMMIT_SECONDS
            left = until - now
            if batch.count:
                left = min(left, max(0.0, commit_at - now))
            if self._stopping.wait(min(left, 3600.0)):
                self._stop(batch)
        return commit_at

    def _stop(self, batch: "_Batch") -> None:
        self._commit_batch(batch, ShardPhase.STOPPED)
        raise Stopped

    def _commit_batch(self, batch: "_Batch", phase: ShardPhase) -> None:
        self._commit(batch.checkpoint(self._committed, phase), batch.open)
        batch.clear()

    # --- transactions

    def _begin(self) -> None:
        try:
            self._producer.begin_transaction()
        except KafkaException as error:
            self._judge(error)

    def _commit(self, checkpoint: Checkpoint, begun: bool = False) -> None:
        """Commit a checkpoint and what was sent before it, both or neither."""
        if not begun:
            self._begin()
        active = self._active_before
        if self._began is not None:
            active += time.monotonic() - self._began
        checkpoint = checkpoint.model_copy(
            update={"updated_at": datetime.now(UTC), "active_seconds": round(active, 3)}
        )
        self._produce(CHECKPOINTS, checkpoint.encode(), checkpoint.key)
        self._until_done(lambda: self._producer.commit_transaction(10))
        self._committed, self._aborts, self._fault = checkpoint, 0, None
        self._progress(checkpoint)

    def _until_done(self, step: Callable[[], object], *, judge: bool = True) -> None:
        """Repeat a step of a transaction while Kafka asks for it. After a stop, for 10 s more."""
        told = 0.0
        while True:
            try:
                step()
                return
            except KafkaException as error:
                if not error.args[0].retriable():
                    if not judge:
                        raise
                    self._judge(error)
                log.warning("Kafka does not answer, trying again: %s", brief(error))
                if self._stopping.is_set():
                    told = told or time.monotonic()
                    if time.monotonic() - told > 10:
                        raise
                self._stopping.wait(0.1)

    def _judge(self, error: KafkaException) -> NoReturn:
        """Raise what an error of a transaction means."""
        cause: KafkaError = error.args[0]
        if cause.code() == KafkaError._FATAL:  # sending does not tell which, committing does
            try:
                self._producer.commit_transaction(1)
            except KafkaException as told:
                cause = told.args[0]
        if cause.code() in (
            KafkaError._FENCED,
            KafkaError.PRODUCER_FENCED,
            KafkaError.INVALID_PRODUCER_EPOCH,
        ):
            raise Fenced(f"Another process has taken over shard {self._task.shard}") from None
        why = self._fault or cause
        if why.code() in HOPELESS or cause.code() in HOPELESS:
            why = why if why.code() in HOPELESS else cause
            self._give_up()
            raise Refused(
                f"Kafka does not take the events for {self._committed.topic}: {why.str()}"
            )
        # _STATE: of a transaction that an undelivered message has spoilt.
        if not cause.txn_requires_abort() and cause.code() != KafkaError._STATE:
            raise error
        log.warning("a transaction is void, going back to the last one: %s", why)
        self._give_up()
        raise _Aborted from None

    def _give_up(self) -> None:
        with contextlib.suppress(KafkaException):  # where none was begun
            self._until_done(lambda: self._producer.abort_transaction(10), judge=False)


class _Batch:
    """What was sent since the last commit, and all that was sent with it."""

    def __init__(self, committed: Checkpoint) -> None:
        self._by_type, self._by_day = Counter(committed.by_type), Counter[date]()
        self._checksum = int(committed.checksum, 16)
        self._last: Any = None
        self._began = time.monotonic()
        self.count, self.open = 0, False

    def add(self, row: Any) -> None:
        """Count an event that was sent."""
        self.count += 1
        self._last = row
        self._checksum += int(row[1].replace("-", ""), 16)
        self._by_type[row[3]] += 1
        self._by_day[row[0].date()] += 1

    def clear(self) -> None:
        """Begin anew after a commit."""
        self._by_day.clear()
        self._began = time.monotonic()
        self.count, self.open = 0, False

    def checkpoint(self, before: Checkpoint, phase: ShardPhase) -> Checkpoint:
        """What is to be committed with the batch."""
        changes: dict[str, Any] = {"phase": phase}
        if phase == ShardPhase.COMPLETE:
            changes["completed_at"] = datetime.now(UTC)
        if self.count:
            late = self.count / max(time.monotonic() - self._began, 1e-3)
            by_day = Counter(before.by_day)
            by_day.update({day.isoformat(): count for day, count in self._by_day.items()})
            changes |= {
                "cursor": (self._last[0], self._last[1]),
                "replayed": before.replayed + self.count,
                "by_type": dict(self._by_type),
                "by_day": dict(by_day),
                "checksum": f"{self._checksum % 2**128:032x}",
                "rate": (before.rate + late) / 2 if before.rate else late,
            }
        return before.model_copy(update=changes)


class _Reader(threading.Thread):
    """Reads pages ahead of whoever sends them."""

    def __init__(
        self, source: "Source", selection: Selection, after: tuple[datetime, str] | None
    ) -> None:
        super().__init__(name="replay-reader", daemon=True)
        self._source, self._selection, self._after = source, selection, after
        self._pages: queue.Queue[list[Any] | BaseException] = queue.Queue(maxsize=2)
        self.stopping = threading.Event()

    def next(self, seconds: float) -> list[Any]:
        """The next page, an empty one at the end. Raises queue.Empty after so many seconds."""
        page = self._pages.get(timeout=seconds)
        if isinstance(page, BaseException):
            raise page
        return page

    def run(self) -> None:
        """Read until the end, or until nobody wants more."""
        page: list[Any] | BaseException = []
        while not self.stopping.is_set():
            try:
                page = self._source.ask(
                    lambda db: self._selection.page(db, self._after), self.stopping
                )
            except BaseException as error:
                page = error
            while not self.stopping.is_set():
                with contextlib.suppress(queue.Full):
                    self._pages.put(page, timeout=0.2)
                    break
            if not page or isinstance(page, BaseException):
                return
            self._after = page[-1][0], page[-1][1]


class Source:
    """The database with the history, asked again while it is away."""

    def __init__(self, settings: Settings) -> None:
        self._engine = connect(settings.database("history"), schema="gateway", pool=2)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def ask(self, question: Callable[[Connection], Answer], stopping: threading.Event) -> Answer:
        """The answer to a question. Raises DBAPIError where the database stays away."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with self._engine.connect() as db:
                    return question(db)
            except Exception as error:
                if not is_transient(error) or time.monotonic() > until or stopping.wait(0.5):
                    raise
                log.warning("the history cannot be read, trying again: %s", brief(error))
