"""What is to be done for a replay, and how it stands: pure functions of what exists.

What exists is the resource, its Jobs, and the checkpoints that its shards have committed. Nothing
is remembered in between, so it does not matter what the operator saw, missed or died of before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from replay_operator.cluster import moment, written
from replay_operator.pods import Trouble
from services.orderreplay.kubeapi import Object

FINAL = {"Completed": "Complete", "Failed": "Failed", "Cancelled": "Cancelled"}
"""The phases that a replay does not leave, each with the condition that says so."""

PROBLEMS = {"JobNameTaken", "JobRefused", "PodsNotStarting"}

# A Job may end before the follower has read what its pods committed last.
REFUSAL_GRACE, COMPLETION_GRACE = 5.0, 60.0
LOOK_AGAIN = 1.0
START_PATIENCE = 15.0  # for pods that say nothing of why they do not start
STARTING = 3.0  # between two looks at pods that start: no change of the Job tells of them
NOT_STARTING = 10.0  # and at those that do not


class Seen(NamedTuple):
    """What the checkpoints and the pods say.

    ``fault``: why the summary of the checkpoints may not be the newest; ``trouble``: what keeps
    pods from their work.
    """

    summary: Object
    fault: str | None = None
    trouble: Trouble = Trouble()


class Problem(NamedTuple):
    """Why there can be no Job: a word for programs, and for people; ``lasting``: nor ever."""

    reason: str
    message: str
    lasting: bool = False


class Stand(NamedTuple):
    """A phase, and why it is that one: in a word for programs, and for people."""

    phase: str
    reason: str
    message: str
    moving: bool = True


@dataclass(frozen=True)
class Decision:
    """What is to be done now, the status to be written, and when to look again at the latest."""

    status: Object
    create: bool = False
    delete: list[Object] = field(default_factory=list)
    suspend: Object | None = None
    expire: bool = False
    again: float | None = None


def condition(of: Object, type: str) -> Object | None:
    """A condition of a status that is true, or None."""
    for each in of.get("conditions") or []:
        if each["type"] == type and each["status"] == "True":
            return dict(each)
    return None


def final(status: Object) -> str | None:
    """The final phase that a status says, or None. The conditions count, as they are waited for."""
    return next((phase for phase, type in FINAL.items() if condition(status, type)), None)


def at_work(jobs: Sequence[Object]) -> bool:
    """Whether pods of a replay may be running."""
    return any(_pods(job) and "deletionTimestamp" not in job["metadata"] for job in jobs)


def in_doubt(jobs: Sequence[Object]) -> bool:
    """Whether only the pods themselves can say why they do not all run."""
    return any(
        status.get("ready", 0) < max(status.get("active", 0), 1)
        and not job["spec"].get("suspend")
        and not condition(status, "Complete")
        for job in jobs
        for status in [job.get("status") or {}]
    )


def decide(
    replay: Object,
    jobs: Sequence[Object],
    name: str,
    seen: Seen,
    now: datetime,
    problem: Problem | None = None,
) -> Decision:
    """What to do for a replay whose Job is to be called ``name``, unless there is a ``problem``."""
    old = replay.get("status") or {}
    if phase := final(old):
        return _finished(replay, jobs, phase, seen, now)
    done, stand = _next(replay, jobs, name, seen, now, problem)
    status = _status(replay, stand, seen, now)
    if stand.phase not in FINAL and stand.reason != "Cancelling":
        status["jobName"] = name
    elif "jobName" in old:
        status["jobName"] = old["jobName"]
    return Decision(_clean(status), **done)


def _next(
    replay: Object,
    jobs: Sequence[Object],
    name: str,
    seen: Seen,
    now: datetime,
    problem: Problem | None,
) -> tuple[dict[str, Any], Stand]:
    spec, summary = replay["spec"], seen.summary
    going = [job for job in jobs if "deletionTimestamp" in job["metadata"]]
    here = [job for job in jobs if "deletionTimestamp" not in job["metadata"]]
    begun = "Running" if summary.get("plan") or _begun(replay) else "Pending"
    far = _far(summary)
    if summary["complete"]:
        return {}, _completed(replay, summary)
    if spec.get("cancel"):
        if jobs:
            return {"delete": here}, Stand(
                begun, "Cancelling", "Its pods are being stopped", moving=False
            )
        return {}, Stand("Cancelled", "Cancelled", f"Cancelled{far}")
    if others := [job for job in here if job["metadata"]["name"] != name]:
        return {"delete": others}, Stand(begun, "ChangingPace", "It goes on at another pace")
    if going:
        return {}, Stand(begun, "WaitingForPods", "The pods of the Job before are being stopped")
    if not here:
        if problem and problem.lasting:
            return {}, Stand("Failed", problem.reason, problem.message)
        if problem:
            return {"create": True}, Stand(begun, problem.reason, problem.message, moving=False)
        return {"create": True}, Stand(begun, "JobCreated", f"Job {name} is made")
    job = here[0]
    if ended := _ended(job):
        return _after(job, ended, summary, seen, begun, now)
    asked = bool(spec.get("suspend"))
    todo = {"suspend": job} if bool(job["spec"].get("suspend")) != asked else {}
    if asked:
        if todo or _pods(job):
            return todo, Stand(begun, "Suspending", "Its pods are being stopped", moving=False)
        return {}, Stand(
            "Suspended",
            "Suspended",
            f"Suspended{far}; set spec.suspend to false to let it go on",
        )
    return _at_work(job, todo, summary, seen, begun, now)


def _at_work(
    job: Object, todo: dict[str, Any], summary: Object, seen: Seen, begun: str, now: datetime
) -> tuple[dict[str, Any], Stand]:
    """How a Job does that is not to be suspended and has not ended."""
    status, name = job.get("status") or {}, job["metadata"]["name"]
    said, failed = seen.trouble
    if count := status.get("failed", 0):
        said += f"; {count} of {job['spec'].get('backoffLimit', 6) + 1} tries have failed"
    if status.get("ready") or (summary.get("plan") and _pods(job) and not seen.trouble.said):
        told = said if seen.trouble.said else summary["message"] or f"Job {name} is at work"
        return todo, Stand("Running", "Running", told)
    look = todo | {"again": STARTING}
    if failed:
        return look, Stand(begun, "PodFailed", f"A pod failed and is made anew: {said}")
    if seen.trouble.said:
        return todo | {"again": NOT_STARTING}, Stand(begun, "PodsNotStarting", said, moving=False)
    since = status.get("startTime") or job["metadata"].get("creationTimestamp")
    if todo or not since or (now - moment(since)).total_seconds() < START_PATIENCE:
        return look, Stand(begun, "WaitingForPods", f"The pods of Job {name} have not begun yet")
    return todo | {"again": NOT_STARTING}, Stand(
        begun,
        "PodsNotStarting",
        f"No pod of Job {name} has begun; `kubectl describe job {name}` says why",
        moving=False,
    )


def _completed(replay: Object, summary: Object) -> Stand:
    report = summary.get("report") or {}
    if replay["spec"].get("dryRun"):
        planned = report.get("planned", 0)
        return Stand("Completed", "Planned", f"{_count(planned)} would be replayed; see the plan")
    topic = replay["spec"].get("topic")
    replayed = _count(report.get("replayed", 0))
    return Stand("Completed", "AllReplayed", f"{replayed} replayed to {topic}")


def _after(
    job: Object, ended: Object, summary: Object, seen: Seen, begun: str, now: datetime
) -> tuple[dict[str, Any], Stand]:
    """What a Job that has ended means while the checkpoints do not say that all is complete."""
    since = (now - moment(ended["lastTransitionTime"])).total_seconds()
    wait = {"again": LOOK_AGAIN}, Stand(begun, "ReadingCheckpoints", "Its last checkpoint is read")
    if ended["type"] == "Failed":
        if summary["refused"]:
            return {}, Stand("Failed", "Refused", summary["message"])
        if ended.get("reason") == "PodFailurePolicy" and since < REFUSAL_GRACE:
            return wait
        told = [f"Job {job['metadata']['name']}: {ended.get('message', 'it failed')}"]
        told += [each for each in (seen.trouble.said, summary["message"]) if each]
        return {}, Stand("Failed", ended.get("reason") or "JobFailed", "; ".join(told))
    if seen.fault or since < COMPLETION_GRACE:
        return wait
    return {}, Stand(
        "Failed",
        "CheckpointMissing",
        "Its Job ended well, but the topic replay-checkpoints does not say so; "
        "compare with `orderflow replay verify` and make another OrderReplay if need be",
    )


def _finished(
    replay: Object, jobs: Sequence[Object], phase: str, seen: Seen, now: datetime
) -> Decision:
    """A final phase stays. Its numbers may still become truer, and its time may come."""
    old = replay["status"]
    told = condition(old, FINAL[phase])
    assert told is not None  # noqa: S101 - that is how the phase was found
    status = _status(replay, Stand(phase, told["reason"], told["message"]), seen, now)
    if phase == "Cancelled":
        status["message"] = f"Cancelled{_far(status)}"
        if status["message"] != told["message"]:
            for each in status["conditions"]:
                each["message"] = status["message"]
    status |= {key: old[key] for key in ("jobName", "completionTime") if key in old}
    stale = [j for j in jobs if "deletionTimestamp" not in j["metadata"]]
    decision = Decision(_clean(status), delete=stale if phase == "Cancelled" else [])
    if (ttl := replay["spec"].get("ttlSecondsAfterFinished")) is None:
        return decision
    left = ttl - (now - moment(told["lastTransitionTime"])).total_seconds()
    return Decision(decision.status, delete=decision.delete, expire=left <= 0, again=max(left, 0))


def _status(replay: Object, stand: Stand, seen: Seen, now: datetime) -> Object:
    old, summary = replay.get("status") or {}, seen.summary
    status: Object = {
        "phase": stand.phase,
        "observedGeneration": replay["metadata"]["generation"],
        "message": stand.message,
        "conditions": _conditions(replay, stand, seen, now),
    }
    if summary.get("plan"):
        status |= {name: summary[name] for name in ("plan", "progress", "report")}
    elif seen.fault or stand.phase in FINAL:
        # What was known is better than nothing: it is the truth of then.
        status |= {name: old.get(name) for name in ("plan", "progress", "report")}
    status["startTime"] = summary.get("startTime") or old.get("startTime")
    if stand.phase in FINAL:
        ended = summary.get("completionTime") if stand.phase == "Completed" else None
        status["completionTime"] = ended or old.get("completionTime") or written(now)
    if progress := status.get("progress"):
        status["display"] = display(progress)
    return status


def _conditions(replay: Object, stand: Stand, seen: Seen, now: datetime) -> list[Object]:
    old = {each["type"]: each for each in (replay.get("status") or {}).get("conditions") or []}
    moving = stand.phase in ("Pending", "Running") and stand.moving
    holds = {type: stand.phase == phase for phase, type in FINAL.items()}
    holds |= {"Suspended": stand.phase == "Suspended", "Progressing": moving}
    # Of those that have finished, only one whose last numbers were not read is told again.
    reading = seen.fault is None
    if stand.phase in FINAL and old.get("CheckpointsRead", {}).get("status") == "True":
        reading = True
    found = []
    for type, status in [*holds.items(), ("CheckpointsRead", reading)]:
        reason, message = stand.reason, stand.message
        if type == "CheckpointsRead":
            reason = "Current" if reading else "KafkaAway"
            message = "" if reading else f"The numbers may be old: {seen.fault}"
        each = {
            "type": type,
            "status": str(status),
            "observedGeneration": replay["metadata"]["generation"],
            "lastTransitionTime": written(now),
            "reason": reason,
            "message": message,
        }
        before = old.get(type, {})
        if before.get("status") == each["status"] and "lastTransitionTime" in before:
            each["lastTransitionTime"] = before["lastTransitionTime"]
        found.append(each)
    return found


def display(progress: Object) -> Object:
    """What ``kubectl get`` shows of the progress."""
    shown = {"progress": f"{progress['percent']}%"}
    if progress.get("rate"):
        shown["rate"] = f"{progress['rate']:,.0f}/s"
    if (eta := progress.get("etaSeconds")) is not None and progress.get("rate"):
        minutes, seconds = divmod(int(eta), 60)
        hours, minutes = divmod(minutes, 60)
        parts = [(hours, "h"), (minutes, "m"), (seconds, "s")]
        first = next((i for i, (count, _) in enumerate(parts) if count), 2)
        shown["eta"] = "".join(f"{count}{unit}" for count, unit in parts[first : first + 2])
    return shown


def notable(status: Object) -> Object:
    """What of a status is written at once: all but how far it has come."""
    conditions = [(c["type"], c["status"], c["reason"]) for c in status.get("conditions") or []]
    names = ("phase", "observedGeneration", "jobName")
    return {name: status.get(name) for name in names} | {"conditions": sorted(conditions)}


def news(old: Object, new: Object) -> tuple[str, str, bool] | None:
    """The reason, the message and whether it is a warning, of an Event that tells of a change."""
    why, before = _progressing(new), _progressing(old)
    if why["reason"] in PROBLEMS and why["reason"] != before.get("reason"):
        return why["reason"], why["message"], True
    if new["phase"] != old.get("phase"):
        return new["phase"], why["message"], new["phase"] == "Failed"
    return None


def _progressing(status: Object) -> Object:
    conditions = status.get("conditions") or []
    return next((dict(c) for c in conditions if c["type"] == "Progressing"), {})


def _begun(replay: Object) -> bool:
    old = replay.get("status") or {}
    return old.get("phase") == "Running" or "startTime" in old


def _ended(job: Object) -> Object | None:
    status = job.get("status") or {}
    return condition(status, "Failed") or condition(status, "Complete")


def _pods(job: Object) -> bool:
    status = job.get("status") or {}
    return bool(status.get("active") or status.get("terminating"))


def _far(of: Object) -> str:
    progress = of.get("progress")
    if not progress:
        return " before it began"
    return f" after {progress['replayed']:,} of {_count(progress['planned'])}"


def _count(events: int) -> str:
    return f"{events:,} event{'' if events == 1 else 's'}"


def _clean(value: Any) -> Any:
    """Without what is None: the schema has no nulls."""
    if isinstance(value, dict):
        return {key: _clean(each) for key, each in value.items() if each is not None}
    return [_clean(each) for each in value] if isinstance(value, list) else value
