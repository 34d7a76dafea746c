"""What an OrderReplay asks for: one model for the API, the command and the replay itself.

The schema in ``helm/orderflow/files/crds`` says the same; a test holds the two together.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

from services.eventkit import deadletter
from services.eventkit.event import no_nulls, rfc3339
from services.events import EventType, OrderStatus, Topic

TOPIC = "orders-replay"
CHECKPOINTS = "replay-checkpoints"
DAYS = 7
PACE = ("eventsPerSecond", "speed", "maxGapSeconds")
MAX_BYTES = 64 * 1024  # an environment variable of Linux has at most twice that

_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_LIVE = "|".join(Topic)
_ASIDE = r"(retry|retries|dlq|dlt|dead-?letters?)\d*"
_BESIDE_LIVE = re.compile(
    rf"(.*[._-])?(({_LIVE})[._-](.*[._-])?{_ASIDE}|{_ASIDE}[._-](.*[._-])?({_LIVE}))([._-].*)?",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def refuse_topic(name: str) -> str | None:
    """Why replays may not be written to a topic of this name, and what to do; None if they may."""
    if not _NAME.fullmatch(name) or name in (".", ".."):
        return (
            "Kafka takes no such name: use 1 to 249 letters, digits, dots, underscores and hyphens"
        )
    if name in set(Topic):
        return f"{name} is a live topic, which services act on; name another, such as {TOPIC}"
    if _BESIDE_LIVE.fullmatch(name):
        return f"{name} is a retry or dead-letter topic of a live one; name another"
    if name in (deadletter.TOPIC, CHECKPOINTS) or name.startswith("__"):
        return f"{name} is a topic of the system's own; name another, such as {TOPIC}"
    return None


def _target(name: str) -> str:
    if fault := refuse_topic(name):
        raise ValueError(fault)
    return name


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            # Python keeps microseconds; finer ones are cut off.
            text = re.sub(r"(\.\d{6})\d+", r"\1", value.upper())
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("This is no time; write it with its zone, as in 2026-11-01T00:00:00Z")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("Send a number")
    return float(value)


def _amount(value: Any) -> Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,10}(\.\d{1,2})?", value):
        raise ValueError('This is no amount of money; write it as in "79.99"')
    return Decimal(value)


def _unique(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("Name each once")
    return values


def _exact(time: datetime) -> str:
    """As events have it, to the millisecond, and more where it says more."""
    return (
        rfc3339(time) if time.microsecond % 1000 == 0 else time.isoformat().replace("+00:00", "Z")
    )


Time = Annotated[datetime, BeforeValidator(_time), PlainSerializer(_exact, return_type=str)]
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Amount = Annotated[
    Decimal, BeforeValidator(_amount), PlainSerializer(lambda a: f"{a:.2f}", return_type=str)
]
Id = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
Ids = Annotated[list[Id], Field(min_length=1, max_length=1000), AfterValidator(_unique)]
# Of an enumeration: JSON has its values as text.
Types = Annotated[
    list[Annotated[EventType, Field(strict=False)]],
    Field(min_length=1, max_length=len(EventType)),
    AfterValidator(_unique),
]
Statuses = Annotated[
    list[Annotated[OrderStatus, Field(strict=False)]],
    Field(min_length=1, max_length=len(OrderStatus)),
    AfterValidator(_unique),
]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)

    _given = model_validator(mode="before")(no_nulls)

    def as_json(self) -> dict[str, Any]:
        """The same as JSON, without what was left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Filter(_Part):
    """Which orders' events are replayed; each condition that is given must hold."""

    customer_ids: Ids | None = Field(None, description="Orders of these customers.")
    product_ids: Ids | None = Field(None, description="Orders with one of these products.")
    statuses: Statuses | None = Field(
        None, description="Orders that stood here when the replay read its snapshot."
    )
    min_total: Amount | None = Field(None, description="Orders of this total or more.")
    max_total: Amount | None = Field(None, description="Orders of this total or less.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (
            self.min_total is not None
            and self.max_total is not None
            and self.min_total > self.max_total
        ):
            raise ValueError("minTotal is above maxTotal; swap them")
        return self


class ReplaySpec(_Part):
    """What is replayed, where to, and how fast."""

    days: int | None = Field(
        None, ge=1, le=3650, description="The last so many days before the replay was made."
    )
    from_: Time | None = Field(None, alias="from", description="From this time on.")
    to: Time | None = Field(
        None, description="Up to this time, not included; else until the replay was made."
    )
    event_types: Types = Field(
        default=[EventType.ORDER_CREATED], description="Events of these types."
    )
    filter: Filter = Field(Filter(), description="Which orders' events.")
    topic: Annotated[str, AfterValidator(_target)] = Field(
        TOPIC, description="Where to; made where it is missing. Never a live topic."
    )
    partitions: int = Field(6, ge=1, le=100, description="Of the topic, where it is made.")
    events_per_second: Number | None = Field(
        None, ge=0.001, le=1_000_000, description="Not faster than this, all shards together."
    )
    speed: Number | None = Field(
        None, ge=0.001, le=10_000, description="The original timing, so many times as fast."
    )
    max_gap_seconds: Number | None = Field(
        None, ge=0, le=86_400, description="With speed: a longer pause is cut to this."
    )
    parallelism: int = Field(
        1, ge=1, le=16, description="Shards, by the order's id, each a process of its own."
    )
    dry_run: bool = Field(False, description="Only say what would be replayed.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.to and not self.from_ and self.days is None:
            raise ValueError("to is given without from; give from too")
        if self.days is not None and (self.from_ or self.to):
            raise ValueError("Give days, or from and to, not both")
        if self.from_ and self.to and self.from_ >= self.to:
            raise ValueError("from is not before to; swap them")
        if self.events_per_second is not None and self.speed is not None:
            raise ValueError("Give eventsPerSecond or speed, not both")
        if self.max_gap_seconds is not None and self.speed is None:
            raise ValueError("maxGapSeconds cuts the pauses of speed; give speed too")
        if len(self.model_dump_json().encode()) > MAX_BYTES:
            raise ValueError(
                "The whole is too large to hand to a process; name fewer customers or products"
            )
        return self

    def selection(self) -> dict[str, Any]:
        """As JSON, what cannot change once a replay has begun: all but the pace."""
        return {name: value for name, value in self.as_json().items() if name not in PACE}

    def window(self, requested_at: datetime) -> tuple[datetime, datetime]:
        """From when (included) to when (not included), for a replay made at ``requested_at``.

        Raises ValueError with what to do where the window lies in the future.
        """
        to = min(self.to or requested_at, requested_at)
        since = self.from_ or to - timedelta(days=self.days or DAYS)
        if since >= to:
            raise ValueError("from lies in the future; only what has happened can be replayed")
        return since, to
