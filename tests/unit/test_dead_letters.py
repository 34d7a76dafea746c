"""A consumer writes no more than so many dead letters a minute."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from services.eventkit import deadletter
from services.eventkit.deadletter import DeadLetter, DeadLetters
from services.eventkit.event import InvalidMessage
from services.eventkit.settings import Settings

POISON = Message(topic="orders", key=b"k", value=b"junk", headers=[("redrive-to", b"payment")])


class Kafka:
    """Takes messages, or none while it is away; and a clock that stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.away = 1000.0, False
        self.taken: list[dict[str, Any]] = []
        monkeypatch.setattr(deadletter, "send", self.send)
        monkeypatch.setattr(deadletter, "make_producer", lambda _: object())
        monkeypatch.setattr(deadletter, "time", SimpleNamespace(monotonic=lambda: self.now))

    def send(self, _: object, messages: list[dict[str, Any]]) -> None:
        if self.away:
            raise KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))
        self.taken += messages


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    return Kafka(monkeypatch)


def letters(most: int) -> DeadLetters:
    return DeadLetters("payment", Settings(dead_letters_a_minute=most))


def test_there_is_no_wait_below_the_cap(kafka: Kafka) -> None:
    box = letters(3)
    for _ in range(3):
        assert box.full_for() == 0
        box.write(POISON, InvalidMessage("junk"))
    assert box.full_for() == 60


def test_the_wait_lasts_until_the_oldest_is_a_minute_old(kafka: Kafka) -> None:
    box = letters(2)
    box.write(POISON, InvalidMessage("junk"))
    kafka.now += 40
    box.write(POISON, InvalidMessage("junk"))
    assert box.full_for() == 20
    kafka.now += 20
    assert box.full_for() == 0
    box.write(POISON, InvalidMessage("junk"))
    assert box.full_for() == 40


def test_a_letter_that_kafka_did_not_take_does_not_count(kafka: Kafka) -> None:
    box = letters(1)
    kafka.away = True
    with pytest.raises(KafkaException):
        box.write(POISON, InvalidMessage("junk"))
    assert box.full_for() == 0
    kafka.away = False
    box.write(POISON, InvalidMessage("junk"))
    assert (box.full_for(), len(kafka.taken)) == (60, 1)


def test_a_letter_carries_the_message_as_it_was_with_cause_and_origin(kafka: Kafka) -> None:
    letters(1).write(POISON, InvalidMessage("the value is no JSON\nat all"))
    (sent,) = kafka.taken
    assert (sent["topic"], sent["key"], sent["value"]) == ("dead-letters", b"k", b"junk")
    headers = dict(sent["headers"])
    assert headers["dlq-service"] == b"payment"
    assert headers["dlq-topic"] == b"orders"
    assert headers["dlq-error"] == b"InvalidMessage"
    assert headers["dlq-cause"] == b"the value is no JSON at all"
    assert "redrive-to" not in headers


@pytest.mark.parametrize(("error", "cause"), [(ValueError(), "ValueError"), (KeyError("x"), "'x'")])
def test_a_cause_is_never_empty(kafka: Kafka, error: Exception, cause: str) -> None:
    letters(1).write(POISON, error)
    assert dict(kafka.taken[0]["headers"])["dlq-cause"] == cause.encode()


def test_a_letter_of_any_bytes_can_be_shown() -> None:
    shown = DeadLetter(7, b"\xff", b"\xfe", [("h", b""), ("i", b"\xfd")]).as_dict()
    assert shown["number"] == 7
    assert (shown["key"], shown["value"]) == ("\ufffd", "\ufffd")
    assert shown["headers"] == {"h": "", "i": "\ufffd"}
