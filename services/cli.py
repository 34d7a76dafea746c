"""The command ``orderflow``. A command imports what it alone needs, so that each starts at once."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click
from confluent_kafka import KafkaException
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError

from services.eventkit import deadletter
from services.eventkit.log import brief
from services.eventkit.settings import Settings, read_settings

if TYPE_CHECKING:
    from services.eventkit.service import Service

Result = TypeVar("Result")


def main() -> None:
    """Run the command; a backend that does not answer is said in a line and ends it with 1."""
    if os.getpid() == 1:  # of a container: such a process is deaf to what it does not handle itself
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    try:
        cli()
    except OperationalError as error:
        url = read_settings(Settings).owner().render_as_string(hide_password=True)
        sys.exit(f"PostgreSQL at {url} does not answer: {brief(error)}")
    except DBAPIError as error:
        sys.exit(f"PostgreSQL refuses: {brief(error)}")
    except KafkaException as error:
        sys.exit(
            f"Kafka at {read_settings(Settings).kafka_bootstrap_servers} does not answer,"
            f" or refuses: {brief(error)}"
        )


SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}
SHARE = click.FloatRange(0, 1)


class _Commands(click.Group):
    """The commands; those of replays are imported where one is meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "replay"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "replay":
            from services.cli_replay import replay

            return replay
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings=SETTINGS)
def cli() -> None:
    """Order processing on Kafka: run services, look after them, replay history, try them out."""


@cli.command()
@click.argument("service")
def serve(service: str) -> None:
    """Serve SERVICE: gateway, payment, inventory, shipping, analytics, or your own file."""
    from services.eventkit import server

    server.serve(_services((service,))[0])


patient = click.option(
    "--wait",
    "patience",
    default=0.0,
    type=click.FloatRange(0),
    help="Seconds to wait for a server that does not answer.",
)


@cli.command()
@click.argument("services", nargs=-1)
@click.option("--seed/--no-seed", "with_products", default=True, help="Put sample products in.")
@patient
def migrate(services: tuple[str, ...], with_products: bool, patience: float) -> None:
    """Bring roles, schemas and tables of all SERVICES (or those named) up to date."""
    from services.eventkit import migrations
    from services.inventory.service import seed

    settings = read_settings(Settings)
    engine = _owner(settings)
    found = _services(services)

    def bring(service: "Service") -> int:
        with engine.begin() as db:
            migrations.migrate(db, service, settings)
            return seed(db) if service.name == "inventory" and with_products else 0

    for service in found:
        if count := _patiently(patience, partial(bring, service)):
            click.echo(f"inventory: {count} sample products")
    click.echo(f"migrated: {', '.join(service.name for service in found)}")


@cli.command("wait")
@click.argument("services", nargs=-1, required=True)
@click.option("--timeout", default=600.0, type=click.FloatRange(0), help="Seconds; then it fails.")
def wait_for(services: tuple[str, ...], timeout: float) -> None:
    """Wait until the tables of SERVICES are as this release needs them."""
    from services.eventkit import migrations

    settings = read_settings(Settings)
    until, told = time.monotonic() + timeout, ""
    for service in _services(services):
        engine = create_engine(
            settings.database(service.name),
            hide_parameters=True,
            connect_args={"connect_timeout": 5},
        )
        while True:
            try:
                with engine.connect() as db:
                    lack = migrations.lack(db, service)
            except DBAPIError as error:
                lack = brief(error)
            if not lack:
                break
            if lack != told:
                click.echo(f"{service.name} waits: {lack}")
                told = lack
            if time.monotonic() > until:
                raise click.ClickException(
                    f"{lack}, after {timeout:g} s; `orderflow migrate` brings tables up to date."
                )
            time.sleep(0.5)
        engine.dispose()


