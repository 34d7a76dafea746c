"""What a replay reports, counted anew from the stored history and from the target."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from services.eventkit.event import header
from services.eventkit.settings import Settings
from services.orderreplay.checkpoint import Checkpoint
from services.orderreplay.status import checksum
from services.replay.engine import Source, selection_of


@dataclass
class Count:
    """So many events, and the sum of their original ids."""

    events: int = 0
    total: int = 0

    def add(self, original_id: str) -> None:
        """Count one more."""
        self.events += 1
        self.total += int(original_id.replace("-", ""), 16)

    @property
    def checksum(self) -> str:
        """As a report has it."""
        return f"{self.total % 2**128:032x}"


@dataclass
class Verdict:
    """What was found. ``faults`` is empty where all agree."""

    reported: Count
    source: Count
    target: Count
    faults: list[str] = field(default_factory=list)


def verify(settings: Settings, checkpoints: Sequence[Checkpoint]) -> Verdict:
    """Compare the checkpoints of a replay with its source and its target.

    A replay that has not ended is compared as far as it has come; it should stand still meanwhile.
    Raises KafkaException or DBAPIError where a backend does not answer.
    """
    reported = Count(
        sum(c.replayed for c in checkpoints),
        int(checksum([c.checksum for c in checkpoints]), 16),
    )
    source = Count()
    for checkpoint in checkpoints:
        if checkpoint.cursor and checkpoint.replayed:
            _read_source(Source(settings), checkpoint, source)
    target, faults = _read_target(settings, checkpoints[0])
    for name, count in (("the stored history has", source), ("the target holds", target)):
        if count.events != reported.events:
            faults.append(f"{name} {count.events} events, reported are {reported.events}")
        elif count.checksum != reported.checksum:
            faults.append(f"{name} as many events, but others")
    return Verdict(reported, source, target, faults)


def _read_source(source: Source, checkpoint: Checkpoint, count: Count) -> None:
    selection, until = selection_of(checkpoint), checkpoint.cursor
    after: tuple[datetime, str] | None = None
    while True:
        at = after
        rows = source.ask(
            lambda db, at=at: selection.page(db, at, size=50_000, ids_only=True),  # type: ignore[misc]
            threading.Event(),
        )
        for row in rows:
            if until is not None and (row[0], row[1]) > until:
                return
            count.add(row[1])
        if not rows:
            return
        after = rows[-1][0], rows[-1][1]


def _read_target(settings: Settings, one: Checkpoint) -> tuple[Count, list[str]]:
    """Count the events of a replay on its target, and see that no shard went back in time."""
    count, faults = Count(), list[str]()
    last: dict[tuple[int, int], tuple[str, str]] = {}
    for message in _messages(settings, one.topic):
        if header(message, "replay-id") != one.replay_id:
            continue
        replay: dict[str, Any] = orjson.loads(message.value())["replay"]
        count.add(replay["originalEventId"])
        place = message.partition(), replay["shard"]
        here = replay["originalTimestamp"], replay["originalEventId"]
        if here <= last.get(place, ("", "")) and len(faults) < 10:
            where = f"{one.topic}[{place[0]}]@{message.offset()}"
            faults.append(f"{where} is not after the event before it: {here[0]} {here[1]}")
        last[place] = here
    return count, faults


def _messages(settings: Settings, topic: str) -> Any:
    """What is committed on a topic now, partition by partition."""
    consumer = Consumer(
        settings.kafka(
            group_id="orderflow-replay-verify",  # never joined
            enable_auto_commit=False,
            isolation_level="read_committed",
            enable_partition_eof=True,
            auto_offset_reset="earliest",
        )
    )
    try:
        partitions = consumer.list_topics(timeout=10).topics
        if topic not in partitions:
            return
        unread = set(partitions[topic].partitions)
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in unread])
        while unread:
            for message in consumer.consume(10_000, timeout=1):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition())
                elif not error.retriable():
                    raise KafkaException(error)
    finally:
        consumer.close()
