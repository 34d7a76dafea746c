"""The whole of it on a real cluster, in the order in which somebody would try it out."""

import json
import re
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import websocket

from local.cluster import CHART, CONTEXT, NAMESPACE, RELEASE, URL, VALUES, clear_lock
from tests.e2e.conftest import ROOT, SERVICES, STATELESS, Load, Shop, loaded, restock, run
from tests.system import eventually

Doors = Sequence[tuple[str, dict[str, str]]]

REPLAY = """
apiVersion: orderflow.dev/v1alpha1
kind: OrderReplay
metadata: {{name: {name}}}
spec: {{days: 1, topic: {name}, eventsPerSecond: {rate}}}
"""


def test_an_order_through_every_door_is_delivered(shop: Shop, doors: Doors) -> None:
    for url, headers in doors:
        assert shop.order(url, headers=headers)["status"] == "completed"


def test_the_dashboard_loads_and_its_feed_lives_behind_every_door(shop: Shop, doors: Doors) -> None:
    for url, headers in doors:
        page = requests.get(f"{url}/orders", headers=headers, timeout=10)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        scripts = re.findall(r'src="(/assets/[^"]+\.js)"', page.text)
        script = requests.get(url + scripts[0], headers=headers, timeout=10)
        assert "immutable" in script.headers["Cache-Control"]
        assert script.headers["Content-Encoding"] == "gzip"
        feed = websocket.create_connection(
            f"ws://{urlsplit(url).netloc}/ws",
            host=headers.get("Host"),
            timeout=30,
        )
        assert json.loads(feed.recv())["type"] == "CONNECTED"
        order = shop.order(url, headers=headers)["id"]

        def told(feed: Any = feed, order: str = order) -> bool:
            return order in str(feed.recv())

        eventually(told, what="the feed tells of the order")
        feed.close()


def test_helm_places_an_order_and_waits_for_its_end(shop: Shop) -> None:
    tested = shop.helm("test", RELEASE, "--logs").stdout
    assert "1 accepted\n1 completed" in tested


def status() -> dict[str, tuple[str, str | None]]:
    """How each service is, and its commit."""
    services = requests.get(f"{URL}/api/services/status", timeout=30).json()["services"]
    return {each["name"]: (each["status"], each.get("commit")) for each in services}


def test_every_service_is_well_and_tells_its_commit(shop: Shop) -> None:
    commit = run("git", "rev-parse", "--short", "HEAD").stdout.strip()
    assert status() == dict.fromkeys(SERVICES, ("healthy", commit))


def test_a_replay_by_kubectl_completes_and_its_topic_holds_what_it_should(shop: Shop) -> None:
    shop.kubectl("apply", "-f", "examples/orderreplay.yaml")
    shop.kubectl("wait", "--for=condition=Complete", "orp/last-month", "--timeout=120s")
    uid = shop.json("orp/last-month")["metadata"]["uid"]
    assert "all agree, in order" in shop.orderflow("replay", "verify", uid)
    answer = requests.post(f"{URL}/api/orders/replay", json={"topic": "asked"}, timeout=30)
    assert answer.status_code == 202, answer.text
    made = answer.json()["replay"]["id"]
    shop.kubectl("wait", "--for=condition=Complete", f"orp/{made}", "--timeout=120s")


def test_only_the_operator_and_the_gateway_hold_a_token_and_nothing_runs_as_root(
    shop: Shop,
) -> None:
    pods = shop.json("pods")["items"]
    assert pods
    holders = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]
        for pod in pods
        for volume in pod["spec"]["volumes"]
        if "projected" in volume
    }
    assert holders == {"gateway", "operator"}
    namespace = json.loads(
        run("kubectl", "--context", CONTEXT, "get", "ns", NAMESPACE, "-ojson").stdout
    )
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


READS = ("/api/orders?limit=5", "/api/inventory", "/api/analytics", "/")


def test_no_request_fails_while_every_deployment_is_restarted(shop: Shop) -> None:
    restock()
    with loaded(12, *READS) as load:
        for name in STATELESS:
            shop.kubectl("rollout", "restart", f"deploy/orderflow-{name}")
            shop.rollout(name)
    assert load.failed() == {}
    shop.sound()


