"""When a ScheduledOrderReplay is due, and what of it is to be made and deleted: pure functions.

The rules are those of CronJob. cronsim reads the expressions as Debian's cron does, also where
clocks are changed: what falls into the hour that is left out comes right after it, and what falls
into the hour that comes twice comes once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, reset_tzpath

from cronsim import CronSim, CronSimError

from replay_operator.cluster import moment, written
from replay_operator.state import condition, final
from services.orderreplay.kubeapi import Object

# The zones of the package alone: a host has others, such as its own local time.
reset_tzpath(to=())

_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True)
class Plan:
    """What is to be done now; ``make`` is the time for which an OrderReplay is to be made."""

    status: Object
    make: datetime | None = None
    cancel: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)
    again: float | None = None


def last_before(spec: Object, now: datetime) -> datetime:
    """The latest time of a schedule up to now. Raises ValueError with what to do."""
    return _tick(spec, now + timedelta(microseconds=1), back=True)


def next_after(spec: Object, now: datetime) -> datetime:
    """The first time of a schedule after now. Raises ValueError with what to do."""
    return _tick(spec, now, back=False)


def _tick(spec: Object, now: datetime, *, back: bool) -> datetime:
    name, text = str(spec.get("timeZone", "Etc/UTC")), str(spec["schedule"])
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"There is no time zone {name}; name one of the IANA database, such as Europe/Berlin"
        ) from None
    try:
        ticks = CronSim(_NAMED.get(text, text), now.astimezone(zone), reverse=back)
        return next(ticks).astimezone(UTC)
    except CronSimError as error:
        raise ValueError(f"{text} is no schedule ({error}); mend spec.schedule") from None
    except StopIteration:
        raise ValueError(f"{text} never comes; mend spec.schedule") from None


def plan(
    schedule: Object, children: Sequence[Object], now: datetime, problem: tuple[str, str] | None
) -> Plan:
    """What to do for a schedule whose OrderReplays are ``children``.

    ``problem`` is why the API server would not have its next one: a reason and a message.
    """
    spec, old = schedule["spec"], schedule.get("status") or {}
    ended = {child["metadata"]["uid"]: final(child.get("status") or {}) for child in children}
    active = [child for child in children if not ended[child["metadata"]["uid"]]]
    completed = [child for child in children if ended[child["metadata"]["uid"]] == "Completed"]
    failed = [c for c in children if c not in active and c not in completed]
    delete = _surplus(completed, spec.get("successfulReplaysHistoryLimit", 3))
    delete += _surplus(failed, spec.get("failedReplaysHistoryLimit", 1))
    status: Object = {
        "observedGeneration": schedule["metadata"]["generation"],
        "active": sorted(
            ({"name": c["metadata"]["name"], "uid": c["metadata"]["uid"]} for c in active),
            key=lambda each: each["name"],
        ),
        "activeCount": len(active),
        "lastScheduleTime": old.get("lastScheduleTime"),
        "lastSuccessfulTime": _last(old, completed),
    }
    make, cancel, again = None, [], None
    try:
        due, following = _due(schedule, now), next_after(spec, now)
    except ValueError as error:
        ready = ("False", "BadSchedule", str(error))
    else:
        again = max((following - now).total_seconds(), 1.0)
        ready = ("True", "Scheduled", f"The next is made at {written(following)}")
        if spec.get("suspend"):
            ready, due = ("True", "Suspended", "None is made; set spec.suspend to false"), None
        policy = spec.get("concurrencyPolicy", "Allow")
        if due and active and policy != "Allow":
            ready = ("True", "Waiting", f"That of {written(due)} waits for the one before it")
            if policy == "Replace":
                cancel = [child for child in active if not child["spec"].get("cancel")]
        elif due:
            make, status["lastScheduleTime"] = due, written(due)
            if problem:
                ready = ("False", *problem)
                status["lastScheduleTime"] = old.get("lastScheduleTime")
    status["conditions"] = [_ready(schedule, ready, now)]
    kept = {key: value for key, value in status.items() if value is not None}
    return Plan(kept, make, cancel, delete, again)


def _due(schedule: Object, now: datetime) -> datetime | None:
    """The latest time that has come and for which none was made, if it is not too late for it."""
    spec, status = schedule["spec"], schedule.get("status") or {}
    since = status.get("lastScheduleTime") or schedule["metadata"]["creationTimestamp"]
    last = last_before(spec, now)
    deadline = spec.get("startingDeadlineSeconds")
    late = deadline is not None and (now - last).total_seconds() > deadline
    return None if late or last <= moment(since) else last


def _surplus(finished: Sequence[Object], limit: int) -> list[Object]:
    by_age = sorted(finished, key=lambda child: str(child["metadata"]["creationTimestamp"]))
    return by_age[: max(len(by_age) - limit, 0)]


def _last(old: Object, completed: Sequence[Object]) -> str | None:
    times = [child["status"]["completionTime"] for child in completed]
    times += [old["lastSuccessfulTime"]] if "lastSuccessfulTime" in old else []
    return max(times, key=moment, default=None)


def _ready(schedule: Object, ready: tuple[str, str, str], now: datetime) -> Object:
    status, reason, message = ready
    before = next(
        (c for c in (schedule.get("status") or {}).get("conditions", []) if c["status"] == status),
        {"lastTransitionTime": written(now)},
    )
    return {
        "type": "Ready",
        "status": status,
        "observedGeneration": schedule["metadata"]["generation"],
        "lastTransitionTime": before["lastTransitionTime"],
        "reason": reason,
        "message": message,
    }


def is_ready(status: Object) -> bool:
    """Whether the schedule can be followed."""
    return condition(status, "Ready") is not None
