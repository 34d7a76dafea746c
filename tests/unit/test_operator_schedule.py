"""When a schedule is due, and what is made, cancelled and deleted then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from replay_operator.cluster import written
from replay_operator.schedule import Plan, last_before, next_after, plan

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def schedule(made: datetime = NOW - timedelta(days=1), **more: Any) -> dict[str, Any]:
    """A schedule of every hour, made a day ago."""
    status = more.pop("status", {})
    meta = {
        "name": "it",
        "namespace": "ns",
        "uid": "s",
        "generation": 2,
        "creationTimestamp": written(made),
    }
    spec = {"schedule": "0 * * * *", "timeZone": "Etc/UTC", "template": {"spec": {"days": 1}}}
    return {"metadata": meta, "spec": spec | more, "status": status}


def child(number: int, phase: str = "", **spec: Any) -> dict[str, Any]:
    """An OrderReplay of it; the higher the number, the younger."""
    made = written(NOW - timedelta(hours=10) + timedelta(minutes=number))
    type = {"Completed": "Complete"}.get(phase, phase)
    status = {
        "completionTime": made,
        "conditions": [{"type": type, "status": "True", "lastTransitionTime": made}],
    }
    return {
        "metadata": {"name": f"it-{number}", "uid": f"u{number}", "creationTimestamp": made},
        "spec": spec,
        "status": status if phase else {"phase": "Running"},
    }


def look(found: dict[str, Any], *children: dict[str, Any], now: datetime = NOW) -> Plan:
    """Decide."""
    return plan(found, children, now, None)


def ready(found: Plan) -> tuple[str, str]:
    """The condition's status and reason."""
    return found.status["conditions"][0]["status"], found.status["conditions"][0]["reason"]


def test_the_latest_time_that_was_missed_is_made_up_for_once() -> None:
    found = look(schedule())
    assert found.make == NOON
    assert found.status["lastScheduleTime"] == written(NOON)
    assert look(schedule(status=found.status)).make is None


def test_a_time_is_due_from_its_very_moment() -> None:
    before = NOON - timedelta(microseconds=1)
    status = {"lastScheduleTime": written(NOON - timedelta(hours=1))}
    assert look(schedule(status=status), now=before).make is None
    assert look(schedule(status=status), now=NOON).make == NOON


def test_nothing_is_due_before_the_schedule_was_made() -> None:
    found = look(schedule(made=NOW - timedelta(minutes=5)))
    assert found.make is None
    assert found.again == 30 * 60
    assert found.status["conditions"][0]["message"] == "The next is made at 2026-11-22T13:00:00Z"


def test_a_time_that_was_missed_by_too_much_is_left_out() -> None:
    assert look(schedule(startingDeadlineSeconds=1799)).make is None
    assert look(schedule(startingDeadlineSeconds=1800)).make == NOON


def test_a_suspended_schedule_makes_none_and_keeps_its_history() -> None:
    found = look(schedule(suspend=True), *(child(n, "Completed") for n in range(5)))
    assert found.make is None
    assert ready(found) == ("True", "Suspended")
    assert [c["metadata"]["name"] for c in found.delete] == ["it-0", "it-1"]


def test_allow_makes_another_beside_it() -> None:
    assert look(schedule(), child(1)).make == NOON


def test_forbid_waits_for_the_one_before() -> None:
    found = look(schedule(concurrencyPolicy="Forbid"), child(1))
    assert (found.make, found.cancel) == (None, [])
    assert ready(found) == ("True", "Waiting")
    assert "lastScheduleTime" not in found.status
    assert look(schedule(concurrencyPolicy="Forbid"), child(1, "Failed")).make == NOON


def test_replace_cancels_the_one_before_and_makes_the_next_when_it_has_ended() -> None:
    found = look(schedule(concurrencyPolicy="Replace"), child(1), child(2, cancel=True))
    assert found.make is None
    assert [c["metadata"]["name"] for c in found.cancel] == ["it-1"]
    assert look(schedule(concurrencyPolicy="Replace"), child(1, "Cancelled")).make == NOON


