"""What a shard of a replay commits to Kafka with its events, and how others follow it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic.alias_generators import to_camel

from services.eventkit.log import brief
from services.eventkit.settings import Settings
from services.eventkit.watch import close
from services.orderreplay.spec import CHECKPOINTS

log = logging.getLogger(__name__)

PARTITIONS = 6
SILENCE = 5.0  # seconds without a message, after which the broker is asked whether it is there
LEADERLESS = 10.0  # seconds that a partition may be without a leader after a restart
# Of a compacted topic only what is no longer written to is compacted: so segments are short.
CONFIG = {
    "cleanup.policy": "compact",
    "segment.bytes": str(8 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.1",
}


class ShardPhase(StrEnum):
    """How far a shard has come."""

    PLANNING = "Planning"
    RUNNING = "Running"
    STOPPED = "Stopped"
    COMPLETE = "Complete"
    REFUSED = "Refused"


Moment = Annotated[
    datetime,
    # To the microsecond, as the cursor must name a row's time exactly.
    PlainSerializer(lambda t: t.isoformat().replace("+00:00", "Z"), return_type=str),
]


class _Record(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Plan(_Record):
    """What a shard is to replay, counted before it begins."""

    events: int = Field(0, description="To be replayed.")
    filtered: int = Field(0, description="Of the window and the types, but not of the filter.")
    orders: int | None = Field(None, description="Whose events they are; of a dry run only.")
    bytes: int | None = Field(None, description="About so much on the topic; of a dry run only.")
    first_time: Moment | None = None
    last_time: Moment | None = None
    by_type: dict[str, int] = {}
    by_day: dict[str, int] = {}
    target: dict[str, Any] = {}
    warnings: list[str] = []


class Checkpoint(_Record):
    """Where one shard stands. What it says was replayed is on the target, and nothing else is."""

    replay_id: str
    name: str = ""
    shard: int = 0
    shards: int = 1
    phase: ShardPhase = ShardPhase.PLANNING
    message: str = ""
    spec: dict[str, Any] = {}
    requested_at: Moment
    snapshot_at: Moment | None = Field(
        None, description="History as it was recorded by then, however late the events were."
    )
    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None
    topic: str = ""
    plan: Plan = Plan()
    cursor: tuple[Moment, str] | None = Field(
        None, description="Time and original id of the last event that was replayed."
    )
    replayed: int = 0
    by_type: dict[str, int] = {}
    by_day: dict[str, int] = {}
    checksum: str = Field(
        "0" * 32, description="Sum of the original ids as numbers, modulo 2 to the 128th, in hex."
    )
    rate: float = Field(0, description="Events a second of late.")
    active_seconds: float = Field(0, description="Time spent on it, over all starts.")
    started_at: Moment | None = None
    updated_at: Moment | None = None
    completed_at: Moment | None = None

    @property
    def key(self) -> str:
        """The key of its message: the newest of a key is what counts."""
        return f"{self.replay_id}/{self.shard}"

    def encode(self) -> bytes:
        """The message's value."""
        return self.model_dump_json(by_alias=True).encode()


def make_topic(settings: Settings, name: str, *, partitions: int, config: dict[str, str]) -> bool:
    """Make a topic where it is missing. Returns whether it was; raises KafkaException."""
    admin = AdminClient(settings.kafka())
    if name in admin.list_topics(timeout=10).topics:
        return False
    try:
        admin.create_topics([NewTopic(name, partitions, config=config)])[name].result(30)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return False
    return True


def consumer_of_committed(settings: Settings) -> Consumer:
    """A consumer for :func:`committed`."""
    return Consumer(
        settings.kafka(
            group_id="orderflow-replay",  # never joined, nothing is committed
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_partition_eof=True,
            fetch_wait_max_ms=50,
        )
    )


def ends(settings: Settings, topic: str) -> dict[int, int]:
    """Where each partition of a topic ends, open transactions included; empty where there is none.

    A reader of what is committed is told of an end before any open transaction, whoever's it is.
    """
    consumer = Consumer(
        settings.kafka(
            group_id="orderflow-replay",
            enable_auto_commit=False,
            isolation_level="read_uncommitted",
        )
    )
    until = time.monotonic() + LEADERLESS
    try:
        while True:
            try:
                found = consumer.list_topics(timeout=5).topics.get(topic)
                return {
                    number: consumer.get_watermark_offsets(
                        TopicPartition(topic, number), timeout=5
                    )[1]
                    for number in (found.partitions if found else ())
                }
            except KafkaException:
                if time.monotonic() > until:
                    raise
            time.sleep(0.2)
    finally:
        close(consumer)


