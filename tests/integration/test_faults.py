"""SIGKILL of anything at any moment: nothing is lost, done twice or left stuck."""

import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import requests
from confluent_kafka.admin import AdminClient

from services.registry import NAMES
from tests.system import System, eventually

ORDERS = 2000


def post_until_answered(system: System, number: int) -> str:
    """Post an order as a patient client: the same key again until there is an answer."""
    key = str(uuid4())
    lines = [(f"PROD-00{1 + number % 8}", 1 + number % 2)]
    email = "decline@example.com" if number % 10 == 0 else "ada@example.com"

    def accepted() -> str | None:
        answer = system.order(*lines, email=email, headers={"Idempotency-Key": key})
        if answer.status_code == 201:
            return str(answer.json()["order"]["id"])
        assert answer.status_code == 503, answer.text
        return None

    found: str = eventually(accepted, what="the order is accepted")
    return found


def restart_kafka(system: System) -> None:
    """SIGKILL the broker and start it again on the same data."""
    system.kafka.kill()
    system.kafka.start()


def restart_postgres(system: System) -> None:
    """SIGKILL the server and start it again on the same data."""
    system.postgres.kill()
    system.postgres.start()


def restart_service(name: str) -> Callable[[System], None]:
    """SIGKILL a service and start it again."""

    def restart(system: System) -> None:
        system.kill(name)
        system.start(name)

    return restart


