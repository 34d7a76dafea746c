"""What replays write to Kafka is as ``asyncapi.yaml`` describes it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.eventkit.event import encode, new_event
from services.events import LANGUAGE, EventType, Payload
from services.orderreplay import checkpoint
from services.orderreplay.checkpoint import Checkpoint, Plan, ShardPhase
from services.orderreplay.spec import ReplaySpec
from services.replay.message import encoder
from services.replay.source import Stored
from tests.contract.documents import document, faults
from tests.contract.test_events import CAUSE, CORRELATION, ID, MESSAGES

REPLAY = UUID("01a20556-ac30-776d-bcdd-d02657710c41")
AT = datetime(2026, 11, 22, 22, 18, 15, 984196, tzinfo=UTC)
REPLAYED = "asyncapi.yaml#/components/schemas/Replayed"
HEADERS = "asyncapi.yaml#/components/schemas/ReplayHeaders"
CHECKPOINT = "replay-checkpoint.schema.json"


def replayed(type: EventType, payload: Payload, cause: str | None = CAUSE) -> tuple[Any, Any, Any]:
    """An event as it was published, and the value and headers of its replay."""
    event = new_event(type, str(ID), payload, correlation_id=CORRELATION, causation_id=cause)
    original = json.loads(encode(event, "test")[0])
    stored = json.dumps(original["payload"] | {"isReplay": True})  # as the source puts it
    row = Stored(event.time, event.id, str(ID), type, stored, "test", cause, CORRELATION)
    value, headers = encoder(REPLAY, AT, 3)(row)
    return original, json.loads(value), dict(headers)


@pytest.mark.parametrize(("type", "payload"), MESSAGES)
def test_a_replayed_event_is_as_described_and_otherwise_as_it_was(
    type: EventType, payload: Payload
) -> None:
    original, value, headers = replayed(type, payload)
    assert faults(REPLAYED, value) == []
    assert faults(HEADERS, headers) == []
    assert (headers["event-type"], headers["event-id"]) == (type, value["eventId"])
    assert (headers["replay-id"], headers["correlation-id"]) == (str(REPLAY), CORRELATION)
    replay = value.pop("replay")
    assert (replay["id"], replay["shard"]) == (str(REPLAY), 3)
    assert replay["originalEventId"] == original["eventId"] != value.pop("eventId")
    assert replay["originalTimestamp"].startswith(original["timestamp"].rstrip("Z"))
    assert replay["originalTopic"] == LANGUAGE.topics[type]
    assert value.pop("isReplay") is value["payload"].pop("isReplay") is True
    assert value == {name: each for name, each in original.items() if name != "eventId"}


def test_a_replayed_event_without_a_cause_says_so() -> None:
    _, value, _ = replayed(*MESSAGES[0], cause=None)
    assert faults(REPLAYED, value) == []
    assert value["metadata"]["causationId"] is None


@pytest.mark.parametrize("missing", ["isReplay", "replay", "payload.isReplay", "replay.shard"])
def test_an_event_without_a_mark_of_a_replay_is_none(missing: str) -> None:
    _, value, _ = replayed(*MESSAGES[0])
    *path, last = missing.split(".")
    del (value[path[0]] if path else value)[last]
    assert faults(REPLAYED, value)


BEGUN = Checkpoint(replay_id=str(REPLAY), requested_at=AT)
HALFWAY = BEGUN.model_copy(
    update={
        "spec": ReplaySpec.model_validate({"days": 1}).as_json(),
        "phase": ShardPhase.STOPPED,
        "snapshot_at": AT,
        "from_": AT,
        "to": AT,
        "plan": Plan(events=2, first_time=AT, last_time=AT, by_day={"2026-11-22": 2}),
        "cursor": (AT, CAUSE),
        "replayed": 1,
        "started_at": AT,
    }
)


@pytest.mark.parametrize("each", [BEGUN, HALFWAY], ids=["begun", "halfway"])
def test_a_checkpoint_is_as_described_and_is_read_back(each: Checkpoint) -> None:
    value = json.loads(each.encode())
    assert faults(CHECKPOINT, value) == []
    assert value.keys() == document(CHECKPOINT)["properties"].keys()
    assert Checkpoint.model_validate_json(each.encode()) == each


def test_the_checkpoints_are_on_a_topic_as_described() -> None:
    channel = document("asyncapi.yaml")["channels"]["replay-checkpoints"]
    described = channel["bindings"]["kafka"]
    assert described["partitions"] == checkpoint.PARTITIONS
    policy = described["topicConfiguration"]["cleanup.policy"]
    assert policy == [checkpoint.CONFIG["cleanup.policy"]]
    message = document("asyncapi.yaml")["components"]["messages"]["Checkpoint"]
    key = "asyncapi.yaml#/components/messages/Checkpoint/bindings/kafka/key"
    assert faults(key, HALFWAY.key) == []
    assert message["payload"] == {"$ref": CHECKPOINT}
