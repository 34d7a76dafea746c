"""Kafka as an operator looks at it: what there is, and stretches of partitions read with bounds."""

import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from services.eventkit.event import headers
from services.eventkit.problems import Problem
from services.eventkit.settings import Settings
from services.eventkit.watch import Place, close

BROWSES = 4  # at a time in a process: each holds a thread, a connection and some memory
TURN = 1.0  # seconds that a further one waits for its turn
WAIT = 4.0  # seconds for an answer of Kafka
RENEWED_AFTER = 10.0  # seconds for which a client is kept whatever it is answered
_FIRST = 10  # offsets of a partition that are read before it is known how large its messages are


@dataclass(frozen=True)
class Bounds:
    """What one scan may read at most; the last window may go a little beyond the bytes."""

    messages: int = 5_000
    bytes: int = 5_000_000
    seconds: float = 3.0


class Kafka:
    """The cluster. Nothing is connected before the first call, which is after the fork.

    Calls raise KafkaException where Kafka does not answer in time.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = threading.BoundedSemaphore(BROWSES)
        self._making, self._made = threading.Lock(), 0.0
        self._admin: AdminClient | None = None

    @property
    def admin(self) -> AdminClient:
        """For questions about the cluster."""
        with self._making:
            if self._admin is None:
                self._admin, self._made = AdminClient(self._settings.kafka()), time.monotonic()
            return self._admin

    def topics(self) -> dict[str, Any]:
        """The metadata of every topic. One that is asked for by its name might be made by that.

        A topic that is being deleted has no partitions, and is left out.
        """
        found = self.admin.list_topics(timeout=WAIT).topics
        return {name: topic for name, topic in found.items() if topic.partitions}

    def topic(self, name: str) -> Any:
        """The metadata of one topic. Raises Problem where there is none."""
        if found := self.topics().get(name):
            return found
        raise Problem(
            404, "topic-not-found", f"There is no topic {name[:249]!r}; GET /api/topics lists them."
        )

    def ends(
        self, places: Iterable[Place], *, committed: bool = False
    ) -> dict[Place, tuple[int, int]]:
        """Where each place begins and ends; the end is the offset that comes next.

        With ``committed`` it ends at its first open transaction, as it does for who reads no other.
        """
        places = list(places)
        low = self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        high = self._offsets(places, latest, committed=committed)
        return {place: (low[place], high[place]) for place in places}

    def since(self, places: Iterable[Place], milliseconds: int) -> dict[Place, int]:
        """The first offset of each place from a time on, -1 where there is none."""
        return self._offsets(places, OffsetSpec.for_timestamp(milliseconds))

    def _offsets(
        self, places: Iterable[Place], spec: OffsetSpec, *, committed: bool = False
    ) -> dict[Place, int]:
        wanted = {TopicPartition(*place): spec for place in places}
        if not wanted:
            return {}
        found = self.admin.list_offsets(
            wanted,
            isolation_level=(
                IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
            ),
            request_timeout=WAIT,
        )
        return {(at.topic, at.partition): self._answer(each).offset for at, each in found.items()}

    def configs(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """The settings of topics; those of a topic that may not be read, or has gone, are empty."""
        wanted = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
        answers = self.admin.describe_configs(wanted, request_timeout=WAIT) if wanted else {}
        found: dict[str, dict[str, str]] = {}
        for resource, answer in answers.items():
            try:
                found[resource.name] = {n: entry.value for n, entry in self._answer(answer).items()}
            except KafkaException as error:
                if error.args[0].code() == KafkaError._TIMED_OUT:
                    raise
                found[resource.name] = {}
        return found

    def groups(self) -> list[tuple[Any, dict[Place, int]]]:
        """Each consumer group's description, and what it has committed."""
        listed = self._answer(self.admin.list_consumer_groups(request_timeout=WAIT))
        names = sorted(group.group_id for group in listed.valid)
        if not names:
            return []
        described = self.admin.describe_consumer_groups(names, request_timeout=WAIT)
        offsets = {
            name: self.admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(name)], request_timeout=WAIT
            )[name]
            for name in names
        }
        return [
            (
                self._answer(described[name]),
                {
                    (at.topic, at.partition): at.offset
                    for at in self._answer(offsets[name]).topic_partitions or ()
                    if at.offset >= 0
                },
            )
            for name in names
        ]

    def _answer(self, future: Future[Any]) -> Any:
        """What Kafka answers. It may be late by a moment in telling that it does not.

        librdkafka may go on asking in vain about groups once its broker is back, which only a new
        client mends; so the next question is asked by one, if this one is not new itself.
        """
        try:
            return future.result(WAIT)
        except (TimeoutError, KafkaException) as error:
            late = isinstance(error, TimeoutError)
            if late or error.args[0].code() == KafkaError._TIMED_OUT:
                with self._making:
                    old = self._admin  # let go outside of the lock, as that may take a while
                    if time.monotonic() - self._made > RENEWED_AFTER:
                        self._admin = None
                del old
            if late:
                timed_out = KafkaError(KafkaError._TIMED_OUT, "no answer in time")
                raise KafkaException(timed_out) from None
            raise

    @contextmanager
    def reader(self, seconds: float = WAIT) -> Iterator["Reader"]:
        """Somebody's turn to read messages. Raises Problem where as many as may be are reading."""
        if not self._slots.acquire(timeout=TURN):
            raise Problem(
                503,
                "too-many-browses",
                f"{BROWSES} requests are reading messages, and no more may at a time;"
                " try again shortly.",
                headers={"Retry-After": "1"},
            )
        try:
            reader = Reader(self._settings, time.monotonic() + seconds)
            try:
                yield reader
            finally:
                reader.close()
        finally:
            self._slots.release()


