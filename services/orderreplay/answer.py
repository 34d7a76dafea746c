"""What clients are told of a replay, wherever it runs."""

from datetime import datetime
from typing import Any

from services.eventkit.event import rfc3339
from services.eventkit.problems import Problem
from services.orderreplay.spec import ReplaySpec

PHASES = ("Pending", "Running", "Suspended", "Completed", "Failed", "Cancelled")
ENDED = ("Completed", "Failed", "Cancelled")
REPEATED = {"Idempotency-Replayed": "true"}


def key_reused(key: str, id: str) -> Problem:
    """What whoever uses a key for two different replays is told."""
    return Problem(
        409,
        "idempotency-key-reused",
        f"Idempotency-Key {key!r} was used for another replay, {id};"
        " send this one under a key of its own.",
        replayId=id,
    )


def replay(
    id: str,
    *,
    uid: str,
    spec: dict[str, Any],
    created_at: datetime,
    phase: str,
    status: dict[str, Any],
    suspend: bool = False,
    cancel: bool = False,
) -> dict[str, Any]:
    """One replay as JSON. ``id`` is its handle in URLs, ``uid`` what its events bear."""
    return {
        "id": id,
        "uid": uid,
        "phase": phase,
        "message": status.get("message") or "",
        "topic": spec["topic"],
        "createdAt": rfc3339(created_at),
        "startTime": status.get("startTime"),
        "completionTime": status.get("completionTime"),
        "suspend": suspend,
        "cancel": cancel,
        "spec": spec,
        "plan": status.get("plan"),
        "progress": status.get("progress"),
        "report": status.get("report"),
    }


def accepted(replay: dict[str, Any], spec: ReplaySpec, created_at: datetime) -> dict[str, Any]:
    """The answer to whoever has asked for a replay."""
    since, to = spec.window(created_at)
    what = "A dry run: nothing will be written" if spec.dry_run else "The replay will be written"
    return {
        "success": True,
        "message": f"{what} to {spec.topic}; GET /api/replays/{replay['id']} shows how it goes.",
        "replay": replay,
        "topic": spec.topic,
        "period": {"from": rfc3339(since), "to": rfc3339(to)},
    }
