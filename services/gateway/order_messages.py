"""Where the messages of an order lie in Kafka: its partition read from the order's time on."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zlib import crc32

import orjson
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from services.eventkit.event import EPOCH, header, headers, rfc3339
from services.eventkit.problems import Problem
from services.eventkit.settings import Settings
from services.events import TERMINAL, Topic

MOST_MESSAGES = 20_000  # that one request reads
MOST_SECONDS = 2.0  # that it reads for
AT_A_TIME = 4  # requests that read
SLACK = timedelta(minutes=1)  # between the clocks of services, and for a message to be relayed
_PATIENCE = 2.0  # seconds for an answer of Kafka

Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


class MessagesQuery(BaseModel):
    """The parameters of ``GET /api/orders/:id/messages``."""

    model_config = ConfigDict(extra="forbid")

    topic: list[Name] = Field(default=[], max_length=5)


@dataclass(frozen=True, slots=True)
class Span:
    """When something happened to an order. ``last`` is None while more may happen."""

    first: datetime
    last: datetime | None


def span(db: Connection, order_id: UUID) -> Span | None:
    """The span of an order, or None where there is no such order."""
    row = db.exec_driver_sql(
        "SELECT o.created_at, o.status, (SELECT max(e.recorded_at) FROM order_events e"
        " WHERE e.order_id = o.id) AS last FROM orders o WHERE id = %(id)s",
        {"id": str(order_id)},
    ).first()
    if row is None:
        return None
    return Span(row.created_at, row.last if row.status in TERMINAL else None)


def partition_of(key: str, partitions: int) -> int:
    """The partition that our producers choose, by librdkafka's default: CRC-32 of the key."""
    return crc32(key.encode()) % partitions


class Messages:
    """Looks the messages of orders up. It joins no consumer group and commits nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = threading.BoundedSemaphore(AT_A_TIME)

    def of(self, order_id: UUID, span: Span, beside: Sequence[str]) -> dict[str, Any]:
        """The messages of an order on the live topics and ``beside``, and whether these are all.

        Raises Problem where Kafka does not answer, or has no such topic.
        """
        with self._places:
            consumer = Consumer(
                self._settings.kafka(
                    group_id="orderflow-messages",  # required by the client; never joined
                    enable_auto_commit=False,
                    isolation_level="read_committed",
                    enable_partition_eof=True,
                    fetch_wait_max_ms=50,
                    queued_max_messages_kbytes=4096,
                )
            )
            try:
                found, complete = self._read(consumer, str(order_id), span, beside)
            except KafkaException as error:
                raise Problem(
                    503,
                    "kafka-unavailable",
                    f"Kafka does not answer ({error.args[0].name()}); try again shortly.",
                    headers={"Retry-After": "2"},
                ) from None
            finally:
                consumer.close()
        return {
            "success": True,
            "orderId": str(order_id),
            "messages": sorted(found, key=lambda m: (m["timestamp"], m["topic"], m["offset"])),
            "complete": complete,
        }

    def _read(
        self, consumer: Consumer, key: str, span: Span, beside: Sequence[str]
    ) -> tuple[list[dict[str, Any]], bool]:
        known = consumer.list_topics(timeout=_PATIENCE).topics
        if missing := [topic for topic in beside if topic not in known]:
            raise Problem(400, "invalid-request", f"topic: Kafka has no topic {missing[0]}")
        since = (span.first - SLACK - EPOCH) // timedelta(milliseconds=1)
        starts = consumer.offsets_for_times(
            [
                TopicPartition(name, partition_of(key, len(known[name].partitions)), since)
                for name in dict.fromkeys([*Topic, *beside])
                if name in known
            ],
            timeout=_PATIENCE,
        )
        # Replays come when they come; the live topics hold no more of an order that has ended.
        until = {str(t): span.last + SLACK for t in Topic if span.last and t not in beside}
        unread = {(at.topic, at.partition) for at in starts}
        found, seen = list[dict[str, Any]](), 0
        consumer.assign(starts)
        for message in _messages(consumer, time.monotonic() + MOST_SECONDS):
            place = str(message.topic()), int(message.partition() or 0)
            if message.error() is not None:  # its end
                unread.discard(place)
            elif place in unread:
                seen += 1
                if message.key() == key.encode():
                    found.append(_shown(message))
                ends = until.get(place[0])
                if ends and _time(message) > ends:
                    unread.discard(place)
                    consumer.pause([TopicPartition(*place)])
            if not unread:
                return found, True
            if seen >= MOST_MESSAGES:
                break
        return found, False


def _messages(consumer: Consumer, until: float) -> Iterator[Message]:
    """Messages and ends of partitions, until a time of the clock."""
    while (left := until - time.monotonic()) > 0:
        for message in consumer.consume(1000, timeout=min(left, 0.05)):
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            yield message


def _time(message: Message) -> datetime:
    return EPOCH + timedelta(milliseconds=message.timestamp()[1])


def _shown(message: Message) -> dict[str, Any]:
    told = {name: value.decode(errors="replace") for name, value in headers(message)}
    value: Any = None
    with suppress(orjson.JSONDecodeError):
        value = orjson.loads(message.value() or b"")
    value = value if isinstance(value, dict) else {}
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": rfc3339(_time(message)),
        "eventId": header(message, "event-id") or value.get("eventId"),
        "eventType": header(message, "event-type") or value.get("eventType"),
        "isReplay": "is-replay" in told or value.get("isReplay") is True,
        "headers": told,
    }
