"""What keeps a replay's pods from their work, as it is told to people."""

from typing import Any

import pytest
from replay_operator.pods import trouble


def pod(minute: int = 0, **status: Any) -> dict[str, Any]:
    """A pod that was made at so many minutes past noon."""
    return {"metadata": {"creationTimestamp": f"2026-11-22T12:{minute:02}:00Z"}, "status": status}


def container(**state: Any) -> dict[str, Any]:
    """The status of a container in this state."""
    return {"containerStatuses": [{"name": "replay", "state": state}]}


def unscheduled(message: str) -> dict[str, Any]:
    """The status of a pod that no node takes."""
    reason = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"phase": "Pending", "conditions": [reason | {"message": message}]}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (unscheduled("0/1 nodes are available"), "Unschedulable: 0/1 nodes are available"),
        (
            container(waiting={"reason": "ImagePullBackOff", "message": "Back-off\n pulling x"}),
            "ImagePullBackOff: Back-off pulling x",
        ),
        (
            container(waiting={"reason": "CreateContainerConfigError", "message": "no secret"}),
            "CreateContainerConfigError: no secret",
        ),
        (
            container(terminated={"reason": "OOMKilled", "exitCode": 137}),
            "OOMKilled, exit code 137",
        ),
        (
            container(
                terminated={"reason": "Error", "exitCode": 1, "message": "a\nfailed, try again\n"}
            ),
            "Error, exit code 1: failed, try again",
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "low on memory"},
            "Evicted: low on memory",
        ),
        (container(waiting={"reason": "ContainerCreating"}), ""),
        (container(running={"startedAt": "2026-11-22T12:00:00Z"}), ""),
        (container(terminated={"reason": "Completed", "exitCode": 0}), ""),
        ({}, ""),
    ],
)
def test_a_pod_tells_what_keeps_it(status: dict[str, Any], told: str) -> None:
    assert trouble([pod(**status)]).said == told


def test_the_newest_pod_that_says_anything_is_heard() -> None:
    old = pod(1, **container(terminated={"reason": "OOMKilled", "exitCode": 137}))
    new = pod(2, **unscheduled("0/1 nodes are available"))
    quiet = pod(3, **container(waiting={"reason": "ContainerCreating"}))
    assert trouble([old, new, quiet]) == ("Unschedulable: 0/1 nodes are available", False)
    assert trouble([quiet, old]) == ("OOMKilled, exit code 137", True)
    assert trouble([]) == ("", False)
