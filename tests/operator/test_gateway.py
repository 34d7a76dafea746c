"""The gateway with REPLAYS=kubernetes: what is asked of the API becomes an OrderReplay."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.kube.control_plane import ControlPlane
from tests.operator.world import ROOT, Cell, World, replay
from tests.system import System, eventually

RBAC = ROOT / "operator" / "rbac-gateway.yaml"


@pytest.fixture(scope="module")
def shop(world: World) -> Iterator[System]:
    """What a gateway needs beside it."""
    world.system.postgres.start()
    world.system.run("migrate")
    world.system.start("inventory")
    yield world.system
    world.system.stop("inventory")


def serve(shop: System, cell: Cell, account: str) -> Iterator[System]:
    """Run a gateway as a service account of the namespace."""
    shop.start(
        "gateway",
        REPLAYS="kubernetes",
        REPLAY_NAMESPACE=cell.name,
        KUBECONFIG=str(cell.plane.service_account(cell.name, account)),
    )
    yield shop
    shop.stop("gateway")


@pytest.fixture
def gateway(shop: System, cell: Cell, world: World) -> Iterator[System]:
    """A gateway with the rights that it has in a cluster, and an operator."""
    cell.plane.kubectl("create", "serviceaccount", "orderflow-gateway", "-n", cell.name)
    cell.plane.kubectl("apply", "-n", cell.name, "-f", str(RBAC))
    with world.operator() as operator:
        eventually(operator.leads, what="the operator leads")
        yield from serve(shop, cell, "orderflow-gateway")


def test_a_request_makes_a_resource_and_its_status_is_shown(cell: Cell, gateway: System) -> None:
    topic = f"asked-{uuid4().hex[:6]}"
    answer = gateway.post("/api/orders/replay", {"days": 30, "topic": topic})
    assert answer.status_code == 202, answer.text
    told = answer.json()
    id = told["replay"]["id"]
    assert answer.headers["Location"] == f"/api/replays/{id}"
    assert (told["topic"], told["period"].keys()) == (topic, {"from", "to"})
    assert cell.the(id)["spec"]["topic"] == topic
    done = cell.phase(id, "Completed")
    shown = gateway.get(f"/api/replays/{id}")["replay"]
    assert (shown["phase"], shown["uid"]) == ("Completed", done["metadata"]["uid"])
    assert shown["report"] == done["status"]["report"]
    assert shown["progress"]["percent"] == 100
    assert gateway.post(f"/api/replays/{id}/cancel").status_code == 409
    unverified = gateway.post(f"/api/replays/{id}/verify")
    assert unverified.status_code == 409
    assert unverified.json()["command"] == f"orderflow replay verify {shown['uid']}"


def test_replays_of_kubectl_are_listed_beside_those_of_the_api(cell: Cell, gateway: System) -> None:
    cell.create(replay("last-month", days=30))
    assert gateway.post("/api/orders/replay", {"topic": "second"}).status_code == 202
    listed = gateway.get("/api/replays")["replays"]
    assert {each["topic"] for each in listed} == {"orders-replay", "second"}
    assert gateway.get("/api/replays/last-month")["replay"]["spec"]["days"] == 30
    assert len(gateway.get("/api/replays?limit=1")["replays"]) == 1
    cell.create(replay("dry", dryRun=True))
    (dry,) = gateway.get("/api/replays?dryRun=true")["replays"]
    assert dry["id"] == "dry"
    assert len(gateway.get("/api/replays?dryRun=false")["replays"]) == 2


def test_a_request_repeated_under_its_key_makes_one_resource(cell: Cell, gateway: System) -> None:
    key, body = {"Idempotency-Key": str(uuid4())}, {"topic": "once", "dryRun": True}
    ids = {
        gateway.post("/api/orders/replay", body, headers=key).json()["replay"]["id"]
        for _ in range(2)
    }
    assert len(ids) == len(cell.all("orderreplays")) == 1
    other = gateway.post("/api/orders/replay", body | {"days": 3}, headers=key)
    assert other.status_code == 409


def test_a_replay_is_suspended_resumed_and_cancelled(cell: Cell, gateway: System) -> None:
    body = {"days": 30, "topic": f"slow-{uuid4().hex[:6]}", "eventsPerSecond": 10}
    id = gateway.post("/api/orders/replay", body).json()["replay"]["id"]
    cell.underway(id)
    assert gateway.post(f"/api/replays/{id}/suspend").status_code == 202
    cell.phase(id, "Suspended")
    assert gateway.post(f"/api/replays/{id}/resume").status_code == 202
    cell.phase(id, "Running")
    assert gateway.post(f"/api/replays/{id}/cancel").status_code == 202
    resumed = gateway.post(f"/api/replays/{id}/resume")  # whether its pods have ended or not
    assert (resumed.status_code, resumed.json()["type"].split(":")[-1]) == (409, "replay-ended")
    cell.phase(id, "Cancelled")


@pytest.mark.parametrize("path", ["/api/replays/nothing", "/api/replays/nothing/cancel"])
def test_a_replay_that_is_not_there_is_not_found(gateway: System, path: str) -> None:
    method = "POST" if path.endswith("cancel") else "GET"
    answer = gateway.http.request(method, gateway.url("gateway", path), timeout=30)
    assert answer.status_code == 404
    assert "replay-not-found" in answer.json()["type"]


@pytest.mark.parametrize("body", [{"days": -1}, {"topic": "orders"}, {"surprise": 1}])
def test_what_is_wrong_is_refused_and_makes_no_resource(
    cell: Cell, gateway: System, body: dict[str, Any]
) -> None:
    assert gateway.post("/api/orders/replay", body).status_code == 400
    assert cell.all("orderreplays") == []


def test_a_gateway_without_the_right_says_what_is_missing(
    shop: System, cell: Cell, plane: ControlPlane
) -> None:
    plane.kubectl("create", "serviceaccount", "nobody", "-n", cell.name)
    for gateway in serve(shop, cell, "nobody"):
        answer = gateway.post("/api/orders/replay", {"days": 1})
        assert answer.status_code == 503
        assert "service account" in answer.json()["detail"]
        assert gateway.get("/api/services/status")["success"] is True


def test_an_api_server_that_is_away_is_told(
    cell: Cell, gateway: System, plane: ControlPlane
) -> None:
    plane.stop_api()
    try:
        answer = gateway.post("/api/orders/replay", {"days": 1})
        assert answer.status_code == 503
        assert "Kubernetes does not answer" in answer.json()["detail"]
    finally:
        plane.start_api()
    assert gateway.post("/api/orders/replay", {"days": 1}).status_code == 202