@cli.command("topics")
@click.option("--partitions", default=6, type=click.IntRange(1, 1000), help="Of each live topic.")
@click.option(
    "--replication", default=1, type=click.IntRange(1, 15), help="Copies of each partition."
)
@click.option(
    "--retention-days",
    type=click.FloatRange(0, min_open=True),
    help="Of the live topics and of orders-replay; 7 for a topic that is made.",
)
@click.option(
    "--file",
    type=click.File(),
    help="YAML with more of single topics: {orders: {partitions: 12, config: {…}}}.",
)
@patient
def make_topics(
    partitions: int,
    replication: int,
    retention_days: float | None,
    file: Any,
    patience: float,
) -> None:
    """Make the Kafka topics that are missing, and configure the others as asked."""
    from services import topics

    settings = read_settings(Settings)
    try:
        choices = topics.read_choices(file.read()) if file else {}
    except ValueError as error:
        raise click.UsageError(f"--file={file.name}: {error}.") from None
    wanted = topics.wanted(partitions=partitions, retention_days=retention_days, choices=choices)
    done = _patiently(patience, lambda: topics.create(settings, wanted, replication=replication))
    click.echo(f"topics: {', '.join(done) if done else 'all were there'}")


def _services(names: tuple[str, ...]) -> "list[Service]":
    from services import registry

    try:
        return [registry.load(name) for name in names or registry.NAMES]
    except LookupError as error:
        raise click.UsageError(str(error)) from None


def _owner(settings: Settings) -> Engine:
    return create_engine(
        settings.owner(),
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5},
    )


def _patiently(seconds: float, work: Callable[[], Result]) -> Result:
    """Do ``work``; while its server does not answer, again and again for so many seconds."""
    until, told = time.monotonic() + seconds, False
    while True:
        try:
            return work()
        except (OperationalError, KafkaException) as error:
            if time.monotonic() > until:
                raise
            if not told:
                click.echo(f"waiting: {brief(error)}")
                told = True
        time.sleep(0.5)


@cli.command()
@click.option(
    "--grace",
    default=60.0,
    type=click.FloatRange(0),
    help="Seconds for what is under way.",
)
@click.option("--settled", is_flag=True, help="First wait until no order is under way.")
@click.option("--timeout", default=300.0, help="Seconds to wait for that.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--watch", is_flag=True, help="Check for ever, with /metrics on PORT, or 4005.")
@click.option(
    "--every",
    default=30.0,
    type=click.FloatRange(0.1),
    help="Seconds between checks.",
)
def verify(
    grace: float, settled: bool, timeout: float, as_json: bool, watch: bool, every: float
) -> None:
    """Check every invariant of the saga; exit 1 where one is broken."""
    from services import verify as checker
    from services.eventkit import log

    settings = read_settings(Settings)
    engine = _owner(settings)
    if watch:
        log.configure("auditor", settings.log_level)
        auditor = checker.Auditor(engine, every=every, grace=grace)
        auditor.serve(settings.host, settings.port or 4005)
        return
    if settled:
        until = time.monotonic() + timeout
        while (left := checker.in_flight(engine)) and time.monotonic() < until:
            time.sleep(0.2)
        if left:
            click.echo(f"{left} orders have not ended after {timeout:g} s", err=True)
        while any(f.breaches for f in checker.check(engine, grace=0)) and time.monotonic() < until:
            time.sleep(0.2)
        grace = 0
    findings = checker.check(engine, grace=grace)
    click.echo(checker.report(findings, as_json=as_json))
    sys.exit(1 if any(f.breaches for f in findings) else 0)


@cli.group()
def dlq() -> None:
    """Dead letters: messages that a service could not handle."""


