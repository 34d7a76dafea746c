"""The live feed: the newest events of all topics, for any number of WebSocket clients.

One ring of events is shared by all clients, each of which reads it at its own pace from its own
position. A client has no buffer, so a slow one costs nothing: what falls out of the ring before it
is read is counted and skipped. Every process reads all partitions, outside of any consumer group.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.eventkit.event import header
from services.eventkit.log import brief
from services.eventkit.settings import Settings
from services.eventkit.watch import Watch, close
from services.events import Topic

log = logging.getLogger(__name__)

SIZE = 10_000  # events in the ring
BATCH = 1_000  # messages that are taken at once
REACH_BACK = 500  # messages of each partition that are read at the start
TOGETHER = 8_192  # bytes of events in a message: what a socket that is writable takes whole


def together(texts: Iterable[str]) -> Iterator[str]:
    """EVENTS messages of events as JSON, in their order: as many in each as fit, at least one."""
    batch, size = list[str](), 0
    for text in texts:
        more = len(text.encode())
        if batch and size + more > TOGETHER:
            yield _message(batch)
            batch, size = [], 0
        batch.append(text)
        size += more
    if batch:
        yield _message(batch)


def _message(texts: list[str]) -> str:
    return f'{{"type":"EVENTS","events":[{",".join(texts)}]}}'


@dataclass(slots=True)
class Entry:
    """One event in the ring, written out for clients when the first of them asks."""

    id: str
    message: Message
    _text: str | None = None

    def text(self) -> str | None:
        """The event as JSON, or None where the message is no event."""
        if self._text is None:
            try:
                value = orjson.loads(self.message.value() or b"")
                event = {
                    "eventId": value["eventId"],
                    "eventType": value["eventType"],
                    "orderId": value["payload"].get("orderId"),
                    "timestamp": value["timestamp"],
                    "source": value["metadata"]["source"],
                    "data": value["payload"],
                    "topic": self.message.topic(),
                    "partition": self.message.partition(),
                    "offset": self.message.offset(),
                }
                self._text = orjson.dumps(event).decode()
            except (ValueError, KeyError, TypeError, AttributeError):
                self._text = ""
        return self._text or None


class Feed:
    """Reads Kafka into the ring."""

    name = "feed"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ring: deque[Entry] = deque(maxlen=SIZE)
        self._end = 0  # position of the entry that comes next
        self.behind = 0.0  # seconds; the age of what was read last, while there is more to read
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self.filled = threading.Event()  # set once the ring holds what was there before

    @property
    def fault(self) -> str | None:
        """None: without the feed the statistics still are right."""
        return None

    def stop(self) -> None:
        """Let the work end, and every client's wait."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait so long, or until the feed is stopped."""
        self._stopping.wait(seconds)

    @property
    def stopped(self) -> bool:
        """Whether clients are to be sent away."""
        return self._stopping.is_set()

    def run(self) -> None:
        """Read until stopped, through any failure of Kafka."""
        positions: dict[tuple[str, int], int] = {}
        while not self._stopping.is_set():
            try:
                self._read(positions)
            except KafkaException as error:
                log.warning("the feed lost Kafka, trying again: %s", brief(error))
                self._stopping.wait(1)

    def _read(self, positions: dict[tuple[str, int], int]) -> None:
        consumer = Consumer(
            self._settings.kafka(
                group_id="analytics-feed",  # required by the client; nothing is committed to it
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                enable_partition_eof=True,
            )
        )
        try:
            partitions = self._partitions(consumer)
            highs = {at: high for at, (_, high) in partitions.items()}
            for at, (low, high) in partitions.items():
                positions.setdefault(at, max(low, high - REACH_BACK))
            consumer.assign([TopicPartition(*at, positions[at]) for at in partitions])
            # What was there before comes partition by partition; clients get it by its time.
            past: list[Message] = []
            watch = Watch(self._settings)
            while not self._stopping.is_set():
                first = consumer.poll(0.5)
                messages = (
                    [first, *consumer.consume(BATCH - 1, timeout=0)] if first is not None else []
                )
                for message in messages:
                    at = str(message.topic()), int(message.partition() or 0)
                    error = message.error()
                    if error is None:
                        past.append(message)
                        positions[at] = int(message.offset() or 0) + 1
                    elif error.code() == KafkaError._PARTITION_EOF:
                        # What is left to the end, if anything, is the mark of a transaction.
                        highs.pop(at, None)
                full = len(messages) == BATCH
                self.behind = time.time() - past[-1].timestamp()[1] / 1000 if full and past else 0
                if not any(positions[at] < high for at, high in highs.items()):
                    highs = {}
                    self._add(sorted(past, key=lambda m: m.timestamp()[1]))
                    past = []
                    self.filled.set()
                if not full and (fault := watch.fault(positions)):
                    raise KafkaException(fault)
        finally:
            close(consumer)

    def _partitions(self, consumer: Consumer) -> dict[tuple[str, int], tuple[int, int]]:
        """The partitions of the live topics, each with its first offset and its next."""
        topics = consumer.list_topics(timeout=5).topics
        found = {
            (str(topic), number): consumer.get_watermark_offsets(
                TopicPartition(topic, number), timeout=5
            )
            for topic in Topic
            for number in (topics[topic].partitions if topic in topics else ())
        }
        if not found:
            raise KafkaException("no live topic exists yet")
        return found

    def _add(self, messages: list[Message]) -> None:
        if messages:
            entries = [Entry(header(message, "event-id") or "", message) for message in messages]
            with self._changed:
                self._ring.extend(entries)
                self._end += len(entries)
                self._changed.notify_all()

    def end(self) -> tuple[int, str | None]:
        """The position after the newest event, and that event's id."""
        with self._changed:
            return self._end, self._ring[-1].id if self._ring else None

    def after(self, event_id: str) -> int | None:
        """The position after an event, or None where the ring does not hold it any more."""
        with self._changed:
            start = self._end - len(self._ring)
            for index in range(len(self._ring) - 1, -1, -1):
                if self._ring[index].id == event_id:
                    return start + index + 1
        return None

    def read(self, position: int, *, most: int, wait: float) -> tuple[Sequence[Entry], int, int]:
        """Up to ``most`` entries from ``position``, waiting up to ``wait`` seconds for the first.

        Returns them, the position after them, and how many had fallen out of the ring before.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._end > position or self.stopped, wait)
            start = self._end - len(self._ring)
            missed = max(0, start - position)
            first = max(position, start) - start
            entries = [self._ring[i] for i in range(first, min(first + most, len(self._ring)))]
            return entries, start + first + len(entries), missed
