"""The relay: takes events from the outbox to Kafka, in order, and forgets them."""

from collections.abc import Sequence
from typing import Any

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from sqlalchemy import Connection

from services.eventkit import metrics
from services.eventkit.settings import Settings

BATCH = 2000

# Rows leave the table in the transaction that waits for Kafka's acknowledgement: whatever goes
# wrong before the commit, they are still there. Two events of one order were inserted under that
# order's row lock, so their ids are in order even where ids of different orders are not.
_TAKE = f"""
DELETE FROM outbox WHERE id = ANY(ARRAY(SELECT id FROM outbox ORDER BY id LIMIT {BATCH}))
RETURNING id, topic, key, headers, value, created_at, clock_timestamp()
"""


class Relay:
    """The work of a service's relay loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = make_producer(settings)

    def __call__(self, db: Connection) -> float | None:
        """Relay one batch. Raises KafkaException where not all of it was acknowledged."""
        with db.begin():
            rows = sorted(db.exec_driver_sql(_TAKE))
            metrics.outbox_rows.set(len(rows))
            metrics.outbox_age.set((rows[0][6] - rows[0][5]).total_seconds() if rows else 0)
            try:
                send(self._producer, [_message(*row[1:5]) for row in rows])
            except KafkaException:
                # After a gap the old producer refuses to go on, lest it reorder.
                self._producer = make_producer(self._settings)
                raise
        metrics.events_relayed.inc(len(rows))
        return 0 if len(rows) == BATCH else None


def _message(topic: str, key: str, headers: str, value: str) -> dict[str, Any]:
    return {"topic": topic, "key": key, "headers": orjson.loads(headers), "value": value}


def make_producer(settings: Settings) -> Producer:
    """A producer that loses, repeats and reorders nothing while it lives.

    A message that is not acknowledged within ten seconds fails with all that were queued behind
    it; the producer is then of no more use.
    """
    return Producer(
        settings.kafka(
            enable_idempotence=True,
            enable_gapless_guarantee=True,
            linger_ms=1,
            delivery_timeout_ms=10_000,
            message_max_bytes=2_000_000,
        )
    )


def send(producer: Producer, messages: Sequence[dict[str, Any]]) -> None:
    """Produce messages and wait until Kafka has acknowledged each.

    Raises KafkaException with the first fault, once the fate of all is known.
    """
    faults: list[KafkaError] = []
    left = len(messages)

    def acknowledged(error: KafkaError | None, _: Message) -> None:
        nonlocal left
        left -= 1
        if error is not None:
            faults.append(error)

    for message in messages:
        while True:
            try:
                producer.produce(**message, on_delivery=acknowledged)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    while left:
        producer.poll(0.5)
    if faults:
        raise KafkaException(faults[0])