@dlq.command("list")
@click.option("--service", help="Only those of one service.")
@click.option("--all", "everything", is_flag=True, help="Also those redriven already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dlq_list(service: str | None, everything: bool, as_json: bool) -> None:
    """List dead letters, oldest first."""
    letters = [
        letter
        for letter in deadletter.read(read_settings(Settings))
        if (not service or letter.origin.get("service") == service)
        and (everything or not letter.redriven)
    ]
    if as_json:
        click.echo(json.dumps([letter.as_dict() for letter in letters]))
        return
    for letter in letters:
        origin = letter.origin
        place = f"{origin.get('topic')}[{origin.get('partition')}]@{origin.get('offset')}"
        again = f"  redriven {letter.redriven[-1]}" if letter.redriven else ""
        click.echo(
            f"{letter.number:6}  {origin.get('at')}  {origin.get('service'):10} {place:22}"
            f" {origin.get('cause')}{again}"
        )
    click.echo(f"{len(letters)} dead letters; `orderflow dlq show NUMBER` shows one", err=True)


@dlq.command("show")
@click.argument("number", type=int)
def dlq_show(number: int) -> None:
    """Show one dead letter whole."""
    click.echo(json.dumps(_letters((number,))[0].as_dict(), indent=2, ensure_ascii=False))


@dlq.command("redrive")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that were not redriven yet.")
@click.option("--service", help="With --all: only those of one service.")
@click.option("--by", help="Who does it, for the audit; by default the user's name.")
@click.option("--again", is_flag=True, help="Also those of NUMBERS that were redriven before.")
def dlq_redrive(
    numbers: tuple[int, ...], everything: bool, service: str | None, by: str | None, again: bool
) -> None:
    """Give dead letters back to the services that could not handle them."""
    if bool(numbers) == everything:
        raise click.UsageError("Name the NUMBERS to redrive, or give --all.")
    letters = _letters(numbers)
    if everything:
        letters = [
            letter
            for letter in letters
            if not letter.redriven and (not service or letter.origin.get("service") == service)
        ]
    if strange := [le for le in letters if not {"service", "topic"} <= le.origin.keys()]:
        raise click.ClickException(f"{strange[0].number} was not written by a service of ours.")
    if truncated := [letter for letter in letters if "truncated" in letter.origin]:
        raise click.ClickException(
            f"{truncated[0].number} was too large to keep and cannot be redriven from here."
        )
    if numbers and not again and (done := [letter for letter in letters if letter.redriven]):
        raise click.ClickException(
            f"{done[0].number} was redriven at {done[0].redriven[-1]}; --again does so once more."
        )
    deadletter.redrive(
        read_settings(Settings),
        letters,
        by=by,
        progress=lambda letter: click.echo(f"redriven: {letter.number}"),
    )
    click.echo(f"{len(letters)} redriven")


def _letters(numbers: tuple[int, ...]) -> list[deadletter.DeadLetter]:
    letters = {letter.number: letter for letter in deadletter.read(read_settings(Settings))}
    if missing := [n for n in numbers if n not in letters]:
        raise click.ClickException(
            f"There is no dead letter {missing[0]}; `orderflow dlq list --all` shows what there is."
        )
    return [letters[n] for n in dict.fromkeys(numbers)] if numbers else list(letters.values())


@cli.command("demo")
@click.option("--url", default="http://127.0.0.1:4000", envvar="GATEWAY_URL")
@click.option("--count", default=200, type=click.IntRange(1), help="Orders to post.")
@click.option(
    "--rate",
    default=10.0,
    type=click.FloatRange(0),
    help="Orders a second; 0: all at once.",
)
@click.option(
    "--customers",
    default=20,
    type=click.IntRange(1),
    help="Different customers.",
)
@click.option("--declined", default=0.05, type=SHARE, help="Share with a bad card.")
@click.option("--cancelled", default=0.05, type=SHARE, help="Share that is cancelled.")
@click.option("--out-of-stock", default=0.05, type=SHARE, help="Share beyond the stock.")
@click.option("--restock/--no-restock", default=True, help="Fill the shelf as it empties.")
@click.option("--seed", default=None, type=int, help="Make the same stream again.")
@click.option(
    "--wait",
    "patience",
    default=0.0,
    type=click.FloatRange(0),
    help="Seconds in which every accepted order must have ended; else exit 1.",
)
def run_demo(url: str, **options: Any) -> None:
    """Post a lifelike stream of orders."""
    from services import demo

    demo.run(url, **options)
