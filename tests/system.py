"""The whole system on free ports, for tests and benchmarks: real Kafka, PostgreSQL and services."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from sqlalchemy import Engine, create_engine

from local.children import behind_the_gateway, spawn
from local.kafka import Kafka
from local.postgres import Postgres
from services import registry, verify
from services.registry import NAMES

NO_DELAYS = {
    "PAYMENT_LATENCY": "0",
    "DISPATCH_DELAY": "0",
    "DELIVERY_DELAY": "0",
}
_KNOWLEDGE = (
    "gateway.orders",
    "gateway.order_events",
    "payment.payments",
    "inventory.inventory",
    "inventory.reservations",
    "shipping.shipments",
    "analytics.order_facts",
    "analytics.analytics_daily",
)
TERMINAL = {"completed", "failed", "cancelled"}


# Below those that whoever connects is given, and far from those of a test process beside.
_PORTS = itertools.count(os.getpid() * 61)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on, and that this process was not given yet."""
    for number in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", 20_000 + number % 12_000))
            return int(probe.getsockname()[1])
    raise AssertionError  # they never end


def eventually(ready: Callable[[], Any], seconds: float = 30, what: str = "") -> Any:
    """Wait until ``ready`` returns something true and return that; AssertionError at the end."""
    until = time.monotonic() + seconds
    while True:
        try:
            if found := ready():
                return found
            last: object = "it was false"
        except (requests.RequestException, AssertionError) as error:
            last = error
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what or ready}: {last}")
        time.sleep(0.05)


