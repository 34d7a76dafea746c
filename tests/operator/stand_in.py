"""Stands in for `orderflow replay run` in a pod: real checkpoints and events, no history.

What it does is said by the filter's customer ids: ``events=500`` (1,000 where nothing is said),
``refuse``, ``crash``, ``stuck`` (plans and goes no further), ``silent`` (ends well without a word).
"""

import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Producer

from services.eventkit.settings import Settings
from services.orderreplay.checkpoint import Checkpoint, Plan, ShardPhase, make_topic, read
from services.orderreplay.spec import CHECKPOINTS


class Shard:
    """One shard: commits events and a checkpoint, a transaction every tenth of a second."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.spec: dict[str, Any] = json.loads(os.environ["REPLAY_SPEC"])
        self.told = dict(
            each.partition("=")[::2] for each in self.spec.get("filter", {}).get("customerIds", [])
        )
        now = datetime.now(UTC)
        self.at = Checkpoint(
            replay_id=os.environ["REPLAY_ID"],
            name=os.environ["REPLAY_NAME"],
            shard=int(os.environ["JOB_COMPLETION_INDEX"]),
            shards=self.spec["parallelism"],
            spec=self.spec,
            requested_at=datetime.fromisoformat(os.environ["REPLAY_REQUESTED_AT"]),
            topic=self.spec["topic"],
            started_at=now,
        )
        transactional = f"stand-in-{self.at.key}"
        self.producer = Producer(self.settings.kafka(transactional_id=transactional, linger_ms=0))
        self.producer.init_transactions(30)
        for known in read(self.settings, self.at.replay_id):
            if known.shard == self.at.shard:
                self.at = known

    def commit(self, events: int, **changes: Any) -> None:
        """Commit so many events and where the shard stands now."""
        changes |= {"replayed": self.at.replayed + events, "updated_at": datetime.now(UTC)}
        self.producer.begin_transaction()
        for number in range(self.at.replayed, self.at.replayed + events):
            value = f"{self.at.key}/{number}".encode()
            self.producer.produce(self.at.topic, value, self.at.key.encode())
        self.at = self.at.model_copy(update=changes)
        self.producer.produce(CHECKPOINTS, self.at.encode(), self.at.key.encode())
        self.producer.commit_transaction(30)

    def run(self, stopping: threading.Event) -> int:
        """Replay to the end. Returns the exit code."""
        if "silent" in self.told:
            return 0
        if "refuse" in self.told:
            self.commit(0, phase=ShardPhase.REFUSED, message="orders is live; name another")
            return 64
        if self.at.phase == ShardPhase.COMPLETE:
            return 0
        planned = int(self.told.get("events", 1000)) // self.at.shards
        now = datetime.now(UTC)
        plan = Plan(
            events=planned,
            by_type={"ORDER_CREATED": planned},
            by_day={"2026-11-01": planned},
            first_time=now,
            last_time=now,
            target={"exists": True, "partitions": 6, "cleanup.policy": "delete"},
            warnings=["a warning"],
        )
        self.commit(0, phase=ShardPhase.RUNNING, plan=plan, snapshot_at=now, from_=now, to=now)
        if "crash" in self.told:
            return 1
        make_topic(self.settings, self.at.topic, partitions=self.spec["partitions"], config={})
        rate = self.spec.get("eventsPerSecond", 10_000) / self.at.shards
        while self.at.replayed < planned and not self.spec.get("dryRun"):
            if stopping.wait(0.1):
                self.commit(0, phase=ShardPhase.STOPPED, rate=0)
                return 143
            if "stuck" not in self.told:
                step = min(max(round(rate / 10), 1), planned - self.at.replayed)
                self.commit(step, rate=rate, active_seconds=self.at.active_seconds + 0.1)
        self.commit(0, phase=ShardPhase.COMPLETE, completed_at=datetime.now(UTC))
        return 0


def main() -> None:
    """Run one shard, as a pod's process."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    began = time.monotonic()
    code = Shard().run(stopping)
    print(f"ended with {code} after {time.monotonic() - began:.1f} s", flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
