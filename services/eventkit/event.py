"""The envelope: what every message on Kafka looks like, and how it is read and written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from confluent_kafka import Message
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from uuid_utils import uuid7

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidMessage(Exception):
    """A message that no retry can mend; it goes to the dead letters with this text as cause."""


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is not between the years 1 and 9999") from None


class Metadata(BaseModel):
    """Where an event comes from and what it belongs to."""

    model_config = ConfigDict(extra="ignore", strict=True)

    version: int = Field(1, ge=1, description="Version of the payload's schema.")
    source: str = Field(max_length=100, description="The service that produced the event.")
    correlationId: UUID = Field(description="Shared by all that one request set off.")
    causationId: UUID | None = Field(None, description="The event that led to this one.")


class Envelope(BaseModel):
    """The JSON object that a message's value is."""

    model_config = ConfigDict(extra="ignore", strict=True)

    eventId: UUID = Field(description="UUIDv7; the same event never has two.")
    eventType: str = Field(min_length=1, max_length=100)
    timestamp: Annotated[AwareDatetime, AfterValidator(_in_utc)] = Field(
        description="When it happened: RFC 3339, UTC."
    )
    payload: dict[str, Any]
    metadata: Metadata
    isReplay: bool = False


@dataclass(frozen=True, slots=True)
class Language:
    """The events that services speak in: the topic and the payload's model of each type.

    ``key`` reads from a payload what its message is keyed by.
    """

    topics: Mapping[str, str]
    payloads: Mapping[str, type[BaseModel]]
    key: Callable[[Any], str]


@dataclass(slots=True)
class Event:
    """One event, read from Kafka or about to be published.

    ``payload`` is an instance of the type's model; ``body`` is the same as it stands on the wire,
    with the fields that this version does not know. ``message`` is where it was read.
    """

    type: str
    key: str
    payload: Any
    correlation_id: str
    causation_id: str | None
    id: str
    time: datetime
    source: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    replay: bool = False
    message: Message | None = None


def new_event(
    type: str,
    key: str,
    payload: BaseModel,
    *,
    correlation_id: str,
    causation_id: str | None = None,
) -> Event:
    """Make an event that is to be published, with an id of its own and the time of now.

    It is later than its cause even where this clock is behind that of the cause, so that events
    in the order of their times are in causal order. An id has the time of its event.
    """
    now = datetime.now(UTC)
    # As it stands on the wire, so that every record of the event has the same time.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    cause = _time_of(causation_id)
    if cause is None or now > cause:
        return Event(type, key, payload, correlation_id, causation_id, str(uuid7()), now)
    later = cause + timedelta(milliseconds=1)
    since = (later - EPOCH) // timedelta(milliseconds=1)
    id = str(uuid7(nanoseconds=since * 1_000_000))
    return Event(type, key, payload, correlation_id, causation_id, id, later)


def _time_of(event_id: str | None) -> datetime | None:
    if event_id is None or event_id[14] != "7":
        return None
    return EPOCH + timedelta(milliseconds=int(event_id[:8] + event_id[9:13], 16))


def follow(cause: Event, type: str, payload: BaseModel) -> Event:
    """Make the event that ``cause`` led to, for the same key and correlation."""
    return new_event(
        type,
        cause.key,
        payload,
        correlation_id=cause.correlation_id,
        causation_id=cause.id,
    )


def rfc3339(time: datetime) -> str:
    """``time`` in UTC to the millisecond: ``2026-11-22T17:11:53.123Z``."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(event: Event, source: str) -> tuple[str, bytes]:
    """Write ``event`` as a message of ``source``: the value, and the headers as a JSON object."""
    value = {
        "eventId": event.id,
        "eventType": event.type,
        "timestamp": rfc3339(event.time),
        "payload": event.payload.model_dump(mode="json", by_alias=True, exclude_none=True),
        "metadata": {
            "version": 1,
            "source": source,
            "correlationId": event.correlation_id,
            "causationId": event.causation_id,
        },
    }
    headers = {
        "event-type": event.type,
        "event-id": event.id,
        "correlation-id": event.correlation_id,
        "traceparent": traceparent(event.correlation_id, event.id),
    }
    return orjson.dumps(value).decode(), orjson.dumps(headers)


def traceparent(correlation_id: str, span: str) -> str:
    """The W3C trace context of an event: the correlation is the trace, the event a span in it."""
    return f"00-{correlation_id.replace('-', '')}-{span.replace('-', '')[16:]}-01"


def headers(message: Message) -> list[tuple[str, bytes]]:
    """The headers of a message; one without a value has an empty one."""
    raw: Any = message.headers() or ()  # its stubs allow for other forms, the library has none
    return [(name, value or b"") for name, value in raw]


def header(message: Message, name: str) -> str | None:
    """The header ``name`` of a message as text, or None where it is absent."""
    for key, value in headers(message):
        if key == name:
            return value.decode(errors="replace")
    return None


def decode(message: Message, language: Language) -> Event:
    """Read a message of a known type. Raises InvalidMessage with what is wrong."""
    value = message.value()
    if value is None:
        raise InvalidMessage("the message has no value")
    try:
        envelope = Envelope.model_validate_json(value)
        model = language.payloads.get(envelope.eventType)
        payload = model.model_validate(envelope.payload) if model else None
    except ValidationError as error:
        raise InvalidMessage(explain(error)) from None
    raw, cause = message.key(), envelope.metadata.causationId
    key = raw.decode(errors="replace") if isinstance(raw, bytes) else ""
    if payload is not None and key != language.key(payload):
        raise InvalidMessage(f"the key is {key[:100]!r}, the payload's is {language.key(payload)}")
    return Event(
        type=envelope.eventType,
        key=key,
        payload=payload,
        correlation_id=str(envelope.metadata.correlationId),
        causation_id=str(cause) if cause else None,
        id=str(envelope.eventId),
        time=envelope.timestamp,
        source=envelope.metadata.source,
        body=envelope.payload,
        replay=envelope.isReplay or envelope.payload.get("isReplay") is True,
        message=message,
    )


def no_nulls(value: Any) -> Any:
    """Refuse an object of a request that has a null: for a pydantic validator before the others."""
    if isinstance(value, dict):
        for name, each in value.items():
            if each is None:
                raise ValueError(f"{name} is null; give it a value or leave it out")
    return value


def explain(error: ValidationError) -> str:
    """The first three faults of a failed validation, in one line."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'value'}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors()[:3]
    )
