"""A consumer that Kafka's client library has stopped feeding notices, and begins anew."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import Producer, TopicPartition
from sqlalchemy import create_engine

from services.eventkit.consumer import Consumer
from services.eventkit.event import Event
from services.eventkit.settings import Settings
from services.eventkit.watch import Watch
from services.events import LANGUAGE
from tests.integration.conftest import Wire
from tests.system import System, eventually


def settings_of(system: System, **more: Any) -> Settings:
    return Settings(kafka_bootstrap_servers=system.kafka.bootstrap, starved_after=0.2, **more)


class Deaf(Consumer):
    """Its first consumer is a live member of its group that is given nothing."""

    made = 0

    def _subscribe(self) -> KafkaConsumer:
        self.made += 1
        return super()._subscribe()

    def _on_assign(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        super()._on_assign(consumer, partitions)
        if self.made == 1:
            consumer.pause(partitions)


class Outside(Consumer):
    """Its first consumer stays out of the group, as a client that lost its coordinator."""

    made = 0

    def _subscribe(self) -> KafkaConsumer:
        self.made += 1
        consumer = super()._subscribe()
        if self.made == 1:
            consumer.unsubscribe()
        return consumer


@contextmanager
def consuming(system: System, kind: type[Consumer], heard: list[str]) -> Iterator[Consumer]:
    """A consumer of new orders that only remembers them."""

    def remember(_: Any, events: list[Event]) -> list[Event]:
        heard.extend(event.key for event in events)
        return []

    consumer = kind(
        f"watched-{uuid4()}",
        {"ORDER_CREATED": remember},
        language=LANGUAGE,
        settings=settings_of(system),
        engine=create_engine(Settings(database_url=system.postgres.url).owner()),
        committed=lambda _: None,
        inbox=False,
    )
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.stop()
        consumer.join()


@pytest.mark.parametrize("kind", [Deaf, Outside])
def test_a_consumer_that_is_given_nothing_is_made_anew_and_misses_nothing(
    system: System, kind: type[Deaf | Outside]
) -> None:
    heard: list[str] = []
    orders = [system.accepted(("PROD-001", 1))]
    with consuming(system, kind, heard) as consumer:
        eventually(lambda: orders[0] in heard, what="what lay there is heard")
        assert isinstance(consumer, kind)
        assert consumer.made == 2
        orders.append(system.accepted(("PROD-001", 1)))
        eventually(lambda: orders[1] in heard, what="what comes is heard")
        assert consumer.made == 2
    assert [heard.count(order) for order in orders] == [1, 1]


class Unclosable(KafkaConsumer):
    """As one whose coordinator never answers, which librdkafka waits for without end."""

    def close(self) -> None:
        threading.Event().wait()


def test_a_consumer_that_cannot_be_closed_holds_up_neither_its_successor_nor_the_end(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.eventkit.consumer.KafkaConsumer", Unclosable)
    monkeypatch.setattr("services.eventkit.watch.WAIT", 1.0)
    heard: list[str] = []
    with consuming(system, Outside, heard) as consumer:
        order = system.accepted(("PROD-001", 1))
        eventually(lambda: order in heard, what="its successor hears")
        assert isinstance(consumer, Outside)
        assert consumer.made == 2


def test_the_mark_of_a_transaction_is_no_message_that_is_missed(system: System, wire: Wire) -> None:
    topic = system.new_topic()
    place = (topic, 0)
    producer = Producer({"bootstrap.servers": wire.bootstrap, "transactional.id": topic})
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(topic, b"{}", partition=0)
    producer.commit_transaction(10)

    watch = Watch(settings_of(system))
    found = []

    def looked() -> bool:
        found.append(watch.fault({place: 1}))
        return watch.idle == {place: (1, 2)}

    eventually(looked, what="the mark is known to be none")
    missed = f"it is not given what lies in {topic}[0]"
    eventually(lambda: watch.fault({place: 0}) == missed, what="the message is missed")
    assert set(found) == {None}


def test_a_consumer_that_gets_on_is_not_starved(system: System, wire: Wire) -> None:
    topic = system.new_topic()
    place = (topic, 0)
    for _ in range(5):
        wire.send(topic, b"{}")
    watch, given, looks = Watch(settings_of(system)), 0, 0
    while given < 5:
        before = watch.behind
        assert watch.fault({place: given}) is None
        if watch.behind is not before:  # a look was taken
            given, looks = given + 1, looks + 1
    assert looks == 5
