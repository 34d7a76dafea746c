"""What the operator makes of OrderReplays; pods are processes, and what stands in for the engine
commits real events and checkpoints."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from tests.operator.world import Cell, Running, World, conditions, reason, replay
from tests.system import eventually

SLOW: dict[str, Any] = {"eventsPerSecond": 100}
FINAL = ("Completed", "Failed", "Cancelled")


@pytest.fixture(scope="module")
def operator(world: World) -> Iterator[Running]:
    """One operator for the module, with no more rights than it says."""
    with world.operator() as running:
        eventually(running.leads, what="the operator leads")
        yield running
        assert not [line for line in running.lines() if "forbidden: User" in line["message"]]


@pytest.fixture
def ns(operator: Running, cell: Cell) -> Cell:
    """A namespace that the operator serves."""
    return cell


def doing(*told: str) -> dict[str, Any]:
    """A filter that tells the stand-in what to do."""
    return {"customerIds": list(told)}


def delivered(world: World, topic: str) -> list[str]:
    """What a reader of committed messages finds on a topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": world.bootstrap,
            "group.id": str(uuid4()),
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = list(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        found, ends = [], 0
        while ends < len(partitions):
            message = consumer.poll(10)
            assert message is not None
            if message.error():
                ends += 1
            else:
                found.append((message.value() or b"").decode())
        return found
    finally:
        consumer.close()


def true(thing: dict[str, Any]) -> set[str]:
    """The conditions that hold."""
    return {type for type, status in conditions(thing).items() if status == "True"}


def test_a_replay_runs_to_its_end_and_its_status_says_what_the_target_holds(
    ns: Cell, world: World
) -> None:
    topic = f"t-{uuid4().hex[:8]}"
    made = ns.create(replay("whole", topic=topic, parallelism=2, filter=doing("events=1000")))
    done = ns.phase("whole", "Completed")
    status = done["status"]
    events = Counter(delivered(world, topic))
    assert len(events) == 1000
    assert set(events.values()) == {1}
    assert status["report"]["replayed"] == status["report"]["planned"] == 1000
    assert status["progress"]["replayed"] == status["plan"]["events"] == 1000
    assert [s["phase"] for s in status["progress"]["shards"]] == ["Complete", "Complete"]
    assert status["display"] == {"progress": "100%"}
    assert status["plan"]["target"]["cleanup.policy"] == "delete"
    assert status["message"] == f"1,000 events replayed to {topic}"
    assert status["observedGeneration"] == made["metadata"]["generation"] == 1
    assert true(done) == {"Complete", "CheckpointsRead"}
    assert {c["observedGeneration"] for c in status["conditions"]} == {1}
    assert status["startTime"] <= status["completionTime"]
    assert [job["metadata"]["name"] for job in ns.jobs()] == [status["jobName"]]
    eventually(lambda: ("Normal", "JobCreated") in ns.events("whole"), what="it is told")
    eventually(lambda: ("Normal", "Completed") in ns.events("whole"), what="it is told")


def test_kubectl_waits_for_its_end(ns: Cell) -> None:
    ns.create(replay("waited", filter=doing("events=10")))
    ns.plane.kubectl(
        *("wait", "--for=condition=Complete", "orp/waited", "-n", ns.name, "--timeout=60s")
    )
    assert ns.status("waited")["phase"] == "Completed"


def test_the_job_is_what_it_should_be(ns: Cell) -> None:
    made = ns.create(
        replay(
            "built",
            parallelism=2,
            backoffLimit=3,
            activeDeadlineSeconds=600,
            filter=doing("stuck"),
            resources={"limits": {"memory": "1Gi"}},
        )
    )
    job = eventually(ns.jobs, what="there is a Job")[0]
    owner = job["metadata"]["ownerReferences"][0]
    assert owner["uid"] == made["metadata"]["uid"]
    assert owner["controller"] is True
    assert owner["blockOwnerDeletion"] is False
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 2, 2)
    assert spec["backoffLimit"] == 3
    assert spec["activeDeadlineSeconds"] == 600
    pod = spec["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == "orderflow-replay"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["restartPolicy"] == "Never"
    container = pod["containers"][0]
    assert container["command"] + container["args"] == ["orderflow", "replay", "run"]
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    # Nothing of ours holds up a deletion or marks what was handled.
    assert "finalizers" not in ns.the("built")["metadata"]
    assert "annotations" not in ns.the("built")["metadata"]


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(ns: Cell, world: World) -> None:
    topic = f"t-{uuid4().hex[:8]}"
    ns.create(replay("dry", dryRun=True, topic=topic, filter=doing("events=500")))
    status = ns.phase("dry", "Completed")["status"]
    assert status["plan"]["events"] == 500
    assert status["plan"]["byDay"] == {"2026-11-01": 500}
    assert status["plan"]["warnings"] == ["a warning"]
    assert status["message"] == "500 events would be replayed; see the plan"


def test_progress_is_shown_while_it_runs_and_written_at_most_every_two_seconds(
    ns: Cell,
) -> None:
    ns.create(replay("shown", **SLOW, filter=doing("events=600")))
    seen: dict[str, dict[str, Any]] = {}

    def done() -> bool:
        found = ns.the("shown")
        seen[found["metadata"]["resourceVersion"]] = found
        return bool(found.get("status", {}).get("phase") == "Completed")

    eventually(done, what="it completes")
    between = [
        f
        for f in seen.values()
        if 0 < f.get("status", {}).get("progress", {}).get("percent", 0) < 100
    ]
    assert between
    assert between[0]["status"]["display"]["rate"] == "100/s"
    assert "eta" in between[0]["status"]["display"]
    assert [c["type"] for c in between[0]["status"]["conditions"] if c["status"] == "True"] == [
        "Progressing",
        "CheckpointsRead",
    ]
    # 600 events take six seconds, in sixty commits.
    assert 2 <= len(between) <= 4
    counts = [f["status"]["progress"]["replayed"] for f in between]
    assert all(a <= b for a, b in pairwise(counts))


def test_it_is_suspended_and_goes_on_from_there(ns: Cell, world: World) -> None:
    topic = f"t-{uuid4().hex[:8]}"
    ns.create(replay("paused", **SLOW, topic=topic, filter=doing("events=1000")))
    ns.underway("paused")
    ns.patch("paused", suspend=True)
    held = ns.phase("paused", "Suspended")
    assert true(held) == {"Suspended", "CheckpointsRead"}
    eventually(lambda: not ns.running_pods(), what="its pods are gone")
    count = eventually(
        lambda: (
            ns.status("paused")["progress"]["replayed"] == len(delivered(world, topic))
            and ns.status("paused")["progress"]["replayed"]
        ),
        what="the status says what the target holds",
    )
    assert 0 < count < 1000
    assert ns.status("paused")["message"] == (
        f"Suspended after {count:,} of 1,000 events; set spec.suspend to false to let it go on"
    )
    ns.patch("paused", suspend=False, eventsPerSecond=10_000)
    done = ns.phase("paused", "Completed")
    assert set(Counter(delivered(world, topic)).values()) == {1}
    assert done["status"]["report"]["replayed"] == len(delivered(world, topic)) == 1000


def test_it_is_made_suspended_and_begins_when_that_is_taken_back(ns: Cell) -> None:
    ns.create(replay("later", suspend=True, filter=doing("events=10")))
    ns.phase("later", "Suspended")
    assert ns.all("pods") == []
    ns.patch("later", suspend=False)
    ns.phase("later", "Completed")


def test_a_cancel_stops_its_pods_and_keeps_what_was_replayed(ns: Cell, world: World) -> None:
    topic = f"t-{uuid4().hex[:8]}"
    ns.create(replay("ended", **SLOW, topic=topic, filter=doing("events=1000")))
    ns.underway("ended")
    ns.patch("ended", cancel=True)
    done = ns.phase("ended", "Cancelled")
    assert true(done) == {"Cancelled", "CheckpointsRead"}
    assert ns.jobs() == []
    assert ns.all("pods") == []
    count = len(delivered(world, topic))
    eventually(lambda: ns.status("ended")["progress"]["replayed"] == count)
    assert ns.status("ended")["message"] == f"Cancelled after {count:,} of 1,000 events"
    assert ns.status("ended")["progress"]["rate"] == 0


def test_another_pace_makes_another_job_that_goes_on_from_there(ns: Cell, world: World) -> None:
    topic = f"t-{uuid4().hex[:8]}"
    ns.create(replay("paced", **SLOW, topic=topic, filter=doing("events=3000")))
    first = ns.underway("paced")["status"]["jobName"]
    ns.patch("paced", eventsPerSecond=5000)
    done = ns.phase("paced", "Completed")
    assert done["status"]["jobName"] != first
    assert [job["metadata"]["name"] for job in ns.jobs()] == [done["status"]["jobName"]]
    assert sorted(Counter(delivered(world, topic)).values()) == [1] * 3000


def test_what_is_refused_in_the_pod_fails_at_once_with_its_message(ns: Cell) -> None:
    ns.create(replay("refused", backoffLimit=100, filter=doing("refuse")))
    failed = ns.phase("refused", "Failed")
    assert failed["status"]["message"] == "orders is live; name another"
    assert true(failed) == {"Failed", "CheckpointsRead"}
    assert reason(failed, "Failed") == "Refused"
    eventually(lambda: ("Warning", "Failed") in ns.events("refused"), what="it is told")
    assert len(ns.all("pods")) == 1


def test_a_shard_that_fails_too_often_fails_the_replay(ns: Cell) -> None:
    ns.create(replay("broken", backoffLimit=0, parallelism=2, filter=doing("crash")))
    failed = ns.phase("broken", "Failed")
    assert f"Job {failed['status']['jobName']}" in failed["status"]["message"]
    assert "completionTime" in failed["status"]
    assert "exit code" in failed["status"]["message"]


def test_a_replay_that_takes_too_long_fails(ns: Cell) -> None:
    ns.create(replay("long", activeDeadlineSeconds=2, filter=doing("stuck")))
    assert reason(ns.phase("long", "Failed"), "Failed") == "DeadlineExceeded"


def test_a_job_that_ends_without_a_checkpoint_completes_nothing(ns: Cell) -> None:
    ns.create(replay("silent", filter=doing("silent")))
    eventually(lambda: reason(ns.the("silent")) == "ReadingCheckpoints", what="the Job has ended")
    failed = ns.phase("silent", "Failed", seconds=100)
    assert reason(failed, "Failed") == "CheckpointMissing"


def test_a_pod_that_is_killed_or_evicted_is_replaced_and_goes_on(ns: Cell, world: World) -> None:
    topic = f"t-{uuid4().hex[:8]}"
    ns.create(replay("shaken", eventsPerSecond=200, topic=topic, filter=doing("events=3000")))
    faults: list[Callable[[str, str], None]] = [
        world.kubelet.evict,
        world.kubelet.evict_for_pressure,
        world.kubelet.kill,
    ]
    before = 0
    for fault in faults:
        before = ns.underway("shaken", before + 1)["status"]["progress"]["replayed"]
        pod = eventually(ns.running_pods, what="a pod runs")[0]
        fault(pod, ns.name)

        def gone(pod: str = pod) -> bool:
            return pod not in ns.running_pods()

        eventually(gone, what="it is gone")
    ns.phase("shaken", "Completed", seconds=100)
    assert sorted(Counter(delivered(world, topic)).values()) == [1] * 3000


def test_a_pod_that_somebody_deletes_is_no_failure(ns: Cell) -> None:
    ns.create(replay("deleted", **SLOW, backoffLimit=0, filter=doing("events=400")))
    ns.underway("deleted")
    ns.delete(ns.running_pods()[0], "pods")
    ns.phase("deleted", "Completed")


def test_a_job_that_is_deleted_by_hand_is_made_again_and_goes_on(ns: Cell, world: World) -> None:
    topic = f"t-{uuid4().hex[:8]}"
    ns.create(replay("robbed", **SLOW, topic=topic, filter=doing("events=500")))
    ns.underway("robbed")
    first = ns.jobs()[0]["metadata"]
    ns.delete(first["name"], "jobs")

    def again() -> bool:
        return [j["metadata"]["uid"] for j in ns.jobs()] not in ([], [first["uid"]])

    eventually(again, what="there is another Job")
    assert ns.jobs()[0]["metadata"]["name"] == first["name"]
    ns.phase("robbed", "Completed")
    assert sorted(Counter(delivered(world, topic)).values()) == [1] * 500


def test_the_job_of_a_completed_replay_is_not_made_again(ns: Cell, operator: Running) -> None:
    ns.create(replay("past", filter=doing("events=10")))
    ns.phase("past", "Completed")
    ns.delete(ns.jobs()[0]["metadata"]["name"], "jobs")
    eventually(lambda: not ns.all("jobs"), what="it is gone")
    ns.patch("past", suspend=True)  # whatever makes the operator look
    eventually(lambda: ns.status("past")["observedGeneration"] == 2)
    assert ns.status("past")["phase"] == "Completed"
    assert ns.all("jobs") == []


def test_a_job_of_that_name_that_is_somebody_elses_is_left_alone(ns: Cell) -> None:
    ns.create(replay("first", suspend=True))
    name = eventually(ns.jobs, what="there is a Job")[0]["metadata"]["name"]
    ns.plane.kubectl(
        *("patch", "job", name, "-n", ns.name, "--type=merge", "-p"),
        '{"metadata": {"ownerReferences": null, "labels": {"orderflow.dev/replay": null}}}',
    )
    eventually(lambda: reason(ns.the("first")) == "JobNameTaken", what="it is told")
    status = ns.status("first")
    assert status["phase"] == "Pending"
    assert status["message"] == (
        f"There is a Job {name} that does not belong to this OrderReplay; delete that Job"
    )
    eventually(lambda: ("Warning", "JobNameTaken") in ns.events("first"), what="it is told")
    ns.delete(name, "jobs")
    ns.phase("first", "Suspended")


def test_a_job_that_lost_our_label_is_still_ours(ns: Cell) -> None:
    ns.create(replay("bared", suspend=True))
    job = eventually(ns.jobs, what="there is a Job")[0]["metadata"]
    ns.plane.kubectl(
        *("patch", "job", job["name"], "-n", ns.name, "--type=merge", "-p"),
        '{"metadata": {"labels": {"orderflow.dev/replay": null}}}',
    )
    eventually(lambda: "orderflow.dev/replay" in ns.jobs()[0]["metadata"]["labels"])
    assert [j["metadata"]["uid"] for j in ns.jobs()] == [job["uid"]]


def test_a_job_that_the_api_server_refuses_is_told(ns: Cell) -> None:
    above = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
    ns.create(replay("greedy", resources=above))
    failed = ns.phase("greedy", "Failed")
    assert "must be less than or equal to memory limit" in failed["status"]["message"]
    assert reason(failed, "Failed") == "JobRefused"


def test_a_quota_that_has_room_for_none_is_told_and_what_waits_goes_on_when_it_has(
    ns: Cell,
) -> None:
    def none(kind: str) -> None:
        ns.plane.kubectl("create", "quota", f"no-{kind[:4]}", "-n", ns.name, f"--hard={kind}=0")
        status = ("get", "quota", f"no-{kind[:4]}", "-n", ns.name, "-o", "jsonpath={.status.hard}")
        eventually(lambda: ns.plane.kubectl(*status).stdout, what="the quota is counted")

    none("count/jobs.batch")
    ns.create(replay("barred", filter=doing("events=10")))
    eventually(lambda: reason(ns.the("barred")) == "JobRefused", what="it is told")
    assert "exceeded quota" in ns.status("barred")["message"]
    assert conditions(ns.the("barred"))["Progressing"] == "False"
    eventually(lambda: ("Warning", "JobRefused") in ns.events("barred"), what="it is told")
    none("pods")
    ns.plane.kubectl("delete", "quota", "no-coun", "-n", ns.name)
    eventually(lambda: reason(ns.the("barred")) == "PodsNotStarting", seconds=60, what="it is told")
    assert "kubectl describe job" in ns.status("barred")["message"]
    eventually(lambda: ("Warning", "PodsNotStarting") in ns.events("barred"), what="it is told")
    ns.plane.kubectl("delete", "quota", "no-pods", "-n", ns.name)
    ns.phase("barred", "Completed", seconds=100)


def test_what_only_the_time_of_the_request_shows_is_refused_without_a_job(ns: Cell) -> None:
    ns.create(replay("future", **{"from": "2999-01-01T00:00:00Z"}))
    failed = ns.phase("future", "Failed")
    assert reason(failed, "Failed") == "Refused"
    assert "lies in the future" in failed["status"]["message"]
    assert ns.jobs() == []


def test_a_replay_that_is_applied_with_the_annotations_of_another_runs_like_any(
    ns: Cell,
) -> None:
    ns.create(replay("original", filter=doing("events=10")))
    ns.phase("original", "Completed")
    copied = ns.the("original")
    ns.delete("original")
    eventually(lambda: ns.get("original") is None)
    # As `kubectl get -o yaml` gives it, with what kopf writes into resources that it handles.
    copied["metadata"] = {
        "name": "original",
        "annotations": {
            "kopf.zalando.org/last-handled-configuration": '{"spec":{"days":1}}',
            "orderflow.dev/last-handled-configuration": '{"spec":{"days":1}}',
        },
    }
    ns.create(copied)
    # Its status was not copied: it is another replay, and runs.
    assert ns.status("original") == {} or ns.status("original")["phase"] != "Completed"
    ns.phase("original", "Completed")
    assert len(ns.jobs()) == 1


def test_a_deleted_replay_takes_its_job_and_pods_with_it(ns: Cell) -> None:
    ns.create(replay("gone", **SLOW, filter=doing("events=10000")))
    ns.underway("gone")
    ns.delete("gone")
    eventually(lambda: ns.get("gone") is None, what="it is gone")
    eventually(lambda: not ns.all("jobs") and not ns.all("pods"), what="and all of it")


def test_it_is_deleted_its_time_after_it_has_finished(ns: Cell) -> None:
    ns.create(replay("kept", ttlSecondsAfterFinished=3600, filter=doing("events=10")))
    ns.create(replay("brief", ttlSecondsAfterFinished=1, filter=doing("events=10")))
    ns.create(replay("refused", ttlSecondsAfterFinished=0, filter=doing("refuse")))
    eventually(lambda: ns.get("brief") is None, what="it is deleted")
    eventually(lambda: ns.get("refused") is None, what="it is deleted")
    ns.phase("kept", "Completed")
    ns.patch("kept", ttlSecondsAfterFinished=0)
    eventually(lambda: ns.get("kept") is None, what="it is deleted when that is changed")


# What a person may do to a replay, wherever it stands.
CHANGES: dict[str, Callable[[Cell, str], object]] = {
    "edited": lambda ns, name: ns.patch(name, eventsPerSecond=90),
    "suspended": lambda ns, name: ns.patch(name, suspend=True),
    "resumed": lambda ns, name: ns.patch(name, suspend=False),
    "cancelled": lambda ns, name: ns.patch(name, cancel=True),
    "deleted": lambda ns, name: ns.delete(name),
}


def stand(ns: Cell, world: World, phase: str) -> None:
    """Bring a replay into a phase."""
    told = {"Completed": "events=10", "Failed": "refuse"}.get(phase, "events=10000")
    if phase == "Pending":
        world.kubelet.hold()
    ns.create(replay("any", **SLOW, filter=doing(told), suspend=phase == "Suspended"))
    if phase in ("Running", "Cancelled"):
        ns.underway("any")
    if phase == "Cancelled":
        ns.patch("any", cancel=True)
    ns.phase("any", phase)


@pytest.mark.parametrize("phase", ["Pending", "Running", "Suspended", *FINAL])
@pytest.mark.parametrize("change", list(CHANGES))
def test_a_replay_is_changed_in_every_phase(
    ns: Cell, world: World, phase: str, change: str
) -> None:
    stand(ns, world, phase)
    CHANGES[change](ns, "any")
    if change == "deleted":
        eventually(lambda: ns.get("any") is None, what="it is gone")
        eventually(lambda: not ns.all("jobs") and not ns.all("pods"), what="and all of it")
        return
    if phase in FINAL:
        expected = phase
    elif change == "suspended":
        expected = "Suspended"
    elif change == "cancelled":
        expected = "Cancelled"
    elif change == "resumed":
        expected = "Pending" if phase == "Pending" else "Running"
    else:
        expected = phase
    ns.phase("any", expected)

    def settled() -> bool:
        found = ns.the("any")
        status = found["status"]
        assert status["phase"] == expected
        assert status["observedGeneration"] == found["metadata"]["generation"]
        assert {c["observedGeneration"] for c in status["conditions"]} == {
            found["metadata"]["generation"]
        }
        assert len([t for t in true(found) if t in ("Complete", "Failed", "Cancelled")]) == (
            expected in FINAL
        )
        names = [job["metadata"]["name"] for job in ns.jobs()]
        assert names == ([] if expected == "Cancelled" else [status["jobName"]])
        return True

    eventually(settled, what="all agrees")
