"""What keeps the pods of a replay from their work, as the pods say it: pure functions."""

from collections.abc import Sequence
from typing import NamedTuple

from services.orderreplay.kubeapi import Object

_ON_THE_WAY = ("ContainerCreating", "PodInitializing")


class Trouble(NamedTuple):
    """What a pod says, "" where there is nothing to say, and whether it had begun and failed."""

    said: str = ""
    failed: bool = False


def trouble(pods: Sequence[Object]) -> Trouble:
    """Why the newest pod that says anything does not run, or why it failed."""
    newest = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    told = (_of(pod.get("status") or {}) for pod in newest)
    return next((each for each in told if each.said), Trouble())


def _of(status: Object) -> Trouble:
    for each in status.get("conditions") or []:
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return Trouble(_line(each.get("reason"), each.get("message")))
    containers = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    for each in containers:
        waiting = each.get("state", {}).get("waiting") or {}
        if waiting.get("reason", _ON_THE_WAY[0]) not in _ON_THE_WAY:
            return Trouble(_line(waiting["reason"], waiting.get("message")))
        ended = each.get("state", {}).get("terminated") or {}
        if code := ended.get("exitCode"):
            # The message is the end of its log, and of that the last line says why it ended.
            said = str(ended.get("message") or "").strip().splitlines()
            why = f"{ended.get('reason', 'Error')}, exit code {code}"
            return Trouble(_line(why, said and said[-1]), failed=True)
    if reason := status.get("reason"):
        return Trouble(_line(reason, status.get("message")), failed=True)
    return Trouble()


def _line(*parts: object) -> str:
    return ": ".join(" ".join(str(part).split())[:500] for part in parts if part)
