"""The operator is killed, doubled, cut off and given too little, and nothing is lost or doubled."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.operator.proxy import Call, Proxy
from tests.operator.test_replays import SLOW, delivered, doing, true
from tests.operator.world import CRDS, HOME, RBAC, Cell, Running, World, reason, replay, schedule
from tests.system import eventually, free_port

FAST = {"LEASE_SECONDS": "2", "RESYNC_SECONDS": "3"}


@contextmanager
def by_proxy(world: World, **env: str) -> Iterator[tuple[Running, Proxy]]:
    """An operator whose every call is seen."""
    proxy = Proxy(world.plane)
    account = world.plane.service_account(HOME, "orderflow-operator")
    try:
        with world.operator(
            **FAST | {"KUBECONFIG": str(proxy.kubeconfig(account))} | env
        ) as operator:
            yield operator, proxy
    finally:
        proxy.close()


# What is done, how many changes the operator makes for it at least, and how many Jobs it makes.
FLOWS: dict[str, tuple[Callable[[Cell], object], int, int]] = {
    "made": (lambda ns: None, 6, 1),
    "paced": (lambda ns: ns.patch("it", eventsPerSecond=2000), 5, 2),
    "suspended": (lambda ns: ns.patch("it", suspend=True), 3, 1),
    "cancelled": (lambda ns: ns.patch("it", cancel=True), 3, 1),
}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("flow", "step"), [(name, n) for name, (_, steps, _) in FLOWS.items() for n in range(steps)]
)
def test_killed_at_any_step_of_a_reconcile_it_leaves_exactly_one_job(
    world: World, cell: Cell, flow: str, step: int, moment: str
) -> None:
    change, _, made = FLOWS[flow]
    topic = f"t-{cell.name}"
    with by_proxy(world, WATCH_NAMESPACES=cell.name) as (operator, proxy):
        eventually(operator.leads, what="it leads")
        if flow != "made":
            cell.create(replay("it", **SLOW, topic=topic, filter=doing("events=2000")))
            cell.underway("it")
        left = [step]

        def kill(call: Call) -> None:
            if call.changes:
                if left[0] == 0:
                    operator.process.kill()
                    operator.process.wait()
                    if moment == "before":
                        raise OSError
                left[0] -= 1

        setattr(proxy, moment, kill)
        if flow == "made":
            cell.create(replay("it", eventsPerSecond=500, topic=topic, filter=doing("events=2000")))
        change(cell)
        eventually(lambda: operator.process.poll() is not None, what="it is killed")
        proxy.before = proxy.after = lambda _: None
        operator.start()
        if flow == "suspended":
            held = cell.phase("it", "Suspended")
            assert held["status"]["jobName"] == cell.jobs()[0]["metadata"]["name"]
            cell.patch("it", suspend=False, eventsPerSecond=2000)
        if flow == "cancelled":
            cell.phase("it", "Cancelled")
            eventually(lambda: not cell.all("jobs") and not cell.all("pods"))
            assert len(delivered(world, topic)) == len(set(delivered(world, topic)))
            return
        cell.phase("it", "Completed")
        assert len(delivered(world, topic)) == len(set(delivered(world, topic))) == 2000
        posts = [c for c in proxy.changes() if (c.verb, c.resource) == ("create", "jobs")]
        assert len(posts) == made + (flow == "suspended")
        assert len(cell.jobs()) == 1


def test_what_is_applied_changed_and_deleted_while_it_is_down_is_done_when_it_is_back(
    world: World, cell: Cell
) -> None:
    with world.operator(**FAST) as operator:
        eventually(operator.leads, what="it leads")
        for name in ("cancelled", "finished", "deleted", "robbed"):
            rate = 100 if name == "finished" else 20
            cell.create(replay(name, eventsPerSecond=rate, filter=doing("events=400")))
        for name in ("cancelled", "finished", "deleted", "robbed"):
            cell.underway(name)
        operator.kill()
        cell.create(replay("new", filter=doing("events=10")))
        cell.patch("cancelled", cancel=True)
        cell.delete("deleted")
        cell.delete(cell.status("robbed")["jobName"], "jobs")
        job = cell.status("finished")["jobName"]

        def ended() -> bool:
            status = cell.the(job, "jobs")["status"]
            return any(c["type"] == "Complete" for c in status.get("conditions", []))

        eventually(ended, what="its Job ends without it")
        assert cell.status("finished")["phase"] == "Running"
        operator.start()
        cell.phase("new", "Completed")
        cell.phase("cancelled", "Cancelled")
        cell.phase("finished", "Completed")
        cell.phase("robbed", "Completed", seconds=90)
        assert cell.get("deleted") is None


def test_of_two_operators_one_works_and_the_other_takes_over_within_twenty_seconds(
    world: World, cell: Cell
) -> None:
    with (
        by_proxy(world, LEASE_SECONDS="10") as (one, first),
        by_proxy(world, LEASE_SECONDS="10") as (two, second),
    ):
        eventually(lambda: one.leads() or two.leads(), what="one of them leads")
        assert one.leads() != two.leads()
        leader, other = (one, two) if one.leads() else (two, one)
        idle = second if leader is one else first
        cell.create(replay("it", **SLOW, filter=doing("events=3000")))
        cell.underway("it")
        assert idle.changes() == []
        assert other.get("/healthz").ok
        leader.kill()
        eventually(other.leads, 20, "the other takes over")
        cell.create(replay("next", filter=doing("events=10")))
        cell.phase("next", "Completed")
        cell.patch("it", eventsPerSecond=5000)
        cell.phase("it", "Completed")
        eventually(lambda: ("Normal", "Completed") in cell.events("it"), what="it is told")
        told = cell.events("it")
        assert told.count(("Normal", "JobCreated")) == 2  # one for each pace
        assert told.count(("Normal", "Completed")) == 1
        # One that comes back stands by.
        leader.start()
        eventually(lambda: leader.get("/healthz").ok, what="it is back")
        assert not leader.leads()


def test_a_leader_that_was_frozen_changes_nothing_when_it_wakes(world: World, cell: Cell) -> None:
    with by_proxy(world) as (one, first), by_proxy(world) as (two, second):
        eventually(lambda: one.leads() or two.leads(), what="one of them leads")
        frozen, calls = (one, first) if one.leads() else (two, second)
        other = two if frozen is one else one
        cell.create(replay("it", **SLOW, filter=doing("events=1000")))
        cell.underway("it")
        frozen.process.send_signal(signal.SIGSTOP)
        eventually(other.leads, 20, "the other takes over")
        cell.patch("it", suspend=True)
        cell.phase("it", "Suspended")
        before = len(calls.changes())
        frozen.process.send_signal(signal.SIGCONT)
        eventually(lambda: frozen.process.poll() is not None, what="it sees and ends")
        assert frozen.process.returncode != 0
        assert len(calls.changes()) == before


def test_a_leader_that_ends_gives_its_lease_to_the_other_at_once(world: World) -> None:
    with world.operator(LEASE_SECONDS="60") as one:
        eventually(one.leads, what="it leads")
        with world.operator(LEASE_SECONDS="60") as two:
            eventually(lambda: two.get("/healthz").ok, what="it stands by")
            assert not two.leads()
            one.stop()
            eventually(two.leads, 30, "the other takes over")


def test_a_namespace_is_deleted_while_no_operator_is_there(world: World, cell: Cell) -> None:
    with world.operator(**FAST) as operator:
        eventually(operator.leads, what="it leads")
        cell.create(replay("running", **SLOW, filter=doing("events=100000")))
        cell.create(replay("held", suspend=True))
        cell.create(replay("done", filter=doing("events=10"), ttlSecondsAfterFinished=3600))
        cell.create(schedule("hourly"))
        cell.underway("running")
        cell.phase("held", "Suspended")
        cell.phase("done", "Completed")
        eventually(lambda: cell.the("hourly", "scheduledorderreplays").get("status"))
        operator.kill()
    world.plane.kubectl("delete", "namespace", cell.name, "--timeout=60s")
    world.plane.kubectl("wait", "--for=delete", f"namespace/{cell.name}", "--timeout=60s")


def test_a_watch_that_falls_silent_is_noticed_and_meanwhile_nothing_is_missed(
    world: World, cell: Cell
) -> None:
    with by_proxy(world) as (operator, proxy):
        eventually(operator.leads, what="it leads")
        cell.create(replay("heard", filter=doing("events=10")))
        cell.phase("heard", "Completed")
        assert operator.get("/healthz").ok
        proxy.mute.set()
        cell.create(replay("unheard", filter=doing("events=10")))
        cell.phase("unheard", "Completed")
        eventually(
            lambda: operator.get("/healthz").status_code == 503, what="it is said to be unwell"
        )
        assert "a watch is silent" in operator.get("/healthz").text
        assert operator.metric("orderflow_operator_watch_silent") == 1
        # As the kubelet would.
        proxy.mute.clear()
        operator.stop()
        operator.start()
        eventually(lambda: operator.leads() and operator.get("/healthz").ok, what="it is well")


def test_a_restart_of_the_api_server_is_outlived(world: World, cell: Cell) -> None:
    with world.operator(LEASE_SECONDS="15", RESYNC_SECONDS="3") as operator:
        eventually(operator.leads, what="it leads")
        cell.create(replay("it", **SLOW, filter=doing("events=1500")))
        cell.underway("it")
        world.plane.stop_api()
        world.plane.start_api()
        cell.patch("it", eventsPerSecond=5000)
        cell.phase("it", "Completed")
        assert operator.process.poll() is None


# Its rights are the same whoever says so, and what is not listed is heard of by a watch alone.
WATCHING = {"LEASE_SECONDS": "20", "RESYNC_SECONDS": "600"}


@pytest.mark.parametrize("renewed", [True, False], ids=["renewed", "the same"])
def test_after_its_token_was_refused_it_watches_on_with_a_renewed_or_the_same_one(
    world: World, cell: Cell, tmp_path: Path, renewed: bool
) -> None:
    def token() -> str:
        account = yaml.safe_load(
            world.plane.service_account(HOME, "orderflow-operator").read_text()
        )
        return str(account["users"][0]["user"]["token"])

    (tmp_path / "token").write_text(first := token())
    direct = tmp_path / "direct.kubeconfig"
    config = yaml.safe_load(world.plane.kubeconfig().read_text())
    config["users"][0]["user"] = {"tokenFile": "token"}
    direct.write_text(yaml.safe_dump(config))
    proxy = Proxy(world.plane)
    try:
        with world.operator(**WATCHING, KUBECONFIG=str(proxy.kubeconfig(direct))) as operator:
            eventually(operator.leads, what="it leads")
            cell.create(replay("before", filter=doing("events=10")))
            cell.phase("before", "Completed")
            if renewed:
                (tmp_path / "token").write_text(token())
            proxy.refused.add(first)
            world.plane.stop_api()
            world.plane.start_api()

            def refused() -> bool:
                # One is enough for kopf: it logs in anew for all of its watches.
                return any(c.verb == "watch" and c.status == 401 for c in proxy.calls)

            eventually(refused, what="a watch is refused")
            if not renewed:
                proxy.refused.clear()
            cell.create(replay("after", filter=doing("events=10")))
            cell.phase("after", "Completed")
            assert operator.process.poll() is None
    finally:
        proxy.close()


def test_it_watches_by_a_certificate_and_as_a_plugin_says(
    world: World, cell: Cell, tmp_path: Path
) -> None:
    token = world.plane.kubectl("create", "token", "orderflow-operator", "-n", HOME).stdout.strip()
    (tmp_path / "said").write_text(json.dumps({"status": {"token": token}}))
    plugin = {"command": "cat", "args": [str(tmp_path / "said")], "apiVersion": "v1"}
    config = yaml.safe_load(world.plane.kubeconfig().read_text())
    config["users"][0]["user"] = {"exec": plugin}
    (tmp_path / "plugin.kubeconfig").write_text(yaml.safe_dump(config))
    for name, who in (
        ("certificate", world.plane.kubeconfig()),
        ("plugin", tmp_path / "plugin.kubeconfig"),
    ):
        with world.operator(**WATCHING, KUBECONFIG=str(who)) as operator:
            eventually(operator.leads, what="it leads")
            cell.create(replay(name, filter=doing("events=10")))
            cell.phase(name, "Completed")


def test_while_kafka_is_away_jobs_are_reconciled_and_it_is_told(
    world: World, cell: Cell, tmp_path: Path
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    account = world.plane.service_account(HOME, "orderflow-operator")
    operator = Running(tmp_path, account, nowhere, **FAST)
    try:
        cell.create(replay("it", suspend=True))
        held = cell.phase("it", "Suspended")
        assert len(cell.jobs()) == 1
        assert "CheckpointsRead" not in true(held)
        assert reason(held, "CheckpointsRead") == "KafkaAway"
        assert operator.get("/healthz").ok
        assert operator.metric("orderflow_operator_checkpoints_read") == 0
        cell.patch("it", cancel=True)
        cell.phase("it", "Cancelled")
    finally:
        operator.stop()


def test_the_rights_that_it_has_are_those_that_it_needs(world: World, cell: Cell) -> None:
    world.plane.kubectl("delete", "leases", "--all", "-n", HOME)
    with by_proxy(world) as (operator, proxy):
        eventually(operator.leads, what="it leads")
        held = cell.create(replay("held", suspend=True, ttlSecondsAfterFinished=0))
        name = eventually(cell.jobs)[0]["metadata"]["name"]
        bare = '{"metadata": {"labels": {"orderflow.dev/replay": null}}}'
        cell.plane.kubectl("patch", "job", name, "-n", cell.name, "--type=merge", "-p", bare)
        eventually(lambda: "orderflow.dev/replay" in cell.jobs()[0]["metadata"]["labels"])
        assert held["metadata"]["uid"]
        cell.patch("held", cancel=True)
        eventually(lambda: cell.get("held") is None, what="it is deleted")
        kind, now = "scheduledorderreplays", datetime.now(UTC)
        spec = {"days": 1, **SLOW, "filter": doing("events=100000")}
        each = schedule("it", schedule=f"{(now - timedelta(minutes=9)).minute} * * * *")
        each["spec"] |= {"concurrencyPolicy": "Replace", "template": {"spec": spec}}
        cell.create(each)
        long_ago = (now - timedelta(hours=5)).isoformat(timespec="seconds")
        cell.set_status("it", {"lastScheduleTime": long_ago.replace("+00:00", "Z")})
        first = eventually(lambda: cell.all("orderreplays"))[0]["metadata"]["name"]
        cell.underway(first)
        cell.patch("it", kind, schedule=f"{(now - timedelta(minutes=2)).minute} * * * *")
        eventually(lambda: len(cell.all("orderreplays")) == 2, what="the next is made")
        assert not [c for c in proxy.calls if c.status == 403]
        used = {(c.verb, c.resource) for c in proxy.calls if c.status < 300 and c.resource}
    granted = {
        (verb, resource)
        for each in yaml.safe_load_all(RBAC.read_text())
        for rule in each.get("rules", [])
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert {each for each in used if each[1] not in ("", "apis", "api")} <= granted
    assert granted - used == set()


def test_it_serves_only_the_namespaces_that_it_is_told_to(world: World) -> None:
    with (
        world.cell() as ours,
        world.cell() as theirs,
        world.operator(**FAST, WATCH_NAMESPACES=ours.name) as operator,
    ):
        eventually(operator.leads, what="it leads")
        theirs.create(replay("it", filter=doing("events=10")))
        ours.create(replay("it", filter=doing("events=10")))
        ours.phase("it", "Completed")
        assert theirs.status("it") == {}


def test_it_tells_how_many_replays_there_are_and_how_long_it_takes(
    world: World, cell: Cell
) -> None:
    with world.operator(**FAST, WATCH_NAMESPACES=cell.name) as operator:
        eventually(operator.leads, what="it leads")
        cell.create(replay("one", filter=doing("events=10")))
        cell.create(replay("two", suspend=True))
        cell.phase("one", "Completed")

        def told() -> bool:
            replays = 'orderflow_operator_replays{phase="%s"}'
            assert operator.metric(replays % "Completed") == 1
            assert operator.metric(replays % "Suspended") == 1
            assert operator.metric(replays % "Failed") == 0
            count = "orderflow_operator_reconcile_duration_seconds_count"
            assert operator.metric(count + '{kind="orderreplays"}') > 0
            assert operator.metric("orderflow_operator_jobs_created_total") == 2
            return True

        eventually(told, what="it is told")
        assert operator.get("/").status_code == 404


@pytest.fixture
def older_schema(world: World) -> Iterator[Callable[[], None]]:
    """The CRD takes anything, as an older one might; call it to bring in that of today."""
    path = CRDS / "orderreplays.yaml"
    crd = yaml.safe_load(path.read_text())
    loose: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = crd["spec"]["versions"][0]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"] = loose
    world.plane.apply(crd)

    def today() -> None:
        world.plane.kubectl("apply", "-f", path)

    yield today
    today()


def test_resources_of_an_older_schema_run_like_any(
    world: World, cell: Cell, older_schema: Callable[[], None]
) -> None:
    def old(name: str, **spec: Any) -> bool:
        """Whether it is there as it was given. The API server follows a change after a while."""
        made = replay(name) | {"spec": {"filter": doing("events=10")} | spec}
        assert cell.try_create(made).ok
        if set(made["spec"]) == set(cell.the(name)["spec"]):
            return True
        cell.delete(name)
        return False

    eventually(lambda: old("bare", days=1), what="fields may be missing")
    eventually(lambda: old("more", days=1, formerly=5), what="there may be others")
    eventually(lambda: old("wrong"), what="neither days nor from may be given")
    older_schema()
    eventually(lambda: cell.the("bare")["spec"].get("parallelism") == 1, what="it is of today")
    assert "formerly" not in cell.the("more")["spec"]
    with world.operator(**FAST) as operator:
        eventually(operator.leads, what="it leads")
        for name in ("bare", "more", "wrong"):
            cell.phase(name, "Completed")
            assert cell.status(name)["report"]["replayed"] == 10
        cell.delete("wrong")
        eventually(lambda: cell.get("wrong") is None, what="it is gone")


def test_it_waits_for_a_kind_that_is_not_there_yet(world: World) -> None:
    with pytest.raises(requests.HTTPError):
        world.plane.call("GET", "/apis/orderflow.dev/v9").raise_for_status()
    # A ServiceAccount without any right sees as little as one without the kinds.
    world.plane.kubectl("create", "serviceaccount", "nobody", "-n", HOME)
    account = world.plane.service_account(HOME, "nobody")
    with world.operator(**FAST, KUBECONFIG=str(account)) as operator:
        eventually(lambda: operator.get("/healthz").ok, what="it is up")
        assert operator.process.poll() is None
        assert not operator.leads()
