"""What clients are told of a replay, wherever it runs."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.eventkit.event import rfc3339
from services.eventkit.http import body, raw_body
from services.eventkit.problems import Problem
from services.orderreplay.spec import ReplaySpec
from services.orderreplay.status import ENDED

REPEATED = {"Idempotency-Replayed": "true"}


class ListQuery(BaseModel):
    """Which replays to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=500)
    dry_run: bool | None = Field(None, alias="dryRun")


def asked() -> ReplaySpec:
    """What the request asks for; without a body the last week. Raises Problem."""
    spec = body(ReplaySpec) if raw_body() else ReplaySpec()
    try:
        spec.window(datetime.now(UTC))
    except ValueError as error:
        raise Problem(400, "invalid-request", f"{error}.") from None
    return spec


def unknown(id: str) -> Problem:
    """What whoever names a replay that there is not is told."""
    return Problem(
        404, "replay-not-found", f"There is no replay {id[:100]!r}; GET /api/replays lists them."
    )


def ended(phase: str) -> Problem:
    """What whoever wants to steer a replay that cannot be steered any more is told."""
    how = "has ended" if phase in ENDED else "is being cancelled"
    return Problem(
        409, "replay-ended", f"The replay {how}, it is {phase}; ask for a new one instead."
    )


def not_verifiable(uid: str, why: str) -> Problem:
    """What whoever wants a replay verified that cannot be over the API is told."""
    return Problem(409, "replay-not-verifiable", why, command=f"orderflow replay verify {uid}")


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
