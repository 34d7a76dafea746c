"""Replays over HTTP and from the command line, run by the worker of this machine."""

import json
import os
import re
import signal
from typing import Any
from uuid import uuid4

import pytest
import yaml
from confluent_kafka.admin import AdminClient

from services.eventkit.settings import Settings
from services.orderreplay.checkpoint import read
from services.replay.verify import verify
from tests.integration.conftest import Wire
from tests.system import System, eventually

ENDED = {"Completed", "Failed", "Cancelled"}
NOBODY = "01a20466-92bb-7139-a80f-efba4ad7e000"


@pytest.fixture(scope="module", autouse=True)
def _orders(running: System) -> None:
    """Some orders to replay."""
    for _ in range(60):
        running.accepted()
    running.settle()


def topics(system: System) -> set[str]:
    admin = AdminClient({"bootstrap.servers": system.kafka.bootstrap})
    return set(admin.list_topics(timeout=10).topics)


def settings(system: System) -> Settings:
    return Settings(
        kafka_bootstrap_servers=system.kafka.bootstrap, database_url=system.postgres.url
    )


def start(system: System, **spec: Any) -> dict[str, Any]:
    """Ask for a replay that is accepted."""
    answer = system.post("/api/orders/replay", {"topic": f"api-{uuid4().hex[:8]}"} | spec)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()["replay"]
    return found


def shown(system: System, id: str) -> dict[str, Any]:
    found: dict[str, Any] = system.get(f"/api/replays/{id}")["replay"]
    return found


def ended(system: System, id: str) -> dict[str, Any]:
    """The replay once it has ended."""

    def found() -> Any:
        replay = shown(system, id)
        return replay if replay["phase"] in ENDED else None

    replay: dict[str, Any] = eventually(found, what=f"replay {id} ends")
    return replay


def in_phase(system: System, id: str, phase: str) -> None:
    eventually(lambda: shown(system, id)["phase"] == phase, what=f"{id} is {phase}")


def progressing(system: System, id: str) -> None:
    eventually(lambda: (shown(system, id)["progress"] or {}).get("replayed"))


def verified(system: System, id: str) -> None:
    """Assert that history, target and report agree."""
    verdict = verify(settings(system), read(settings(system), id))
    assert verdict.faults == []
    assert verdict.target.events == shown(system, id)["report"]["replayed"]


# Asking.


def test_the_request_of_the_reference_replays_the_last_week(system: System) -> None:
    answer = system.post("/api/orders/replay", {"days": 7, "topic": "orders-replay"})
    assert answer.status_code == 202
    told = answer.json()
    assert told["success"] is True
    assert told["topic"] == "orders-replay"
    assert told["period"].keys() == {"from", "to"}
    assert answer.headers["Location"] == f"/api/replays/{told['replay']['id']}"
    done = ended(system, told["replay"]["id"])
    (orders,) = system.rows(
        "SELECT count(*) FROM gateway.orders WHERE created_at > now() - '7d'::interval"
    )
    assert done["phase"] == "Completed"
    assert done["report"]["replayed"] == done["plan"]["events"] == orders[0]
    assert done["progress"]["percent"] == 100
    verified(system, done["id"])


def test_a_request_without_a_body_replays_the_last_week_to_orders_replay(system: System) -> None:
    answer = system.http.post(system.url("gateway", "/api/orders/replay"), timeout=10)
    assert answer.status_code == 202
    assert answer.json()["topic"] == "orders-replay"
    assert ended(system, answer.json()["replay"]["id"])["phase"] == "Completed"


BAD: list[tuple[Any, str]] = [
    ({"days": -1}, "days"),
    ({"days": 0}, "days"),
    ({"days": "x"}, "days"),
    ({"days": 1e9}, "days"),
    ({"days": 1.5}, "days"),
    ({"days": None}, "days"),
    ({"days": True}, "days"),
    ({"days": 7, "from": "2026-11-01T00:00:00Z"}, "not both"),
    ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, "swap"),
    ({"from": "2999-01-01T00:00:00Z"}, "future"),
    ({"from": "yesterday"}, "2026-11-01T00:00:00Z"),
    ({"from": "2026-11-01T00:00:00"}, "zone"),
    ({"to": "2026-11-01T00:00:00Z"}, "give from"),
    ({"topic": "orders"}, "live topic"),
    ({"topic": ""}, "1 to 249"),
    ({"topic": "no spaces"}, "1 to 249"),
    ({"topic": "x" * 300}, "1 to 249"),
    ({"topic": "__transaction_state"}, "system's own"),
    ({"topic": "payments-dlq"}, "dead-letter"),
    ({"topic": None}, "null"),
    ({"speed": 0}, "0.001"),
    ({"dry_run": True}, "dry_run"),
    ({"topic": "Orders.DLQ"}, "dead-letter"),
    ({"speed": 1, "eventsPerSecond": 1}, "not both"),
    ({"eventsPerSecond": -5}, "0.001"),
    ({"maxGapSeconds": 5}, "speed"),
    ({"eventTypes": []}, "at least 1"),
    ({"eventTypes": ["ORDER_EATEN"]}, "ORDER_CREATED"),
    ({"filter": {"minTotal": "10", "maxTotal": "5"}}, "swap"),
    ({"filter": {"minTotal": "ten"}}, "79.99"),
    ({"filter": {"colour": "red"}}, "colour"),
    ({"parallelism": 100}, "16"),
    ({"surprise": 1}, "surprise"),
    ({"cancel": True}, "cancel"),
    ([], "object"),
    ("7", "object"),
]


