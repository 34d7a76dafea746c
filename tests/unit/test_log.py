"""Errors as people read them."""

from confluent_kafka import KafkaError, KafkaException

from services.eventkit.log import brief


def test_an_error_of_kafka_is_its_sentence_and_not_its_code() -> None:
    error = KafkaException(KafkaError(KafkaError._TRANSPORT, "Failed to get metadata"))
    assert brief(error) == "Failed to get metadata"
    assert brief(KafkaException("no live topic exists yet")) == "no live topic exists yet"
