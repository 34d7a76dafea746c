"""What the operator decides for a replay, from the resource, its Jobs and its checkpoints."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_operator.cluster import written
from replay_operator.pods import Trouble
from replay_operator.state import (
    FINAL,
    Decision,
    Problem,
    Seen,
    condition,
    decide,
    display,
    final,
    in_doubt,
    news,
    notable,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NAME = "it-0123456789"
NOTHING: dict[str, Any] = {
    "plan": None,
    "progress": None,
    "report": None,
    "startTime": None,
    "completionTime": None,
    "message": "",
    "complete": False,
    "refused": False,
}
PROGRESS = {"replayed": 400, "planned": 1000, "percent": 40, "rate": 100.0, "etaSeconds": 6}
HALF = NOTHING | {"plan": {"events": 1000}, "progress": PROGRESS, "startTime": written(NOW)}
WHOLE = HALF | {
    "complete": True,
    "completionTime": "2026-11-22T11:59:00.123Z",
    "report": {"replayed": 1000, "planned": 1000},
}


def replay(status: Any = None, **spec: Any) -> dict[str, Any]:
    """An OrderReplay as the API server gives it."""
    meta = {"name": "it", "namespace": "ns", "uid": "u", "generation": 3, "resourceVersion": "1"}
    found = {"metadata": meta, "spec": {"topic": "t", "parallelism": 1, "days": 1} | spec}
    return found | ({"status": status} if status else {})


def job(name: str = NAME, *held: str, going: bool = False, **status: Any) -> dict[str, Any]:
    """A Job with conditions that hold: ``Failed/PodFailurePolicy``."""
    meta: dict[str, Any] = {"name": name, "namespace": "ns", "uid": f"uid-of-{name}"}
    if going:
        meta["deletionTimestamp"] = written(NOW)
    conditions = [
        {
            "type": each.split("/")[0],
            "status": "True",
            "reason": each.partition("/")[2],
            "message": "the Job's message",
            "lastTransitionTime": written(NOW - timedelta(seconds=1)),
        }
        for each in held
    ]
    spec = {"suspend": status.pop("suspend", False)}
    return {"metadata": meta, "spec": spec, "status": status | {"conditions": conditions}}


def look(
    found: dict[str, Any],
    *jobs: dict[str, Any],
    seen: dict[str, Any] = NOTHING,
    fault: str | None = None,
    trouble: Trouble = Trouble(),  # noqa: B008 - it cannot change
    now: datetime = NOW,
    **more: Any,
) -> Decision:
    """Decide."""
    return decide(found, jobs, NAME, Seen(seen, fault, trouble), now, **more)


def again(decision: Decision, **spec: Any) -> dict[str, Any]:
    """The resource after that status was written."""
    return replay(decision.status, **spec)


def stands(decision: Decision) -> tuple[str, str]:
    """The phase and the reason."""
    progressing = next(c for c in decision.status["conditions"] if c["type"] == "Progressing")
    return decision.status["phase"], progressing["reason"]


def test_a_new_replay_gets_a_job() -> None:
    decision = look(replay())
    assert decision.create
    assert stands(decision) == ("Pending", "JobCreated")
    assert decision.status["jobName"] == NAME
    assert decision.status["observedGeneration"] == 3


def test_a_job_that_is_there_is_not_made_again() -> None:
    decision = look(replay(), job())
    assert not decision.create
    assert stands(decision) == ("Pending", "WaitingForPods")


def test_it_runs_once_a_pod_is_ready_or_a_checkpoint_is_there() -> None:
    assert stands(look(replay(), job(active=1, ready=1))) == ("Running", "Running")
    assert stands(look(replay(), job(active=1), seen=HALF)) == ("Running", "Running")
    # Between two pods it is still under way.
    assert stands(look(replay(), job(), seen=HALF)) == ("Running", "WaitingForPods")


def test_a_job_of_another_pace_is_deleted_before_the_new_one_is_made() -> None:
    decision = look(replay(), job("it-other"), seen=HALF)
    assert [j["metadata"]["name"] for j in decision.delete] == ["it-other"]
    assert not decision.create
    waiting = look(replay(), job("it-other", going=True), seen=HALF)
    assert (waiting.delete, waiting.create) == ([], False)
    assert look(replay(), seen=HALF).create


def test_suspension_is_passed_on_to_the_job_and_said_when_no_pod_is_left() -> None:
    asked = look(replay(suspend=True), job(active=1), seen=HALF)
    assert asked.suspend is not None
    assert stands(asked) == ("Running", "Suspending")
    stopping = look(replay(suspend=True), job(suspend=True, terminating=1), seen=HALF)
    assert stopping.suspend is None
    assert stands(stopping) == ("Running", "Suspending")
    assert stands(look(replay(suspend=True), job(suspend=True), seen=HALF))[0] == "Suspended"
    resumed = look(replay(), job(suspend=True), seen=HALF)
    assert resumed.suspend is not None


def test_a_cancel_deletes_the_jobs_and_is_said_when_they_are_gone() -> None:
    asked = look(replay(cancel=True), job(active=1), job("it-other"), seen=HALF)
    assert len(asked.delete) == 2
    assert stands(asked) == ("Running", "Cancelling")
    assert stands(look(replay(cancel=True), job(going=True), seen=HALF))[1] == "Cancelling"
    gone = look(replay(cancel=True), seen=HALF)
    assert not gone.create
    assert gone.status["phase"] == "Cancelled"
    assert gone.status["message"] == "Cancelled after 400 of 1,000 events"
    assert look(replay(cancel=True)).status["message"] == "Cancelled before it began"


def test_it_is_complete_when_the_checkpoints_say_so_whatever_the_job_says() -> None:
    for jobs in ([], [job()], [job(NAME, "Complete")], [job(NAME, "Failed/x")], [job("it-other")]):
        decision = look(replay(), *jobs, seen=WHOLE)
        assert decision.status["phase"] == "Completed"
        assert decision.status["completionTime"] == WHOLE["completionTime"]
        assert not decision.create
    assert look(replay(cancel=True), job(), seen=WHOLE).status["phase"] == "Completed"


def test_a_job_that_ended_well_is_not_believed_until_its_checkpoint_is_read() -> None:
    ended = job(NAME, "Complete")
    decision = look(replay(), ended, seen=HALF)
    assert stands(decision) == ("Running", "ReadingCheckpoints")
    assert decision.again
    later = NOW + timedelta(minutes=2)
    away = look(replay(), ended, seen=HALF, fault="Kafka is away", now=later)
    assert stands(away) == ("Running", "ReadingCheckpoints")
    missing = look(replay(), ended, seen=HALF, now=later)
    assert stands(missing) == ("Failed", "CheckpointMissing")


def test_a_failed_job_fails_the_replay_with_the_reason_of_the_checkpoint() -> None:
    refused = NOTHING | {"refused": True, "message": "orders is live"}
    failed = job(NAME, "Failed/PodFailurePolicy")
    assert stands(look(replay(), failed)) == ("Pending", "ReadingCheckpoints")
    assert look(replay(), failed, seen=refused).status["message"] == "orders is live"
    later = NOW + timedelta(seconds=10)
    assert stands(look(replay(), failed, now=later)) == ("Failed", "PodFailurePolicy")
    other = look(replay(), job(NAME, "Failed/BackoffLimitExceeded"), seen=HALF)
    assert stands(other) == ("Failed", "BackoffLimitExceeded")
    assert other.status["message"] == f"Job {NAME}: the Job's message"


def test_why_there_can_be_no_job_is_said_and_it_is_tried_again() -> None:
    decision = look(replay(), problem=Problem("JobNameTaken", "delete that Job"))
    assert decision.create
    assert stands(decision) == ("Pending", "JobNameTaken")
    assert condition(decision.status, "Progressing") is None
    assert news({"phase": "Pending"}, decision.status) == ("JobNameTaken", "delete that Job", True)


def test_a_job_that_can_never_be_made_fails_the_replay() -> None:
    problem = Problem("Refused", "from is in the future", lasting=True)
    decision = look(replay(), problem=problem)
    assert not decision.create
    assert stands(decision) == ("Failed", "Refused")
    assert decision.status["message"] == "from is in the future"
    # What is under way goes on.
    assert stands(look(replay(), job(active=1, ready=1), problem=problem))[0] == "Running"


def test_pods_that_do_not_start_are_told_with_what_they_say() -> None:
    decision = look(replay(), job(active=1), trouble=Trouble("Unschedulable: 0/1 nodes"))
    assert stands(decision) == ("Pending", "PodsNotStarting")
    assert decision.status["message"] == "Unschedulable: 0/1 nodes"
    assert condition(decision.status, "Progressing") is None
    assert decision.again
    assert news({"phase": "Pending"}, decision.status) == (
        "PodsNotStarting",
        decision.status["message"],
        True,
    )
    begun = look(again(decision), job(active=1, ready=1))
    assert stands(begun) == ("Running", "Running")


def test_pods_that_say_nothing_have_a_quarter_of_a_minute_to_start() -> None:
    started = job(active=0, startTime=written(NOW - timedelta(seconds=14)))
    early = look(replay(), started)
    assert stands(early) == ("Pending", "WaitingForPods")
    assert early.again
    late = look(replay(), started, now=NOW + timedelta(seconds=2))
    assert stands(late) == ("Pending", "PodsNotStarting")
    assert f"kubectl describe job {NAME}" in late.status["message"]


def test_a_pod_that_failed_is_told_with_its_last_words_while_there_are_tries_left() -> None:
    trouble = Trouble("Error, exit code 1: Kafka does not answer", failed=True)
    failing = job(failed=2, active=1)
    decision = look(replay(), failing, seen=HALF, trouble=trouble)
    assert stands(decision) == ("Running", "PodFailed")
    assert condition(decision.status, "Progressing")
    assert decision.status["message"] == (
        f"A pod failed and is made anew: {trouble.said}; 2 of 7 tries have failed"
    )
    other = look(replay(), job(failed=1, active=2, ready=1), seen=HALF, trouble=trouble)
    assert stands(other) == ("Running", "Running")
    assert trouble.said in other.status["message"]
    uncounted = look(replay(), job(), seen=HALF, trouble=trouble)
    assert stands(uncounted) == ("Running", "PodFailed")
    given_up = look(replay(), job(NAME, "Failed/BackoffLimitExceeded"), trouble=trouble)
    assert given_up.status["message"] == f"Job {NAME}: the Job's message; {trouble.said}"


def test_pods_are_asked_only_where_the_job_does_not_say_that_all_run() -> None:
    for doubtful in (job(), job(active=1), job(active=2, ready=1), job(NAME, "Failed/x")):
        assert in_doubt([doubtful])
    for clear in (job(active=1, ready=1), job(suspend=True), job(NAME, "Complete")):
        assert not in_doubt([clear])
    assert not in_doubt([])


@pytest.mark.parametrize("phase", FINAL)
def test_a_final_phase_stays_whatever_is_there(phase: str) -> None:
    begun = {
        "Completed": look(replay(), seen=WHOLE),
        "Failed": look(replay(), job(NAME, "Failed/BackoffLimitExceeded"), seen=HALF),
        "Cancelled": look(replay(cancel=True), seen=HALF),
    }[phase]
    assert final(begun.status) == phase
    for spec in ({}, {"suspend": True}, {"cancel": True}, {"eventsPerSecond": 1}):
        for jobs in ([], [job()], [job("it-other")], [job(NAME, "Complete")]):
            for seen in (NOTHING, HALF, WHOLE):
                decision = look(again(begun, **spec), *jobs, seen=seen)
                assert decision.status["phase"] == phase
                assert not decision.create
                assert decision.suspend is None
                assert decision.status["completionTime"] == begun.status["completionTime"]


def test_a_status_that_is_written_again_does_not_change() -> None:
    for found, jobs, seen in (
        (replay(), [], NOTHING),
        (replay(), [job(active=1)], HALF),
        (replay(suspend=True), [job(suspend=True)], HALF),
        (replay(cancel=True), [], HALF),
        (replay(), [], WHOLE),
        (replay(), [job(NAME, "Failed/x")], HALF),
    ):
        first = look(found, *jobs, seen=seen)
        later = NOW + timedelta(seconds=30)
        second = look(found | {"status": first.status}, *jobs, seen=seen, now=later)
        third = look(found | {"status": second.status}, *jobs, seen=seen, now=later)
        assert second.status == third.status
        assert second.status["conditions"] == first.status["conditions"]


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    first = look(replay())
    later = NOW + timedelta(seconds=30)
    second = look(again(first), job(active=1, ready=1), now=later)
    times = {c["type"]: c["lastTransitionTime"] for c in second.status["conditions"]}
    assert set(times.values()) == {written(NOW)}
    third = look(again(second), job(active=1), seen=WHOLE, now=later)
    changed = {
        c["type"] for c in third.status["conditions"] if c["lastTransitionTime"] > written(NOW)
    }
    assert changed == {"Complete", "Progressing"}


def test_the_numbers_of_a_cancelled_replay_become_those_of_its_last_checkpoint() -> None:
    begun = look(replay(cancel=True), seen=HALF)
    more = HALF | {"progress": PROGRESS | {"replayed": 450, "percent": 45}}
    decision = look(again(begun, cancel=True), seen=more)
    assert decision.status["progress"]["replayed"] == 450
    assert decision.status["message"] == "Cancelled after 450 of 1,000 events"


def test_what_was_known_stays_while_kafka_is_away() -> None:
    begun = look(replay(), job(active=1), seen=HALF)
    away = look(again(begun), job(active=1), fault="Kafka is away")
    assert away.status["progress"] == PROGRESS
    assert away.status["phase"] == "Running"
    told = next(c for c in away.status["conditions"] if c["type"] == "CheckpointsRead")
    assert (told["status"], told["reason"]) == ("False", "KafkaAway")
    assert "Kafka is away" in told["message"]
    # A Job that was lost meanwhile is made again all the same.
    assert look(again(begun), fault="Kafka is away").create


def test_of_a_finished_replay_only_one_whose_last_numbers_were_not_read_is_told_again() -> None:
    read = look(replay(), seen=WHOLE)
    assert look(again(read), fault="away").status == read.status
    unread = look(replay(cancel=True), seen=HALF, fault="away")
    assert condition(unread.status, "CheckpointsRead") is None
    assert condition(look(again(unread), seen=HALF).status, "CheckpointsRead")


def test_the_time_to_live_counts_from_when_the_end_was_said() -> None:
    begun = look(replay(), seen=WHOLE)
    found = again(begun, ttlSecondsAfterFinished=60)
    early = look(found, seen=WHOLE, now=NOW + timedelta(seconds=59))
    assert (early.expire, early.again) == (False, 1)
    assert look(found, seen=WHOLE, now=NOW + timedelta(seconds=60)).expire
    assert not look(again(begun), seen=WHOLE, now=NOW + timedelta(days=900)).expire


def test_there_are_no_nulls_in_a_status() -> None:
    def flat(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [x for each in value.values() for x in flat(each)]
        return [x for each in value for x in flat(each)] if isinstance(value, list) else [value]

    for seen in (NOTHING, HALF, WHOLE):
        for jobs in ([], [job()]):
            assert None not in flat(look(replay(), *jobs, seen=seen).status)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59, "59s"), (60, "1m0s"), (130, "2m10s"), (3600, "1h0m"), (90_061, "25h1m")],
)
def test_an_eta_is_shown_as_people_say_it(seconds: int, shown: str) -> None:
    told = display(PROGRESS | {"etaSeconds": seconds, "rate": 31_000.4})
    assert told == {"progress": "40%", "rate": "31,000/s", "eta": shown}
    assert display(PROGRESS | {"rate": 0}) == {"progress": "40%"}


def test_progress_is_not_notable_and_a_transition_is() -> None:
    one = look(replay(), job(active=1), seen=HALF)
    more = HALF | {"progress": PROGRESS | {"replayed": 500}}
    two = look(again(one), job(active=1), seen=more)
    assert one.status != two.status
    assert notable(one.status) == notable(two.status)
    assert news(one.status, two.status) is None
    done = look(again(two), job(active=1), seen=WHOLE)
    assert notable(done.status) != notable(two.status)
    assert news(two.status, done.status) == ("Completed", "1,000 events replayed to t", False)


SEEN = st.sampled_from([NOTHING, HALF, WHOLE, NOTHING | {"refused": True, "message": "no"}])
JOBS = st.lists(
    st.builds(
        lambda name, held, going, suspend, active: job(
            name, *held, going=going, suspend=suspend, active=active
        ),
        st.sampled_from([NAME, "it-other", "it-third"]),
        st.lists(st.sampled_from(["Complete", "Failed/PodFailurePolicy", "Suspended"]), max_size=1),
        st.booleans(),
        st.booleans(),
        st.integers(0, 1),
    ),
    max_size=3,
    unique_by=lambda j: j["metadata"]["name"],
)
SPEC = st.fixed_dictionaries(
    {"suspend": st.booleans(), "cancel": st.booleans()},
    optional={"ttlSecondsAfterFinished": st.integers(0, 100)},
)


@given(st.lists(st.tuples(SPEC, JOBS, SEEN, st.sampled_from([None, "away"])), max_size=8))
def test_whatever_happens_in_whatever_order_there_is_one_job_and_one_end(
    steps: list[tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any], str | None]],
) -> None:
    status: Any = None
    ended = None
    for number, (spec, jobs, seen, fault) in enumerate(steps):
        now = NOW + timedelta(seconds=number)
        decision = look(replay(status, **spec), *jobs, seen=seen, fault=fault, now=now)
        status = decision.status
        if decision.create:  # only where there is no other
            assert jobs == []
        true = [c["type"] for c in status["conditions"] if c["status"] == "True"]
        assert len({*true} & {"Complete", "Failed", "Cancelled", "Suspended", "Progressing"}) <= 1
        assert (final(status) is not None) == (status["phase"] in FINAL)
        if ended:
            assert status["phase"] == ended
        ended = final(status)
        assert not decision.expire or ended