@pytest.mark.parametrize(("body", "advice"), BAD, ids=lambda v: str(v)[:40])
def test_a_bad_request_is_refused_with_what_to_do_and_makes_nothing(
    system: System, body: Any, advice: str
) -> None:
    before = topics(system), system.rows("SELECT count(*) FROM replay.replays")
    answer = system.post("/api/orders/replay", body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert advice in answer.json()["detail"], answer.json()
    assert (topics(system), system.rows("SELECT count(*) FROM replay.replays")) == before


def test_replays_are_listed_newest_first(system: System) -> None:
    made = [start(system, dryRun=True)["id"] for _ in range(3)]
    listed = [each["id"] for each in system.get("/api/replays?limit=3")["replays"]]
    assert listed == made[::-1]
    for id in made:
        assert ended(system, id)["phase"] == "Completed"


def test_dry_runs_are_listed_apart(system: System) -> None:
    dry = start(system, dryRun=True)["id"]
    real = start(system, filter={"minTotal": "9000000.00"})["id"]
    listed = {
        word: [each["id"] for each in system.get(f"/api/replays?limit=500{word}")["replays"]]
        for word in ("", "&dryRun=true", "&dryRun=false")
    }
    assert {dry, real} <= set(listed[""])
    assert (dry in listed["&dryRun=true"], real in listed["&dryRun=true"]) == (True, False)
    assert (dry in listed["&dryRun=false"], real in listed["&dryRun=false"]) == (False, True)
    for id in (dry, real):
        assert ended(system, id)["phase"] == "Completed"


@pytest.mark.parametrize("id", [NOBODY, "last-month", "x" * 500, "%00", "a%2Fb", "A B"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_replay_that_does_not_exist_is_not_found(system: System, id: str, method: str) -> None:
    path = f"/api/replays/{id}" + ("/cancel" if method == "POST" else "")
    answer = system.http.request(method, system.url("gateway", path), timeout=10)
    assert answer.status_code == 404


def test_a_dry_run_tells_what_would_be_and_makes_no_topic(system: System) -> None:
    replay = start(system, dryRun=True, filter={"statuses": ["completed"]})
    done = ended(system, replay["id"])
    plan = done["plan"]
    assert plan["events"] == plan["orders"] > 0
    assert plan["bytes"] > 0
    assert plan["firstTime"] <= plan["lastTime"]
    assert plan["target"] == {"exists": False, "partitions": 6}
    assert done["progress"] is None
    assert done["report"]["replayed"] == 0
    assert replay["topic"] not in topics(system)


def test_a_request_repeated_under_its_key_makes_one_replay(system: System) -> None:
    key, body = {"Idempotency-Key": str(uuid4())}, {"topic": "once", "dryRun": True}
    first, second = [system.post("/api/orders/replay", body, headers=key) for _ in range(2)]
    assert first.json()["replay"]["id"] == second.json()["replay"]["id"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    other = system.post("/api/orders/replay", body | {"days": 3}, headers=key)
    assert other.status_code == 409
    assert first.json()["replay"]["id"] in other.json()["detail"]
    bad = system.post("/api/orders/replay", body, headers={"Idempotency-Key": "x" * 300})
    assert bad.status_code == 400


# Steering.


def test_a_replay_is_suspended_resumed_and_completes_with_each_event_once(system: System) -> None:
    replay = start(system, eventsPerSecond=20)
    progressing(system, replay["id"])
    assert system.post(f"/api/replays/{replay['id']}/suspend").status_code == 202
    in_phase(system, replay["id"], "Suspended")
    stood = shown(system, replay["id"])["progress"]
    assert 0 < stood["replayed"] < stood["planned"]
    assert stood["rate"] == 0
    committed = len(Wire(system).read(replay["topic"]))
    assert committed == stood["replayed"]
    assert system.post(f"/api/replays/{replay['id']}/resume").status_code == 202
    assert ended(system, replay["id"])["phase"] == "Completed"
    verified(system, replay["id"])


def test_a_cancelled_replay_ends_and_what_was_replayed_stays(system: System) -> None:
    replay = start(system, eventsPerSecond=5)
    progressing(system, replay["id"])
    assert system.post(f"/api/replays/{replay['id']}/cancel").status_code == 202
    done = ended(system, replay["id"])
    assert done["phase"] == "Cancelled"
    assert len(Wire(system).read(replay["topic"])) == done["progress"]["replayed"] > 0
    for action in ("suspend", "resume", "cancel"):
        answer = system.post(f"/api/replays/{replay['id']}/{action}")
        assert answer.status_code == 409
        assert "Cancelled" in answer.json()["detail"]


def test_shards_share_the_orders(system: System) -> None:
    replay = start(system, parallelism=3, eventTypes=["ORDER_CREATED", "PAYMENT_PROCESSED"])
    done = ended(system, replay["id"])
    assert [shard["phase"] for shard in done["progress"]["shards"]] == ["Complete"] * 3
    verified(system, replay["id"])


def test_a_target_that_is_refused_later_fails_the_replay_and_says_why(system: System) -> None:
    start(system, topic="clash.one", dryRun=False)
    eventually(lambda: "clash.one" in topics(system))
    done = ended(system, start(system, topic="clash_one")["id"])
    assert done["phase"] == "Failed"
    assert "name another topic" in done["message"]


def test_a_replay_outlives_its_worker(system: System) -> None:
    replay = start(system, eventsPerSecond=20)
    progressing(system, replay["id"])
    system.kill("replay")
    system.start("replay")
    assert ended(system, replay["id"])["phase"] == "Completed"
    verified(system, replay["id"])


def test_a_replay_whose_process_is_killed_goes_on(system: System) -> None:
    replay = start(system, eventsPerSecond=20)
    progressing(system, replay["id"])
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ") as environ:
                ours = f"REPLAY_ID={replay['id']}\0" in environ.read()
        except OSError:
            continue
        if ours:
            os.kill(int(pid), signal.SIGKILL)
    assert ended(system, replay["id"])["phase"] == "Completed"
    verified(system, replay["id"])


def test_a_replay_changes_no_order_stock_payment_shipment_or_statistic(system: System) -> None:
    def everything() -> tuple[dict[str, Any], Any]:
        return system.digest(), system.get("/api/analytics")["analytics"]["summary"]

    before = everything()
    types = ["ORDER_CREATED", "PAYMENT_PROCESSED", "INVENTORY_RESERVED", "SHIPMENT_DELIVERED"]
    replay = start(system, eventTypes=types)
    assert ended(system, replay["id"])["report"]["replayed"] > 0
    # Were they to reach a live topic, they would still be ignored.
    for message in Wire(system).read(replay["topic"])[:50]:
        Wire(system).send("orders", message.value(), message.key().decode(), message.headers())
    for group in ("payment", "inventory", "shipping", "analytics"):
        eventually(lambda group=group: system.lag(group) == 0)  # type: ignore[misc]
    assert everything() == before


# Verifying.


def test_the_verdict_of_the_api_is_that_of_the_command(system: System) -> None:
    system.accepted(("PROD-001", 1))
    replay = start(system)
    ended(system, replay["id"])
    answer = system.post(f"/api/replays/{replay['id']}/verify")
    assert answer.status_code == 200, answer.text
    verdict = answer.json()["verdict"]
    assert verdict == json.loads(command(system, "verify", replay["id"], "--json"))
    assert verdict["agree"] is True
    assert verdict["target"]["events"] == shown(system, replay["id"])["report"]["replayed"] > 0


def test_a_message_that_the_replay_did_not_write_is_told_as_a_fault(system: System) -> None:
    system.accepted(("PROD-001", 1))
    replay = start(system)
    ended(system, replay["id"])
    marks = [("replay-id", replay["id"].encode()), ("is-replay", b"true")]
    Wire(system).send(replay["topic"], {"no": "event"}, "key", marks)
    verdict = system.post(f"/api/replays/{replay['id']}/verify").json()["verdict"]
    assert verdict["agree"] is False
    assert "is no event of one" in verdict["faults"][0]
    assert verdict["target"] == verdict["reported"]


def test_a_replay_is_verified_while_it_is_suspended_and_not_while_it_runs(system: System) -> None:
    for _ in range(5):
        system.accepted(("PROD-001", 1))
    replay = start(system, eventsPerSecond=1)
    progressing(system, replay["id"])
    path = f"/api/replays/{replay['id']}"
    answer = system.post(f"{path}/verify")
    assert (answer.status_code, answer.json()["command"]) == (
        409,
        f"orderflow replay verify {replay['id']}",
    )
    system.post(f"{path}/suspend")
    in_phase(system, replay["id"], "Suspended")
    verdict = system.post(f"{path}/verify").json()["verdict"]
    assert (verdict["agree"], verdict["faults"]) == (True, [])
    assert verdict["target"]["events"] > 0
    system.post(f"{path}/cancel")
    in_phase(system, replay["id"], "Cancelled")


def test_verifying_gives_up_in_time(system: System) -> None:
    system.accepted(("PROD-001", 1))
    replay = start(system)
    ended(system, replay["id"])
    with pytest.raises(TimeoutError):
        verify(settings(system), read(settings(system), replay["id"]), within=0)


# From the command line.


def command(system: System, *arguments: str, fails: bool = False) -> str:
    done = system.run("replay", *arguments, check=False)
    assert bool(done.returncode) == fails, done
    return done.stdout + done.stderr


def test_the_command_replays_days_to_a_topic_and_says_what_it_did(system: System) -> None:
    said = command(system, "14", "fraud-test")
    assert "Completed" in said
    assert "checksum" in said
    id = said.split()[1]
    assert "all agree" in command(system, "verify", id)
    assert f"{id}  Completed" in command(system, "show", id)
    assert id in command(system, "list")
    assert json.loads(command(system, "show", id, "--json"))["topic"] == "fraud-test"


def test_the_command_takes_every_option(system: System) -> None:
    said = command(
        system,
        *(
            "--from",
            "2026-01-01T00:00:00Z",
            "windowed",
            "--type",
            "ORDER_CREATED",
            "--customer",
            "CUST-001",
        ),
        *("--product", "PROD-008", "--status", "completed", "--min-total", "1"),
        *("--max-total", "100000", "--rate", "100000", "--partitions", "2", "--parallelism", "2"),
    )
    assert "Completed" in said
    assert "to windowed" in said


def test_the_command_cancels_and_suspends(system: System) -> None:
    id = command(system, "7", "slow-one", "--rate", "1", "--detach").split()[1]
    progressing(system, id)
    command(system, "suspend", id)
    in_phase(system, id, "Suspended")
    command(system, "resume", id)
    command(system, "cancel", id)
    in_phase(system, id, "Cancelled")
    assert "has ended" in command(system, "cancel", id, fails=True)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ("-1", "give 1 or more"),
        ("0", "greater than or equal to 1"),
        ("x", "no number of days, and no command"),
        ("--min-total x", "--min-total"),
        ("--to 2026-11-02T00:00:00Z", "--to is given without --from"),
        ("9" * 5000, "no number of days"),
        ("show ../orders", "There is nothing at"),
        ("999999999", "3650"),
        ("7 orders", "live topic"),
        ("--from 2026-11-02T00:00:00Z --to 2026-11-01T00:00:00Z", "swap"),
        ("7 --from 2026-11-02T00:00:00Z", "not both"),
        ("--speed 0", "--speed: "),
        ("--surprise", "No such option"),
        ("7 a b", "unexpected extra argument"),
        ("show nothing", "There is no replay"),
        ("verify nothing", "not a valid UUID"),
        (f"verify {NOBODY}", "no checkpoint"),
        ("7 --url http://127.0.0.1:1", "does not answer"),
    ],
)
def test_the_command_refuses_what_is_wrong_with_what_to_do(
    system: System, arguments: str, advice: str
) -> None:
    before = topics(system)
    said = command(system, *arguments.split(), fails=True)
    assert advice in said
    assert "Traceback" not in said
    assert topics(system) == before


def test_the_command_writes_the_resource_of_the_same_replay(system: System) -> None:
    said = command(system, "30", "_Fraud..Test", "--speed", "60", "--max-gap", "5", "--manifest")
    made = yaml.safe_load(said)
    assert re.fullmatch(r"fraud-test-\d{8}-\d{6}", made["metadata"]["name"])
    assert made["kind"] == "OrderReplay"
    assert made["spec"] == {"days": 30, "topic": "_Fraud..Test", "speed": 60, "maxGapSeconds": 5}
