"""Topics and consumer groups, as an operator looks at them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaException, Message
from pydantic import BaseModel, ConfigDict

from services.eventkit import deadletter
from services.eventkit.event import header
from services.eventkit.watch import Place
from services.events import Topic
from services.gateway.kafka import Kafka, size_of
from services.orderreplay import spec

PARTITIONS = 3  # of a topic that are sampled, the fullest
SAMPLE = 4  # offsets at the end of each, at its beginning and in its middle
SAMPLE_SECONDS = 2.0


class TopicQuery(BaseModel):
    """The parameters of ``GET /api/topics``."""

    model_config = ConfigDict(extra="forbid")

    internal: bool = False


def kind_of(name: str, newest: Iterable[Message] = ()) -> str:
    """What a topic is for; one that a replay wrote to is known by its newest messages."""
    if name in set(Topic):
        return "live"
    if name == deadletter.TOPIC:
        return "dead-letters"
    if name == spec.CHECKPOINTS:
        return "checkpoints"
    if name.startswith("__"):
        return "internal"
    if name == spec.TOPIC or any(header(message, "is-replay") for message in newest):
        return "replay"
    return "other"


def listing(kafka: Kafka, *, internal: bool) -> list[dict[str, Any]]:
    """Every topic, by name; those of Kafka itself where ``internal`` is true.

    Raises KafkaException where Kafka does not answer.
    """
    known = kafka.topics()
    return _describe(
        kafka, {name: known[name] for name in sorted(known) if internal or name[:2] != "__"}
    )[0]


def one(kafka: Kafka, name: str) -> dict[str, Any]:
    """One topic with its partitions and the groups that read it. Raises Problem as 404."""
    metadata = kafka.topic(name)
    [topic], ends = _describe(kafka, {name: metadata})
    unknown = (None, None)  # of a partition without a leader
    partitions = [
        {
            "partition": number,
            "low": ends.get((name, number), unknown)[0],
            "high": ends.get((name, number), unknown)[1],
            "leader": partition.leader if partition.leader >= 0 else None,
            "replicas": sorted(partition.replicas),
            "inSync": sorted(partition.isrs),
        }
        for number, partition in sorted(metadata.partitions.items())
    ]
    reading = []
    for about, committed in kafka.groups():
        if name not in {topic for topic, _ in committed}:
            continue
        lags = [
            {
                "partition": number,
                "committed": committed.get((name, number)),
                "lag": lag((name, number), committed, ends),
            }
            for number in sorted(metadata.partitions)
        ]
        reading.append(
            {
                "group": about.group_id,
                "state": _state(about),
                "members": len(about.members),
                "lag": sum(each["lag"] for each in lags),
                "partitions": lags,
            }
        )
    return {**topic, "partitions": partitions, "groups": reading}


def groups(kafka: Kafka) -> list[dict[str, Any]]:
    """Every consumer group, by name, with its topics and how far it is behind on all of them."""
    known, found = kafka.topics(), kafka.groups()
    topics_of = [
        {topic for topic, _ in committed}
        | {at.topic for member in about.members for at in member.assignment.topic_partitions}
        for about, committed in found
    ]
    places = _places({name: known[name] for name in set().union(*topics_of) & known.keys()})
    ends = kafka.ends(places)
    return [
        {
            "group": about.group_id,
            "state": _state(about),
            "members": len(about.members),
            "topics": sorted(topics),
            "lag": sum(lag(at, committed, ends) for at in places if at[0] in topics),
        }
        for (about, committed), topics in zip(found, topics_of, strict=True)
    ]


def lags(kafka: Kafka, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """How far groups are behind on the live topics: ``messages``, and the same ``byTopic``.

    ``partitions`` are those that its consumers hold; without one nobody reads. Left out are groups
    that read nothing, and all where Kafka does not answer. Kafka knows even where a consumer is
    dead.
    """
    try:
        # The commits first: a group is not behind on what came after them.
        groups_by = {about.group_id: (about, committed) for about, committed in kafka.groups()}
        known = kafka.topics()
        places = _places({t.value: known[t.value] for t in Topic if t.value in known})
        ends = kafka.ends(places)
    except KafkaException:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        if name not in groups_by:
            continue
        about, committed = groups_by[name]
        held = [at for member in about.members for at in member.assignment.topic_partitions]
        heard = {topic for topic, _ in committed} | {at.topic for at in held}
        by_topic: Counter[str] = Counter()
        for place in places:
            if place[0] in heard:
                by_topic[place[0]] += lag(place, committed, ends)
        if by_topic:
            found[name] = {
                "messages": by_topic.total(),
                "byTopic": dict(by_topic),
                "partitions": len(held),
            }
    return found


def lag(place: Place, committed: dict[Place, int], ends: dict[Place, tuple[int, int]]) -> int:
    """How many offsets of a place a group is behind.

    Where it has committed nothing that is from the oldest on, where groups of ours begin.
    """
    low, high = ends.get(place, (0, 0))
    return max(0, high - max(committed.get(place, 0), low))


def _describe(
    kafka: Kafka, known: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[Place, tuple[int, int]]]:
    places = _places(known)
    ends = kafka.ends(places)
    configs = kafka.configs(known)
    counts = {place: high - low for place, (low, high) in ends.items()}
    samples = _samples(kafka, counts)
    topics = []
    for name, metadata in known.items():
        of_topic = {place: counts[place] for place in places if place[0] == name}
        messages, config = sum(of_topic.values()), configs[name]
        newest = [m for at in of_topic for _, found in samples[at][:1] for m in found]
        policy = config.get("cleanup.policy")
        retention = int(config.get("retention.ms", -1))
        topics.append(
            {
                "name": name,
                "kind": kind_of(name, newest),
                "partitionCount": len(metadata.partitions),
                "messages": messages,
                "approximateBytes": _estimate(of_topic, samples),
                "retentionMs": retention if retention >= 0 and "delete" in (policy or "") else None,
                "cleanupPolicy": policy,
            }
        )
    return topics, ends


Sample = tuple[int, list[Message]]  # so many offsets, and the messages that are at them


def _estimate(counts: dict[Place, int], samples: dict[Place, list[Sample]]) -> int | None:
    """The bytes of a topic: what its samples have at an offset, by how full each partition is."""
    if not any(counts.values()):
        return 0
    sampled, size = 0, 0.0
    for place, count in counts.items():
        offsets = sum(wide for wide, _ in samples[place])
        bytes_ = sum(size_of(message) for _, found in samples[place] for message in found)
        if bytes_:
            sampled += count
            size += count * bytes_ / offsets
    return round(sum(counts.values()) * size / sampled) if sampled else None


def _samples(kafka: Kafka, counts: dict[Place, int]) -> dict[Place, list[Sample]]:
    """Messages at the end, the beginning and the middle of the fullest partitions of each topic.

    Other partitions have none, and what could not be read in time is missing.
    """
    samples: dict[Place, list[Sample]] = {at: [] for at in counts}
    chosen: Counter[str] = Counter()
    fullest = []
    for place in sorted(counts, key=lambda at: -counts[at]):
        if counts[place] and chosen[place[0]] < PARTITIONS:
            chosen[place[0]] += 1
            fullest.append(place)
    rounds: list[dict[Place, tuple[int, int]]] = [{}, {}, {}]
    for at, (low, high) in kafka.ends(fullest, committed=True).items():
        cuts = [high, low + SAMPLE, (low + high + SAMPLE) // 2]
        if high - low <= len(cuts) * SAMPLE:  # so few that all of them are read
            if high > low:
                rounds[0][at] = low, high
            continue
        for stretches, end in zip(rounds, cuts, strict=True):
            stretches[at] = end - SAMPLE, end
    if not rounds[0]:
        return samples
    with kafka.reader(SAMPLE_SECONDS) as reader:
        for stretches in filter(None, rounds):
            for at, found in reader.read(stretches).items():
                first, end = stretches[at]
                samples[at].append((end - first, found))
    return samples


def _places(known: dict[str, Any]) -> list[Place]:
    """The partitions of topics that have a leader, as nobody else knows their offsets."""
    return [
        (name, number)
        for name, metadata in known.items()
        for number, partition in metadata.partitions.items()
        if partition.leader >= 0
    ]


def _state(about: Any) -> str:
    return str(about.state.name).lower().replace("_", "-")
