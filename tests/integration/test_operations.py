"""What people run beside the services: the checker, the demo, migrations, logs and metrics."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine
from sqlalchemy.exc import ProgrammingError

from services import verify
from services.eventkit.settings import Settings
from services.registry import NAMES, load
from tests.contract.live import check_responses
from tests.system import System, eventually


def test_the_answers_of_the_running_system_are_those_of_the_contract(system: System) -> None:
    assert check_responses(system.url("gateway"), system.url("analytics")) > 100


def test_verify_ends_with_0_and_names_each_invariant_while_all_hold(system: System) -> None:
    system.ended(system.accepted(("PROD-001", 1)))
    system.settle()
    done = system.run("verify", "--settled")
    for invariant in verify.INVARIANTS:
        assert f"ok     {invariant.name}" in done.stdout
    assert json.loads(system.run("verify", "--json").stdout)[0]["breaches"] == 0


# Each sets something wrong and puts it right again; the order's id is given.
BREACHES = {
    "order_settled": (
        "UPDATE gateway.orders SET status = 'paid' WHERE id = %(id)s",
        "UPDATE gateway.orders SET status = 'completed' WHERE id = %(id)s",
    ),
    "status_from_events": (
        "UPDATE gateway.orders SET status = 'cancelled' WHERE id = %(id)s",
        "UPDATE gateway.orders SET status = 'completed' WHERE id = %(id)s",
    ),
    "event_once": (
        "INSERT INTO gateway.order_events SELECT gen_random_uuid(), order_id, event_type, payload,"
        " service_name, NULL, now() FROM gateway.order_events WHERE order_id = %(id)s"
        " AND event_type = 'PAYMENT_PROCESSED'",
        "DELETE FROM gateway.order_events WHERE order_id = %(id)s"
        " AND event_type = 'PAYMENT_PROCESSED' AND causation_id IS NULL",
    ),
    "event_has_order": (
        "UPDATE gateway.order_events SET order_id = gen_random_uuid(), causation_id = %(id)s"
        " WHERE order_id = %(id)s AND event_type = 'ORDER_CREATED'",
        "UPDATE gateway.order_events SET order_id = %(id)s, causation_id = NULL"
        " WHERE causation_id = %(id)s",
    ),
    "shipped_is_paid": (
        "UPDATE payment.payments SET captured = 0 WHERE order_id = %(id)s",
        "UPDATE payment.payments SET captured = amount WHERE order_id = %(id)s",
    ),
    "amount_is_total": (
        "UPDATE gateway.orders SET total = total + 0.01 WHERE id = %(id)s",
        "UPDATE gateway.orders SET total = total - 0.01 WHERE id = %(id)s",
    ),
    "stock_reserved": (
        "UPDATE inventory.reservations SET status = 'reserved' WHERE order_id = %(id)s",
        "UPDATE inventory.reservations SET status = 'committed' WHERE order_id = %(id)s",
    ),
    "stock_follows_order": (
        "UPDATE inventory.reservations SET status = 'released' WHERE order_id = %(id)s",
        "UPDATE inventory.reservations SET status = 'committed' WHERE order_id = %(id)s",
    ),
    "parcel_follows_order": (
        "UPDATE gateway.orders SET status = 'failed' WHERE id = %(id)s",
        "UPDATE gateway.orders SET status = 'completed' WHERE id = %(id)s",
    ),
    "no_money_kept": (
        "UPDATE gateway.orders SET status = 'cancelled' WHERE id = %(id)s",
        "UPDATE gateway.orders SET status = 'completed' WHERE id = %(id)s",
    ),
    "authorisation_closed": (
        "UPDATE payment.payments SET status = 'authorised', stock = NULL WHERE order_id = %(id)s",
        "UPDATE payment.payments SET status = 'captured', stock = 'reserved'"
        " WHERE order_id = %(id)s",
    ),
    "cancel_decided": (
        "UPDATE gateway.orders SET cancel_status = 'requested' WHERE id = %(id)s",
        "UPDATE gateway.orders SET cancel_status = NULL WHERE id = %(id)s",
    ),
    "statistics_agree": (
        "UPDATE analytics.order_facts SET total = total + 0.01 WHERE order_id = %(id)s",
        "UPDATE analytics.order_facts SET total = total - 0.01 WHERE order_id = %(id)s",
    ),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_broken_invariant_is_found_by_the_command_and_by_the_metric(
    system: System, name: str
) -> None:
    order = system.accepted(("PROD-001", 1))
    assert system.ended(order)["status"] == "completed"
    system.settle()
    wrong, right = BREACHES[name]
    assert system.rows(wrong + " RETURNING 1", id=order)
    try:
        auditor = verify.Auditor(system.engine, every=60, grace=0)
        auditor.check()
        value = auditor.registry.get_sample_value(
            "orderflow_invariant_breaches", {"invariant": name}
        )
        assert value and value >= 1
        found = {f.invariant.name: f for f in verify.check(system.engine, grace=0)}
        assert found[name].examples
    finally:
        assert system.rows(right + " RETURNING 1", id=order)


def test_verify_ends_with_1_and_shows_what_breaks(system: System) -> None:
    order = system.accepted(("PROD-001", 1))
    system.ended(order)
    system.settle()
    wrong, right = BREACHES["status_from_events"]
    system.rows(wrong + " RETURNING 1", id=order)
    done = system.run("verify", "--grace", "0", check=False)
    system.rows(right + " RETURNING 1", id=order)
    assert done.returncode == 1
    assert "BROKEN 1x status_from_events" in done.stdout
    assert order in done.stdout


def test_the_demo_posts_what_it_is_told(system: System) -> None:
    before = system.rows("SELECT count(*) FROM gateway.orders")[0][0]
    options = ["--url", system.url("gateway"), "--count", "40", "--rate", "0", "--seed", "7"]
    done = system.run("demo", *options, "--declined", "0.3", "--cancelled", "0.2")
    assert "40 orders in" in done.stdout
    assert system.rows("SELECT count(*) FROM gateway.orders")[0][0] == before + 40
    system.settle()
    reasons = system.get("/api/analytics")["analytics"]["failuresByReason"]
    assert reasons["declined"] > 0


def test_migrating_and_making_topics_again_changes_nothing(system: System) -> None:
    before = system.rows("SELECT * FROM inventory.inventory ORDER BY 1")
    assert "topics: all were there" in system.run("topics").stdout
    assert "migrated: gateway, payment" in system.run("migrate").stdout
    assert system.rows("SELECT * FROM inventory.inventory ORDER BY 1") == before


def test_what_is_chosen_of_topics_is_set_on_those_that_are_there(
    system: System, tmp_path: Path
) -> None:
    chosen = tmp_path / "topics.yaml"
    chosen.write_text("shipping: {partitions: 12, config: {retention.ms: 86400000}}")
    said = system.run("topics", "--file", str(chosen)).stdout
    assert said == "topics: left shipping at its 6 partitions, configured shipping\n"
    assert "configured" not in system.run("topics", "--file", str(chosen)).stdout
    chosen.write_text("shiping: {}")
    refused = system.run("topics", "--file", str(chosen), check=False)
    assert (refused.returncode, "no topic 'shiping'" in refused.stderr) == (2, True)
    chosen.write_text("shipping: {config: {retention.ms: 604800000}}")
    system.run("topics", "--file", str(chosen))


def test_a_release_before_lives_with_the_tables_of_a_later_one(system: System) -> None:
    def version(new: str) -> str:
        update = "UPDATE payment.alembic_version SET version_num = %(new)s"
        (before,) = system.rows("SELECT version_num FROM payment.alembic_version")
        system.rows(f"{update} RETURNING version_num", new=new)
        return str(before[0])

    before = version("9999")
    try:
        system.run("migrate", "payment")
        system.run("wait", "payment", "--timeout", "5")
    finally:
        assert version(before) == "9999"


def test_waiting_ends_once_the_tables_are_there_and_says_what_is_missing(system: System) -> None:
    system.run("wait", "gateway", "payment")
    move = "ALTER TABLE payment.{} RENAME TO {}"
    with system.engine.begin() as db:
        db.exec_driver_sql(move.format("alembic_version", "away"))
    try:
        waited = system.run("wait", "payment", "--timeout", "0.1", check=False)
        assert waited.returncode == 1
        assert "the schema payment is not there yet" in waited.stderr
        assert "orderflow migrate" in waited.stderr
    finally:
        with system.engine.begin() as db:
            db.exec_driver_sql(move.format("away", "alembic_version"))


def test_the_auditor_may_read_every_table_and_write_none(system: System) -> None:
    engine = create_engine(Settings(database_url=system.postgres.url).database("auditor"))
    assert not any(f.breaches for f in verify.check(engine, grace=60))
    with engine.connect() as db, pytest.raises(ProgrammingError, match="permission denied"):
        db.exec_driver_sql("DELETE FROM payment.payments")
    engine.dispose()


def test_no_service_may_read_the_tables_of_another(system: System) -> None:
    settings = Settings(database_url=system.postgres.url)
    for name in NAMES:
        engine = create_engine(settings.database(name))
        for other, table in (("gateway", "orders"), ("payment", "payments")):
            with engine.connect() as db:
                if name == other:
                    db.exec_driver_sql(f"SELECT 1 FROM {other}.{table} LIMIT 1")
                else:
                    with pytest.raises(ProgrammingError, match="permission denied"):
                        db.exec_driver_sql(f"SELECT 1 FROM {other}.{table}")
        engine.dispose()


def test_each_published_event_is_one_line_of_the_log_with_its_order_and_correlation(
    system: System,
) -> None:
    system.stop("payment")
    system.start("payment", LOG_LEVEL="INFO")
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = system.order(headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    order = answer.json()["order"]["id"]
    system.ended(order)

    def logged() -> list[Any]:
        lines = (system.root / "payment.log").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        return [r for r in records if r.get("orderId") == order]

    records = eventually(lambda: found if len(found := logged()) >= 2 else None)
    assert [r["eventType"] for r in records] == ["PAYMENT_PROCESSING", "PAYMENT_PROCESSED"]
    assert {r["correlationId"].replace("-", "") for r in records} == {trace}
    assert all(r["time"] and r["service"] == "payment" for r in records)
    system.stop("payment")
    system.start("payment")


def test_half_sent_requests_do_not_hold_the_gateway_for_ever(system: System) -> None:
    system.stop("gateway")
    system.start("gateway", RECEIVE_TIMEOUT="1")
    half = (
        b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 500\r\n\r\n{"
    )
    sockets = [socket.create_connection(("127.0.0.1", system.ports["gateway"])) for _ in range(40)]
    for each in sockets:
        each.sendall(half)
    answers = [each.recv(4096) for each in sockets]
    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers)
    assert system.http.get(system.url("gateway", "/health"), timeout=10).ok
    for each in sockets:
        each.close()
    system.stop("gateway")
    system.start("gateway")


def test_a_restock_that_inventory_is_slow_to_answer_is_not_said_to_have_failed(
    system: System,
) -> None:
    for process in system.processes["inventory"]:
        os.killpg(process.pid, signal.SIGSTOP)
    try:
        answer = system.post("/api/inventory/PROD-008/restock", {"quantity": 7})
    finally:
        for process in system.processes["inventory"]:
            os.killpg(process.pid, signal.SIGCONT)
    assert answer.status_code == 504
    assert "may have been done" in answer.json()["detail"]
    system.wait_ready("inventory")


def test_every_service_answers_health_ready_and_metrics(system: System) -> None:
    system.ended(system.accepted(("PROD-001", 1)))
    for name in NAMES:
        health = system.http.get(system.url(name, "/health"), timeout=5)
        assert (health.status_code, health.json()["service"]) == (200, name)
        assert system.http.get(system.url(name, "/ready"), timeout=5).ok
        text = system.http.get(system.url(name, "/metrics"), timeout=5).text
        families = {family.name: family for family in text_string_to_metric_families(text)}
        consumes = load(name).handlers
        partitions = families["orderflow_consumer_assigned_partitions"].samples[0].value
        assert (partitions > 0) == bool(consumes), name
        assert all(f.documentation for f in families.values() if f.name.startswith("orderflow"))
