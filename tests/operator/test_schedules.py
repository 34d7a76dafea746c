"""What the operator makes of ScheduledOrderReplays: the rules of a CronJob."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.operator.world import Cell, Object, Running, World, conditions, reason, schedule
from tests.system import eventually

KIND = "scheduledorderreplays"
LONG = {"days": 1, "eventsPerSecond": 50, "filter": {"customerIds": ["events=100000"]}}
SHORT = {"days": 1, "filter": {"customerIds": ["events=10"]}}


@pytest.fixture(scope="module")
def operator(world: World) -> Iterator[Running]:
    """One operator for the module."""
    with world.operator() as running:
        eventually(running.leads, what="the operator leads")
        yield running


@pytest.fixture
def ns(operator: Running, cell: Cell) -> Cell:
    """A namespace that the operator serves."""
    return cell


def ago(minutes: int) -> datetime:
    """So many minutes ago, to the minute."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).replace(second=0, microsecond=0)


def text(time: datetime) -> str:
    """As Kubernetes writes it."""
    return time.isoformat().replace("+00:00", "Z")


def due(
    ns: Cell, minutes: int, spec: Object = LONG, at: datetime | None = None, **more: Any
) -> datetime:
    """Make a schedule that was due so many minutes ago and was last followed hours before.

    ``at`` is when it was due, where that was told before.
    """
    time = at or ago(minutes)
    every = f"{time.minute} {time.hour} * * *"
    ns.create(schedule("it", schedule=every, template={"spec": spec}, suspend=True, **more))
    ns.set_status("it", {"lastScheduleTime": text(time - timedelta(hours=5))})
    ns.patch("it", KIND, suspend=False)
    return time


def again(ns: Cell, minutes: int) -> datetime:
    """Let it be due once more, at another time."""
    time = ago(minutes)
    ns.patch("it", KIND, schedule=f"{time.minute} {time.hour} * * *")
    return time


def name_of(time: datetime) -> str:
    """The OrderReplay for a time."""
    return f"it-{int(time.timestamp()) // 60}"


def made(ns: Cell) -> set[str]:
    """The names of the OrderReplays there are."""
    return {each["metadata"]["name"] for each in ns.all("orderreplays")}


