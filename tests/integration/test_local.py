"""The embedded Kafka and PostgreSQL and the run that holds them, with real processes."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from local import children
from local.children import LocalError, data_root, free_port, require_free_port
from local.kafka import Kafka
from local.postgres import Postgres

BACKEND_VARIABLES = {"KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"}
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    broker = Kafka(tmp_path_factory.mktemp("kafka"), free_port())
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path / "postgres", free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def run_env(tmp_path: Path) -> dict[str, str]:
    """The environment of a run with data and ports of its own, and the jars of the checkout."""
    jars = data_root() / "cache"
    jars.mkdir(parents=True, exist_ok=True)
    data = tmp_path / "run"
    data.mkdir()
    (data / "cache").symlink_to(jars)
    env = {k: v for k, v in os.environ.items() if k not in BACKEND_VARIABLES}
    ports = {"KAFKA_PORT": str(free_port()), "POSTGRES_PORT": str(free_port())}
    return {**env, **ports, "ORDERFLOW_DATA": str(data)}


Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts `python -m local.run` with an environment and options; ended with the test."""
    runs = []

    def start(env: dict[str, str], *options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.run", *options],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        runs.append(process)
        return process

    yield start
    for process in runs:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=30)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What a process prints up to a line with `text`; fails when it ends before."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    pytest.fail(f"it ended without {text!r}:\n{said}")


