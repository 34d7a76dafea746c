"""How far consumer groups are behind, asked of Kafka: it knows even where a consumer is dead."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from services.eventkit.settings import Settings
from services.events import Topic

PATIENCE = 2.0  # seconds for each of three answers of Kafka


class Lag:
    """Asks Kafka for the lag of groups on the live topics."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _admin(self) -> AdminClient:  # lazily: it would not survive a fork
        return AdminClient(self._settings.kafka())

    def of(self, groups: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The lag of each group: ``messages``, and the same ``byTopic``.

        Left out are groups that have committed nothing, and all where Kafka does not answer.
        """
        try:
            return self._of(groups)
        except KafkaException:
            return {}

    def _of(self, groups: Iterable[str]) -> dict[str, dict[str, Any]]:
        # The commits first: a group is not behind on what came after them.
        asked = {
            group: self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=PATIENCE
            )[group]
            for group in groups
        }
        committed: dict[str, dict[tuple[str, int], int]] = {}
        for group, answer in asked.items():
            found = answer.result().topic_partitions
            committed[group] = {(p.topic, p.partition): p.offset for p in found}
        known = self._admin.list_topics(timeout=PATIENCE).topics
        places = [(t.value, p) for t in Topic if t in known for p in known[t].partitions]
        starts = self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        lags: dict[str, dict[str, Any]] = {}
        for group, offsets in committed.items():
            heard = {topic for topic, _ in offsets}
            by_topic = {topic: 0 for topic, _ in places if topic in heard}
            for place in places:
                if place[0] in heard:
                    # Where nothing was committed yet a consumer begins with the oldest message.
                    done = max(offsets.get(place, 0), starts[place])
                    by_topic[place[0]] += max(0, ends[place] - done)
            if by_topic:
                lags[group] = {"messages": sum(by_topic.values()), "byTopic": by_topic}
        return lags

    def _offsets(
        self, places: list[tuple[str, int]], spec: OffsetSpec
    ) -> dict[tuple[str, int], int]:
        asked = {TopicPartition(*place): spec for place in places}
        answers = self._admin.list_offsets(asked, request_timeout=PATIENCE)
        return {(at.topic, at.partition): each.result().offset for at, each in answers.items()}
