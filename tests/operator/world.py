"""What the tests of the operator work with: a real API server, a real Kafka, the operator."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
import yaml

from local.children import end, spawn
from tests.kube.control_plane import ControlPlane
from tests.kube.kubelet import Kubelet
from tests.system import System, eventually, free_port

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "helm" / "orderflow" / "files" / "crds"
RBAC = ROOT / "operator" / "rbac.yaml"
TEMPLATE = ROOT / "operator" / "job-template.yaml"
API = "/apis/orderflow.dev/v1alpha1"
HOME = "orderflow"  # the operator's own namespace
STAND_IN = [sys.executable, "-m", "tests.operator.stand_in"]

Object = dict[str, Any]


def replay(name: str, **spec: Any) -> Object:
    """An OrderReplay, of the last day where nothing else is said."""
    spec = spec if {"days", "from"} & spec.keys() else {"days": 1} | spec
    return {
        "apiVersion": "orderflow.dev/v1alpha1",
        "kind": "OrderReplay",
        "metadata": {"name": name},
        "spec": spec,
    }


def schedule(name: str, **spec: Any) -> Object:
    """A ScheduledOrderReplay, of every hour where nothing else is said."""
    return {
        "apiVersion": "orderflow.dev/v1alpha1",
        "kind": "ScheduledOrderReplay",
        "metadata": {"name": name},
        "spec": {"schedule": "0 * * * *", "template": {"spec": {"days": 1}}} | spec,
    }


class Cell:
    """A namespace of a test's own, and what a test does in it."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane, self.name = plane, namespace

    def path(self, kind: str, name: str = "", sub: str = "") -> str:
        """Where a resource of the namespace is."""
        prefix = {
            "orderreplays": API,
            "scheduledorderreplays": API,
            "jobs": "/apis/batch/v1",
        }.get(kind, "/api/v1")
        parts = [prefix, "namespaces", self.name, kind, name, sub]
        return "/".join(part for part in parts if part)

    def try_create(self, thing: Object) -> requests.Response:
        """Create a resource, fields that are not known refused."""
        kind = f"{thing['kind'].lower()}s"
        return self.plane.call("POST", f"{self.path(kind)}?fieldValidation=Strict", thing)

    def create(self, thing: Object) -> Object:
        """Create a resource that is accepted."""
        answer = self.try_create(thing)
        assert answer.ok, answer.text
        found: Object = answer.json()
        return found

    def get(self, name: str, kind: str = "orderreplays") -> Object | None:
        """A resource, or None."""
        answer = self.plane.call("GET", self.path(kind, name))
        if answer.status_code == 404:
            return None
        assert answer.ok, answer.text
        found: Object = answer.json()
        return found

    def the(self, name: str, kind: str = "orderreplays") -> Object:
        """A resource that is there."""
        found = self.get(name, kind)
        assert found, f"there is no {kind}/{name}"
        return found

    def all(self, kind: str) -> list[Object]:
        """All resources of a kind."""
        items: list[Object] = self.plane.call("GET", self.path(kind)).json()["items"]
        return items

    def try_patch(self, name: str, patch: Object, kind: str = "orderreplays") -> requests.Response:
        """Change parts of a resource."""
        content = "application/merge-patch+json"
        return self.plane.call("PATCH", self.path(kind, name), patch, content=content)

    def patch(self, name: str, kind: str = "orderreplays", **spec: Any) -> Object:
        """Change parts of a resource's spec."""
        answer = self.try_patch(name, {"spec": spec}, kind)
        assert answer.ok, answer.text
        found: Object = answer.json()
        return found

    def set_status(self, name: str, status: Object, kind: str = "scheduledorderreplays") -> None:
        """Change parts of a status, as its writer would."""
        path = self.path(kind, name, "status")
        content = "application/merge-patch+json"
        answer = self.plane.call("PATCH", path, {"status": status}, content=content)
        assert answer.ok, answer.text

    def delete(self, name: str, kind: str = "orderreplays") -> None:
        """Delete a resource, and what belongs to it."""
        options = {"propagationPolicy": "Background"}
        answer = self.plane.call("DELETE", self.path(kind, name), options)
        assert answer.ok, answer.text

    def jobs(self) -> list[Object]:
        """The Jobs that are not being deleted."""
        return [j for j in self.all("jobs") if "deletionTimestamp" not in j["metadata"]]

    def running_pods(self) -> list[str]:
        """The names of the pods whose process runs."""
        return [
            pod["metadata"]["name"]
            for pod in self.all("pods")
            if pod["status"].get("phase") == "Running"
            and "deletionTimestamp" not in pod["metadata"]
        ]

    def status(self, name: str) -> Object:
        """The status of an OrderReplay."""
        status: Object = self.the(name).get("status", {})
        return status

    def phase(self, name: str, *phases: str, seconds: float = 60) -> Object:
        """The OrderReplay, once it is in a phase."""

        def there() -> Object | None:
            found = self.the(name)
            now = found.get("status", {}).get("phase")
            assert now in phases, f"{now}: {found.get('status')}"
            return found

        found: Object = eventually(there, seconds, f"{name} is {phases}")
        return found

    def underway(self, name: str, events: int = 1) -> Object:
        """The OrderReplay, once its status says that so many events were replayed."""

        def there() -> Object | None:
            found = self.the(name)
            replayed = found.get("status", {}).get("progress", {}).get("replayed", 0)
            assert replayed >= events, found.get("status")
            return found

        found: Object = eventually(there, 60, f"{name} is under way")
        return found

    def events(self, name: str) -> list[tuple[str, str]]:
        """The Events about a resource, by type and reason, in order."""
        found = [e for e in self.all("events") if e["involvedObject"]["name"] == name]
        found.sort(key=lambda e: str(e["metadata"]["name"]))
        return [(e["type"], e["reason"]) for e in found]


