"""How a replay stands as a whole, from the checkpoints of its shards. Pure functions."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from services.eventkit.event import rfc3339
from services.orderreplay.checkpoint import Checkpoint, Plan, ShardPhase

ENDED = ("Completed", "Failed", "Cancelled")  # the phases that a replay does not leave
PHASES = ("Pending", "Running", "Suspended", *ENDED)


def summary(checkpoints: Sequence[Checkpoint], shards: int, *, running: bool) -> dict[str, Any]:
    """Plan, progress and report of a replay of so many shards, as JSON.

    ``running`` says whether processes are at work: a rate and an ETA are given only then. Keys:
    ``plan`` (None before any shard has one), ``progress`` (None too for a dry run), ``report``
    (None until all are complete), ``startTime``, ``completionTime``, ``message``, ``complete``,
    ``refused``.
    """
    known = [c for c in checkpoints if c.shard < shards]
    complete = len(known) == shards and all(c.phase == ShardPhase.COMPLETE for c in known)
    refused = [c for c in known if c.phase == ShardPhase.REFUSED]
    started = [c.started_at for c in known if c.started_at]
    planned = [c for c in known if c.snapshot_at]
    sends = planned and not planned[0].spec.get("dryRun")
    return {
        "plan": _plan(planned, shards) if planned else None,
        "progress": _progress(planned, shards, running and not complete) if sends else None,
        "report": _report(planned) if complete else None,
        "startTime": rfc3339(min(started)) if started else None,
        "completionTime": rfc3339(max(c.completed_at for c in known if c.completed_at))
        if complete
        else None,
        "message": next((c.message for c in [*refused, *known] if c.message), ""),
        "complete": complete,
        "refused": bool(refused),
    }


def checksum(parts: Sequence[str]) -> str:
    """The checksum of all shards from each one's."""
    return f"{sum(int(part, 16) for part in parts) % 2**128:032x}"


def _add(parts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def _plan(shards: Sequence[Checkpoint], of: int) -> dict[str, Any]:
    one, plans = shards[0], [c.plan for c in shards]
    first = [p.first_time for p in plans if p.first_time]
    last = [p.last_time for p in plans if p.last_time]
    plan: dict[str, Any] = {
        "from": rfc3339(one.from_) if one.from_ else None,
        "to": rfc3339(one.to) if one.to else None,
        "snapshotAt": rfc3339(max(c.snapshot_at for c in shards if c.snapshot_at)),
        "shards": of,
        "events": sum(p.events for p in plans),
        "filtered": sum(p.filtered for p in plans),
        "firstTime": rfc3339(min(first)) if first else None,
        "lastTime": rfc3339(max(last)) if last else None,
        "byType": _add([p.by_type for p in plans]),
        "byDay": _add([p.by_day for p in plans]),
        "target": one.plan.target,
        "warnings": list(dict.fromkeys(w for p in plans for w in p.warnings)),
    }
    return plan | _sizes(plans)


def _sizes(plans: Sequence[Plan]) -> dict[str, int]:
    if any(p.orders is None or p.bytes is None for p in plans):
        return {}
    return {"orders": sum(p.orders or 0 for p in plans), "bytes": sum(p.bytes or 0 for p in plans)}


def _progress(shards: Sequence[Checkpoint], of: int, running: bool) -> dict[str, Any]:
    planned, replayed = sum(c.plan.events for c in shards), sum(c.replayed for c in shards)
    rates = [c.rate if running and c.phase == ShardPhase.RUNNING else 0.0 for c in shards]
    rate = sum(rates)
    # A shard does not help another, so the slowest says when all is done.
    left = [
        (c.plan.events - c.replayed) / each if each else None
        for c, each in zip(shards, rates, strict=True)
        if c.plan.events > c.replayed
    ]
    all_done = replayed >= planned and len(shards) == of  # others may have more to replay
    waits = [seconds for seconds in left if seconds is not None]
    return {
        "replayed": replayed,
        "planned": planned,
        "percent": 100 if all_done else min(99, replayed * 100 // max(planned, 1)),
        "rate": round(rate, 1),
        "etaSeconds": round(max(waits, default=0))
        if len(waits) == len(left) and len(shards) == of and "speed" not in shards[0].spec
        else None,
        "shards": [
            {
                "shard": c.shard,
                "phase": c.phase,
                "replayed": c.replayed,
                "planned": c.plan.events,
                "rate": round(each, 1),
            }
            for c, each in zip(shards, rates, strict=True)
        ],
    }


def _report(shards: Sequence[Checkpoint]) -> dict[str, Any]:
    replayed = sum(c.replayed for c in shards)
    seconds = max(c.active_seconds for c in shards)
    return {
        "planned": sum(c.plan.events for c in shards),
        "replayed": replayed,
        "filtered": sum(c.plan.filtered for c in shards),
        "byType": _add([c.by_type for c in shards]),
        "byDay": _add([c.by_day for c in shards]),
        "durationSeconds": round(seconds, 3),
        "rate": round(replayed / seconds, 1) if seconds else 0.0,
        "checksum": checksum([c.checksum for c in shards]),
    }