def processes_of(folder: str) -> list[str]:
    """The commands of live processes that have to do with a folder (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            about = (process / "cmdline").read_text() + (process / "environ").read_text()
            about += str((process / "cwd").readlink())
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if folder in about and state != "Z" and process.name != str(os.getpid()):
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def wait_until_gone(folder: str, seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def test_kafka_survives_a_sigkill_with_its_records(kafka: Kafka) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(10)
    outcomes: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "acks": "all", "log_level": 0})
    for number in range(1000):
        producer.produce(
            "kept",
            str(number).encode(),
            callback=lambda error, _: outcomes.append(error),
        )
    producer.flush(10)
    assert outcomes == [None] * 1000

    kafka.kill()
    kafka.start()

    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition("kept", 0, 0)])
    values: list[bytes | None] = []
    deadline = time.monotonic() + 15
    while len(values) < 1000 and time.monotonic() < deadline:
        values += [message.value() for message in consumer.consume(1000, 0.5)]
    consumer.close()
    assert values == [str(number).encode() for number in range(1000)]


def test_kafka_makes_no_topic_that_nobody_asked_for(kafka: Kafka) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "message.timeout.ms": 1000})
    outcomes: list[KafkaError | None] = []
    producer.produce("misspelt", b"", callback=lambda error, _: outcomes.append(error))
    producer.flush(10)
    assert len(outcomes) == 1
    assert outcomes[0] is not None


def test_postgres_survives_a_sigkill_with_its_rows(postgres: Postgres) -> None:
    dsn = postgres.url.replace("+psycopg2", "")
    open_connection = psycopg2.connect(dsn)
    with open_connection, open_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")

    postgres.kill()
    postgres.start()

    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), sum(number) FROM kept")
        assert cursor.fetchone() == (1000, 500500)
    connection.close()


def test_postgres_starts_although_its_old_process_id_is_in_use_again(
    postgres: Postgres,
) -> None:
    postgres.kill()
    note = postgres.data / "cluster" / "postmaster.pid"
    lines = note.read_text().splitlines()
    note.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    postgres.start()

    assert postgres.process
    assert postgres.process.poll() is None


def test_the_database_role_may_make_roles_but_is_no_superuser(
    postgres: Postgres,
) -> None:
    connection = psycopg2.connect(postgres.url.replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE of_a_service LOGIN PASSWORD 'secret'")
        cursor.execute("CREATE SCHEMA of_a_service AUTHORIZATION CURRENT_USER")
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER")
        assert cursor.fetchone() == (False,)
    connection.close()
    service = postgres.url.replace("+psycopg2", "").replace("orderflow@", "of_a_service:secret@")
    psycopg2.connect(service).close()


def test_durability_is_left_as_postgresql_has_it(postgres: Postgres) -> None:
    connection = psycopg2.connect(postgres.url.replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            cursor.execute(f"SHOW {setting}")
            assert cursor.fetchone() == ("on",), setting
    connection.close()


def test_a_busy_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for backend, variable in (
            (Kafka(tmp_path / "kafka", port), "KAFKA_PORT"),
            (Postgres(tmp_path / "postgres", port), "POSTGRES_PORT"),
        ):
            with pytest.raises(LocalError) as error:
                backend.start()
            assert f"Port {port} of {type(backend).__name__}" in str(error.value).replace(
                "PostgreSQL", "Postgres"
            )
            assert f"(process {os.getpid()})" in str(error.value)
            assert f"{variable}=" in str(error.value)
            assert backend.process is None
    require_free_port(port, "Kafka", "KAFKA_PORT")


def test_a_child_that_ends_while_starting_shows_the_end_of_its_log(
    tmp_path: Path,
) -> None:
    postgres = Postgres(tmp_path, free_port())
    (tmp_path / "cluster").mkdir(mode=0o700)
    (tmp_path / "cluster" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(LocalError, match="ended while starting, exit code") as error:
        postgres.start()
    assert f"The last lines of {tmp_path / 'postgres.log'}:\n    " in str(error.value)


def test_the_jars_are_fetched_once_and_by_one_process_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar, cache = tmp_path / "kafka.jar", tmp_path / "cache"
    fetches = 0

    def fetch(_repository: Path | None, _folder: Path) -> list[Path]:
        nonlocal fetches
        fetches += 1
        with (cache / "lock").open("a") as another, pytest.raises(BlockingIOError):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
        jar.touch()
        return [jar]

    monkeypatch.setattr("local.kafka._fetch", fetch)
    for _ in range(2):
        assert Kafka(tmp_path / "data", cache=cache)._jars() == [jar]
    assert fetches == 1


def test_a_log_keeps_the_run_before(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "one.log"
    children.fresh_log(log)
    log.write_text("first run")
    children.fresh_log(log)
    assert log.read_text() == ""
    assert (tmp_path / "logs" / "one.log.1").read_text() == "first run"


@linux_only
def test_the_backends_stop_at_ctrl_c_with_no_process_left(
    run: Run, run_env: dict[str, str]
) -> None:
    data = run_env["ORDERFLOW_DATA"]
    backends = run(run_env, "--backends")
    read_until(backends, "Ctrl-C stops everything")
    assert any("kafka.Kafka" in command for command in processes_of(data))

    # What must not happen meanwhile: a second run, or the data going away under this one.
    for options in (("--backends",), ("--reset",)):
        second = run(run_env, *options)
        said, _ = second.communicate(timeout=20)
        assert second.returncode == 1
        assert f"A local run (process {backends.pid}) already uses" in said

    backends.send_signal(signal.SIGINT)
    said, _ = backends.communicate(timeout=30)
    assert backends.returncode == 0, said
    assert "nothing is left running" in said
    assert processes_of(data) == []

    reset = run(run_env, "--reset")
    reset.communicate(timeout=20)
    assert reset.returncode == 0
    assert sorted(path.name for path in Path(data).iterdir()) == ["cache", "lock"]


@linux_only
def test_a_set_kafka_is_used_and_nothing_outlives_a_killed_run(
    run: Run, run_env: dict[str, str], kafka: Kafka
) -> None:
    data = run_env["ORDERFLOW_DATA"]
    backends = run({**run_env, "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap}, "--backends")
    read_until(backends, "Ctrl-C stops everything")
    assert not (Path(data) / "kafka").exists()
    assert processes_of(data)

    backends.kill()
    backends.communicate(timeout=10)

    assert wait_until_gone(data, 15) == []


def test_a_service_alone_says_what_is_not_up(run: Run, run_env: dict[str, str]) -> None:
    alone = run(run_env, "--only", "payment")
    said, _ = alone.communicate(timeout=20)
    assert alone.returncode == 1
    assert f"Kafka does not answer at 127.0.0.1:{run_env['KAFKA_PORT']}" in said
    assert "make backends" in said