def test_2000_orders_survive_a_sigkill_of_everything_in_turn(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    victims = {name: restart_service(name) for name in NAMES}
    victims |= {"kafka": restart_kafka, "postgres": restart_postgres}
    accepted: list[str] = []

    def post(number: int) -> None:
        accepted.append(post_until_answered(system, number))

    def reached(count: int) -> bool:
        return len(accepted) > count

    recovery = {}
    pace = ORDERS // len(victims)
    with ThreadPoolExecutor(8) as pool:
        futures: list[Any] = []
        for turn, (name, restart) in enumerate(victims.items()):
            first = turn * pace
            last = ORDERS if turn == len(victims) - 1 else first + pace
            futures += [pool.submit(post, number) for number in range(first, last)]
            eventually(partial(reached, first + pace // 4))
            restart(system)
            began = time.monotonic()
            probe = post_until_answered(system, 1)
            system.ended(probe)
            recovery[name] = time.monotonic() - began
            accepted.append(probe)
        for future in futures:
            future.result()
    assert len(set(accepted)) == ORDERS + len(victims)
    system.settle(120)
    stored = system.rows(
        "SELECT count(*) FROM gateway.orders WHERE id = ANY(%(ids)s::uuid[])"
        " AND status IN ('completed', 'failed')",
        ids=accepted,
    )
    assert stored[0][0] == len(accepted)
    with capsys.disabled():
        times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in recovery.items())
        print(f"\nfrom the restart to the next settled order: {times}")


def test_orders_are_accepted_while_kafka_is_down_and_settle_when_it_is_back(
    system: System,
) -> None:
    system.kafka.kill()
    orders = [system.accepted(("PROD-001", 1)) for _ in range(5)]
    assert {system.status(order) for order in orders} == {"pending"}
    # The gateway dies too, with the events in its outbox alone.
    system.kill("gateway")
    system.launch("gateway")
    eventually(lambda: system.http.get(system.url("gateway", "/health"), timeout=2).ok)
    answer = system.http.get(system.url("gateway", "/ready"), timeout=10)
    assert answer.status_code == 503
    assert answer.json()["checks"]["kafka"] != "ok"
    enough = system.url("gateway", "/ready?except=kafka,consumer")
    eventually(lambda: system.http.get(enough, timeout=10).ok, what="it is ready for orders")
    orders.append(system.accepted(("PROD-001", 1)))
    system.kafka.start()
    assert {system.ended(order)["status"] for order in orders} == {"completed"}
    system.wait_ready("gateway")


def test_consumers_come_back_to_a_kafka_that_stood_still_for_longer_than_they_wait(
    system: System,
) -> None:
    system.settle()

    def held(service: str) -> float:
        text = system.http.get(system.url(service, "/metrics"), timeout=5).text
        return float(re.search(r"^orderflow_consumer_assigned_partitions (\S+)$", text, re.M)[1])  # type: ignore[index]

    readers = [name for name in NAMES if name != "replay"]
    eventually(lambda: all(held(name) for name in readers), what="all consume")
    assert system.kafka.process
    system.kafka.process.send_signal(signal.SIGSTOP)
    try:
        order = system.accepted(("PROD-001", 1))
        for name in readers:
            eventually(partial(lambda name: held(name) == 0, name), what=f"{name} lets go")
    finally:
        system.kafka.process.send_signal(signal.SIGCONT)
    # Two looks of the watch and a consumer that does not close take their time.
    eventually(lambda: system.status(order) == "completed", 90, "the order is delivered")


def test_every_process_outlives_a_restart_of_postgresql(system: System) -> None:
    before = {name: system.processes[name][0].pid for name in NAMES}
    system.postgres.kill()
    refused = system.order()
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert refused.json()["type"].endswith("database-unavailable")
    for name in NAMES:
        assert system.http.get(system.url(name, "/health"), timeout=5).ok
        assert system.http.get(system.url(name, "/ready"), timeout=10).status_code == 503
    system.postgres.start()
    for name in NAMES:
        system.wait_ready(name)
    order = system.accepted(("PROD-001", 1))
    assert system.ended(order)["status"] == "completed"
    assert {name: system.processes[name][0].pid for name in NAMES} == before
    assert all(process.poll() is None for name in NAMES for process in system.processes[name])


def test_a_restart_of_postgresql_between_two_requests_is_not_seen_by_clients(
    system: System,
) -> None:
    routes = ("orders", f"orders/{system.accepted()}", "inventory", "analytics", "replays")
    urls = [system.url("gateway", f"/api/{route}") for route in routes for _ in range(8)]

    def answers() -> set[int]:
        with ThreadPoolExecutor(len(urls)) as pool:
            return {answer.status_code for answer in pool.map(requests.get, urls)}

    assert answers() == {200}
    system.postgres.kill()
    system.postgres.start()
    assert answers() == {200}


def test_groups_that_lose_their_offsets_read_everything_again_and_change_nothing(
    system: System,
) -> None:
    order = system.accepted(("PROD-001", 1))
    system.ended(order)
    system.settle()
    before = system.digest()
    system.stop()
    admin = AdminClient({"bootstrap.servers": system.kafka.bootstrap})

    def forgotten() -> bool:
        faults = [f.exception() for f in admin.delete_consumer_groups(list(NAMES)).values()]
        return all(e is None or "NOT_FOUND" in str(e) for e in faults)

    eventually(forgotten, what="the groups are forgotten")
    system.start()
    last = system.accepted(("PROD-002", 1))  # comes after all that is read again
    system.ended(last)

    eventually(lambda: sum(system.lag(name) for name in NAMES) == 0, what="all is read")
    system.settle()
    after = system.digest()
    for table, (count, _) in after.items():
        if table not in ("inventory.inventory", "analytics.analytics_daily"):
            of_last = 8 if table == "gateway.order_events" else 1
            assert count - before[table][0] <= of_last, table
    rows = system.rows("SELECT sum(orders) FROM analytics.analytics_daily")
    assert rows[0][0] == system.rows("SELECT count(*) FROM gateway.orders")[0][0]


def test_a_service_drains_on_sigterm_and_leaves_its_group_at_once(system: System) -> None:
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(post_until_answered, system, n) for n in range(200)]
        for name in ("inventory", "payment", "shipping", "gateway", "analytics"):
            system.stop(name)
            system.start(name)
        orders = [future.result() for future in futures]
    assert len(set(orders)) == 200
    assert {system.ended(order)["status"] for order in orders} <= {"completed", "failed"}
