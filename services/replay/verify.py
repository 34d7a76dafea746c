"""What a replay reports, counted anew from the stored history and from the target."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.eventkit.event import header
from services.eventkit.settings import Settings
from services.eventkit.watch import close
from services.orderreplay.checkpoint import (
    Checkpoint,
    committed,
    consumer_of_committed,
    ends,
)
from services.orderreplay.status import checksum
from services.replay.engine import Source, selection_of
from services.replay.message import event_id


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

    def as_json(self) -> dict[str, Any]:
        """The same for programs; ``agree`` says whether there is no fault."""
        counts = {"reported": self.reported, "source": self.source, "target": self.target}
        return {
            **{name: {"events": c.events, "checksum": c.checksum} for name, c in counts.items()},
            "faults": self.faults,
            "agree": not self.faults,
        }


def verify(
    settings: Settings, checkpoints: Sequence[Checkpoint], *, within: float | None = None
) -> Verdict:
    """Compare the checkpoints of a replay with its source and its target.

    A replay that has not ended is compared as far as it has come; it should stand still meanwhile.
    Raises KafkaException or DBAPIError where a backend does not answer, TimeoutError where it takes
    longer than ``within`` seconds; without them a database that is away is waited for.
    """
    deadline = _Deadline(within)
    reported = Count(
        sum(c.replayed for c in checkpoints),
        int(checksum([c.checksum for c in checkpoints]), 16),
    )
    source, history = Count(), Source(settings)
    try:
        for checkpoint in checkpoints:
            if checkpoint.cursor and checkpoint.replayed:
                _read_source(history, checkpoint, source, deadline)
    finally:
        history.close()
    target, faults = _read_target(settings, checkpoints[0], deadline)
    for name, count in (("the stored history has", source), ("the target holds", target)):
        if count.events != reported.events:
            faults.append(f"{name} {count.events} events, reported are {reported.events}")
        elif count.checksum != reported.checksum:
            faults.append(f"{name} as many events, but others")
    return Verdict(reported, source, target, faults)


class _Deadline:
    """Until when to go on; for ever without ``seconds``."""

    def __init__(self, seconds: float | None) -> None:
        self._at = None if seconds is None else time.monotonic() + seconds
        self.impatient = threading.Event()  # set where no backend is to be waited for
        if seconds is not None:
            self.impatient.set()

    def passed(self) -> bool:
        return self._at is not None and time.monotonic() > self._at


def _read_source(source: Source, checkpoint: Checkpoint, count: Count, deadline: _Deadline) -> None:
    selection, until = selection_of(checkpoint), checkpoint.cursor
    after: tuple[datetime, str] | None = None
    while True:
        at = after
        rows = source.ask(
            lambda db, at=at: selection.page(db, at, size=50_000, ids_only=True),  # type: ignore[misc]
            deadline.impatient,
        )
        if deadline.passed():
            raise TimeoutError
        for row in rows:
            if until is not None and (row[0], row[1]) > until:
                return
            count.add(row[1])
        if not rows:
            return
        after = rows[-1][0], rows[-1][1]


def _read_target(
    settings: Settings, one: Checkpoint, deadline: _Deadline
) -> tuple[Count, list[str]]:
    """Count the events of a replay on its target, and see that no shard went back in time."""
    count, faults = Count(), list[str]()
    last: dict[tuple[int, int], tuple[str, str]] = {}
    for message in _messages(settings, one.topic, deadline):
        if header(message, "replay-id") != one.replay_id:
            continue
        where = f"{one.topic}[{message.partition()}]@{message.offset()}"
        try:
            value = orjson.loads(message.value())
            replay: dict[str, Any] = value["replay"]
            made = event_id(UUID(one.replay_id), one.requested_at, replay["originalEventId"])
            key, order = message.key().decode(), value["payload"]["orderId"]
            shard, here = replay["shard"], (replay["originalTimestamp"], replay["originalEventId"])
        except (ValueError, KeyError, TypeError, AttributeError):
            _note(faults, f"{where} says that it is of this replay and is no event of one")
            continue
        if value.get("eventId") != made or key != order or value.get("isReplay") is not True:
            _note(faults, f"{where} is not as this replay writes: its id, key or mark is another")
        count.add(replay["originalEventId"])
        place = message.partition(), shard
        if here <= last.get(place, ("", "")):
            _note(faults, f"{where} is not after the event before it: {here[0]} {here[1]}")
        last[place] = here
    return count, faults


def _note(faults: list[str], fault: str) -> None:
    if len(faults) < 10:
        faults.append(fault)


def _messages(settings: Settings, topic: str, deadline: _Deadline) -> Iterator[Any]:
    """What is committed on a topic of what was written before the call."""
    consumer, end = consumer_of_committed(settings), ends(settings, topic)
    try:
        for message in committed(consumer, topic, end, deadline.passed):
            if message is None:
                return
            yield message
        raise TimeoutError
    finally:
        close(consumer)