def test_no_request_fails_while_a_pod_of_each_is_deleted(shop: Shop) -> None:
    restock()
    with loaded() as load:  # of the shelf and the statistics there is one pod each
        for name in STATELESS:
            selector = f"app.kubernetes.io/component={name}"
            pod = shop.json("pods", "-l", selector)["items"][0]["metadata"]["name"]
            shop.kubectl("delete", "pod", pod)
            shop.rollout(name)
    assert load.failed() == {}
    shop.sound()


LATER = """
from alembic import op

revision = "gateway_9999"
down_revision = "gateway_0004"


def upgrade() -> None:
    op.execute("ALTER TABLE orders ADD COLUMN of_a_later_release text DEFAULT 'set'")
"""


def test_no_request_fails_while_the_release_is_upgraded_and_rolled_back(
    shop: Shop, tmp_path: Path
) -> None:
    restock()
    before = shop.tags["orderflow"]
    # A later release, whose tables the one before must live with after the rollback.
    (tmp_path / "9999_later.py").write_text(LATER)
    services = "/opt/orderflow/lib/python3.13/site-packages/services"
    copied = f"COPY 9999_later.py {services}/gateway/migrations/"
    shop.build("orderflow/orderflow:next", tmp_path, copied, "ENV ORDERFLOW_COMMIT=next")
    revision = shop.revision()
    with loaded(12, *READS) as load:
        shop.install("--set-string", "image.tag=next")
        later = dict.fromkeys(SERVICES, ("healthy", "next"))
        eventually(lambda: status() == later, what="the pods that end have gone")
        order = shop.order()["id"]
        asked = f"SELECT of_a_later_release FROM gateway.orders WHERE id = '{order}'"
        assert shop.psql(asked) == "set"
        shop.helm("rollback", RELEASE, revision, "--wait")
    assert load.failed() == {}
    image = shop.json("deploy/orderflow-payment")["spec"]["template"]["spec"]["containers"][0]
    assert image["image"].endswith(f":{before}")
    assert shop.psql("SELECT version_num FROM gateway.alembic_version") == "gateway_9999"
    shop.sound()


def test_an_upgrade_that_is_refused_is_rolled_back(shop: Shop) -> None:
    before = shop.revision()
    values = ("--reuse-values", "--set", "kafka.internal.persistence.size=9Gi")
    refused = shop.helm("upgrade", RELEASE, str(CHART), *values, check=False)
    assert "updates to statefulset spec" in refused.stderr
    shop.helm("rollback", RELEASE, before, "--wait")
    assert shop.order()["status"] == "completed"


def test_another_password_of_a_role_starts_its_pods_anew_and_no_others(shop: Shop) -> None:
    before = shop.pods("payment"), shop.pods("inventory")
    password = '{"stringData": {"payment": "another-password"}}'
    shop.kubectl("patch", "secret", "orderflow-roles", "--type=merge", f"-p={password}")
    shop.install()
    eventually(lambda: not shop.pods("payment") & before[0], what="the old pods are gone")
    assert shop.pods("inventory") == before[1]
    assert shop.order()["status"] == "completed"


