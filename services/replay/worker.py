"""The worker: runs replays as processes of this machine, as the operator does as Jobs."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Row

from services.eventkit.event import rfc3339
from services.orderreplay.checkpoint import Checkpoint, Follower, ShardPhase
from services.orderreplay.status import summary

log = logging.getLogger(__name__)

PROCESSES = 4  # that replay at the same time; more shards wait for their turn
BACKOFF_LIMIT = 6  # failed tries of a replay
ROUND = 0.5  # seconds
REFUSED, FENCED, STOPPED = 64, 75, 143  # exit codes of `orderflow replay run`


@dataclass
class _Try:
    """What this process knows of a shard: its process, and when it may be tried again."""

    process: subprocess.Popen[bytes] | None = None
    not_before: float = 0.0
    failed: int = 0


@dataclass
class Worker:
    """One reconcile of each open replay, twice a second: from what is wanted and what there is.

    The loop that calls it has one leader, so a replay has one worker. Should another take over
    while a process still runs, the new process fences the old.
    """

    follower: Follower
    name: str = "worker"
    fault: str | None = None
    _tries: dict[tuple[str, int], _Try] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Wait for the end of the service, and end the processes with it."""
        self._stopped.wait()
        for each in self._tries.values():
            _terminate(each)
        for each in self._tries.values():
            if each.process:
                each.process.wait()

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
            self._reconcile(db, row)
        return ROUND

    def _reconcile(self, db: Connection, row: Row[Any]) -> None:
        id, shards = str(row.id), int(row.spec["parallelism"])
        tries = [self._tries.setdefault((id, shard), _Try()) for shard in range(shards)]
        failures, refused = row.failures, False
        for each in tries:
            code = each.process.poll() if each.process else None
            if code is None:
                continue
            each.process = None
            refused = refused or code == REFUSED
            if code not in (0, REFUSED, STOPPED):
                each.failed += 1
                each.not_before = time.monotonic() + min(2**each.failed, 30)
            if code not in (0, REFUSED, STOPPED, FENCED):
                failures += 1
                log.warning("a replay failed, exit code %s", code, extra={"replayId": id})
        known = {c.shard: c for c in self.follower.of(id)}
        running = any(each.process for each in tries)
        found = summary(list(known.values()), shards, running=running)
        phase, message = "Running", found["message"]
        if found["complete"]:
            phase = "Completed"
        elif refused or found["refused"]:
            phase = "Failed"
            message = message or "The replay was refused; the log of the worker says why"
        elif failures > BACKOFF_LIMIT:
            phase = "Failed"
            message = f"It failed {failures} times; the log of the worker says why"
        elif row.cancel or row.suspend:
            phase = "Cancelled" if row.cancel else "Suspended"
        if phase != "Running":
            for each in tries:
                _terminate(each)
            if running and phase != "Completed":
                phase = "Running"  # until the last process has committed and gone
                message = "It is being stopped"
        else:
            self._start(row, tries, known)
            if not found["progress"] and not any(each.process for each in tries):
                phase, message = "Pending", "It waits for its turn"
        status = found | {"message": message}
        if phase in ("Failed", "Cancelled"):
            status["completionTime"] = rfc3339(_now(db))
        if phase in ("Completed", "Failed", "Cancelled"):
            for shard in range(shards):
                self._tries.pop((id, shard))
        changed = orjson.loads(orjson.dumps(status)) != row.status
        if changed or phase != row.phase or failures != row.failures:
            with db.begin():
                db.exec_driver_sql(
                    "UPDATE replays SET phase = %(phase)s, status = %(status)s,"
                    " failures = %(failures)s WHERE id = %(id)s",
                    {
                        "id": id,
                        "phase": phase,
                        "status": orjson.dumps(status).decode(),
                        "failures": failures,
                    },
                )
        if phase != row.phase:
            log.info("replay %s", phase.lower(), extra={"replayId": id, "why": message})

    def _start(self, row: Row[Any], tries: list[_Try], known: dict[int, Checkpoint]) -> None:
        for shard, each in enumerate(tries):
            checkpoint = known.get(shard)
            done = checkpoint is not None and checkpoint.phase == ShardPhase.COMPLETE
            busy = sum(1 for other in self._tries.values() if other.process)
            if each.process or done or busy >= PROCESSES or time.monotonic() < each.not_before:
                continue
            each.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("orderflow")), "replay", "run"],
                env={
                    **os.environ,
                    "REPLAY_ID": str(row.id),
                    "REPLAY_SPEC": json.dumps(row.spec),
                    "REPLAY_REQUESTED_AT": row.created_at.isoformat(),
                    "REPLAY_SHARD": str(shard),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )


def _terminate(each: _Try) -> None:
    if each.process and each.process.poll() is None:
        each.process.terminate()


def _now(db: Connection) -> Any:
    with db.begin():
        return db.exec_driver_sql("SELECT now()").scalar_one()
