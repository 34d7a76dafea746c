"""The consumer runtime: batches from Kafka into a handler's transaction, then the offsets.

The order is always the same: handle, commit the database, store the offsets. Whatever fails in
between, Kafka delivers again and the inbox knows it.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaException, Message, TopicPartition
from sqlalchemy import Connection, Engine

from services.eventkit import metrics
from services.eventkit.database import is_too_much, passes, publish, unseen
from services.eventkit.deadletter import REDRIVE_TO, DeadLetters
from services.eventkit.event import Event, Language, decode, headers
from services.eventkit.log import brief
from services.eventkit.settings import Settings
from services.eventkit.watch import Place, Watch, close

log = logging.getLogger(__name__)

# Takes the events of one batch that it was registered for, writes what they change with the
# connection, and returns the events that follow. It may be called again with the same events
# where the transaction did not commit. It raises InvalidMessage for what no retry can mend.
Handler = Callable[[Connection, list[Event]], Iterable[Event]]


class Consumer(threading.Thread):
    """Consumes the topics of the event types in ``handlers`` as the group named ``service``.

    ``committed`` is called with the events that a transaction published, after its commit.
    ``inbox`` is False where the handlers' own tables tell a repeated event.
    """

    def __init__(
        self,
        service: str,
        handlers: Mapping[str, Handler],
        *,
        language: Language,
        settings: Settings,
        engine: Engine,
        committed: Callable[[Sequence[Event]], None],
        inbox: bool = True,
    ) -> None:
        super().__init__(name=f"{service}-consumer", daemon=True)
        self._service, self._handlers, self._language = service, handlers, language
        self._settings, self._engine, self._inbox = settings, engine, inbox
        self._committed = committed
        self._topics = sorted({language.topics[t] for t in handlers})
        self._dead_letters = DeadLetters(service, settings)
        self._stopping = threading.Event()
        self._paused = False
        self._given: dict[Place, int] = {}  # of each partition, up to which offset
        self.waiting_for: str | None = None  # why the consumer stands still, for /ready

    def stop(self) -> None:
        """Let the thread end after the batch that it is in, with its offsets committed."""
        self._stopping.set()

    def run(self) -> None:
        """Consume until stopped."""
        try:
            while not self._stopping.is_set():
                self._kafka, watch = self._subscribe(), Watch(self._settings, self._service)
                try:
                    self._consume(watch)
                finally:
                    close(self._kafka)
                    self._given.clear()
                    metrics.assigned_partitions.set(0)
        except Exception:
            log.critical("the consumer has died", exc_info=True)

    def _consume(self, watch: Watch) -> None:
        """Consume until stopped, or until a new consumer is needed."""
        while not self._stopping.is_set():
            messages = self._poll()
            if messages:
                self._work_through(messages)
            if len(messages) < self._settings.batch_size and (
                fault := watch.fault(self._given, self._kafka.memberid())
            ):
                log.warning("consuming anew: %s", fault)
                metrics.consumers_renewed.inc()
                return

    def _subscribe(self) -> KafkaConsumer:
        consumer = KafkaConsumer(
            self._settings.kafka(
                group_id=self._service,
                auto_offset_reset="earliest",
                enable_auto_offset_store=False,
                auto_commit_interval_ms=1000,
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=int(self._settings.session_timeout * 1000),
                heartbeat_interval_ms=int(self._settings.session_timeout * 1000 / 4),
                fetch_wait_max_ms=100,
                queued_max_messages_kbytes=16384,
                topic_metadata_refresh_interval_ms=10_000,
            )
        )
        consumer.subscribe(self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke)
        return consumer

    def _on_assign(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        if self._paused:
            consumer.pause(partitions)
        metrics.assigned_partitions.inc(len(partitions))
        try:
            committed = consumer.committed(partitions, timeout=5)
        except KafkaException:
            return  # each is watched from its first message on
        self._given |= {(at.topic, at.partition): max(0, at.offset) for at in committed}

    def _on_revoke(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        # Runs inside poll(), so no transaction is open. The client commits what was stored, unless
        # the partitions are lost; whoever waited for that would wait for ever.
        consumer.incremental_unassign(partitions)
        if consumer is not self._kafka:  # it was left behind, and ends after all
            return
        for at in partitions:
            self._given.pop((at.topic, at.partition), None)
        # Not asked of the client, which does not know any more while it closes.
        metrics.assigned_partitions.dec(len(partitions))

    def _poll(self) -> list[Message]:
        # What has arrived, and no waiting for more: a batch is as large as the work is behind.
        first = self._kafka.poll(0.5)
        if first is None:
            return []
        messages = [first, *self._kafka.consume(self._settings.batch_size - 1, timeout=0)]
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            elif error.fatal():
                raise KafkaException(error)
            else:
                log.warning("from Kafka: %s", error.str())
        return good

    def _work_through(self, messages: list[Message]) -> None:
        """Handle messages, each with effect or as a dead letter, then store their offsets."""
        events = []
        for message in messages:
            if self._is_ours(message):
                try:
                    event = decode(message, self._language)
                except Exception as error:
                    if not self._bury(message, error):
                        return
                else:
                    if event.type in self._handlers and not event.replay:
                        events.append(event)

        metrics.consumed.labels("ignored").inc(len(messages) - len(events))
        # Halves of a batch that failed, next first: a poison message ends up alone.
        parts = [events] if events else []
        failures = 0
        while parts:
            part = parts.pop()
            half = len(part) // 2
            try:
                self._transact(part)
                failures, self.waiting_for = 0, None
            except Exception as error:
                if passes(error):
                    # What takes too long as a whole may not in halves.
                    whole = failures < 2 or half == 0 or not is_too_much(error)
                    parts += [part] if whole else [part[half:], part[:half]]
                    failures += 1
                    metrics.consumer_retries.labels(type(error).__name__).inc()
                    if not self._stand_still(min(0.05 * 2 ** min(failures, 6), 2), brief(error)):
                        return
                elif half:
                    parts += [part[half:], part[:half]]
                elif not self._bury(part[0].message, error):  # type: ignore[arg-type]
                    return
        self._store_offsets(messages)

    def _is_ours(self, message: Message) -> bool:
        """Whether the headers, which are cheap to read, leave open that it is for us."""
        for name, value in headers(message):
            if name == "event-type":
                if value.decode(errors="replace") not in self._handlers:
                    return False
            elif name == "is-replay" or (name == REDRIVE_TO and value != self._service.encode()):
                return False
        return True

    def _transact(self, events: list[Event]) -> None:
        """Handle events in one transaction: inbox, effects and outbox commit together."""
        published: list[Event] = []
        with metrics.batch_seconds.time(), self._engine.begin() as db:
            fresh = list({e.id: e for e in reversed(events)}.values())[::-1]  # the first of each
            if self._inbox:
                new = unseen(db, [e.id for e in fresh])
                fresh = [e for e in fresh if e.id in new]
            for handler, group in grouped(fresh, self._handlers):
                published += handler(db, group)
            publish(db, published, self._language, self._service)
        metrics.batch_messages.observe(len(events))
        metrics.consumed.labels("handled").inc(len(fresh))
        metrics.consumed.labels("duplicate").inc(len(events) - len(fresh))
        self._committed(published)

    def _bury(self, message: Message, error: BaseException) -> bool:
        """Write a dead letter, however long that takes. False where the consumer is to stop."""
        while True:
            reason = f"more than {self._settings.dead_letters_a_minute} dead letters a minute"
            wait = self._dead_letters.full_for()
            if not wait:
                try:
                    self._dead_letters.write(message, error)
                    self.waiting_for = None
                    return True
                except KafkaException as fault:
                    wait, reason = 1.0, f"a dead letter was not taken: {brief(fault)}"
            if not self._stand_still(wait, reason):
                return False

    def _stand_still(self, seconds: float, reason: str) -> bool:
        """Wait, as a live member of the group. False where the consumer is to stop."""
        if self.waiting_for is None:
            log.warning("standing still: %s", reason)
        self.waiting_for = reason
        until = time.monotonic() + seconds * random.uniform(0.75, 1)  # noqa: S311
        self._paused = True
        self._kafka.pause(self._kafka.assignment())
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            # A message without a value is false.
            if (early := self._kafka.poll(min(left, 0.1))) is not None and not early.error():
                # Not its turn: it is delivered again after the wait.
                self._kafka.seek(
                    TopicPartition(early.topic(), early.partition(), early.offset())  # type: ignore[arg-type]
                )
        self._paused = False
        self._kafka.resume(self._kafka.assignment())
        return not self._stopping.is_set()

    def _store_offsets(self, messages: list[Message]) -> None:
        last: dict[tuple[Any, Any], Any] = {
            (m.topic(), m.partition()): m.offset() for m in messages
        }
        for (topic, partition), offset in last.items():
            try:
                self._kafka.store_offsets(offsets=[TopicPartition(topic, partition, offset + 1)])
                self._given[topic, partition] = offset + 1
            except KafkaException as error:
                # Revoked while the batch stood still: the new owner sees it again, and the inbox.
                log.info("offset of %s[%s] is another's now: %s", topic, partition, error)


def grouped(
    events: Sequence[Event], handlers: Mapping[str, Handler]
) -> list[tuple[Handler, list[Event]]]:
    """Put events of one handler together, as few groups as keep the order within each key."""
    groups: list[tuple[Handler, list[Event]]] = []
    latest: dict[str, int] = {}  # key -> the group of its last event
    for event in events:
        handler = handlers[event.type]
        first = latest.get(event.key, 0)
        for index in range(first, len(groups)):
            if groups[index][0] is handler:
                break
        else:
            index = len(groups)
            groups.append((handler, []))
        groups[index][1].append(event)
        latest[event.key] = index
    return groups