def committed(
    consumer: Consumer,
    topic: str,
    ends: dict[int, int],
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Any]:
    """The committed messages of a topic for ever, and None once each partition's end was reached.

    Raises KafkaException for any fault, after which one may begin anew.
    """
    unread = dict(ends)
    consumer.list_topics(topic, timeout=5)  # a client that finds no leader looks again in 0.5 s
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in ends])
    if not unread:
        yield None
    heard = time.monotonic()
    while not stopped():
        messages = consumer.consume(10_000, timeout=0.05)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() > heard + SILENCE:  # a client does not say that its broker is gone
            consumer.list_topics(topic, timeout=3)
            heard = time.monotonic()
        for message in messages:
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                number, offset = message.partition(), message.offset()
                if number in unread and offset is not None and offset >= unread[number]:
                    del unread[number]
                    if not unread:
                        yield None
            else:
                raise KafkaException(error)


def _decode(message: Any) -> tuple[str, Checkpoint | None] | None:
    """The key and the checkpoint of a message, None for what is none of ours."""
    try:
        key = message.key().decode()
        if message.value() is None:
            return key, None
        return key, Checkpoint.model_validate_json(message.value())
    except (AttributeError, UnicodeDecodeError, ValidationError) as error:
        log.warning("no checkpoint of a replay: %s", error)
        return None


def read(settings: Settings, replay_id: str | None = None) -> list[Checkpoint]:
    """All checkpoints there are, or those of a replay, by replay and shard.

    What was written before the call is seen, so it waits for open transactions to end. Raises
    KafkaException where Kafka does not answer.
    """
    end = ends(settings, CHECKPOINTS)
    consumer = consumer_of_committed(settings)
    found: dict[str, Checkpoint] = {}
    try:
        for message in committed(consumer, CHECKPOINTS, end):
            if message is None:
                break
            if (decoded := _decode(message)) is None:
                continue
            key, checkpoint = decoded
            if checkpoint is None:
                found.pop(key, None)
            elif replay_id in (None, checkpoint.replay_id):
                found[key] = checkpoint
    finally:
        close(consumer)
    return sorted(found.values(), key=lambda c: (c.requested_at, c.replay_id, c.shard))


class Follower(threading.Thread):
    """Follows the checkpoints of all replays, from the beginning and then as they are committed.

    ``on_change`` is called in this thread with the id of a replay whose checkpoint has changed.
    ``ready`` is set once everything was read; until then what :meth:`of` says may be old.
    """

    def __init__(
        self, settings: Settings, on_change: Callable[[str], object] | None = None
    ) -> None:
        super().__init__(name="replay-checkpoints", daemon=True)
        self._settings, self._on_change = settings, on_change
        self._found: dict[str, dict[int, Checkpoint]] = {}
        self._offsets: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.ready = threading.Event()
        self.fault: str | None = "the checkpoints were not read yet"

    def of(self, replay_id: str) -> list[Checkpoint]:
        """The checkpoints of a replay, by shard."""
        with self._lock:
            found = self._found.get(replay_id, {})
            return [found[shard] for shard in sorted(found)]

    def stop(self) -> None:
        """Let the thread end."""
        self._stopping.set()

    def run(self) -> None:
        """Follow until stopped, through any failure of Kafka."""
        while not self._stopping.is_set():
            consumer = consumer_of_committed(self._settings)
            try:
                self._follow(consumer)
            except KafkaException as error:
                fault = f"Kafka does not answer, or refuses: {brief(error)}"
                if fault != self.fault:
                    log.warning("the checkpoints cannot be read: %s", fault)
                self.fault = fault
            except Exception as error:
                self.fault = str(error)
                log.exception("the checkpoints cannot be read")
            finally:
                close(consumer)
            self._stopping.wait(1)

    def _follow(self, consumer: Consumer) -> None:
        end = ends(self._settings, CHECKPOINTS)
        for message in committed(consumer, CHECKPOINTS, end, self._stopping.is_set):
            if message is None:
                self.fault = None
                self.ready.set()
                if not end:
                    return  # the topic is not there yet; the next round looks again
            elif decoded := _decode(message):
                self._keep(*decoded, message.offset())

    def _keep(self, key: str, checkpoint: Checkpoint | None, offset: int) -> None:
        replay_id, _, shard = key.partition("/")
        with self._lock:
            if offset < self._offsets.get(key, -1):
                return  # read again after a fault
            self._offsets[key] = offset
            shards = self._found.setdefault(replay_id, {})
            if checkpoint is not None:
                shards[checkpoint.shard] = checkpoint
            elif shard.isdecimal():
                shards.pop(int(shard), None)
        if self._on_change:
            self._on_change(replay_id)
