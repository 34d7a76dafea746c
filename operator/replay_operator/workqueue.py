"""What is to be reconciled: each key once, by one worker at a time, with a pause after errors."""

import threading
import time
from collections.abc import Callable

Key = tuple[str, str, str]
"""The kind, namespace and name of a resource."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class WorkQueue:
    """Keys and when each is due. A key that is added while it is worked on comes once more."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._changed = threading.Condition()
        self._stopped = False

    def add(self, key: Key, after: float = 0.0) -> None:
        """Have a key worked on in so many seconds, or earlier where it is due earlier."""
        due = self._clock() + after
        with self._changed:
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                self._changed.notify()

    def take(self) -> Key | None:
        """Wait for the next key that is due; None once stopped. ``done`` must follow."""
        with self._changed:
            while not self._stopped:
                now = self._clock()
                waiting = [(due, key) for key, due in self._due.items() if key not in self._running]
                due, key = min(waiting, default=(float("inf"), None))
                if key and due <= now:
                    del self._due[key]
                    self._running.add(key)
                    return key
                self._changed.wait(min(due - now, 60.0))
        return None

    def done(self, key: Key, *, failed: bool = False) -> None:
        """A worker has finished with a key; after a failure it comes again, later each time."""
        with self._changed:
            self._running.discard(key)
            failures = self._failures.pop(key, 0) + 1
            if failed:
                self._failures[key] = failures
            self._changed.notify()
        if failed:
            self.add(key, min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE))

    def stop(self) -> None:
        """Let every worker end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._due)
