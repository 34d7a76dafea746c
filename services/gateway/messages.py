"""Looking at messages of a topic: a page at a time, searched, and never the topic as a whole."""

import base64
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from services.eventkit.event import EPOCH, header, headers, rfc3339
from services.eventkit.problems import Problem
from services.eventkit.watch import Place
from services.events import Topic
from services.gateway.kafka import Bounds, Kafka, Scan, partition_of, size_of
from services.orderreplay import spec

SHOWN = 64 * 1024  # bytes of a value; of a larger one the beginning is shown
BOUNDS = Bounds()
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d.*")
_AWARE = TypeAdapter(AwareDatetime)

Match = Callable[[Message], bool]


class MessageQuery(BaseModel):
    """The parameters of ``GET /api/topics/<name>/messages``."""

    model_config = ConfigDict(extra="forbid")

    partition: int | None = Field(None, ge=0, le=1_000_000)
    from_: str = Field("newest", alias="from", max_length=50)
    limit: int = Field(50, ge=1, le=200)
    key: str | None = Field(None, min_length=1, max_length=1000)
    type: str | None = Field(None, min_length=1, max_length=100)
    header: str | None = Field(None, min_length=1, max_length=1000)
    text: str | None = Field(None, min_length=1, max_length=200)
    cursor: str | None = Field(None, max_length=3000)

    @field_validator("from_")
    @classmethod
    def _place(cls, value: str) -> str:
        if value in ("newest", "oldest") or re.fullmatch(r"offset:\d{1,18}", value):
            return value
        if not _TIME.fullmatch(value) or _time(value) is None:
            raise ValueError(
                "Send newest, oldest, offset:N with a partition,"
                " or a time with its zone, such as 2026-11-22T17:00:00Z"
            )
        return value


def _time(text: str) -> datetime | None:
    try:
        return _AWARE.validate_python(text)
    except ValidationError:
        return None


def browse(
    kafka: Kafka, topic: str, query: MessageQuery, bounds: Bounds = BOUNDS
) -> dict[str, Any]:
    """A page of the messages that match, and where to go on.

    Raises Problem for a topic, partition or cursor that there is not, and where too many browse;
    KafkaException where Kafka does not answer.
    """
    numbers = _partitions(topic, kafka.topic(topic).partitions, query)
    places = [(topic, number) for number in numbers]
    ends = kafka.ends(places, committed=True)
    mark = _mark(topic, query)
    if query.cursor is not None:
        at = dict(zip(places, _read_cursor(query.cursor, mark, len(places)), strict=True))
    else:
        at = _start(kafka, ends, query)
    matches, found = matcher(query), []
    with kafka.reader() as reader:
        scan = Scan(reader, ends, at, newest_first=query.from_ == "newest", bounds=bounds)
        for message in scan:
            if matches(message):
                found.append(message)
                if len(found) == query.limit:
                    break
    return {
        "success": True,
        "messages": [as_json(message) for message in found],
        "partitions": numbers,
        "scanned": scan.scanned,
        "cursor": None if scan.done else write_cursor(mark, scan.at.values()),
    }


def _partitions(topic: str, there: Iterable[int], query: MessageQuery) -> list[int]:
    """The partitions to read, ascending."""
    numbers = sorted(there)
    if query.partition is None:
        if query.from_.startswith("offset:"):
            raise Problem(
                400, "invalid-request", "partition: Send it, as an offset is one of a partition"
            )
        # Where our producers alone write, they have chosen the partition.
        if query.key and topic in (*Topic, spec.TOPIC):
            return [partition_of(query.key, len(numbers))]
        return numbers
    if query.partition not in numbers:
        raise Problem(
            400,
            "invalid-request",
            f"partition: {topic} has no {query.partition}; it has {numbers[0]} to {numbers[-1]}",
        )
    return [query.partition]


def _start(
    kafka: Kafka, ends: dict[Place, tuple[int, int]], query: MessageQuery
) -> dict[Place, int]:
    if query.from_ == "newest":
        return {place: high for place, (_, high) in ends.items()}
    if query.from_ == "oldest":
        return {place: low for place, (low, _) in ends.items()}
    if query.from_.startswith("offset:"):
        return dict.fromkeys(ends, int(query.from_.removeprefix("offset:")))
    since = ((_time(query.from_) or EPOCH) - EPOCH) // timedelta(milliseconds=1)
    first = kafka.since(ends, max(0, since))
    return {place: first[place] if first[place] >= 0 else high for place, (_, high) in ends.items()}