def test_a_schedule_makes_a_replay_in_its_minute(ns: Cell) -> None:
    ns.create(schedule("soon", schedule="* * * * *", template={"spec": SHORT}))
    eventually(lambda: ns.all("orderreplays"), 75, "one is made")
    found = ns.all("orderreplays")[0]
    assert found["metadata"]["name"].startswith("soon-")
    owner = found["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["controller"]) == ("ScheduledOrderReplay", True)
    ns.phase(found["metadata"]["name"], "Completed")
    eventually(lambda: "lastSuccessfulTime" in ns.the("soon", KIND)["status"])


def test_a_time_that_was_missed_is_made_up_for_once(ns: Cell) -> None:
    time = due(ns, 10, SHORT)
    ns_name = name_of(time)
    eventually(lambda: made(ns) == {ns_name}, what="it is made")
    status = eventually(lambda: ns.the("it", KIND)["status"], what="it is told")
    assert eventually(lambda: ns.the("it", KIND)["status"]["lastScheduleTime"] == text(time))
    assert conditions({"status": status})["Ready"] == "True"
    eventually(lambda: ("Normal", "ReplayCreated") in ns.events("it"), what="it is told")
    # Even if the operator forgot that it did.
    ns.set_status("it", {"lastScheduleTime": text(time - timedelta(hours=5))})
    eventually(lambda: ns.the("it", KIND)["status"]["lastScheduleTime"] == text(time))
    assert made(ns) == {ns_name}
    assert conditions(ns.the("it", KIND))["Ready"] == "True"


def test_a_time_that_was_missed_by_too_much_is_left_out(ns: Cell) -> None:
    due(ns, 10, startingDeadlineSeconds=60)
    eventually(
        lambda: ns.the("it", KIND)["status"].get("observedGeneration", 0) >= 2, what="it is seen"
    )
    assert reason(ns.the("it", KIND), "Ready") == "Scheduled"
    assert made(ns) == set()


def test_allow_makes_the_next_beside_the_one_before(ns: Cell) -> None:
    first = due(ns, 10)
    ns_first = name_of(first)
    eventually(lambda: made(ns) == {ns_first})
    ns.underway(ns_first)
    second = name_of(again(ns, 2))
    ns.underway(second)
    active = {each["name"] for each in ns.the("it", KIND)["status"]["active"]}
    assert active == {ns_first, second}


def test_forbid_makes_the_next_when_the_one_before_has_finished(ns: Cell) -> None:
    first = name_of(due(ns, 10, concurrencyPolicy="Forbid"))
    ns.underway(first)
    second = name_of(again(ns, 2))
    eventually(lambda: reason(ns.the("it", KIND), "Ready") == "Waiting", what="it is told")
    assert made(ns) == {first}
    ns.patch(first, cancel=True)
    ns.phase(first, "Cancelled")
    ns.underway(second)


def test_replace_cancels_the_one_before_and_makes_the_next(ns: Cell) -> None:
    first = name_of(due(ns, 10, concurrencyPolicy="Replace"))
    ns.underway(first)
    second = name_of(again(ns, 2))
    ns.phase(first, "Cancelled")
    assert ns.status(first)["progress"]["replayed"] > 0
    ns.underway(second)
    jobs = [job["metadata"]["name"] for job in ns.jobs()]
    assert jobs == [ns.status(second)["jobName"]]


def test_a_suspended_schedule_makes_none(ns: Cell) -> None:
    ns.create(schedule("it", schedule="* * * * *", suspend=True))
    ns.set_status("it", {"lastScheduleTime": text(ago(60))})
    eventually(lambda: reason(ns.the("it", KIND), "Ready") == "Suspended", what="it is told")
    assert made(ns) == set()


def test_no_more_than_its_history_is_kept(ns: Cell) -> None:
    limits: Object = {"successfulReplaysHistoryLimit": 1, "failedReplaysHistoryLimit": 0}
    first = name_of(due(ns, 30, SHORT, **limits))
    eventually(lambda: first in made(ns))
    ns.phase(first, "Completed")
    second = name_of(again(ns, 20))
    eventually(lambda: second in made(ns))
    ns.phase(second, "Completed")
    eventually(lambda: made(ns) == {second}, what="the older is deleted")
    refused = {"days": 1, "filter": {"customerIds": ["refuse"]}}
    ns.patch("it", KIND, template={"spec": refused})
    third = name_of(again(ns, 3))
    eventually(lambda: name_of(ago(3)) and made(ns) in ({second}, {second, third}))
    eventually(
        lambda: "lastScheduleTime" in ns.the("it", KIND)["status"] and made(ns) == {second},
        what="what failed is deleted",
    )


def test_a_schedule_that_cannot_be_followed_says_what_to_do(ns: Cell) -> None:
    ns.create(schedule("lost", timeZone="Mars/Phobos"))
    eventually(lambda: conditions(ns.the("lost", KIND)).get("Ready") == "False")
    told = ns.the("lost", KIND)["status"]["conditions"][0]
    assert told["reason"] == "BadSchedule"
    assert told["message"] == (
        "There is no time zone Mars/Phobos; name one of the IANA database, such as Europe/Berlin"
    )
    eventually(lambda: ("Warning", "BadSchedule") in ns.events("lost"), what="it is told")
    ns.patch("lost", KIND, timeZone="Europe/Berlin", schedule="0 0 31 2 *")
    eventually(lambda: "0 0 31 2 *" in ns.the("lost", KIND)["status"]["conditions"][0]["message"])
    ns.patch("lost", KIND, schedule="0 0 28 2 *")
    eventually(lambda: conditions(ns.the("lost", KIND)).get("Ready") == "True")


def test_a_replay_of_that_name_that_is_not_of_the_schedule_is_left_alone(ns: Cell) -> None:
    time = ago(10)
    other = schedule("x")["spec"]["template"]["spec"] | {"suspend": True}
    ns.create(
        {
            "apiVersion": "orderflow.dev/v1alpha1",
            "kind": "OrderReplay",
            "metadata": {"name": name_of(time)},
            "spec": other,
        }
    )
    due(ns, 10, at=time)
    eventually(lambda: reason(ns.the("it", KIND), "Ready") == "NameTaken", what="it is told")
    ns.delete(name_of(time))
    eventually(lambda: reason(ns.the("it", KIND), "Ready") == "Scheduled", what="it goes on")


def test_a_deleted_schedule_takes_its_replays_with_it(ns: Cell) -> None:
    first = name_of(due(ns, 10))
    ns.underway(first)
    ns.delete("it", KIND)
    eventually(lambda: made(ns) == set() and not ns.all("jobs") and not ns.all("pods"))
