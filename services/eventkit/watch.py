"""Whether a consumer is given what lies in Kafka for it, and how one is let go that is not."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from services.eventkit.settings import Settings

log = logging.getLogger(__name__)

WAIT = 5.0  # seconds for an answer of Kafka

Place = tuple[str, int]  # a topic and a partition
GROUP = ("", 0)  # stands for the group among the places that are asked about


def close(consumer: Consumer) -> None:
    """Close a consumer; one that does not close is left behind.

    After an outage librdkafka may wait for its group's coordinator for ever, though Kafka is back
    (its issues 3740 and 2615), and the thread that closes with it.
    """
    closing = threading.Thread(target=consumer.close, name="close", daemon=True)
    closing.start()
    closing.join(WAIT)
    if closing.is_alive():
        log.warning("a consumer does not close, and is left behind")


class Watch:
    """Finds out that a consumer is given nothing for good, though there is more.

    After an outage librdkafka may stop fetching a partition, or stay out of its group, while it
    tells of no error (its issues 5153 and 4492); only a new consumer helps.
    """

    def __init__(self, settings: Settings, group: str | None = None) -> None:
        self._settings, self._group = settings, group
        self._admin: AdminClient | None = None
        self._next = time.monotonic() + settings.starved_after
        self._given: dict[Place, int] = {}
        self._answers: dict[Place, Any] = {}
        # At the last look:
        self.behind: dict[Place, int] = {}
        self.outside = False
        self.idle: dict[Place, tuple[int, int]] = {}  # no message between these offsets

    def fault(self, given: Mapping[Place, int], member: str | None = None) -> str | None:
        """Look, if it is time to; why a new consumer is needed, or None.

        ``given`` has for each place the offset up to which it was, ``member`` is its id in the
        group. To be called whenever nothing waits in the consumer's queue; it seldom asks Kafka,
        and only waits for it with a suspicion. What it says was so at two looks.
        """
        now = time.monotonic()
        if not self._answers:
            if now > self._next:
                self._given, self._answers = dict(given), self._ask(given)
                self._next = now + 2 * WAIT
            return None
        done = all(answer.done() for answer in self._answers.values())
        if not done and now < self._next:
            return None
        answers, self._answers = self._answers, {}
        self._next = now + self._settings.starved_after
        if not done or any(answer.exception() for answer in answers.values()):
            self._admin = None  # it may be as lost as the consumer
        if not done:
            return None
        return self._left_out(answers.pop(GROUP, None), member) or self._starved(answers, given)

    def _left_out(self, answer: Any, member: str | None) -> str | None:
        if answer is None or answer.exception():
            return None
        before = self.outside
        self.outside = member not in {each.member_id for each in answer.result().members}
        return f"group {self._group} does not know it" if before and self.outside else None

    def _starved(self, answers: Mapping[Place, Any], given: Mapping[Place, int]) -> str | None:
        before, self.behind = self.behind, {}
        for place, answer in answers.items():
            at = self._given[place]
            if answer.exception() or answer.result().offset <= at:
                continue
            self.behind[place] = at
            stretch = (at, answer.result().offset)
            if before.get(place) == at == given.get(place) and self.idle.get(place) != stretch:
                if self._holds(place, at):
                    return f"it is not given what lies in {place[0]}[{place[1]}]"
                # What marks the end of a transaction takes an offset too.
                self.idle[place] = stretch
        return None

    def _ask(self, places: Mapping[Place, int]) -> dict[Place, Any]:
        admin = self._admin = self._admin or AdminClient(self._settings.kafka())
        asked: dict[Place, Any] = {}
        if self._group:
            [asked[GROUP]] = admin.describe_consumer_groups(
                [self._group], request_timeout=WAIT
            ).values()
        if places:
            latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
            ends = admin.list_offsets(
                {TopicPartition(*place): latest for place in places},
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=WAIT,
            )
            asked |= {(at.topic, at.partition): answer for at, answer in ends.items()}
        return asked

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
            close(other)
