"""The topic that a replay writes to."""

from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    ResourceType,
)

from services.eventkit.log import brief
from services.eventkit.settings import Settings
from services.orderreplay.spec import ReplaySpec

RETENTION = {"retention.ms": str(7 * 86_400_000)}
_LOOKED_AT = ("cleanup.policy", "retention.ms")


class Refused(Exception):
    """A replay that no further try can help; the text says what to do."""


def look(settings: Settings, spec: ReplaySpec) -> tuple[dict[str, Any], list[str]]:
    """The state of the target, and what whoever replays to it may want to know.

    Raises Refused where it would not keep what is replayed, KafkaException where Kafka is away.
    """
    admin = AdminClient(settings.kafka())
    topics = admin.list_topics(timeout=10).topics
    if spec.topic not in topics:
        alike = spec.topic.replace(".", "_")
        if clash := [name for name in topics if name.replace(".", "_") == alike]:
            raise Refused(
                f"Kafka takes {spec.topic} and {clash[0]} for one name in its metrics and makes"
                " only one of them; name another topic"
            )
        return {"exists": False, "partitions": spec.partitions}, []
    partitions = len(topics[spec.topic].partitions)
    state: dict[str, Any] = {"exists": True, "partitions": partitions}
    warnings = []
    try:
        resource = ConfigResource(ResourceType.TOPIC, spec.topic)
        config = admin.describe_configs([resource])[resource].result(10)
        state |= {name: config[name].value for name in _LOOKED_AT if name in config}
    except KafkaException as error:
        warnings.append(f"The configuration of {spec.topic} cannot be read: {brief(error)}")
    if "compact" in str(state.get("cleanup.policy")):
        raise Refused(
            f"{spec.topic} is compacted: Kafka would keep one event an order; name a topic with"
            " cleanup.policy=delete"
        )
    if spec.partitions not in (partitions, ReplaySpec().partitions):
        warnings.append(f"{spec.topic} exists with {partitions} partitions and keeps them")
    retention = int(state.get("retention.ms") or -1)
    if 0 <= retention < 3_600_000:
        warnings.append(f"{spec.topic} keeps events for {retention // 1000} seconds only")
    return state, warnings
