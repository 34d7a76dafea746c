"""The topics: the live ones, those of replays and the one for dead letters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.eventkit import deadletter
from services.eventkit.event import explain
from services.eventkit.settings import Settings
from services.events import Topic
from services.orderreplay import checkpoint, spec

DAY = 86_400_000  # milliseconds


class Chosen(BaseModel):
    """What somebody wants of one topic, instead of what all have; ``config`` as Kafka names it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    partitions: int | None = Field(None, ge=1, le=1000)
    config: dict[str, str | int | float | bool] = {}


@dataclass(frozen=True)
class Wanted:
    """A topic as it is to be. ``config`` is for when it is made, ``chosen`` for ever."""

    partitions: int
    config: Mapping[str, str]
    chosen: Mapping[str, str] = field(default_factory=dict)


def read_choices(text: str) -> dict[str, Chosen]:
    """Choices by topic, from YAML. Raises ValueError that says what is wrong with it."""
    try:
        given = yaml.safe_load(text) or {}
        choices = TypeAdapter(dict[str, Chosen]).validate_python(given)
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {error}") from None
    except ValidationError as error:
        raise ValueError(explain(error)) from None
    known = wanted()
    if unknown := sorted(choices.keys() - known.keys()):
        raise ValueError(f"there is no topic {unknown[0]!r}, only {', '.join(known)}")
    for name in (deadletter.TOPIC, spec.CHECKPOINTS):
        if name in choices and choices[name].partitions not in (None, known[name].partitions):
            raise ValueError(f"{name} has {known[name].partitions} partitions, always")
    return choices


def wanted(
    *,
    partitions: int = 6,
    retention_days: float | None = None,
    choices: Mapping[str, Chosen] | None = None,
) -> dict[str, Wanted]:
    """Every topic by name. ``partitions`` and ``retention_days`` (7) are of those with events."""
    chosen = {} if retention_days is None else {"retention.ms": str(int(retention_days * DAY))}
    kept = {"retention.ms": str(7 * DAY)}
    found = {
        name: Wanted(partitions, kept | chosen, chosen)
        for name in (*(topic.value for topic in Topic), spec.TOPIC)
    }
    found[spec.CHECKPOINTS] = Wanted(checkpoint.PARTITIONS, checkpoint.CONFIG)
    # One partition, so that a letter's offset is its number; room for the largest message with
    # what is added to its headers.
    dead = {"retention.ms": str(30 * DAY), "max.message.bytes": "2000000"}
    found[deadletter.TOPIC] = Wanted(1, dead)
    for name, choice in (choices or {}).items():
        before = found[name]
        own = {key: _written(value) for key, value in choice.config.items()}
        found[name] = Wanted(
            choice.partitions or before.partitions,
            {**before.config, **own},
            {**before.chosen, **own},
        )
    return found


def _written(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def create(settings: Settings, topics: Mapping[str, Wanted], *, replication: int) -> list[str]:
    """Make the topics that are missing, and set what was chosen for those that are there.

    Returns what was done, a sentence each. Raises KafkaException where Kafka does not answer or
    refuses something.
    """
    admin = AdminClient(settings.kafka())
    existing = admin.list_topics(timeout=5).topics
    missing = [
        NewTopic(
            name,
            num_partitions=topic.partitions,
            replication_factor=replication,
            config=dict(topic.config),
        )
        for name, topic in topics.items()
        if name not in existing
    ]
    done = []
    for name, future in (admin.create_topics(missing) if missing else {}).items():
        try:
            future.result(timeout=30)
            done.append(f"made {name}")
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    there = {name: topic for name, topic in topics.items() if name in existing}
    for name, topic in there.items():
        if (count := len(existing[name].partitions)) != topic.partitions:
            # A key would come to another partition, and its events out of order.
            done.append(f"left {name} at its {count} partitions")
    return done + _configure(admin, {n: t.chosen for n, t in there.items() if t.chosen})


def _configure(admin: AdminClient, chosen: Mapping[str, Mapping[str, str]]) -> list[str]:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in chosen]
    asked = admin.describe_configs(resources) if resources else {}
    changes = []
    for resource, future in asked.items():
        now = {entry.name: entry.value for entry in future.result(timeout=30).values()}
        other = {k: v for k, v in chosen[resource.name].items() if now.get(k) != v}
        if other:
            entries = [
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                for key, value in other.items()
            ]
            changes.append(
                ConfigResource(ResourceType.TOPIC, resource.name, incremental_configs=entries)
            )
    done = []
    for resource, future in (admin.incremental_alter_configs(changes) if changes else {}).items():
        future.result(timeout=30)
        done.append(f"configured {resource.name}")
    return done
