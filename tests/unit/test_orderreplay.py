"""What a replay may ask for, when its events are due, and how it stands as a whole."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import ValidationError

from services.events import EventType, Topic
from services.orderreplay.checkpoint import Checkpoint, Plan, ShardPhase
from services.orderreplay.spec import CHECKPOINTS, ReplaySpec, refuse_topic
from services.orderreplay.status import checksum, summary
from services.replay import pace as paces
from services.replay.message import encoder, event_id
from services.replay.source import Stored

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def spec(**given: Any) -> ReplaySpec:
    return ReplaySpec.model_validate(given)


# The spec.


@pytest.mark.parametrize("name", ["orders-replay", "fraud-test", "Orders", "a", "x" * 249, "1.2_3"])
def test_replays_may_be_written_to_any_topic_that_is_not_live(name: str) -> None:
    assert refuse_topic(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *Topic,
        *(
            f"{topic}{end}"
            for topic in Topic
            for end in ("-retry", ".dlq", "_dead-letters", ".x.retry.5")
        ),
        *("dead-letters", CHECKPOINTS, "__consumer_offsets", "", ".", "..", "x" * 250, "a b", "é"),
        *("orders\n", "a/b", "a\x00"),
    ],
)
def test_replays_may_not_be_written_to_live_topics_or_what_kafka_refuses(name: str) -> None:
    assert refuse_topic(name)
    with pytest.raises(ValidationError):
        ReplaySpec.model_validate({"topic": name})


def test_a_spec_reads_what_it_writes() -> None:
    spec = ReplaySpec.model_validate(
        {
            "from": "2026-11-01T02:00:00.1234567+02:00",
            "to": "2026-11-02t00:00:00z",
            "eventTypes": ["ORDER_CREATED", "PAYMENT_FAILED"],
            "filter": {"minTotal": Decimal("10"), "maxTotal": "99.9", "statuses": ["failed"]},
            "speed": Decimal("1.5"),
            "maxGapSeconds": 5,
        }
    )
    written = spec.as_json()
    assert written["from"] == "2026-11-01T00:00:00.123456Z"
    assert written["filter"] == {"statuses": ["failed"], "minTotal": "10.00", "maxTotal": "99.90"}
    assert ReplaySpec.model_validate(written).as_json() == written


def test_a_window_keeps_its_microseconds() -> None:
    given = {"from": "2026-11-01T00:00:00.000001Z", "to": "2026-11-01T00:00:00.001Z"}
    assert spec(**given).as_json() | given == spec(**given).as_json()
    assert spec(**spec(**given).as_json()).window(NOW) == spec(**given).window(NOW)


def test_fields_have_one_name() -> None:
    with pytest.raises(ValidationError, match="dry_run"):
        spec(dry_run=True)


def test_a_spec_that_no_process_could_be_given_is_refused() -> None:
    with pytest.raises(ValidationError, match="fewer customers"):
        spec(filter={"customerIds": [f"{n}{'😀' * 200}" for n in range(90)]})


@pytest.mark.parametrize(
    ("spec", "window"),
    [
        ({}, (NOW - timedelta(days=7), NOW)),
        ({"days": 30}, (NOW - timedelta(days=30), NOW)),
        ({"from": "2026-11-01T00:00:00Z"}, (datetime(2026, 11, 1, tzinfo=UTC), NOW)),
        (
            {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"},
            (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
        ),
        (
            {"from": "2026-11-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"},
            (datetime(2026, 11, 1, tzinfo=UTC), NOW),
        ),
    ],
    ids=str,
)
def test_a_window_ends_when_the_replay_was_made_at_the_latest(
    spec: dict[str, Any], window: tuple[datetime, datetime]
) -> None:
    assert ReplaySpec.model_validate(spec).window(NOW) == window


def test_a_window_in_the_future_is_refused() -> None:
    spec = ReplaySpec.model_validate({"from": "2026-11-23T00:00:00Z"})
    with pytest.raises(ValueError, match="future"):
        spec.window(NOW)


# The pace.


class Clock:
    """A time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    return clock


def times(clock: Clock, pace: paces.Pace | None, moments: list[datetime]) -> list[float]:
    """When each event is sent by someone who waits as told, in seconds from the first."""
    assert pace is not None
    sent = []
    for moment in moments:
        clock.now += max(0.0, pace.wait(moment))
        sent.append(round(clock.now - 1000, 3))
    return [at - sent[0] for at in sent]


def test_a_rate_is_shared_by_the_shards(clock: Clock) -> None:
    pace = paces.pace(spec(eventsPerSecond=20, parallelism=2))
    assert times(clock, pace, [NOW] * 4) == pytest.approx([0, 0.1, 0.2, 0.3])


