"""The worker: runs replays as processes of this machine, as the operator does as Jobs."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Row

from services.eventkit.event import rfc3339
from services.eventkit.settings import Settings
from services.orderreplay.checkpoint import Checkpoint, Follower, ShardPhase
from services.orderreplay.exit import Exit
from services.orderreplay.status import ENDED, summary

log = logging.getLogger(__name__)

PROCESSES = 8  # that replay at the same time; more shards wait for their turn
BACKOFF_LIMIT = 6  # failed tries of a shard in a row, without coming further
ROUND = 0.5  # seconds
_GOING = (ShardPhase.PLANNING, ShardPhase.RUNNING)
GRACE = 10.0  # seconds in which the follower reads what a process committed last


@dataclass
class _Try:
    """What this process knows of a shard: its process, and when it may be tried again."""

    process: subprocess.Popen[bytes] | None = None
    not_before: float = 0.0
    failed: int = 0
    replayed: int = 0  # at the last failure
    complete: bool = False
    refused_at: float | None = None


@dataclass
class Worker:
    """One reconcile of each open replay, twice a second: from what is wanted and what there is.

    The loop that calls it has one leader, so a replay has one worker. A process ends with its
    worker; should one be left behind all the same, the next worker's process fences it.
    """

    follower: Follower
    settings: Settings
    name: str = "worker"
    fault: str | None = None
    _tries: dict[tuple[str, int], _Try] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _starting: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Wait for the end of the service, and end the processes with it."""
        self._stopped.wait()
        with self._starting:  # none is started after this
            tries = list(self._tries.values())
        for each in tries:
            _terminate(each)
        for each in tries:
            if process := each.process:
                process.wait()

    def stop(self) -> None:
        """Start nothing any more."""
        self._stopped.set()

    def __call__(self, db: Connection) -> float:
        """Look at every open replay once."""
        if self._stopped.is_set() or not self.follower.ready.is_set():
            return ROUND
        with db.begin():
            rows = db.exec_driver_sql(
                "SELECT * FROM replays WHERE phase NOT IN ('Completed', 'Failed', 'Cancelled')"
                " ORDER BY created_at, id"
            ).all()
        for row in rows:
            try:
                self._reconcile(db, row)
            except OSError as error:  # one that cannot be started holds up no other
                log.error("a replay cannot be run: %s", error, extra={"replayId": str(row.id)})
        return ROUND

    def _reconcile(self, db: Connection, row: Row[Any]) -> None:
        id, shards = str(row.id), int(row.spec["parallelism"])
        tries = [self._tries.setdefault((id, shard), _Try()) for shard in range(shards)]
        known = {c.shard: c for c in self.follower.of(id)}
        for shard, each in enumerate(tries):
            self._reap(id, each, known.get(shard))
        running = any(each.process for each in tries)
        found = summary(list(known.values()), shards, running=running)
        phase, message = _wanted(row, tries, found)
        if phase == "Running":
            planned = 0 in known and known[0].snapshot_at is not None
            wanted = range(shards) if planned else range(1)  # the others use its snapshot
            self._start(row, tries, [s for s in wanted if not tries[s].complete])
            if not found["progress"] and not any(each.process for each in tries):
                phase, message = "Pending", "It waits for its turn"
        else:
            for each in tries:
                _terminate(each)
        if phase in ("Suspended", "Cancelled"):
            going = [s for s, c in known.items() if c.phase in _GOING]
            # Somebody else may be at a shard that nobody has stopped: a process that a worker
            # before this one has left behind. It is fenced.
            self._start(row, tries, going, stop=True)
            if running or going:
                phase, message = "Running", "It is being stopped"
        status = found | {"message": message}
        if phase in ("Failed", "Cancelled"):
            status["completionTime"] = rfc3339(datetime.now(UTC))
        if phase in ENDED:
            for shard in range(shards):
                self._tries.pop((id, shard))
        self._write(db, row, phase, status)

    def _write(self, db: Connection, row: Row[Any], phase: str, status: dict[str, Any]) -> None:
        text = orjson.dumps(status).decode()
        if phase == row.phase and orjson.loads(text) == row.status:
            return
        with db.begin():
            db.exec_driver_sql(
                "UPDATE replays SET phase = %(phase)s, status = %(status)s WHERE id = %(id)s",
                {"id": row.id, "phase": phase, "status": text},
            )
        if phase != row.phase:
            why = {"replayId": str(row.id), "why": status["message"]}
            log.info("replay %s", phase.lower(), extra=why)

    def _reap(self, id: str, each: _Try, checkpoint: Checkpoint | None) -> None:
        """See how a process of ours has ended."""
        each.complete = each.complete or (
            checkpoint is not None and checkpoint.phase == ShardPhase.COMPLETE
        )
        code = each.process.poll() if each.process else None
        if code is None:
            return
        each.process = None
        if code == Exit.COMPLETE:
            each.complete = True  # the follower may not have read it yet
        elif code == Exit.REFUSED:
            each.refused_at = time.monotonic()
        elif code not in (Exit.STOPPED, -signal.SIGTERM):
            replayed = checkpoint.replayed if checkpoint else 0
            if replayed > each.replayed:
                each.failed, each.replayed = 0, replayed
            each.failed += code != Exit.FENCED
            each.not_before = time.monotonic() + min(2**each.failed, 30)
            log.warning("a replay ended with exit code %s", code, extra={"replayId": id})

    def _start(
        self, row: Row[Any], tries: list[_Try], shards: list[int], *, stop: bool = False
    ) -> None:
        for shard in shards:
            each = tries[shard]
            with self._starting:
                busy = sum(1 for other in self._tries.values() if other.process)
                late = time.monotonic() < each.not_before or each.refused_at is not None
                if self._stopped.is_set() or each.process or late or busy >= PROCESSES:
                    continue
                each.process = subprocess.Popen(
                    [str(Path(sys.executable).with_name("orderflow")), "replay", "run"],
                    env=self._environment(row, shard, stop),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )

    def _environment(self, row: Row[Any], shard: int, stop: bool) -> dict[str, str]:
        # The process reads two tables, and gets no right to do more.
        history = self.settings.database("history").render_as_string(hide_password=False)
        return {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "HISTORY_DATABASE_URL": history,
            "REPLAY_ID": str(row.id),
            "REPLAY_SPEC": json.dumps(row.spec, ensure_ascii=False),
            "REPLAY_REQUESTED_AT": row.created_at.isoformat(),
            "REPLAY_SHARD": str(shard),
            "REPLAY_PARENT": str(os.getpid()),
            **({"REPLAY_STOP": "true"} if stop else {}),
        }


def _wanted(row: Row[Any], tries: list[_Try], found: dict[str, Any]) -> tuple[str, str]:
    """The phase that a replay is to be in, and why for people."""
    if found["complete"]:
        return "Completed", found["message"]
    refusals = [each.refused_at for each in tries if each.refused_at]
    if found["refused"] or (refusals and time.monotonic() - max(refusals) > GRACE):
        said = found["message"] or "The replay was refused; the log of the worker says why"
        return "Failed", said
    failed = max(each.failed for each in tries)
    if failed > BACKOFF_LIMIT:
        return "Failed", f"A shard failed {failed} times in a row; the log of the worker says why"
    if row.cancel or row.suspend:
        return ("Cancelled" if row.cancel else "Suspended"), found["message"]
    return "Running", found["message"]


def _terminate(each: _Try) -> None:
    if each.process and each.process.poll() is None:
        each.process.terminate()