def matcher(query: MessageQuery) -> Match:
    """Whether a message has all that is searched for."""
    tests: list[Match] = []
    if query.key is not None:
        key = query.key.encode()
        tests.append(lambda message: message.key() == key)
    if query.header is not None:
        name, equals, value = query.header.partition("=")
        tests.append(
            lambda message: any(
                n == name and (not equals or v == value.encode()) for n, v in headers(message)
            )
        )
    if query.type is not None:
        tests.append(lambda message: _field(message, "event-type", "eventType") == query.type)
    if query.text is not None:
        text = query.text.casefold()
        tests.append(
            lambda message: text in (message.value() or b"").decode(errors="replace").casefold()
        )
    return lambda message: all(test(message) for test in tests)


def _field(message: Message, of_header: str, of_value: str) -> str | None:
    """An envelope's field: cheaply from its header, else from the value."""
    found = header(message, of_header)
    if found is None:
        value = parsed(message.value())
        found = value.get(of_value) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def parsed(value: bytes | None) -> Any:
    """A value that is JSON, else None."""
    try:
        return orjson.loads(value or b"")
    except ValueError:
        return None


def outline(message: Message) -> dict[str, Any]:
    """Where a message lies and what event it is, as clients see it."""
    names: dict[str, list[str]] = {}
    for name, each in headers(message):
        names.setdefault(name, []).append(each.decode(errors="replace"))
    kind, milliseconds = message.timestamp()
    value = parsed(message.value())
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": None if kind == TIMESTAMP_NOT_AVAILABLE else _moment(milliseconds),
        "eventId": _field(message, "event-id", "eventId"),
        "eventType": _field(message, "event-type", "eventType"),
        "isReplay": header(message, "is-replay") == "true"
        or (isinstance(value, dict) and value.get("isReplay") is True),
        "headers": {name: ", ".join(values) for name, values in names.items()},
    }


def as_json(message: Message) -> dict[str, Any]:
    """A message as clients see it, its value as JSON, text or base64, whichever it is."""
    key, key_encoding = _text(message.key())
    return {
        **outline(message),
        "timestampType": {TIMESTAMP_NOT_AVAILABLE: None, TIMESTAMP_CREATE_TIME: "create"}.get(
            message.timestamp()[0], "append"
        ),
        "key": key,
        "keyEncoding": key_encoding,
        **shown(message.value()),
        "size": size_of(message),
    }


def shown(raw: bytes | None) -> dict[str, Any]:
    """Bytes for a person to read: JSON as such, any other text, or base64, cut where too long."""
    value, text, encoding = None, None, None
    cut = (raw or b"")[:SHOWN]
    truncated = raw is not None and len(raw) > SHOWN
    if raw is not None:
        text, encoding = _text(raw, cut)
    if encoding == "utf-8" and not truncated:
        try:
            orjson.loads(raw or b"")
            # As it stands: a number keeps its digits.
            value, text, encoding = orjson.Fragment(raw or b""), None, "json"
        except ValueError:
            pass
    return {"value": value, "text": text, "encoding": encoding, "truncated": truncated}


def _text(raw: bytes | None, cut: bytes | None = None) -> tuple[str | None, str | None]:
    """Bytes as text with its encoding; ``cut`` is what of them is wanted."""
    if raw is None:
        return None, None
    cut = raw if cut is None else cut
    try:
        if "\0" not in raw.decode():
            return cut.decode(errors="ignore"), "utf-8"
    except UnicodeDecodeError:
        pass
    return base64.b64encode(cut).decode(), "base64"


def _moment(milliseconds: int) -> str | None:
    try:
        return rfc3339(EPOCH + timedelta(milliseconds=milliseconds))
    except OverflowError:  # whoever writes a message may give it any time
        return None


def _mark(topic: str, query: MessageQuery) -> str:
    """A sum of what was asked for: a cursor goes on with the same question only."""
    asked = query.model_dump(exclude={"cursor", "limit"}) | {"topic": topic}
    return sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def write_cursor(mark: str, at: Iterable[int]) -> str:
    """Where to go on, as text; whoever gets it need not read it."""
    text = f"{mark}:{','.join(map(str, at))}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str, mark: str, count: int) -> list[int]:
    return read_cursor(
        cursor,
        mark,
        count,
        "take it from the answer before, with the same topic, from and search",
    )


def read_cursor(cursor: str, mark: str, count: int, advice: str) -> list[int]:
    """The offsets in a cursor of :func:`write_cursor`. Raises Problem where it is another."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        found, _, offsets = text.partition(":")
        at = [int(offset) for offset in offsets.split(",")]
        if found == mark and len(at) == count and min(at) >= 0:
            return at
    except ValueError:
        pass
    raise Problem(400, "invalid-cursor", f"cursor: {advice}.")
