"""Where the messages of an order lie in Kafka: its partition read from the order's time on."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zlib import crc32

import orjson
from confluent_kafka import Message
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from services.eventkit.event import EPOCH, header, headers, rfc3339
from services.eventkit.problems import Problem
from services.events import TERMINAL, Topic
from services.gateway.kafka import Bounds, Kafka, Scan

MOST_SECONDS = 3.0  # that one request reads for
BOUNDS = Bounds(messages=5_000, bytes=5_000_000, seconds=2)  # on each topic
SLACK = timedelta(minutes=1)  # between the clocks of services, and for a message to be relayed

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


def messages(
    kafka: Kafka, order_id: UUID, span: Span, beside: Sequence[str] = ()
) -> dict[str, Any]:
    """The messages of an order on the live topics and ``beside``, and whether these are all.

    Raises Problem where Kafka has no such topic, or too many are reading; KafkaException where it
    does not answer.
    """
    known, key = kafka.topics(), str(order_id)
    if missing := [topic for topic in beside if topic not in known]:
        raise Problem(400, "invalid-request", f"topic: Kafka has no topic {missing[0]}")
    places = [
        (name, partition_of(key, len(known[name].partitions)))
        for name in dict.fromkeys([*(t.value for t in Topic), *beside])
        if name in known
    ]
    ends = kafka.ends(places)
    first = kafka.since(places, (span.first - SLACK - EPOCH) // timedelta(milliseconds=1))
    # Replays come when they come; the live topics hold no more of an order that has ended.
    last = span.last + SLACK if span.last else None
    found, complete = list[dict[str, Any]](), True
    with kafka.reader(MOST_SECONDS) as reader:
        for name, number in places:
            at = ends[name, number]
            scan = Scan(
                reader,
                name,
                {number: at},
                {number: first[name, number] if first[name, number] >= 0 else at[1]},
                newest_first=False,
                bounds=BOUNDS,
            )
            for message in scan:
                if message.key() == key.encode():
                    found.append(_shown(message))
                if last and name not in beside and _time(message) > last:
                    break
            else:
                complete = complete and scan.done
    return {
        "success": True,
        "orderId": key,
        "messages": sorted(found, key=lambda m: (m["timestamp"], m["topic"], m["offset"])),
        "complete": complete,
    }


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
