"""The operator, a control plane, and the very engine: 20,000 orders, and whatever may happen."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from services.eventkit.settings import Settings
from services.orderreplay.checkpoint import read
from services.replay.verify import verify
from tests.bench.history import fill
from tests.operator.world import Cell, World, cell, replay
from tests.system import eventually

ORDERS = 20_000
ENGINE = [str(Path(sys.executable).parent / "orderflow"), "replay", "run"]


@pytest.fixture
def shop(world: World) -> Iterator[Settings]:
    """A history of 20,000 orders, which the pods' own engine replays."""
    system, before = world.system, world.kubelet.commands
    system.postgres.start()
    system.run("migrate")
    settings = Settings(kafka_bootstrap_servers=world.bootstrap, database_url=system.postgres.url)
    now, owner = datetime.now(UTC), create_engine(system.postgres.url)
    with owner.connect() as db:
        held = db.exec_driver_sql("SELECT count(*) FROM gateway.orders").scalar()
    if not held:
        fill(owner, ORDERS, now - timedelta(days=20), now - timedelta(hours=1))
    owner.dispose()
    world.kubelet.commands = lambda _: ENGINE
    yield settings
    world.kubelet.commands = before


@pytest.fixture
def ns(world: World, shop: Settings) -> Iterator[Cell]:
    """A namespace whose pods may read the history, and no more."""
    url = shop.database("history").render_as_string(hide_password=False)
    with cell(world.plane, url) as found, world.operator() as operator:
        eventually(operator.leads, what="the operator leads")
        yield found


def holds_once_and_in_order(settings: Settings, uid: str) -> None:
    """Assert that history, report and target agree."""
    verdict = verify(settings, read(settings, uid))
    assert verdict.faults == []
    assert verdict.target.events == ORDERS


def test_a_replay_of_twenty_thousand_orders_is_killed_five_times_and_each_is_there_once(
    world: World, ns: Cell, shop: Settings
) -> None:
    made = ns.create(
        replay("it", days=30, topic=f"t-{ns.name}", eventsPerSecond=1000, parallelism=2)
    )
    uid, kubelet = made["metadata"]["uid"], world.kubelet
    # SIGKILL by itself, and SIGKILL as a node that is short of memory does it. Kubernetes waits
    # 10 s after a Job's first failed pod, then 20 s, then 40 s; another pace is another Job.
    kills: list[tuple[Callable[[str, str], None], int]] = [
        (kubelet.kill, 1000),
        (kubelet.evict_for_pressure, 1000),
        (kubelet.evict_for_pressure, 900),
        (kubelet.kill, 900),
        (kubelet.kill, 800),
    ]
    seen = 0
    for kill, pace in kills:
        if pace != ns.the("it")["spec"]["eventsPerSecond"]:
            ns.patch("it", eventsPerSecond=pace)
        seen = ns.underway("it", seen + 500)["status"]["progress"]["replayed"]
        pods = eventually(ns.running_pods, what="a pod runs")
        kill(pods[0], ns.name)

        def gone(pod: str = pods[0]) -> bool:
            return pod not in ns.running_pods()

        eventually(gone, what="it is killed")
    assert ns.status("it")["phase"] == "Running"
    ns.patch("it", eventsPerSecond=None)
    done = ns.phase("it", "Completed", seconds=120)
    report = done["status"]["report"]
    assert report["replayed"] == report["planned"] == ORDERS
    assert sum(report["byDay"].values()) == ORDERS
    holds_once_and_in_order(shop, uid)


def test_a_replay_is_suspended_robbed_of_its_job_and_changed_and_each_is_there_once(
    ns: Cell, shop: Settings
) -> None:
    made = ns.create(replay("it", days=30, topic=f"t-{ns.name}", eventsPerSecond=1000))
    ns.underway("it", 1000)
    ns.patch("it", suspend=True)
    held = ns.phase("it", "Suspended")["status"]["progress"]["replayed"]
    assert 0 < held < ORDERS
    ns.patch("it", suspend=False)
    ns.underway("it", held + 1000)
    ns.delete(ns.status("it")["jobName"], "jobs")
    ns.underway("it", held + 3000)
    ns.patch("it", eventsPerSecond=None)
    ns.phase("it", "Completed", seconds=120)
    holds_once_and_in_order(shop, made["metadata"]["uid"])


def test_what_the_engine_refuses_fails_with_what_to_do(ns: Cell, shop: Settings) -> None:
    spec = {"from": "2999-01-01T00:00:00Z", "to": "2999-01-02T00:00:00Z"}
    ns.create(replay("it", **spec))
    failed = ns.phase("it", "Failed")
    assert "only what has happened can be replayed" in failed["status"]["message"]


def test_a_dry_run_tells_the_plan_and_makes_no_topic(ns: Cell, shop: Settings) -> None:
    ns.create(replay("it", days=30, topic=f"t-{ns.name}", dryRun=True))
    status = ns.phase("it", "Completed")["status"]
    assert status["plan"]["events"] == status["plan"]["orders"] == ORDERS
    assert status["plan"]["target"] == {"exists": False, "partitions": 6}
    assert status["report"]["replayed"] == 0
