"""Background loops: work that one process of a service does at a time, woken rather than polled."""

import logging
import os
import select
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Connection, Engine

from services.eventkit import metrics
from services.eventkit.log import brief

log = logging.getLogger(__name__)

# The work of one round, over a connection with no transaction open. It returns the seconds until
# there is more to do: 0 for now, None for when somebody wakes the loop.
Round = Callable[[Connection], float | None]

STANDBY = 1.0  # seconds between tries to become the leader
LONGEST_WAIT = 5.0  # seconds after which even an unwoken loop looks for work


class Loop(threading.Thread):
    """Runs ``work`` in the one process of the service that holds the loop's advisory lock.

    The lock belongs to the same database session as the work, so a process that lost its session
    cannot commit as leader. The others stand by and pass their wake-ups on to the leader with
    NOTIFY, outside of any business transaction: a notifying commit would queue all others.
    """

    def __init__(self, service: str, name: str, work: Round, engine: Engine) -> None:
        super().__init__(name=f"{service}-{name}", daemon=True)
        self.loop, self._work, self._engine = name, work, engine
        self._channel = f"orderflow_{service}_{name}"
        self._lock = zlib.crc32(self._channel.encode())
        self._stopping = threading.Event()
        self._asleep, self._bell = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._asleep, False)

    def wake(self) -> None:
        """Say that there may be work. Any thread may, and it costs next to nothing."""
        with suppress(BlockingIOError):  # the pipe is full of wake-ups not yet heard
            os.write(self._bell, b"\0")

    def stop(self) -> None:
        """Let the loop end after the round that it is in."""
        self._stopping.set()
        self.wake()

    def run(self) -> None:
        """Lead or stand by until stopped, through any failure of the database."""
        delay = 0.1
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                with self._engine.connect() as db:
                    self._lead(db)
            except Exception as error:
                metrics.loop_failures.labels(self.loop).inc()
                log.warning("loop %s failed, trying again: %s", self.loop, brief(error))
                delay = 0.1 if time.monotonic() - started > 10 else min(delay * 2, 5)
                self._stopping.wait(delay)
            finally:
                metrics.loop_leader.labels(self.loop).set(0)

    def _lead(self, db: Connection) -> None:
        woken = False
        while not self._stopping.is_set():
            if db.exec_driver_sql(f"SELECT pg_try_advisory_lock({self._lock})").scalar():
                break
            if woken:
                db.exec_driver_sql(f"NOTIFY {self._channel}")
            db.commit()
            woken = self._wait(None, STANDBY)
        else:
            return
        try:
            db.exec_driver_sql(f"LISTEN {self._channel}")
            db.commit()
            metrics.loop_leader.labels(self.loop).set(1)
            log.info("leading loop %s", self.loop)
            while True:
                last = self._stopping.is_set()  # then what was published before is still done
                pause = self._work(db)
                if last:
                    return
                if pause is None or pause > 0:
                    self._wait(db, min(LONGEST_WAIT if pause is None else pause, LONGEST_WAIT))
        finally:
            # The session outlives this loop in the pool only if it is clean.
            db.invalidate()

    def _wait(self, db: Connection | None, seconds: float) -> bool:
        """Sleep until woken, here or by another process. Returns whether it was in this one."""
        session = db.connection.driver_connection if db else None
        sleep = select.poll()
        sleep.register(self._asleep, select.POLLIN)
        if session is not None:
            # What came with the answer to the last statement is read already and wakes nobody.
            session.poll()
            if session.notifies:
                seconds = 0
            sleep.register(session, select.POLLIN)
        heard = [descriptor for descriptor, _ in sleep.poll(seconds * 1000)]
        if session is not None:
            session.poll()
            session.notifies.clear()
        if self._asleep in heard:
            os.read(self._asleep, 65536)
            return True
        return False
