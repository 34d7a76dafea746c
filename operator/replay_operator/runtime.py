"""The operator as a whole: what it is told, the workers, and the look at everything."""

import logging
import threading
import time
from collections.abc import Sequence

from replay_operator import metrics
from replay_operator.build import REPLAY_LABEL
from replay_operator.cluster import REPLAYS, SCHEDULES, Cluster, NotLeadingError
from replay_operator.health import Health, Watches
from replay_operator.reconcile import Checkpoints, Reconciler
from replay_operator.settings import OperatorSettings
from replay_operator.state import condition, final
from replay_operator.workqueue import Key, WorkQueue
from services.orderreplay.checkpoint import ShardPhase
from services.orderreplay.kubeapi import ApiError, Object
from services.orderreplay.status import PHASES

log = logging.getLogger(__name__)

KINDS = {"OrderReplay": REPLAYS, "ScheduledOrderReplay": SCHEDULES}


class Operator:
    """Puts keys into a queue and has a few threads reconcile them.

    The threads are our own: calls block, and kopf's pool of threads would be used
    up by a few calls that hang, without a word.
    """

    def __init__(
        self,
        settings: OperatorSettings,
        cluster: Cluster,
        checkpoints: Checkpoints,
        template: Object,
        health: Health,
    ) -> None:
        self._settings, self._cluster, self._checkpoints = settings, cluster, checkpoints
        self._reconciler = Reconciler(cluster, checkpoints, template, settings.progress_seconds)
        self._health, self._watches = health, Watches()
        self.queue = WorkQueue()
        self._keys: dict[str, Key] = {}
        self._looked: dict[Key, float] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def tell(self, thing: Object, *, gone: bool = False) -> None:
        """Something was made, changed or deleted: look at it, and at whatever owns it."""
        self._watches.tell(thing, gone=gone)
        meta = thing["metadata"]
        if kind := KINDS.get(thing["kind"]):
            self._add(kind, meta["namespace"], meta["name"], meta["uid"])
        for owner in meta.get("ownerReferences", []):
            if owner.get("controller") and (kind := KINDS.get(owner["kind"])):
                self._add(kind, meta["namespace"], owner["name"], owner["uid"])

    def _add(self, kind: str, namespace: str, name: str, uid: str) -> None:
        key = (kind, namespace, name)
        self._keys[uid] = key
        self.queue.add(key)

    def checkpoint(self, replay_id: str) -> None:
        """A replay's checkpoint has changed. Most say how far it is, and need not be told each."""
        if (key := self._keys.get(replay_id)) is None:
            return
        wait = self._looked.get(key, 0) + self._settings.progress_seconds - time.monotonic()
        moving = {ShardPhase.PLANNING, ShardPhase.RUNNING}
        ended = any(c.phase not in moving for c in self._checkpoints.of(replay_id))
        self.queue.add(key, 0 if ended else max(wait, 0))

    def start(self) -> None:
        """Start the workers, and the look at everything every now and then."""
        for number in range(self._settings.workers):
            self._thread(self._work, f"worker-{number}")
        self._thread(self._resync, "resync")

    def stop(self) -> None:
        """Let what is being done come to its end."""
        self._stopping.set()
        self.queue.stop()
        for thread in self._threads:
            thread.join(5)

    def _thread(self, target: object, name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while key := self.queue.take():
            failed = True
            try:
                self._reconcile(key)
                failed = False
            except (ApiError, NotLeadingError) as error:
                # Somebody else wrote in between, most of the time: look again.
                level = logging.DEBUG if getattr(error, "status", 0) == 409 else logging.WARNING
                log.log(level, "%s %s/%s is tried again: %s", *key, error)
            except Exception:
                log.exception("%s %s/%s is tried again", *key)
            finally:
                if failed:
                    metrics.reconcile_errors.labels(key[0]).inc()
                self.queue.done(key, failed=failed)

    def _reconcile(self, key: Key) -> None:
        kind, namespace, name = key
        self._looked[key] = time.monotonic()
        with metrics.reconcile_seconds.labels(kind).time():
            look = self._reconciler.replay if kind == REPLAYS else self._reconciler.schedule
            again = look(namespace, name)
        if again is not None:
            self.queue.add(key, again)

    def _resync(self) -> None:
        while True:
            self._health.beat("the look at everything")
            try:
                self.resync()
            except ApiError as error:
                log.warning("not everything could be looked at: %s", error)
            except Exception:
                log.exception("not everything could be looked at")
            if self._stopping.wait(self._settings.resync_seconds):
                return

    def resync(self) -> None:
        """Look at all there is; whatever a watch has missed is found here."""
        replays, schedules = self._all(REPLAYS), self._all(SCHEDULES)
        jobs = self._all("jobs", REPLAY_LABEL)
        self._health.silent = self._watches.compare([*replays, *schedules, *jobs])
        phases = dict.fromkeys(PHASES, 0)
        for replay in replays:
            phase = (replay.get("status") or {}).get("phase")
            phases[phase if phase in phases else "Pending"] += 1
        for phase, count in phases.items():
            metrics.replays.labels(phase).set(count)
        metrics.checkpoints_read.set(self._checkpoints.fault is None)
        metrics.queued.set(len(self.queue))
        kept = {}
        for kind, things in ((REPLAYS, replays), (SCHEDULES, schedules)):
            for thing in things:
                meta = thing["metadata"]
                key = kept[meta["uid"]] = (kind, meta["namespace"], meta["name"])
                self._keys[meta["uid"]] = key
                if not _at_rest(thing):
                    self.queue.add(key)
        # Of what is gone nothing is remembered.
        for uid in self._keys.keys() - kept.keys():
            self._looked.pop(self._keys.pop(uid), None)

    def _all(self, kind: str, labels: str = "") -> Sequence[Object]:
        namespaces: list[str | None] = [*self._settings.namespaces] or [None]
        return [thing for one in namespaces for thing in self._cluster.list(kind, one, labels)]


def _at_rest(thing: Object) -> bool:
    """Whether there is nothing to be done for it whatever may have been missed: it has finished."""
    status = thing.get("status") or {}
    return (
        final(status) is not None
        and condition(status, "CheckpointsRead") is not None
        and status.get("observedGeneration") == thing["metadata"]["generation"]
        and "ttlSecondsAfterFinished" not in thing["spec"]
    )
