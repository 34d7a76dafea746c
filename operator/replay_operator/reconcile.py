"""One reconcile of one resource: read what exists, decide, do it, write the status.

The same for a new resource, a changed one, an event of its Job, and a start of the operator. It
may be killed between any two calls: the next reconcile finds what was done and does the rest.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from replay_operator import build, metrics, pods, schedule, state
from replay_operator.cluster import REPLAYS, SCHEDULES, Cluster
from services.orderreplay.checkpoint import Checkpoint
from services.orderreplay.kubeapi import TERMINATING, ApiError, Object
from services.orderreplay.status import summary

log = logging.getLogger(__name__)


class Checkpoints(Protocol):
    """Of the Follower of the checkpoints, what is used here."""

    fault: str | None

    def of(self, replay_id: str) -> list[Checkpoint]: ...


class Reconciler:
    """Reconciles one resource at a time; a worker thread calls it.

    ``progress_seconds``: how far a replay has come is written no more often than that. What is
    kept in memory is only when that was last done, for each.
    """

    def __init__(
        self,
        cluster: Cluster,
        checkpoints: Checkpoints,
        template: Object,
        progress_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster, self._checkpoints, self._template = cluster, checkpoints, template
        self._progress_seconds, self._clock = progress_seconds, clock
        self._wrote: dict[tuple[str, str], float] = {}

    def replay(self, namespace: str, name: str) -> float | None:
        """Reconcile an OrderReplay. Returns in how many seconds to look again at the latest."""
        replay = self._cluster.get(REPLAYS, namespace, name)
        if replay is None or "deletionTimestamp" in replay["metadata"]:
            self._wrote.pop((namespace, name), None)
            return None  # its Jobs and their pods go with it, by their owner references
        uid = replay["metadata"]["uid"]
        labels = f"{build.REPLAY_LABEL}={uid}"
        jobs = [j for j in self._cluster.list("jobs", namespace, labels) if build.owned_by(j, uid)]
        refused = None if jobs else build.refusal(replay)
        problem = state.Problem("Refused", refused, lasting=True) if refused else None
        decision = self._decide(replay, jobs, problem)
        if problem := self._act(replay, decision):
            decision = self._decide(replay, jobs, problem)
        if decision.expire:
            self._cluster.delete(REPLAYS, replay, unchanged=True)
            return None
        return self._write(replay, decision)

    def _decide(
        self, replay: Object, jobs: list[Object], problem: state.Problem | None
    ) -> state.Decision:
        meta, fault = replay["metadata"], self._checkpoints.fault
        running = state.at_work(jobs) and fault is None
        checkpoints = self._checkpoints.of(meta["uid"])
        known = summary(checkpoints, replay["spec"]["parallelism"], running=running)
        trouble = pods.Trouble()
        if not state.final(replay.get("status") or {}) and state.in_doubt(jobs):
            labels = f"{build.REPLAY_LABEL}={meta['uid']}"
            trouble = pods.trouble(self._cluster.list("pods", meta["namespace"], labels))
        seen = state.Seen(known, fault, trouble)
        name = build.job_name(replay)
        return state.decide(replay, jobs, name, seen, datetime.now(UTC), problem)

    def _act(self, replay: Object, decision: state.Decision) -> state.Problem | None:
        """Do what was decided. Returns why there can be no Job, if so."""
        for job in decision.delete:
            self._cluster.delete("jobs", job)
        if job := decision.suspend or {}:
            meta, suspended = job["metadata"], bool(job["spec"].get("suspend"))
            # On this very Job, not on one that has come in its place.
            patch = {"metadata": {"uid": meta["uid"]}, "spec": {"suspend": not suspended}}
            self._cluster.patch("jobs", meta["namespace"], meta["name"], patch)
        if not decision.create:
            return None
        wanted = build.job(replay, self._template)
        namespace, name = replay["metadata"]["namespace"], wanted["metadata"]["name"]
        try:
            self._cluster.create("jobs", namespace, wanted)
        except ApiError as error:
            if error.reason == TERMINATING:
                return None  # all of it goes, this one next
            if error.status == 409:
                return self._taken(replay, namespace, name, wanted)
            if error.status in (400, 403, 422):
                # What of a Job comes from the spec is resources, and they cannot be changed.
                lasting = error.status == 422 and "resources" in replay["spec"]
                told = f"The API server refuses Job {name}: {error}"
                return state.Problem("JobRefused", told, lasting)
            raise
        metrics.jobs_created.inc()
        self._tell(replay, "JobCreated", f"Made Job {name}", warning=False)
        return None

    def _taken(
        self, replay: Object, namespace: str, name: str, wanted: Object
    ) -> state.Problem | None:
        """There is a Job of the name. It is ours if its owner is; then it lacks our label."""
        there = self._cluster.get("jobs", namespace, name)
        if there is None:
            raise ApiError(409, "AlreadyExists", f"Job {name} was there and is gone")
        if not build.owned_by(there, replay["metadata"]["uid"]):
            return state.Problem(
                "JobNameTaken",
                f"There is a Job {name} that does not belong to this OrderReplay; delete that Job",
            )
        labels = {"metadata": {"labels": wanted["metadata"]["labels"]}}
        self._cluster.patch("jobs", namespace, name, labels)
        return None

    def _write(self, replay: Object, decision: state.Decision) -> float | None:
        meta, old, new = replay["metadata"], replay.get("status") or {}, decision.status
        key = (meta["namespace"], meta["name"])
        waits = [] if decision.again is None else [decision.again]
        if new.get("conditions") and state.condition(new, "Progressing") is None:
            waits += [] if state.final(new) else [10.0]  # a problem that may have passed by then
        if new != old:
            now, last = self._clock(), self._wrote.get(key, float("-inf"))
            if state.notable(new) == state.notable(old) and now < last + self._progress_seconds:
                return min([*waits, last + self._progress_seconds - now])
            self._cluster.replace_status(REPLAYS, replay, new)
            self._wrote[key] = now
            if told := state.news(old, new):
                reason, message, warning = told
                self._tell(replay, reason, message, warning=warning)
        return min(waits, default=None)

    def schedule(self, namespace: str, name: str) -> float | None:
        """Reconcile a ScheduledOrderReplay. Returns as :meth:`replay` does."""
        found = self._cluster.get(SCHEDULES, namespace, name)
        if found is None or "deletionTimestamp" in found["metadata"]:
            return None
        uid, old = found["metadata"]["uid"], found.get("status") or {}
        labels = f"{build.SCHEDULE_LABEL}={uid}"
        children = [
            child
            for child in self._cluster.list(REPLAYS, namespace, labels)
            if build.owned_by(child, uid) and "deletionTimestamp" not in child["metadata"]
        ]
        now = datetime.now(UTC)
        plan = schedule.plan(found, children, now, None)
        for child in plan.delete:
            self._cluster.delete(REPLAYS, child)
        for child in plan.cancel:
            meta = child["metadata"]
            patch = {"metadata": {"uid": meta["uid"]}, "spec": {"cancel": True}}
            self._cluster.patch(REPLAYS, namespace, meta["name"], patch)
        made = plan.make and build.scheduled_replay(found, plan.make)
        if made and (problem := self._make(found, made)):
            plan = schedule.plan(found, children, now, problem)
        if plan.status != old:
            self._cluster.replace_status(SCHEDULES, found, plan.status)
            ready = plan.status["conditions"][0]
            warning = ready["status"] == "False"
            if not old or (warning and schedule.is_ready(old)):
                self._tell(found, ready["reason"], ready["message"], warning=warning)
        return plan.again

    def _make(self, owner: Object, wanted: Object) -> tuple[str, str] | None:
        namespace, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
        try:
            self._cluster.create(REPLAYS, namespace, wanted)
        except ApiError as error:
            if error.reason == TERMINATING:
                return None
            if error.status == 409:
                there = self._cluster.get(REPLAYS, namespace, name)
                if there and build.owned_by(there, owner["metadata"]["uid"]):
                    return None
                return (
                    "NameTaken",
                    f"There is an OrderReplay {name} that is not of this schedule; delete it",
                )
            if error.status in (400, 403, 422):
                return "ReplayRefused", f"The API server refuses OrderReplay {name}: {error}"
            raise
        self._tell(owner, "ReplayCreated", f"Made OrderReplay {name}", warning=False)
        return None

    def _tell(self, about: Object, reason: str, message: str, *, warning: bool) -> None:
        """Post an Event. It is for people, so nothing fails where it cannot be posted."""
        meta = about["metadata"]
        where = {"namespace": meta["namespace"], "resource": meta["name"], "reason": reason}
        log.info("%s", message, extra=where)
        event = build.event(about, reason, message, warning=warning, now=datetime.now(UTC))
        try:
            self._cluster.create("events", meta["namespace"], event)
        except ApiError as error:
            if error.reason != TERMINATING:
                log.warning("the Event was not posted: %s", error, extra=where)
