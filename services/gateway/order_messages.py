"""Where the messages of an order lie in Kafka: its partition read from the order's time on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from confluent_kafka import Message
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from services.eventkit.event import EPOCH
from services.eventkit.problems import Problem
from services.eventkit.watch import Place
from services.events import TERMINAL, Topic
from services.gateway.kafka import Bounds, Kafka, Scan, partition_of
from services.gateway.messages import outline, parsed

BOUNDS = Bounds(messages=20_000, bytes=20_000_000)
SKEW = timedelta(seconds=5)  # between the clocks of services
RELAYED = timedelta(minutes=1)  # in which a message that is recorded is in Kafka

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
    ends = kafka.ends(places, committed=True)
    if span.last:  # the live topics hold no more of it; replays come when they come
        live = [place for place in places if place[0] not in beside]
        last = _offsets(kafka, live, span.last + RELAYED)
        ends |= {at: (ends[at][0], min(ends[at][1], last.get(at, ends[at][1]))) for at in live}
    first = _offsets(kafka, places, span.first - SKEW)
    at = {place: first.get(place, high) for place, (_, high) in ends.items()}
    with kafka.reader() as reader:
        # All at once: a consumer that goes from topic to topic waits a second at each.
        scan = Scan(reader, ends, at, newest_first=False, bounds=BOUNDS)
        found = [_shown(message) for message in scan if message.key() == key.encode()]
    return {
        "success": True,
        "orderId": key,
        "messages": found,
        "complete": scan.done,
    }


def _offsets(kafka: Kafka, places: Iterable[Place], since: datetime) -> dict[Place, int]:
    """The first offset of each place from a time on; a place that has none is missing."""
    found = kafka.since(places, (since - EPOCH) // timedelta(milliseconds=1))
    return {place: offset for place, offset in found.items() if offset >= 0}


def _shown(message: Message) -> dict[str, Any]:
    value = parsed(message.value())
    replay = value.get("replay") if isinstance(value, dict) else None
    original = replay.get("originalEventId") if isinstance(replay, dict) else None
    return {
        **outline(message),
        "originalEventId": original if isinstance(original, str) else None,
    }
