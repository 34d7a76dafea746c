"""The system that the tests run against: one for all of them, with every delay zero."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from sqlalchemy import Engine, create_engine, make_url
from uuid_utils import uuid7

from services import registry
from services.eventkit.migrations import migrate
from services.eventkit.settings import Settings
from tests.system import System, eventually


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Kafka and PostgreSQL, with topics and tables and no service."""
    system = System(tmp_path_factory.mktemp("system"))
    system.start_backends()
    try:
        yield system
    finally:
        system.close()


@pytest.fixture(scope="session")
def running(backends: System) -> System:
    """All services, started once."""
    backends.start()
    for number in range(1, 9):
        backends.restock(f"PROD-00{number}", 1_000_000)
    return backends


@pytest.fixture
def system(running: System) -> Iterator[System]:
    """The running system. After each test all orders have ended and every invariant holds."""
    yield running
    if down := [name for name, processes in running.processes.items() if not processes]:
        running.start(*down)
    running.settle()


@pytest.fixture
def product(system: System) -> Callable[[int], str]:
    """Makes a product of its own for a test, with so many pieces of it."""

    def make(pieces: int) -> str:
        name = f"TEST-{uuid4().hex[:12]}"
        system.rows(
            "INSERT INTO inventory.inventory (product_id, name, price, quantity, initial)"
            " VALUES (%(name)s, %(name)s, 10, %(pieces)s, %(pieces)s) RETURNING 1",
            name=name,
            pieces=pieces,
        )
        # The gateway asks inventory for a product that it does not know, at most twice a second.
        wrong = {"items": [{"productId": name, "price": 0, "quantity": 1}]}
        eventually(lambda: "is 10.00" in system.order(body=wrong).text, what="the price is known")
        return name

    return make


class Wire:
    """Kafka as a stranger sees it: any bytes may be sent."""

    def __init__(self, system: System) -> None:
        self.bootstrap = system.kafka.bootstrap
        self.producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "message.max.bytes": 5_000_000,
                "linger.ms": 0,
                "log_level": 2,
            }
        )

    def send(self, topic: str, value: Any, key: str = "", headers: Any = None) -> None:
        """Send bytes as they are, anything else as JSON."""
        raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        self.producer.produce(topic, raw, key.encode(), headers=headers)
        assert self.producer.flush(10) == 0

    def read(self, topic: str) -> list[Any]:
        """Every message of a topic, partition by partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": str(uuid4()),
                "enable.partition.eof": True,  # the end may be the mark of a transaction
                "log_level": 2,
            }
        )
        try:
            unread = set(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in unread])
            messages = []
            while unread:
                message = consumer.poll(10)
                assert message is not None
                error = message.error()
                if error is None:
                    messages.append(message)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    unread.discard(message.partition())
            return sorted(messages, key=lambda m: (m.partition() or 0, m.offset() or 0))
        finally:
            consumer.close()


@pytest.fixture
def wire(running: System) -> Wire:
    """Kafka as a stranger sees it."""
    return Wire(running)


def envelope(type: str, payload: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An event as any producer could write it."""
    return {
        "eventId": str(uuid7()),
        "eventType": type,
        "timestamp": datetime.now(UTC).isoformat(),
        "payload": payload,
        "metadata": {"version": 1, "source": "test", "correlationId": str(uuid4())},
    } | more


@pytest.fixture(scope="session")
def handler_database(backends: System) -> Iterator[Callable[[str], Engine]]:
    """A database without services, in which handlers are called directly; engines by service."""
    superuser = make_url(backends.postgres.url).set(username="postgres", database="postgres")
    admin = create_engine(superuser, isolation_level="AUTOCOMMIT")
    with admin.connect() as db:
        db.exec_driver_sql("CREATE DATABASE handlers OWNER orderflow")
    owner = make_url(backends.postgres.url).set(database="handlers")
    engines: dict[str, Engine] = {}
    settings = Settings(database_url=owner.render_as_string(hide_password=False))

    def engine(name: str) -> Engine:
        if name not in engines:
            with create_engine(owner).begin() as db:
                migrate(db, registry.load(name), settings)
            engines[name] = create_engine(settings.database(name), pool_size=10)
        return engines[name]

    yield engine
    for each in engines.values():
        each.dispose()
    admin.dispose()
