"""Whether a consumer is given what lies in Kafka for it."""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from services.eventkit.settings import Settings

WAIT = 5.0  # seconds for an answer of Kafka

Place = tuple[str, int]  # a topic and a partition


class Watch:
    """Finds a partition that a consumer was given nothing of for a while, though there is more.

    librdkafka may stop fetching a partition after an outage, as a live member of its group that
    tells of no error (its issues 5153 and 4492), and only a new consumer helps.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._next = time.monotonic() + settings.starved_after
        self._asked: tuple[dict[Place, int], dict[Place, Any]] = ({}, {})
        self.behind: dict[Place, int] = {}  # at the last look
        self.idle: dict[Place, tuple[int, int]] = {}  # no message between these offsets

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient(self._settings.kafka())

    def starved(self, given: Mapping[Place, int]) -> Place | None:
        """Look, if it is time to, for a place that holds what the consumer was not given.

        ``given`` has for each place the offset up to which it was. To be called whenever nothing
        waits in the consumer's queue; it seldom asks Kafka, and only waits for it with a suspicion.
        """
        then, answers = self._asked
        if not answers:
            if given and time.monotonic() > self._next:
                self._asked = (dict(given), self._ends(given))
            return None
        if not all(answer.done() for answer in answers.values()):
            return None
        self._asked, self._next = ({}, {}), time.monotonic() + self._settings.starved_after
        before, self.behind = self.behind, {}
        for place, answer in answers.items():
            at = then[place]
            if answer.exception() or answer.result().offset <= at:
                continue
            self.behind[place] = at
            stretch = (at, answer.result().offset)
            if before.get(place) == at == given.get(place) and self.idle.get(place) != stretch:
                if self._holds(place, at):
                    return place
                # What marks the end of a transaction takes an offset too.
                self.idle[place] = stretch
        return None

    def _ends(self, places: Mapping[Place, int]) -> dict[Place, Any]:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = self._admin.list_offsets(
            {TopicPartition(*place): latest for place in places},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=WAIT,
        )
        return {(at.topic, at.partition): answer for at, answer in asked.items()}

    def _holds(self, place: Place, at: int) -> bool:
        """Whether another consumer is given a message there."""
        other = Consumer(
            self._settings.kafka(
                group_id="orderflow-watch",  # never joined
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                enable_partition_eof=True,
            )
        )
        try:
            other.assign([TopicPartition(*place, at)])
            message = other.poll(WAIT)
            return message is not None and message.error() is None
        finally:
            other.close()
