"""A cluster with the whole of it, made by `make up`, and a steady load on its front door."""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from local.cluster import CHART, CONTEXT, NAME, NAMESPACE, RELEASE, URL, VALUES
from tests.system import eventually

ROOT = Path(__file__).parents[2]
# Where an ingress controller listens, if there is one: `make up` brings none.
INGRESS = os.environ.get("E2E_INGRESS", "")
HOST = {"Host": "orderflow.localhost"}
SERVICES = ("gateway", "payment", "inventory", "shipping", "analytics")
STATELESS = (*SERVICES, "auditor", "dashboard", "operator")
ORDER = {
    "customerId": "CUST-001",
    "customerEmail": "john@example.com",
    "items": [{"productId": "PROD-001", "quantity": 1}],
}


def run(*command: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    """A program run to its end; AssertionError with what it complained of where it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, **more)
    assert not check or done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr}"
    return done


@dataclass
class Shop:
    """The release on the cluster."""

    tags: dict[str, str] = field(default_factory=dict)

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """What kubectl prints, in the release's namespace."""
        return run("kubectl", "--context", CONTEXT, "-n", NAMESPACE, *arguments, check=check).stdout

    def json(self, *arguments: str) -> Any:
        """A resource, or a list of them."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def helm(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Helm, in the release's namespace."""
        return run("helm", "--kube-context", CONTEXT, "-n", NAMESPACE, *arguments, check=check)

    def install(self, *more: str, chart: Path = CHART) -> None:
        """Install or upgrade with the images of `make up`, and wait until all pods are ready."""
        self.helm(
            *("upgrade", "--install", RELEASE, str(chart), "-f", str(VALUES)),
            *("--set-string", f"image.tag={self.tags['orderflow']}"),
            *("--set-string", f"dashboard.image.tag={self.tags['dashboard']}"),
            *("--wait", "--timeout", "5m", *more),
        )

    def build(self, image: str, folder: Path, *lines: str) -> None:
        """Build an image over that of `make up`, and give it to the cluster."""
        base = f"FROM orderflow/orderflow:{self.tags['orderflow']}"
        run("docker", "build", "-t", image, "-f", "-", str(folder), input="\n".join([base, *lines]))
        run("kind", "load", "docker-image", "--name", NAME, image)

    def revision(self) -> str:
        """The revision that is deployed."""
        (secret,) = self.json("secrets", "-l", f"owner=helm,name={RELEASE},status=deployed")[
            "items"
        ]
        return str(secret["metadata"]["labels"]["version"])

    def pods(self, component: str) -> set[str]:
        """The names of a component's pods."""
        selector = f"app.kubernetes.io/component={component}"
        return {pod["metadata"]["name"] for pod in self.json("pods", "-l", selector)["items"]}

    def psql(self, query: str) -> str:
        """What the owner of the database reads there."""
        psql = ("psql", "-U", "orderflow", "-d", "orderflow", "-tAc", query)
        return self.kubectl("exec", "orderflow-postgresql-0", "--", *psql).strip()

    def orderflow(self, *arguments: str, check: bool = True) -> str:
        """The command, in the auditor's pod."""
        return self.kubectl("exec", "deploy/orderflow-auditor", "--", "orderflow", *arguments)

    def rollout(self, *names: str) -> None:
        """Wait until the deployments are as they should be."""
        for name in names:
            self.kubectl("rollout", "status", f"deploy/orderflow-{name}", "--timeout=3m")

    def ready(self) -> None:
        """Wait until every pod that serves is ready."""

        def unready() -> list[str]:
            pods = self.json("pods")["items"]
            return [
                pod["metadata"]["name"]
                for pod in pods
                if pod["status"]["phase"] not in ("Succeeded", "Failed")
                and not all(
                    c["ready"] for c in pod["status"].get("containerStatuses", [{"ready": 0}])
                )
            ]

        eventually(lambda: not unready(), 180, "every pod is ready")

    def sound(self) -> None:
        """Wait until every order has ended; every invariant holds then."""
        self.orderflow("verify", "--settled", "--timeout", "180")

    def order(self, url: str = URL, **more: Any) -> dict[str, Any]:
        """Place an order and wait for its delivery."""
        answer = requests.post(f"{url}/api/orders", json=ORDER, timeout=30, **more)
        assert answer.status_code == 201, answer.text
        path = f"{url}{answer.headers['Location']}"

        def ended() -> Any:
            order = requests.get(path, timeout=30, **more).json()["order"]
            return order if order["status"] in ("completed", "failed", "cancelled") else None

        return dict(eventually(ended, 90, "the order ends"))


@dataclass
class Load:
    """What became of the requests of a steady stream."""

    url: str
    headers: dict[str, str]
    answers: Counter[str] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)

    def failed(self) -> dict[str, int]:
        """What was not answered as it should be, by what it was."""
        return {what: n for what, n in self.answers.items() if what not in ("201", "200")}