def conditions(thing: Object) -> dict[str, str]:
    """The status of each condition."""
    return {c["type"]: c["status"] for c in thing.get("status", {}).get("conditions", [])}


def reason(thing: Object, type: str = "Progressing") -> str:
    """The reason of a condition."""
    found = thing.get("status", {}).get("conditions", [])
    return next((str(c["reason"]) for c in found if c["type"] == type), "")


@contextmanager
def cell(plane: ControlPlane, history: str = "postgresql://no:where@127.0.0.1/") -> Iterator[Cell]:
    """A namespace with what a replay's pod needs, deleted at the end."""
    name = f"test-{uuid4().hex[:8]}"
    plane.kubectl("create", "namespace", name)
    plane.kubectl("create", "serviceaccount", "orderflow-replay", "-n", name)
    url = f"--from-literal=url={history}"
    plane.kubectl("create", "secret", "generic", "orderflow-history", url, "-n", name)
    try:
        yield Cell(plane, name)
    finally:
        plane.kubectl("delete", "namespace", name, "--wait=false", check=False)


class Running:
    """An operator as a process, as a Deployment would run it."""

    def __init__(self, root: Path, kubeconfig: Path, bootstrap: str, **env: str) -> None:
        self.port = free_port()
        self.log = root / f"operator-{self.port}.log"
        template = yaml.safe_load(TEMPLATE.read_text())
        container = template["spec"]["containers"][0]
        container["env"][0]["value"] = bootstrap
        (root / "template.yaml").write_text(yaml.safe_dump(template))
        self.env = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "JOB_TEMPLATE": str(root / "template.yaml"),
            "LEASE_NAMESPACE": HOME,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "RESYNC_SECONDS": "5",
            **env,
        }
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, again after it has ended."""
        self.process = spawn([sys.executable, "-m", "replay_operator"], self.log, self.env)
        return self.process

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """SIGTERM it, and wait."""
        end(self.process, (signal.SIGTERM, 20))

    def get(self, path: str) -> requests.Response:
        """What it answers to the kubelet or to Prometheus."""
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)

    def metric(self, name: str) -> float:
        """The value of a metric, with its labels as they stand there."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[-1])
        return 0.0

    def leads(self) -> bool:
        """Whether it works."""
        try:
            return self.metric("orderflow_operator_leader") == 1
        except requests.RequestException:
            return False

    def lines(self) -> list[Object]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]


class World:
    """A control plane with our kinds and the operator's rights, a node, and a Kafka."""

    def __init__(self, root: Path, plane: ControlPlane, kubelet: Kubelet, system: System) -> None:
        self.root, self.plane, self.kubelet, self.system = root, plane, kubelet, system
        self.bootstrap = system.kafka.bootstrap

    @contextmanager
    def operator(self, **env: str) -> Iterator[Running]:
        """Run an operator with exactly the rights of operator/rbac.yaml, or another KUBECONFIG."""
        given = env.pop("KUBECONFIG", None)
        account = Path(given) if given else self.plane.service_account(HOME, "orderflow-operator")
        running = Running(self.root, account, self.bootstrap, **env)
        try:
            yield running
        finally:
            running.stop()

    def cell(self) -> Any:
        """A namespace of a test's own."""
        return cell(self.plane)
