"""The command ``orderflow replay``: asks the gateway for replays, follows them, verifies them."""

import json
import os
import re
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from types import FrameType
from typing import Any
from urllib.parse import quote
from uuid import UUID

import click
import requests
from confluent_kafka import KafkaException
from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from sqlalchemy.exc import DBAPIError

from services.eventkit import log
from services.eventkit.event import explain
from services.eventkit.log import brief
from services.eventkit.settings import Settings, read_settings
from services.events import EventType, OrderStatus
from services.orderreplay.checkpoint import Checkpoint, read
from services.orderreplay.exit import Exit
from services.orderreplay.spec import DAYS, TOPIC, ReplaySpec
from services.orderreplay.status import ENDED

STOP_SECONDS = 1.7
STOPPED = "stopped; run it again to go on"

gateway = click.option(
    "--url", default="http://127.0.0.1:4000", envvar="GATEWAY_URL", help="The gateway."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _Replay(click.Group):
    """A group whose first word may be a number of days: then it starts a replay."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and re.fullmatch(r"-\d+", args[0]):  # which would be taken for options
            raise click.UsageError(f"{args[0]} days cannot be replayed: give 1 or more.", ctx)
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["start", *args]
        return super().parse_args(ctx, args)


@click.group("replay", cls=_Replay)
def replay() -> None:
    """Replay history to a topic: `replay [DAYS] [TOPIC]`, as `replay start --help` explains."""


@replay.command()
@click.argument("days", required=False)
@click.argument("topic", required=False)
@click.option("--from", "from_", metavar="TIME", help="Instead of DAYS: from 2026-11-01T00:00:00Z.")
@click.option("--to", metavar="TIME", help="With --from: up to this time, not included.")
@click.option(
    "--type",
    "event_types",
    multiple=True,
    type=click.Choice([type.value for type in EventType]),
    help="Events of this type; again for more. Default: ORDER_CREATED.",
)
@click.option("--customer", "customer_ids", multiple=True, help="Only of this customer; again.")
@click.option("--product", "product_ids", multiple=True, help="Only with this product; again.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([status.value for status in OrderStatus]),
    help="Only of orders that stand here; again.",
)
@click.option("--min-total", metavar="AMOUNT", help="Only orders of this total or more.")
@click.option("--max-total", metavar="AMOUNT", help="Only orders of this total or less.")
@click.option("--rate", "events_per_second", type=float, help="So many events a second at most.")
@click.option("--speed", type=float, help="In the original timing, so many times as fast.")
@click.option("--max-gap", "max_gap_seconds", type=float, help="With --speed: cut longer pauses.")
@click.option("--partitions", type=int, help="Of the topic, where it is made. Default: 6.")
@click.option("--parallelism", type=int, help="Processes that share the orders. Default: 1.")
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@click.option("--manifest", is_flag=True, help="Print the OrderReplay for kubectl, start nothing.")
@click.option("--detach", is_flag=True, help="Do not follow it to its end.")
@gateway
@as_json
def start(
    url: str, as_json: bool, manifest: bool, detach: bool, dry_run: bool, **given: Any
) -> None:
    """Replay the last DAYS (7) of orders to TOPIC (orders-replay) and follow it."""
    word = given["days"] or ""
    if given["from_"] and word and not given["topic"] and not word.isdecimal():
        given["topic"] = given.pop("days")  # the window is given, so the one word is the topic
    elif given["days"]:
        given["days"] = _days(given["days"])
    spec = _spec(given, dry_run)
    if manifest:
        click.echo(_manifest(spec))
        return
    answer = _ask("POST", url, "/api/orders/replay", spec)
    found = answer["replay"]
    if not as_json:
        click.echo(f"replay {found['id']} of {_period(answer['period'])} to {answer['topic']}")
    if not detach:
        try:
            found = _follow(url, found["id"], quiet=as_json)
        except KeyboardInterrupt:
            click.echo(f"\nIt goes on; `orderflow replay cancel {found['id']}` ends it.", err=True)
            sys.exit(130)
    click.echo(json.dumps(found) if as_json else "\n".join(_lines(found)))
    sys.exit(0 if detach or found["phase"] == "Completed" else Exit.FAILED)


def _days(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        known = ", ".join(sorted(replay.commands))
        raise click.UsageError(
            f"{text[:100]!r} is no number of days, and no command; there are {known}."
        )
    return int(text)


def _spec(given: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """The spec as JSON, checked here, so that it is refused before anything is asked."""
    inner = ("customer_ids", "product_ids", "statuses", "min_total", "max_total")
    named: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value not in (None, ())
    }
    chosen = {to_camel(name): named.pop(name) for name in inner if name in named}
    spec: dict[str, Any] = {to_camel(name).rstrip("_"): value for name, value in named.items()}
    if chosen:
        spec["filter"] = chosen
    if dry_run:
        spec["dryRun"] = True
    if not spec.keys() & {"days", "from", "to"}:
        spec["days"] = DAYS
    try:
        checked = ReplaySpec.model_validate(spec)
    except ValidationError as error:
        told = explain(error).removeprefix("value: ")
        for name, option in _OPTIONS.items():
            told = re.sub(name, option, told)
        raise click.UsageError(f"{told}.") from None
    return checked.model_dump(mode="json", by_alias=True, exclude_unset=True)


# As the fields of a spec are named here.
_OPTIONS = {
    r"(filter\.)?minTotal": "--min-total",
    r"(filter\.)?maxTotal": "--max-total",
    r"^filter: ": "",
    r"eventsPerSecond": "--rate",
    r"maxGapSeconds": "--max-gap",
    r"filter\.customerIds": "--customer",
    r"filter\.productIds": "--product",
    r"^speed|^parallelism|^partitions": r"--\g<0>",
    r"^from:": "--from:",
    r"^to:": "--to:",
    r"^to is given without from; give from too": "--to is given without --from; give --from too",
}


def _manifest(spec: dict[str, Any]) -> str:
    import yaml

    # A topic may have a longer name than a resource.
    name = re.sub("[^a-z0-9]+", "-", spec.get("topic", TOPIC).lower())[:200].strip("-")
    manifest = {
        "apiVersion": "orderflow.dev/v1alpha1",
        "kind": "OrderReplay",
        "metadata": {"name": f"{name or 'replay'}-{datetime.now(UTC):%Y%m%d-%H%M%S}"},
        "spec": spec,
    }
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True).rstrip()


@replay.command("list")
@gateway
@as_json
@click.option("--limit", default=50, type=click.IntRange(1, 500))
def list_(url: str, as_json: bool, limit: int) -> None:
    """List replays, newest first."""
    found = _ask("GET", url, f"/api/replays?limit={limit}")["replays"]
    if as_json:
        click.echo(json.dumps(found))
        return
    for each in found:
        progress = each["progress"] or {"percent": 0, "replayed": 0}
        far = f"{progress['percent']:3}% {progress['replayed']:>9}"
        if each["spec"].get("dryRun"):
            far = f"{'dry run':>14}"
        click.echo(
            f"{each['id']}  {each['phase']:9} {far}  {each['createdAt'][:19]}Z  {each['topic']}"
        )
    click.echo(f"{len(found)} replays", err=True)


@replay.command()
@click.argument("id")
@gateway
@as_json
def show(id: str, url: str, as_json: bool) -> None:
    """Show how replay ID stands."""
    if not id:
        raise click.UsageError("Name the replay; `orderflow replay list` shows which there are.")
    found = _ask("GET", url, f"/api/replays/{quote(id, safe='')}")["replay"]
    click.echo(json.dumps(found) if as_json else "\n".join(_lines(found)))


def _action(name: str, help: str) -> None:
    @replay.command(name, help=help)
    @click.argument("id")
    @gateway
    def act(id: str, url: str) -> None:
        found = _ask("POST", url, f"/api/replays/{quote(id, safe='')}/{name}")["replay"]
        click.echo(f"{found['id']}  {found['phase']}; asked to {name}")


_action("suspend", "Suspend replay ID; it keeps its place.")
_action("resume", "Resume replay ID where it stood.")
_action("cancel", "Cancel replay ID for good; what was replayed stays on the topic.")


@replay.command()
@click.argument("id", type=click.UUID)
@as_json
def verify(id: UUID, as_json: bool) -> None:
    """Count replay ID anew, from the stored history and from its topic; exit 1 if they differ.

    It reads PostgreSQL and Kafka itself and asks no service. In a cluster ID is the resource's uid.
    """
    from services.replay.verify import verify as count

    settings = read_settings(Settings)
    checkpoints = read(settings, str(id))
    if not checkpoints:
        raise click.ClickException(
            f"There is no checkpoint of a replay {id}; `orderflow replay list` shows which there"
            " are."
        )
    verdict = count(settings, checkpoints)
    parts = {"reported": verdict.reported, "source": verdict.source, "target": verdict.target}
    if as_json:
        click.echo(json.dumps(verdict.as_json()))
    else:
        for name, each in parts.items():
            click.echo(f"{name:9} {each.events:>9} events  checksum {each.checksum}")
        for fault in verdict.faults:
            click.echo(f"fault: {fault}")
        click.echo("all agree, in order" if not verdict.faults else "they differ")
    sys.exit(1 if verdict.faults else 0)


@replay.command()
@click.option("--id", envvar="REPLAY_ID", type=click.UUID, required=True)
@click.option("--spec", envvar="REPLAY_SPEC", required=True, help="As JSON.")
@click.option("--requested-at", envvar="REPLAY_REQUESTED_AT", required=True, help="RFC 3339.")
@click.option("--name", envvar="REPLAY_NAME", default="", help="For people.")
@click.option("--shard", envvar=["REPLAY_SHARD", "JOB_COMPLETION_INDEX"], default=0)
@click.option("--parent", envvar="REPLAY_PARENT", type=int, help="End with this process.")
@click.option("--stop", envvar="REPLAY_STOP", is_flag=True, help="Only stop whoever runs it.")
def run(
    id: UUID,
    spec: str,
    requested_at: str,
    name: str,
    shard: int,
    parent: int | None,
    stop: bool,
) -> None:
    """Run one shard of a replay in this process, as Jobs and the worker do.

    Run again it goes on where it was. Exits with 0 when all is replayed, 64 when it is refused
    for good, 75 when another process has taken over, 143 when it was stopped, 1 to be tried again.
    """
    from services.replay.engine import Fenced, Stopped, Task
    from services.replay.engine import run as replay_shard
    from services.replay.target import Refused

    settings = read_settings(Settings)
    log.configure("replay", settings.log_level)
    stopping = threading.Event()
    if stop:
        stopping.set()

    def leave(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        # Whatever it waits for: what is not committed is sent again by the next.
        last = threading.Timer(STOP_SECONDS, _leave, (Exit.STOPPED, STOPPED))
        last.daemon = True
        last.start()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    if parent:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        task = Task(
            id,
            json.loads(spec, parse_float=Decimal),
            datetime.fromisoformat(requested_at),
            name,
            shard,
        )
        if task.requested_at.tzinfo is None or not isinstance(task.spec, dict):
            raise ValueError("the spec is an object, and the time has its zone")
    except ValueError as error:
        _leave(Exit.REFUSED, f"REPLAY_SPEC or REPLAY_REQUESTED_AT cannot be read: {error}")
    # Not in this thread: it hears no signal while the database's library waits.
    work = ThreadPoolExecutor(1).submit(replay_shard, task, settings, stopping, _print)
    try:
        work.result()
    except Refused as error:
        _leave(Exit.REFUSED, f"refused: {error}")
    except Fenced as error:
        _leave(Exit.FENCED, str(error))
    except Stopped:
        _leave(Exit.STOPPED, STOPPED)
    except (DBAPIError, KafkaException) as error:
        _leave(Exit.FAILED, f"failed, try again: {brief(error)}")


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(code: int, why: str) -> None:
    click.echo(why, err=True)
    sys.stdout.flush()
    # At once: a reader may still wait for the database, and a producer for Kafka.
    os._exit(code)


def _print(checkpoint: Checkpoint) -> None:
    click.echo(
        f"{checkpoint.phase:8} {checkpoint.replayed:>9} of {checkpoint.plan.events}"
        f"  {checkpoint.rate:,.0f} events/s"
    )


# --- following


def _follow(url: str, id: str, *, quiet: bool) -> dict[str, Any]:
    """Show progress until the replay has ended: a bar on a terminal, else a line as it changes."""
    bar = None
    said = ""
    try:
        while True:
            path = f"/api/replays/{id}"
            found: dict[str, Any] = _ask("GET", url, path, patient=True)["replay"]
            progress = found["progress"]
            if progress and not quiet and sys.stdout.isatty():
                if bar is None:
                    bar = click.progressbar(
                        length=max(progress["planned"], 1),
                        label=found["topic"],
                        show_pos=True,
                        show_eta=False,
                        width=30,
                        item_show_func=lambda text: text,
                    )
                    bar.__enter__()
                bar.update(progress["replayed"] - bar.pos, _rate(found))
            elif not quiet:
                line = f"{found['phase']:9} {_rate(found)}".rstrip()
                if progress:
                    line = (
                        f"{found['phase']:9} {progress['replayed']} of {progress['planned']}"
                        f" ({progress['percent']}%)  {_rate(found)}"
                    ).rstrip()
                if line != said:
                    click.echo(line)
                    said = line
            if found["phase"] in ENDED:
                return found
            time.sleep(0.5)
    finally:
        if bar is not None:
            bar.__exit__(None, None, None)


def _rate(found: dict[str, Any]) -> str:
    progress = found["progress"]
    if not progress or not progress["rate"]:
        return found["message"] or ""
    left = progress["etaSeconds"]
    eta = "" if left is None else f", {left // 60}:{left % 60:02} left"
    return f"{progress['rate']:,.0f} events/s{eta}"


def _period(period: dict[str, str]) -> str:
    return f"{period['from'][:19]}Z to {period['to'][:19]}Z"


def _lines(found: dict[str, Any]) -> list[str]:
    """One replay for people."""
    lines = [f"{found['id']}  {found['phase']}  to {found['topic']}"]
    if found["message"]:
        lines.append(f"  {found['message']}")
    if plan := found["plan"]:
        lines.append(f"  window    {_period(plan)}, as recorded by {plan['snapshotAt'][:19]}Z")
        of = (
            f" of {plan['orders']} orders, about {plan['bytes']:,} bytes"
            if "orders" in plan
            else ""
        )
        lines.append(f"  planned   {plan['events']} events{of}; {plan['filtered']} filtered out")
        if plan["firstTime"]:
            lines.append(f"  between   {plan['firstTime']} and {plan['lastTime']}")
        target = plan["target"]
        state = "was there" if target.get("exists") else "new"
        lines.append(f"  target    {state}, partitions: {target.get('partitions')}")
        lines += [f"  note      {warning}" for warning in plan["warnings"]]
    if found["spec"].get("dryRun"):
        return lines
    if report := found["report"]:
        lines.append(
            f"  replayed  {report['replayed']} events in {report['durationSeconds']:.1f} s,"
            f" {report['rate']:,.0f} a second"
        )
        lines += [f"            {count:>9} {type}" for type, count in report["byType"].items()]
        lines.append(f"  checksum  {report['checksum']}")
    elif progress := found["progress"]:
        far = f"{progress['replayed']} events ({progress['percent']}%)"
        lines.append(f"  replayed  {far}  {_rate(found)}".rstrip())
    return lines


def _ask(
    method: str, url: str, path: str, body: Any = None, *, patient: bool = False
) -> dict[str, Any]:
    """Ask the gateway. Raises ClickException with what it says where it refuses or is away."""
    until = time.monotonic() + (30 if patient else 0)
    while True:
        try:
            answer = requests.request(method, url + path, json=body, timeout=10)
            if answer.status_code < 500 or time.monotonic() > until:
                break
        except requests.RequestException:
            if time.monotonic() > until:
                raise click.ClickException(
                    f"The gateway at {url} does not answer; `make run` starts it, --url names"
                    " another."
                ) from None
        time.sleep(0.5)
    try:
        told: dict[str, Any] = answer.json()
    except ValueError:
        told = {"detail": f"HTTP {answer.status_code}"}
    if not answer.ok:
        raise click.ClickException(str(told.get("detail", told)))
    return told