@contextmanager
def loaded(rate: float = 12.0, *paths: str) -> Iterator[Load]:
    """Post orders through the front door and read there, a new connection for each request."""
    paths = paths or ("/api/orders?limit=5",)
    load = Load(INGRESS or URL, HOST if INGRESS else {})
    ended = threading.Event()

    def ask(number: int) -> None:
        headers = load.headers | {"Connection": "close"}
        try:
            if number % 3 == 0:
                path = paths[number // 3 % len(paths)]
                answer = requests.get(load.url + path, headers=headers, timeout=30)
            else:
                key = {"Idempotency-Key": str(uuid4())}
                answer = requests.post(
                    f"{load.url}/api/orders", json=ORDER, headers=headers | key, timeout=30
                )
                if answer.status_code == 201:
                    load.accepted.append(answer.json()["order"]["id"])
            what = str(answer.status_code)
            load.answers[what if answer.ok else f"{what} {answer.text[:200]}"] += 1
        except requests.RequestException as error:
            load.answers[f"{type(error).__name__}: {error}"] += 1

    def post() -> None:
        with ThreadPoolExecutor(16) as pool:
            began = time.monotonic()
            for number in range(100_000):
                if ended.wait(max(0.0, began + number / rate - time.monotonic())):
                    return
                pool.submit(ask, number)

    thread = threading.Thread(target=post)
    thread.start()
    eventually(lambda: len(load.accepted) > 10, 60, "the load is under way")
    try:
        yield load
    finally:
        ended.set()
        thread.join()


def restock(pieces: int = 1000) -> None:
    """Put enough of the load's product on the shelf."""
    path = f"{URL}/api/inventory/PROD-001/restock"
    assert requests.post(path, json={"quantity": pieces}, timeout=30).ok


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    """The release, as `make up` makes it. E2E_KEEP=1 leaves the cluster to be looked at."""
    began = time.monotonic()
    made = run("python3", "-m", "local.cluster", "up")
    print(f"\nmake up: {time.monotonic() - began:.0f} s, as a whole")
    assert f"Dashboard  {URL}" in made.stdout
    shop = Shop()
    for name in ("orderflow", "dashboard"):
        deployment = {"orderflow": "gateway"}.get(name, name)
        found = shop.json(f"deploy/orderflow-{deployment}")
        image = found["spec"]["template"]["spec"]["containers"][0]["image"]
        shop.tags[name] = image.rpartition(":")[2]
    yield shop
    if not os.environ.get("E2E_KEEP"):
        run("kind", "delete", "cluster", "--name", NAME)


@pytest.fixture(scope="session")
def doors() -> Sequence[tuple[str, dict[str, str]]]:
    """Every way in: the node port, and the ingress where there is a controller."""
    return [(URL, {}), *([(INGRESS, HOST)] if INGRESS else [])]