class System:
    """Backends and services. ``root`` is where their data and logs go."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        cache = Path(os.environ.get("ORDERFLOW_DATA") or Path(__file__).parents[1] / ".orderflow")
        self.kafka = Kafka(root / "kafka", free_port(), cache=cache / "cache")
        self.postgres = Postgres(root / "postgres", free_port())
        self.settings = NO_DELAYS | {"LOG_LEVEL": "WARNING"} | settings
        self.processes: dict[str, list[subprocess.Popen[bytes]]] = {name: [] for name in NAMES}
        self.ports = {name: free_port() for name in NAMES}
        self.http = requests.Session()
        self.http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=300))
        self.engine: Engine = create_engine(self.postgres.url, pool_pre_ping=True, pool_size=20)

    @property
    def env(self) -> dict[str, str]:
        """What every process of ours is started with."""
        return {
            **os.environ,
            "HOST": "127.0.0.1",
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "DATABASE_URL": self.postgres.url,
            **{f"{name.upper()}_URL": self.url(name) for name in NAMES},
            **self.settings,
        }

    def url(self, name: str, path: str = "") -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def start_backends(self) -> None:
        """Start Kafka and PostgreSQL, with topics and tables."""
        self.postgres.start()
        self.kafka.start()
        self.run("migrate")
        self.run("topics")

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``orderflow`` with arguments to its end."""
        done = subprocess.run(
            [Path(sys.executable).parent / "orderflow", *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"orderflow {arguments}: {done.stdout}{done.stderr}")
        return done

    def launch(self, name: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start one process of a service, without waiting for it."""
        process = spawn(
            [
                *behind_the_gateway(name),
                Path(sys.executable).parent / "orderflow",
                "serve",
                name,
            ],
            self.root / f"{name}.log",
            {**self.env, "PORT": str(self.ports[name]), **settings},
        )
        self.processes[name].append(process)
        return process

    def start(self, *names: str, **settings: str) -> None:
        """Start services (all of them where none is named) and wait until they are ready."""
        for name in names or NAMES:
            self.launch(name, **settings)
        for name in names or NAMES:
            self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Wait until a service says that it is ready."""

        def ready() -> bool:
            answer = self.http.get(self.url(name, "/ready"), timeout=5)
            assert answer.ok, answer.text
            return True

        eventually(ready, what=f"{name} is ready; see {self.root / name}.log")

    def kill(self, *names: str) -> None:
        """SIGKILL the processes of services, as a crash would."""
        self._end(names, signal.SIGKILL)

    def stop(self, *names: str) -> None:
        """SIGTERM the processes of services and wait until they have drained."""
        self._end(names or NAMES, signal.SIGTERM)

    def _end(self, names: Sequence[str], number: signal.Signals) -> None:
        processes = [process for name in names for process in self.processes[name]]
        for process in processes:
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)  # gunicorn's master and its worker
            else:
                process.send_signal(number)
        for process in processes:
            process.wait(30)
        for name in names:
            self.processes[name].clear()

    def close(self) -> None:
        """End everything."""
        self.stop()
        self.engine.dispose()
        self.kafka.stop()
        self.postgres.stop()

    # What tests do over and over.

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """The rows of a query as the owner of all schemas."""
        with self.engine.begin() as db:
            return list(db.exec_driver_sql(sql, values).all())

    def order(self, *lines: tuple[str, int], email: str = "ada@example.com", **more: Any) -> Any:
        """Post an order and return the answer."""
        lines = lines or (("PROD-008", 1),)
        body = {
            "customerId": "CUST-001",
            "customerEmail": email,
            "items": [{"productId": product, "quantity": count} for product, count in lines],
        }
        return self.post("/api/orders", body | more.pop("body", {}), **more)

    def post(self, path: str, body: Any = None, **more: Any) -> requests.Response:
        """POST to the gateway."""
        return self.http.post(self.url("gateway", path), json=body, timeout=60, **more)

    def get(self, path: str, **more: Any) -> Any:
        """GET from the gateway; the JSON."""
        return self.http.get(self.url("gateway", path), timeout=60, **more).json()

    def accepted(self, *lines: tuple[str, int], **more: Any) -> str:
        """Post an order that is accepted. Returns its id."""
        answer = self.order(*lines, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order"]["id"])

    def status(self, order_id: str) -> str:
        """The status of an order."""
        return str(self.get(f"/api/orders/{order_id}")["order"]["status"])

    def ended(self, order_id: str) -> dict[str, Any]:
        """The order, once it has a terminal status."""

        def order() -> Any:
            found = self.get(f"/api/orders/{order_id}")["order"]
            return found if found["status"] in TERMINAL else None

        found: dict[str, Any] = eventually(order, what=f"order {order_id} ends")
        return found

    def event_types(self, order_id: str) -> list[str]:
        """The types of an order's events, in causal order."""
        return [e["event_type"] for e in self.get(f"/api/orders/{order_id}/events")["events"]]

    def digest(self) -> dict[str, Any]:
        """What the services know of orders, money, stock and parcels: rows and a sum a table."""
        return {
            table: self.rows(f"SELECT count(*), sum(hashtext(t::text)::bigint) FROM {table} t")[0]
            for table in _KNOWLEDGE
        }

    def restock(self, product: str, quantity: int) -> None:
        """Put pieces on the shelf."""
        answer = self.post(f"/api/inventory/{product}/restock", {"quantity": quantity})
        assert answer.ok, answer.text

    def stock(self, product: str) -> dict[str, int]:
        """How many pieces of a product there are."""
        rows = self.rows(
            "SELECT quantity, reserved, shipped FROM inventory.inventory"
            " WHERE product_id = %(product)s",
            product=product,
        )
        return dict(rows[0]._mapping)

    def lag(self, group: str) -> int:
        """How many messages of its topics a service, or one in a file, has not committed yet."""
        service = registry.load(group)
        topics = {service.language.topics[type] for type in service.handlers}
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": service.name})
        try:
            known = consumer.list_topics(timeout=10).topics
            partitions = [TopicPartition(t, p) for t in topics for p in known[t].partitions]
            left = 0
            for at in consumer.committed(partitions, timeout=10):
                low, high = consumer.get_watermark_offsets(at, timeout=10)
                left += high - max(at.offset, low)
            return left
        finally:
            consumer.close()

    def new_topic(self, partitions: int = 1, **config: str) -> str:
        """Make a topic that nobody else has, which keeps what it gets. Returns its name."""
        name = f"test-{uuid4().hex[:12]}"
        kept = {"retention.ms": "-1"}  # whatever time a message claims
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        admin.create_topics([NewTopic(name, partitions, config=kept | config)])[name].result(10)
        return name

    def poison(self, count: int) -> str:
        """Send junk to a live topic, of which each of its four readers makes a letter; its key."""
        key = f"test-{uuid4()}"
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap})
        for number in range(count):
            producer.produce("orders", f"junk {number}".encode(), key)
        assert producer.flush(30) == 0

        def total() -> Any:
            return self.get("/api/dead-letters", params={"text": key})["total"]

        eventually(lambda: total() == 4 * count, 60, "all are dead letters")
        return key

    def settle(self, seconds: float = 60) -> None:
        """Wait until no order is under way, then check every invariant."""
        eventually(lambda: not verify.in_flight(self.engine), seconds, "all orders end")

        def all_hold() -> bool:
            breaches = [f for f in verify.check(self.engine, grace=0) if f.breaches]
            assert not breaches, breaches
            return True

        eventually(all_hold, 30, "all invariants hold")