def test_a_rate_does_not_make_up_for_a_pause_with_a_burst(clock: Clock) -> None:
    pace = paces.pace(spec(eventsPerSecond=10))
    times(clock, pace, [NOW] * 3)
    clock.now += 60
    sent = times(clock, pace, [NOW] * 20)
    assert sent[-1] >= 1.7


def test_speed_keeps_the_original_timing_and_cuts_what_is_longer_than_the_gap(
    clock: Clock,
) -> None:
    moments = [NOW + timedelta(seconds=s) for s in (0, 10, 12, 3612)]
    pace = paces.pace(spec(speed=2))
    assert times(clock, pace, moments) == [0, 5, 6, 1806]
    capped = paces.pace(spec(speed=2, maxGapSeconds=3))
    assert times(clock, capped, moments) == [0, 3, 4, 7]


def test_without_a_pace_nothing_is_waited_for() -> None:
    assert paces.pace(ReplaySpec()) is None


# The message.


def test_an_event_id_is_a_function_of_replay_and_original() -> None:
    replay, original = uuid4(), str(uuid4())
    id = event_id(replay, NOW, original)
    assert id == event_id(replay, NOW, original)
    assert id != event_id(uuid4(), NOW, original)
    assert id != event_id(replay, NOW, str(uuid4()))
    assert UUID(id).version == 7
    assert UUID(id).variant == UUID(original).variant
    assert int(id.replace("-", "")[:12], 16) == NOW.timestamp() * 1000


def test_a_source_with_any_name_is_written_as_json() -> None:
    row = Stored(
        NOW, str(uuid4()), str(uuid4()), EventType.ORDER_CREATED, "{}", 'a"b\\', None, str(uuid4())
    )
    value, _ = encoder(uuid4(), NOW, 0)(row)

    assert orjson.loads(value)["metadata"]["source"] == 'a"b\\'


# The whole.


def shard(number: int, **more: Any) -> Checkpoint:
    given: dict[str, Any] = {
        "replay_id": "r",
        "shard": number,
        "shards": 2,
        "phase": ShardPhase.RUNNING,
        "requested_at": NOW,
        "snapshot_at": NOW,
        "from_": NOW - timedelta(days=1),
        "to": NOW,
        "plan": Plan(events=100, filtered=1, by_type={"ORDER_CREATED": 100}),
        "started_at": NOW,
        "rate": 10.0,
    }
    return Checkpoint(**given | more)


def test_a_replay_is_complete_once_all_its_shards_are() -> None:
    done = {
        "phase": ShardPhase.COMPLETE,
        "replayed": 100,
        "completed_at": NOW,
        "active_seconds": 4.0,
        "checksum": "f" * 32,
    }
    one = summary([shard(0, **done)], 2, running=True)
    assert (one["complete"], one["report"]) == (False, None)
    both = summary([shard(0, **done), shard(1, **done)], 2, running=False)
    assert both["complete"]
    assert both["report"]["replayed"] == 200
    assert both["report"]["filtered"] == 2
    assert both["report"]["rate"] == 50.0
    assert both["report"]["checksum"] == f"{2**128 - 2:032x}" == checksum(["f" * 32] * 2)
    assert both["progress"]["percent"] == 100


def test_the_slowest_shard_says_how_long_it_takes() -> None:
    found = summary([shard(0, replayed=90), shard(1, replayed=50, rate=5.0)], 2, running=True)
    progress = found["progress"]
    assert (progress["replayed"], progress["percent"], progress["rate"]) == (140, 70, 15.0)
    assert progress["etaSeconds"] == 10


def test_a_replay_that_nobody_runs_has_no_rate_and_no_eta() -> None:
    progress = summary([shard(0), shard(1)], 2, running=False)["progress"]
    assert (progress["rate"], progress["etaSeconds"]) == (0, None)


def test_a_replay_without_checkpoints_has_nothing_to_show() -> None:
    found = summary([], 1, running=True)
    assert not found["complete"]
    assert found["plan"] is found["progress"] is found["report"] is found["startTime"] is None


def test_a_replay_is_never_done_before_its_last_event() -> None:
    found = summary([shard(0, replayed=99, plan=Plan(events=100))], 1, running=True)
    assert found["progress"]["percent"] == 99


def test_a_checkpoint_reads_what_it_writes() -> None:
    cursor = (NOW + timedelta(microseconds=7), str(uuid4()))
    one = shard(0, cursor=cursor)
    assert Checkpoint.model_validate_json(one.encode()) == one