def test_an_upgrade_that_was_cut_off_is_taken_up_by_make_up(shop: Shop) -> None:
    pending = (
        "get",
        "secrets",
        "-l",
        f"owner=helm,name={RELEASE},status=pending-upgrade",
        "-oname",
    )
    upgrade = ("helm", "--kube-context", CONTEXT, "-n", NAMESPACE, "upgrade", RELEASE, str(CHART))
    with subprocess.Popen(
        [*upgrade, "--reuse-values", "--set-string", "image.tag=none", "--wait"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as cut_off:
        eventually(lambda: shop.kubectl(*pending), what="the upgrade has begun")
        cut_off.kill()
    values = ("-f", str(VALUES), "--wait")
    again = shop.helm("upgrade", RELEASE, str(CHART), *values, check=False)
    assert "another operation" in again.stderr
    clear_lock()
    shop.install()
    assert shop.order()["status"] == "completed"


def test_a_service_of_ones_own_runs_beside_the_others(shop: Shop) -> None:
    example = ROOT / "docs" / "examples" / "notification"
    shop.build("shop/notification:1", example, "COPY . /opt/notification")
    values = ROOT / "tests" / "e2e" / "own-service-values.yaml"
    shop.install("-f", str(values))
    order = shop.order()["id"]
    path = f"/api/v1/namespaces/{NAMESPACE}/services/orderflow-notification:4007/proxy"

    def written() -> bool:
        answer = shop.kubectl("get", "--raw", f"{path}/api/notifications/{order}", check=False)
        return "SHIPMENT_DISPATCHED" in answer

    eventually(written, 60, "the customer is told that the parcel has left")
    shop.install()
    assert "orderflow-notification" not in shop.kubectl("get", "deploy", "-o", "name")


def more(load: Load, count: int) -> bool:
    """Whether the load has had more orders accepted than so many."""
    return len(load.accepted) > count


def test_no_accepted_order_is_lost_when_kafka_and_postgresql_are_deleted(shop: Shop) -> None:
    restock()
    restarts = restarts_of(shop)
    with loaded() as load:
        for name in ("kafka", "postgresql"):
            shop.kubectl("delete", "pod", f"orderflow-{name}-0")
            shop.kubectl("rollout", "status", f"sts/orderflow-{name}", "--timeout=3m")
            shop.ready()
            count = len(load.accepted)
            eventually(partial(more, load, count + 20), what="orders come in")
    shop.sound()
    for order in load.accepted[:: max(1, len(load.accepted) // 50)]:
        found = requests.get(f"{URL}/api/orders/{order}", timeout=30).json()["order"]
        assert found["status"] in ("completed", "failed")
    assert restarts_of(shop) == restarts, "a lost broker or database kills nobody"


def restarts_of(shop: Shop) -> dict[str, int]:
    """How often the containers of our pods were started anew."""
    return {
        pod["metadata"]["name"]: sum(c["restartCount"] for c in pod["status"]["containerStatuses"])
        for pod in shop.json("pods")["items"]
        if pod["metadata"]["labels"].get("app.kubernetes.io/component") in STATELESS
    }


def test_orders_are_accepted_while_kafka_is_away_and_its_consumers_are_not_ready(
    shop: Shop,
) -> None:
    shop.kubectl("scale", "sts/orderflow-kafka", "--replicas=0")
    try:

        def unready() -> set[str]:
            return {
                pod["metadata"]["labels"]["app.kubernetes.io/component"]
                for pod in shop.json("pods")["items"]
                if any(
                    c["type"] == "Ready" and c["status"] == "False" and "phase" in pod["status"]
                    for c in pod["status"].get("conditions", [])
                )
                and pod["status"]["phase"] == "Running"
            }

        consumers = {"payment", "inventory", "shipping", "analytics"}
        eventually(lambda: unready() >= consumers, 120, "the consumers are not ready")
        body = {
            "customerId": "CUST-002",
            "customerEmail": "ada@example.com",
            "items": [{"productId": "PROD-002", "quantity": 1}],
        }
        answer = requests.post(f"{URL}/api/orders", json=body, timeout=30)
        assert answer.status_code == 201, answer.text
        assert "gateway" not in unready()
    finally:
        shop.kubectl("scale", "sts/orderflow-kafka", "--replicas=1")
    shop.ready()
    shop.sound()


def test_payment_is_scaled_to_three_and_back_under_load_and_charges_nobody_twice(
    shop: Shop,
) -> None:
    restock()

    def partitions() -> list[int]:
        pods = shop.json("pods", "-l", "app.kubernetes.io/component=payment")["items"]
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{{}}:4001/proxy/metrics"
        told = [
            shop.kubectl("get", "--raw", path.format(pod["metadata"]["name"]), check=False)
            for pod in pods
        ]
        held = re.findall(r"^orderflow_consumer_assigned_partitions (\d+)", "\n".join(told), re.M)
        return sorted(map(int, held))

    with loaded() as load:
        shop.kubectl("scale", "deploy/orderflow-payment", "--replicas=3")
        eventually(lambda: partitions() == [6, 6, 6], 120, "three share the partitions")
        shop.kubectl("scale", "deploy/orderflow-payment", "--replicas=1")
        eventually(lambda: partitions() == [18], 120, "one has all partitions")
    assert load.failed() == {}
    shop.sound()


def test_a_replay_goes_on_when_its_pod_or_the_operator_is_deleted(shop: Shop) -> None:
    manifest = REPLAY.format(name="killed", rate=20)
    run("kubectl", "--context", CONTEXT, "-n", NAMESPACE, "apply", "-f", "-", input=manifest)

    def replayed() -> int:
        status = shop.json("orp/killed").get("status", {})
        return int((status.get("progress") or {}).get("replayed", 0))

    def beyond(count: int) -> bool:
        return replayed() > count

    eventually(partial(beyond, 20), 90, "the replay has begun")
    for selector in ("component=replay", "component=operator"):
        label = f"app.kubernetes.io/{selector}"
        names = [
            pod["metadata"]["name"]
            for pod in shop.json("pods", "-l", label)["items"]
            if pod["status"]["phase"] == "Running"
        ]
        shop.kubectl("delete", "pod", *names)
        count = replayed()
        eventually(partial(beyond, count), 120, "the replay goes on")
    shop.rollout("operator")
    shop.kubectl("patch", "orp/killed", "--type=merge", '-p={"spec": {"eventsPerSecond": 2000}}')
    shop.kubectl("wait", "--for=condition=Complete", "orp/killed", "--timeout=180s")
    uid = shop.json("orp/killed")["metadata"]["uid"]
    assert "all agree, in order" in shop.orderflow("replay", "verify", uid)


def test_the_memory_of_the_whole_is_told_idle_and_under_load(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    node = shop.json("nodes")["items"][0]["metadata"]["name"]

    def megabytes() -> dict[str, int]:
        path = f"/api/v1/nodes/{node}/proxy/stats/summary"
        pods = json.loads(shop.kubectl("get", "--raw", path))["pods"]
        return {
            pod["podRef"]["name"]: pod["memory"]["workingSetBytes"] // 2**20
            for pod in pods
            if pod["podRef"]["namespace"] == NAMESPACE and "memory" in pod
        }

    restock()
    idle = megabytes()
    with loaded(rate=20) as load:
        eventually(lambda: len(load.accepted) > 300, 120, "the load has gone on for a while")
        busy = megabytes()
    with capsys.disabled():
        told = ", ".join(f"{name} {size}" for name, size in sorted(busy.items()))
        print(f"\nMiB idle {sum(idle.values())}, under load {sum(busy.values())}: {told}")
    assert {"orderflow-kafka-0", "orderflow-postgresql-0"} <= busy.keys()
    shop.sound()


def test_uninstalled_without_its_operator_it_leaves_no_finalizer_and_comes_back_as_it_was(
    shop: Shop,
) -> None:
    order = shop.order()["id"]
    run(
        *("kubectl", "--context", CONTEXT, "-n", NAMESPACE, "apply", "-f", "-"),
        input=REPLAY.format(name="slow", rate=1),
    )
    eventually(lambda: shop.json("orp/slow").get("status"), 60, "the operator has seen it")
    shop.kubectl("delete", "deploy/orderflow-operator", "--wait")
    shop.helm("uninstall", RELEASE, "--wait")
    shop.kubectl("delete", "orp", "--all", "--timeout=60s")

    def running() -> bool:
        return any(
            each["kind"] == "Job" or each["status"]["phase"] in ("Pending", "Running")
            for each in shop.json("jobs,pods")["items"]
        )

    eventually(lambda: not running(), 120, "nothing runs any more")
    left = shop.json("pvc,secrets")["items"]
    kept = {each["metadata"]["name"] for each in left}
    assert kept >= {"data-orderflow-kafka-0", "data-orderflow-postgresql-0", "orderflow-roles"}
    shop.install()
    found = requests.get(f"{URL}/api/orders/{order}", timeout=30).json()["order"]
    assert found["status"] == "completed"
    assert shop.order()["status"] == "completed"
    shop.sound()


def test_no_request_fails_while_the_first_released_chart_is_upgraded_to_this_one(
    shop: Shop,
) -> None:
    shop.helm("uninstall", RELEASE, "--wait")
    shop.install(chart=ROOT / "tests" / "e2e" / "released" / "orderflow-0.1.0.tgz")
    shop.ready()
    restock()
    with loaded(12, *READS) as load:
        shop.install()
    assert load.failed() == {}
    shop.sound()


def test_the_namespace_is_deleted_without_anything_that_holds_it_up(shop: Shop) -> None:
    shop.helm("uninstall", RELEASE)
    run("kubectl", "--context", CONTEXT, "delete", "ns", NAMESPACE, "--timeout=180s")
