"""Dead letters: messages that no retry can mend, kept with their cause until redriven.

They lie in one topic of one partition, so a letter's offset is its number. A redrive puts the
message back on its own topic, byte for byte, for the one service that could not handle it, and
leaves a note of who did so behind in the same topic: the topic is its own audit log.
"""

import getpass
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from services.eventkit import metrics
from services.eventkit.event import InvalidMessage, headers, rfc3339
from services.eventkit.log import brief
from services.eventkit.relay import make_producer, send
from services.eventkit.settings import Settings
from services.eventkit.watch import close

log = logging.getLogger(__name__)

TOPIC = "dead-letters"
LARGEST = 1_500_000  # bytes; a compressed message may be larger than the topic takes
REDRIVE_TO = "redrive-to"  # the header that names the one service a redriven message is for
_ORIGIN = "dlq-"


class DeadLetters:
    """Where a service's consumer puts what it cannot handle, at no more than so many a minute."""

    def __init__(self, service: str, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._recent: deque[float] = deque(maxlen=settings.dead_letters_a_minute)
        self._producer: Producer | None = None

    def full_for(self) -> float:
        """Seconds until one more may be written, 0 where it may be now.

        A deploy that fails on every message would otherwise empty a topic into the dead letters.
        """
        if len(self._recent) < (self._recent.maxlen or 0):
            return 0.0
        return max(0.0, 60 - (time.monotonic() - self._recent[0]))

    def write(self, message: Message, error: BaseException) -> None:
        """Write one and wait for the acknowledgement. Raises KafkaException where there is none."""
        if self._producer is None:
            self._producer = make_producer(self._settings)
        cause = brief(error)[:1000]
        origin = {
            "dlq-service": self._service,
            "dlq-topic": str(message.topic()),
            "dlq-partition": str(message.partition()),
            "dlq-offset": str(message.offset()),
            "dlq-error": type(error).__name__,
            "dlq-cause": cause,
            "dlq-at": rfc3339(datetime.now(UTC)),
        }
        kept = [h for h in headers(message) if h[0] != REDRIVE_TO and not h[0].startswith(_ORIGIN)]
        value = message.value()
        if value is not None and len(value) > LARGEST:
            origin["dlq-truncated"] = f"{len(value)} bytes, still to be read at their origin"
            value, kept = None, []
        letter = {
            "topic": TOPIC,
            "key": message.key(),
            "value": value,
            "headers": [*kept, *((name, text.encode()) for name, text in origin.items())],
        }
        try:
            send(self._producer, [letter])
        except Exception:
            self._producer = None
            raise
        self._recent.append(time.monotonic())
        metrics.dead_letters.labels(message.topic(), type(error).__name__).inc()
        log.error(
            "dead letter: %s",
            cause,
            exc_info=None if isinstance(error, InvalidMessage) else error,
            extra={
                "topic": message.topic(),
                "partition": message.partition(),
                "offset": message.offset(),
            },
        )


@dataclass(slots=True)
class DeadLetter:
    """A message in the dead-letter topic. ``redriven`` says when and by whom, newest last."""

    number: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    origin: dict[str, str] = field(default_factory=dict)
    redriven: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The letter for a person to read: bytes as text, the origin spelled out."""
        return {
            "number": self.number,
            **self.origin,
            "key": self.key.decode(errors="replace") if self.key else None,
            "headers": {k: v.decode(errors="replace") for k, v in self.headers},
            "value": self.value.decode(errors="replace") if self.value is not None else None,
            "redriven": self.redriven,
        }


def read(settings: Settings, messages: Iterable[Message] | None = None) -> list[DeadLetter]:
    """Read every dead letter that the topic still holds, or that ``messages`` are, oldest first.

    Raises KafkaException where Kafka does not answer within five seconds.
    """
    letters: dict[int, DeadLetter] = {}
    for message in _messages(settings) if messages is None else messages:
        origin = {
            name.removeprefix(_ORIGIN): value.decode(errors="replace")
            for name, value in headers(message)
            if name.startswith(_ORIGIN)
        }
        if (of := origin.get("redrives", "")).isdecimal():
            if letter := letters.get(int(of)):
                letter.redriven.append(f"{origin.get('at')} by {origin.get('by')}")
            continue
        own = [h for h in headers(message) if not h[0].startswith(_ORIGIN)]
        number = int(message.offset() or 0)
        letters[number] = DeadLetter(number, message.key(), message.value(), own, origin)
    return list(letters.values())


def _messages(settings: Settings) -> Iterator[Message]:
    consumer = Consumer(settings.kafka(group_id="orderflow-dlq", enable_auto_commit=False))
    try:
        partition = TopicPartition(TOPIC, 0)
        low, high = consumer.get_watermark_offsets(partition, timeout=5)
        partition.offset = low
        consumer.assign([partition])
        while partition.offset < high:
            message = consumer.poll(10)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the list is not complete"))
            if message.error():
                continue
            partition.offset = int(message.offset() or 0) + 1
            yield message
    finally:
        close(consumer)


def redrive(
    settings: Settings,
    letters: list[DeadLetter],
    *,
    by: str | None = None,
    progress: Callable[[DeadLetter], None] = lambda _: None,
) -> None:
    """Give each letter back to the service that could not handle it, and note who did so.

    The event keeps its id, so a letter redriven twice takes effect once while the service's inbox
    remembers it. Raises KafkaException at the first that Kafka does not take; those before it are
    redriven and noted.
    """
    producer = make_producer(settings)
    for letter in letters:
        send(
            producer,
            [
                {
                    "topic": letter.origin["topic"],
                    "key": letter.key,
                    "value": letter.value,
                    "headers": [*letter.headers, (REDRIVE_TO, letter.origin["service"].encode())],
                }
            ],
        )
        note = {
            "dlq-redrives": str(letter.number),
            "dlq-at": rfc3339(datetime.now(UTC)),
            "dlq-by": by or getpass.getuser(),
        }
        send(producer, [{"topic": TOPIC, "key": letter.key, "value": b"", "headers": note}])
        progress(letter)