def test_the_oldest_beyond_the_limits_are_deleted() -> None:
    children = [child(n, "Completed") for n in range(4)]
    children += [child(n, "Failed") for n in range(10, 12)] + [child(20, "Cancelled"), child(30)]
    found = look(schedule(), *children)
    assert [c["metadata"]["name"] for c in found.delete] == ["it-0", "it-10", "it-11"]
    none = look(schedule(successfulReplaysHistoryLimit=0, failedReplaysHistoryLimit=0), *children)
    assert len(none.delete) == 7


def test_the_status_names_what_is_active_and_when_one_last_completed() -> None:
    found = look(schedule(), child(2), child(1), child(3, "Completed"), child(4, "Failed"))
    assert found.status["active"] == [{"name": "it-1", "uid": "u1"}, {"name": "it-2", "uid": "u2"}]
    assert found.status["activeCount"] == 2
    assert found.status["lastSuccessfulTime"] == child(3)["metadata"]["creationTimestamp"]
    kept = look(schedule(status=found.status))
    assert kept.status["lastSuccessfulTime"] == found.status["lastSuccessfulTime"]


def test_why_none_can_be_made_is_said_and_it_stays_due() -> None:
    found = plan(schedule(), [], NOW, ("ReplayRefused", "mend spec.template"))
    assert ready(found) == ("False", "ReplayRefused")
    assert "lastScheduleTime" not in found.status


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"timeZone": "Mars/Phobos"}, "There is no time zone Mars/Phobos; name one of the IANA"),
        ({"timeZone": "localtime"}, "There is no time zone localtime"),  # of a host
        ({"schedule": "30-10 * * * *"}, "mend spec.schedule"),
        ({"schedule": "0 0 31 2 *"}, "mend spec.schedule"),
    ],
)
def test_what_cannot_be_followed_is_said_with_what_to_do(spec: dict[str, Any], says: str) -> None:
    found = look(schedule(**spec))
    assert found.make is None
    assert ready(found) == ("False", "BadSchedule")
    assert says in found.status["conditions"][0]["message"]


def test_ready_keeps_its_time_until_its_status_changes() -> None:
    first = look(schedule())
    later = NOW + timedelta(minutes=1)
    again = look(schedule(status=first.status), now=later)
    since = [found.status["conditions"][0]["lastTransitionTime"] for found in (first, again)]
    assert since == [written(NOW)] * 2
    bad = look(schedule(status=first.status, timeZone="Mars/Phobos"), now=later)
    assert bad.status["conditions"][0]["lastTransitionTime"] == written(later)


def berlin(text: str) -> dict[str, Any]:
    """A schedule in a zone whose clocks change."""
    return {"schedule": text, "timeZone": "Europe/Berlin"}


def times(spec: dict[str, Any], since: datetime, until: datetime) -> list[str]:
    """All times for which one is made when it is looked at each minute."""
    found, last, now = [], since, since
    while now <= until:
        if (due := last_before(spec, now)) > last:
            found.append(written(due))
            last = due
        now += timedelta(minutes=1)
    return found


def test_a_time_in_the_hour_that_is_left_out_comes_right_after_it() -> None:
    # On the 29th of March 2026, 02:00 to 03:00 is left out in Berlin.
    day = datetime(2026, 3, 28, 12, tzinfo=UTC)
    found = times(berlin("30 2 * * *"), day, day + timedelta(days=2))
    assert found == ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]


def test_a_time_in_the_hour_that_comes_twice_comes_once() -> None:
    # On the 25th of October 2026, 02:00 to 03:00 comes twice in Berlin.
    day = datetime(2026, 10, 24, 12, tzinfo=UTC)
    found = times(berlin("30 2 * * *"), day, day + timedelta(days=2))
    assert found == ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]


def test_every_quarter_of_an_hour_comes_in_every_hour_that_there_is() -> None:
    day = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    found = times(berlin("*/15 * * * *"), day, day + timedelta(hours=3))
    assert len(found) == 12
    spring = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert len(times(berlin("*/15 * * * *"), spring, spring + timedelta(hours=3))) == 12


@pytest.mark.parametrize(
    ("name", "text"),
    [("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@weekly", "0 0 * * 0")],
)
def test_a_named_schedule_is_the_one_it_stands_for(name: str, text: str) -> None:
    for one in (last_before, next_after):
        assert one(berlin(name), NOW) == one(berlin(text), NOW)