class Reader:
    """Reads stretches of partitions, what is committed only. Joins no group, commits nothing."""

    def __init__(self, settings: Settings, until: float) -> None:
        self._until = until
        self._consumer = Consumer(
            settings.kafka(
                group_id="orderflow-browse",  # never joined
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                enable_partition_eof=True,
                # At an end Kafka would hold the answer back, and the next window with it.
                fetch_wait_max_ms=5,
                fetch_message_max_bytes=256 * 1024,
                queued_max_messages_kbytes=4096,
            )
        )

    def close(self) -> None:
        """Let go of the connections."""
        close(self._consumer)

    def read(self, stretches: dict[Place, tuple[int, int]]) -> dict[Place, list[Message]]:
        """The messages of each place from an offset up to another, which is not included.

        It must not lie beyond the first open transaction, as nothing tells of an end there.
        Transactions' marks and what was aborted take offsets too, so there may be fewer, or none.
        A place that could not be read to its end in time is missing.
        """
        found: dict[Place, list[Message]] = {}
        unread: dict[Place, list[Message]] = {place: [] for place in stretches}
        self._consumer.assign([TopicPartition(*p, first) for p, (first, _) in stretches.items()])
        while unread and (left := self._until - time.monotonic()) > 0:
            # What has arrived, and no waiting for more.
            first = self._consumer.poll(left)
            if first is None:  # a message without a value is false
                continue
            for message in [first, *self._consumer.consume(1000, timeout=0)]:
                place = (message.topic() or "", message.partition() or 0)
                if place not in unread:
                    continue
                end, error = stretches[place][1], message.error()
                offset = message.offset() or 0
                if error is None and offset < end:
                    unread[place].append(message)
                if (error is None and offset >= end - 1) or (
                    error is not None and error.code() == KafkaError._PARTITION_EOF
                ):
                    found[place] = unread.pop(place)
        return found


class Scan:
    """Goes through the messages of places from where it is told to, and stops within its bounds.

    Newest first, or oldest first, by time over all places, and by offset in each. Windows of
    each place are read as they are needed, so hardly more than the bounds is ever read.
    ``at`` holds for each place where to go on: what lies before it, or from it on, is left.
    """

    def __init__(
        self,
        reader: Reader,
        ends: dict[Place, tuple[int, int]],
        at: dict[Place, int],
        *,
        newest_first: bool,
        bounds: Bounds,
    ) -> None:
        self._reader, self._ends, self._bounds = reader, ends, bounds
        self._back = newest_first
        self.at = {p: min(max(at[p], low), high) for p, (low, high) in ends.items()}
        self._windows: dict[Place, tuple[int, list[Message]]] = {}
        self._sizes = dict.fromkeys(ends, _FIRST)
        self._until = time.monotonic() + bounds.seconds
        self._read = self._read_bytes = 0
        self._begun = False
        self.scanned = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return not self._left()

    def _left(self) -> list[Place]:
        limit = 0 if self._back else 1
        return [p for p, ends in self._ends.items() if self.at[p] != ends[limit]]

    def __iter__(self) -> Iterator[Message]:
        """The messages, until nothing or nothing within the bounds is left.

        Raises KafkaException where Kafka gives none in time.
        """
        while left := self._left():
            empty = [p for p in left if p not in self._windows]
            if empty:
                if not self._fill(empty, len(left)):
                    return
                continue
            heads = {p: self._windows[p][1][-1].timestamp()[1] for p in left}
            place = (max if self._back else min)(left, key=heads.__getitem__)
            goes_on, messages = self._windows[place]
            message = messages.pop()
            offset = message.offset() or 0
            self.at[place] = offset if self._back else offset + 1
            if not messages:
                self.at[place] = goes_on
                del self._windows[place]
            self.scanned += 1
            yield message
            if self.scanned >= self._bounds.messages:
                return

    def _fill(self, empty: list[Place], places: int) -> bool:
        """Read the next window of places. False where the bounds are reached."""
        messages = self._bounds.messages - self._read
        size = self._bounds.bytes - self._read_bytes
        if messages <= 0 or size <= 0 or time.monotonic() > self._until:
            return False
        average = self._read_bytes / self._read if self._read else 0
        share = messages // places
        if average:
            share = min(share, int(size / average) // places)
        stretches = {}
        for p in empty:
            wide = min(self._sizes[p], max(share, _FIRST))
            self._sizes[p] *= 4
            low, high = self._ends[p]
            at = self.at[p]
            stretches[p] = (max(low, at - wide), at) if self._back else (at, min(high, at + wide))
        found = self._reader.read(stretches)
        if len(found) < len(stretches):
            if self._begun:  # what was read is worth an answer, and the next request goes on
                return False
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "it gave no messages in time"))
        self._begun = True
        for place, read in found.items():
            goes_on = stretches[place][0 if self._back else 1]
            self._read += len(read)
            self._read_bytes += sum(map(size_of, read))
            if read:
                self._windows[place] = (goes_on, read if self._back else read[::-1])
            else:
                self.at[place] = goes_on
        return True


def partition_of(key: str, partitions: int) -> int:
    """The partition that our producers choose, by librdkafka's default: CRC-32 of the key."""
    return crc32(key.encode()) % partitions


def size_of(message: Message) -> int:
    """The bytes of a message's key, value and headers, as they are without compression."""
    return (
        len(message.key() or b"")
        + len(message.value() or b"")
        + sum(len(name) + len(value) for name, value in headers(message))
    )
