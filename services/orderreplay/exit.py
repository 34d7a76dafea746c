"""How a process of the engine ends: what it tells the worker and the operator."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of ``orderflow replay run``; any other means that it is to be tried again."""

    COMPLETE = 0
    FAILED = 1
    REFUSED = 64  # for good; the checkpoint says why
    FENCED = 75  # another process has taken the shard over
    STOPPED = 143  # by SIGTERM; the next goes on where it was
