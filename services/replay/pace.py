"""When the next event is due."""

import time
from datetime import datetime
from typing import Protocol

from services.orderreplay.spec import ReplaySpec


class Pace(Protocol):
    """Says how long to wait before an event."""

    def wait(self, at: datetime) -> float:
        """Seconds until the next event, which first happened at ``at``, is due; 0 or less: now."""
        ...


class AtRate:
    """So many events a second, evenly; what was missed while nobody could send is not made up."""

    def __init__(self, events_per_second: float) -> None:
        self._interval, self._due = 1 / events_per_second, 0.0

    def wait(self, _: datetime) -> float:
        """Seconds until the next event is due."""
        now = time.monotonic()
        self._due += self._interval
        if self._due < now - 0.1:  # less is made up for, lest the rate suffer from every delay
            self._due = now
        return self._due - now


class AsItWas:
    """The original timing, so many times as fast, with pauses cut to ``max_gap`` seconds."""

    def __init__(self, speed: float, max_gap: float | None) -> None:
        self._speed, self._max_gap = speed, max_gap
        self._last: datetime | None = None
        self._due = 0.0

    def wait(self, at: datetime) -> float:
        """Seconds until the next event is due."""
        now = time.monotonic()
        if self._last is None:
            self._due = now
        else:
            gap = (at - self._last).total_seconds() / self._speed
            self._due += gap if self._max_gap is None else min(gap, self._max_gap)
        self._last = at
        return self._due - now


def pace(spec: ReplaySpec) -> Pace | None:
    """The pace of one shard; None for as fast as can be."""
    if spec.events_per_second is not None:
        return AtRate(spec.events_per_second / spec.parallelism)
    if spec.speed is not None:
        return AsItWas(spec.speed, spec.max_gap_seconds)
    return None
