"""The command ``orderflow``, as far as it needs no server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from services.cli import cli
from tests.system import free_port


def commands(group: click.Group = cli, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command and group of commands, as it is typed."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(command: tuple[str, ...], option: str) -> None:
    said = CliRunner().invoke(cli, [*command, option])
    assert said.exit_code == 0
    assert said.output.startswith("Usage: ")
    assert len(said.output.splitlines()) > 3


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ("nonsense", "No such command 'nonsense'"),
        ("serve", "Missing argument 'SERVICE'"),
        ("serve billing", "gateway, payment"),
        ("migrate billing", "gateway, payment"),
        ("verify --grace soon", "'soon' is not a valid float"),
        ("verify --nonsense", "No such option"),
        ("topics --partitions many", "'many' is not a valid integer"),
        ("topics --partitions 0", "--partitions"),
        ("topics --replication -1", "--replication"),
        ("dlq nonsense", "No such command 'nonsense'"),
        ("dlq show", "Missing argument 'NUMBER'"),
        ("dlq show first", "'first' is not a valid integer"),
        ("dlq redrive", "Name the NUMBERS to redrive, or give --all"),
        ("dlq redrive 1 --all", "Name the NUMBERS to redrive, or give --all"),
        ("demo --count none", "'none' is not a valid integer"),
        ("demo --count 0", "--count"),
        ("demo --declined 2", "--declined"),
    ],
)
def test_bad_usage_is_explained_and_ends_with_2(arguments: str, advice: str) -> None:
    nowhere = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}"}
    said = CliRunner().invoke(cli, arguments.split(), env=nowhere)
    assert advice in said.output
    assert said.exit_code == 2


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``orderflow`` to its end."""
    return subprocess.run(
        [Path(sys.executable).parent / "orderflow", *arguments],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", ["migrate", "verify", "verify --settled"])
def test_a_postgresql_that_is_away_is_named_in_a_line(arguments: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    said = run(*arguments.split(), DATABASE_URL=f"postgresql://ada:s3cret@{address}/shop")
    assert said.returncode == 1
    assert f"{address}/shop does not answer" in said.stderr
    assert "s3cret" not in said.stderr
    assert "Traceback" not in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1


def test_a_kafka_that_is_away_is_named_in_a_line() -> None:
    address = f"127.0.0.1:{free_port()}"

    def said(arguments: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments.split(), KAFKA_BOOTSTRAP_SERVERS=address)

    with ThreadPoolExecutor() as pool:  # each waits for a while
        for done in pool.map(said, ["topics", "dlq list", "dlq show 1", "dlq redrive 1"]):
            assert done.returncode == 1
            assert f"Kafka at {address} does not answer" in done.stderr
            assert "Traceback" not in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1


def test_a_gateway_that_is_away_is_named_with_what_to_do() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    said = run("demo", "--url", address)
    assert said.returncode == 1
    assert f"The gateway at {address} does not answer" in said.stderr
    assert "make run" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_bad_environment_is_named_in_full_and_nothing_is_started() -> None:
    said = run("serve", "payment", PORT="high", BATCH_SIZE="0")
    assert said.returncode == 1
    assert "PORT='high'" in said.stderr
    assert "BATCH_SIZE='0'" in said.stderr
    assert "Traceback" not in said.stderr
