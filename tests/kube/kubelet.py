"""Scheduler and kubelet of a control plane in tests: pods are processes of this machine."""

import base64
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from local.children import end, spawn
from tests.kube.control_plane import ControlPlane

Pod = dict[str, Any]
"""A pod as JSON, as ``kubectl get pod -o json`` shows it."""

ADDRESS = "127.0.0.1"
STEP = 0.1
_PATCH = "application/strategic-merge-patch+json"


class _Off(Exception):
    """The node was switched off."""


class _NotYet(Exception):
    """A container cannot be made of what there is now: the reason and a message."""


class Kubelet:
    """Binds every pod to a node of its own and runs its only container as a local process.

    The process has the container's environment on top of ``env`` (PATH alone where None), and
    nothing of ours. ``commands`` may replace a container's command and arguments; for a pod where
    it returns None they stay. Not here: images, volumes, probes, hooks, init containers, resource
    limits, ``kubectl logs``. Unlike process 1 of a container, a process that has no handler of
    SIGTERM ends by it.
    """

    def __init__(
        self,
        plane: ControlPlane,
        root: Path,
        *,
        env: Mapping[str, str] | None = None,
        commands: Callable[[Pod], list[str] | None] = lambda pod: None,
        node: str = "node",
    ) -> None:
        self.plane = plane
        self.root = root
        self.env = {"PATH": os.environ["PATH"]} if env is None else dict(env)
        self.commands = commands  # a test may set another one at any time
        self.node = node
        self._pods: dict[str, _Pod] = {}  # by uid
        self._held = False
        self._off = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=node, daemon=True)

    def start(self) -> None:
        """Register the node and begin. Pods that it ran before are found dead."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.call("POST", "/api/v1/nodes", {"metadata": {"name": self.node}})
        capacity = {"cpu": "64", "memory": "64Gi", "pods": "500"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        status = {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}
        self.call("PATCH", f"/api/v1/nodes/{self.node}/status", {"status": status})
        # Every node is registered as not ready; who takes that back is not among our controllers.
        self.call("PATCH", f"/api/v1/nodes/{self.node}", {"spec": {"taints": None}})
        self._watcher.start()

    def stop(self) -> None:
        """SIGKILL every process and do no more, as when the machine loses power."""
        self._off.set()
        self._watcher.join()
        for pod in self._pods.values():
            pod.thread.join()

    def log(self, pod: str, namespace: str = "default") -> Path:
        """Where the output of a pod goes; it outlives the pod."""
        return self.root / f"{namespace}_{pod}.log"

    def process(self, pod: str, namespace: str = "default") -> subprocess.Popen[bytes]:
        """The process of a pod, which may have ended. AssertionError where it has none yet."""
        process = self._pod(pod, namespace).process
        assert process, f"{namespace}/{pod} has no process yet"
        return process

    # Faults.

    def kill(self, pod: str, namespace: str = "default") -> None:
        """SIGKILL the process of a pod: exit code 137."""
        self.process(pod, namespace).kill()

    def evict(self, pod: str, namespace: str = "default") -> None:
        """Evict a pod as ``kubectl drain`` does, through the API; a PodDisruptionBudget may refuse.

        It gets the condition DisruptionTarget and is deleted with its grace period. Raises
        requests.HTTPError where it is refused.
        """
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
        self.plane.call("POST", path, eviction).raise_for_status()

    def evict_for_pressure(self, pod: str, namespace: str = "default") -> None:
        """Evict a pod as a kubelet short of memory does: killed, Failed, reason Evicted."""
        self._pod(pod, namespace).evicted = True

    def hold(self) -> None:
        """Bind no more pods, as if the cluster were full: they stay Pending."""
        self._held = True

    def release(self) -> None:
        """Bind pods again."""
        self._held = False

    # Parts.

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A call that is repeated until the API answers. Raises _Off when the node is off."""
        content = _PATCH if method == "PATCH" else "application/json"
        while not self._off.is_set():
            with suppress(requests.RequestException):
                answer = self.plane.call(method, path, body, content=content)
                gone = answer.status_code in (404, 409) or "NamespaceTerminating" in answer.text
                if answer.ok or gone:  # or done already
                    return answer
                assert answer.status_code == 429 or answer.status_code >= 500, answer.text
            self._off.wait(STEP)
        raise _Off

    def pause(self) -> None:
        """Wait one step. Raises _Off when the node is off."""
        if self._off.wait(STEP):
            raise _Off

    def _pod(self, name: str, namespace: str) -> "_Pod":
        for pod in reversed(list(self._pods.values())):  # the newest of that name
            if (pod.name, pod.namespace) == (name, namespace):
                return pod
        raise AssertionError(f"{namespace}/{name} is not on {self.node}")

    def _watch(self) -> None:
        """Look at all pods again and again: no break of a watch, and nothing missed in one."""
        with suppress(_Off):
            while True:
                self._look(self.call("GET", "/api/v1/pods?resourceVersion=0").json()["items"])
                self.pause()

    def _look(self, found: Iterable[Pod]) -> None:
        seen = {pod["metadata"]["uid"]: pod for pod in found}
        for uid, mine in list(self._pods.items()):
            mine.pod = seen.get(uid, mine.pod)
            mine.gone = uid not in seen
            if mine.gone and not mine.thread.is_alive():
                del self._pods[uid]
        for uid, pod in seen.items():
            on = pod["spec"].get("nodeName")
            if uid in self._pods or on not in (None, self.node):
                continue
            if on is None and (self._held or pod["spec"].get("schedulingGates")):
                self._refuse(pod)
            elif "deletionTimestamp" not in pod["metadata"] or on:
                self._pods[uid] = _Pod(self, pod)
                self._pods[uid].thread.start()

    def _refuse(self, pod: Pod) -> None:
        if "PodScheduled" not in (each["type"] for each in pod["status"].get("conditions", [])):
            why = {"reason": "Unschedulable", "message": "0/1 nodes are available."}
            told = condition("PodScheduled", False, **why)
            self.call("PATCH", f"{path_of(pod)}/status", {"status": {"conditions": [told]}})


class _Pod:
    """One pod on the node, and the thread that does for it what a scheduler and a kubelet do."""

    def __init__(self, kubelet: Kubelet, pod: Pod) -> None:
        self.kubelet = kubelet
        self.pod = pod  # as it was last seen
        self.gone = False  # deleted without waiting for us
        self.evicted = False
        self.name: str = pod["metadata"]["name"]
        self.namespace: str = pod["metadata"]["namespace"]
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    @property
    def ending(self) -> bool:
        return self.gone or self.evicted or "deletionTimestamp" in self.pod["metadata"]

    def _run(self) -> None:
        with suppress(_Off):
            phase = self.pod["status"].get("phase")
            if self.pod["spec"].get("nodeName") is None:
                if not self._bind():
                    return
            elif phase == "Running":  # its process went with a node that was off
                self._report(terminated(137, "ContainerStatusUnknown", now()), "Failed")
                phase = "Failed"
            if phase not in ("Succeeded", "Failed"):
                self._live()
            while not (self.gone or "deletionTimestamp" in self.pod["metadata"]):
                self.kubelet.pause()
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self._uid}}
            self.kubelet.call("DELETE", path_of(self.pod), options)

    @property
    def _uid(self) -> str:
        return str(self.pod["metadata"]["uid"])

    def _bind(self) -> bool:
        target = {"apiVersion": "v1", "kind": "Node", "name": self.kubelet.node}
        binding = {"metadata": {"name": self.name, "uid": self._uid}, "target": target}
        self.kubelet.call("POST", f"{path_of(self.pod)}/binding", binding)
        # Whatever that answered: a call that is repeated finds its own work done.
        found: Pod = self.kubelet.call("GET", path_of(self.pod)).json()
        if found.get("metadata", {}).get("uid") != self._uid:
            return False
        self.pod = found
        return bool(found["spec"].get("nodeName") == self.kubelet.node)

    def _live(self) -> None:
        """Run the container until it ends for good."""
        while True:
            started, message = now(), ""
            try:
                code = self._wait(self._start())
                reason = "Completed" if code == 0 else "Error"
            except _NotYet as why:
                if not self.ending:
                    self._report({"waiting": {"reason": why.args[0], "message": why.args[1]}})
                    self._rest(1)
                    continue
                code, reason = 137, "ContainerStatusUnknown"
            except OSError as error:  # no such program
                code, reason, message = 128, "StartError", str(error)
            state = terminated(code, reason, started, message or self._last_words(code))
            again = {"Never": False, "OnFailure": code != 0}
            if self.ending or not again.get(self.pod["spec"]["restartPolicy"], True):
                self._report(state, "Succeeded" if code == 0 else "Failed")
                return
            self._report({"waiting": {"reason": "CrashLoopBackOff"}}, "Running", state)
            self._rest(min(10 * 2 ** (self.restarts - 1), 300) if self.restarts else 0)
            self.restarts += 1

    def _start(self) -> subprocess.Popen[bytes]:
        spec = self.pod["spec"]
        if self.ending:
            raise _NotYet("ContainerCreating", "the pod ends before its container began")
        if len(spec["containers"]) > 1 or spec.get("initContainers"):
            raise _NotYet("CreateContainerError", "pods of one container are all that runs here")
        container = spec["containers"][0]
        given = environment(self._described(), container, self._read)
        command = self.kubelet.commands(self.pod) or [
            expand(word, given) for word in container.get("command", []) + container.get("args", [])
        ]
        if not command:
            raise _NotYet("CreateContainerError", "no command specified")
        self.process = spawn(
            command,
            self.kubelet.log(self.name, self.namespace),
            self.kubelet.env | given,
            end_with_us=signal.SIGKILL,
        )
        return self.process

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        """Wait until the process has ended, and end it when the pod is to. Its exit code."""
        asked = 0.0
        try:
            self._report({"running": {"startedAt": now()}}, "Running")
            while process.poll() is None:
                if self.ending and not asked:
                    process.terminate()
                    asked = time.monotonic()
                if asked and time.monotonic() - asked >= self._grace():
                    process.kill()
                self.kubelet.pause()
        finally:
            end(process, group=True)  # what it started ends with its container
        code = process.returncode
        return code if code >= 0 else 128 - code

    def _last_words(self, code: int) -> str:
        """The termination message, where that is the end of the log."""
        policy = self.pod["spec"]["containers"][0].get("terminationMessagePolicy")
        if self.process is None or code == 0 or policy != "FallbackToLogsOnError":
            return ""
        log = self.kubelet.log(self.name, self.namespace).read_bytes()
        return log[-2048:].decode(errors="replace")

    def _grace(self) -> float:
        if self.evicted:
            return 0
        metadata = self.pod["metadata"]
        return 1 if self.gone else max(1, metadata.get("deletionGracePeriodSeconds", 30))

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.ending:
            self.kubelet.pause()

    def _described(self) -> Pod:
        """The pod with what it gets on the way, whether that was seen already or not."""
        spec = self.pod["spec"] | {"nodeName": self.kubelet.node}
        addresses = {"hostIP": ADDRESS, "podIP": ADDRESS}
        return self.pod | {"spec": spec, "status": self.pod["status"] | addresses}

    def _read(self, kind: str, name: str) -> dict[str, str] | None:
        """The data of a ConfigMap or Secret; None where there is none."""
        answer = self.kubelet.call("GET", f"/api/v1/namespaces/{self.namespace}/{kind}/{name}")
        data = answer.json().get("data", {}) if answer.ok else None
        if kind == "secrets" and data is not None:
            return {key: base64.b64decode(value).decode() for key, value in data.items()}
        return data

    def _report(
        self, state: dict[str, Any], phase: str = "Pending", last: dict[str, Any] | None = None
    ) -> None:
        """Write the status as a kubelet does."""
        container = self.pod["spec"]["containers"][0]
        ready = "running" in state
        over = {"Succeeded": {"reason": "PodCompleted"}, "Failed": {"reason": "PodFailed"}}
        conditions = [
            condition("Initialized", True),
            condition("Ready", ready, **over.get(phase, {})),
            condition("ContainersReady", ready, **over.get(phase, {})),
        ]
        status: dict[str, Any] = {
            "phase": phase,
            "startTime": self.pod["status"].get("startTime") or now(),
            "hostIP": ADDRESS,
            "podIP": ADDRESS,
            "podIPs": [{"ip": ADDRESS}],
            "conditions": conditions,
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "ready": ready,
                    "started": ready,
                    "restartCount": self.restarts,
                    "state": state,
                    "lastState": last or {},
                }
            ],
        }
        if self.evicted:
            message = "The node was low on resource: memory."
            status |= {"phase": "Failed", "reason": "Evicted", "message": message}
            conditions.append(condition("DisruptionTarget", True, reason="TerminationByKubelet"))
        body = {"metadata": {"uid": self._uid}, "status": status}
        self.kubelet.call("PATCH", f"{path_of(self.pod)}/status", body)


def now() -> str:
    """The time, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def path_of(pod: Pod) -> str:
    """Where the API has a pod."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def condition(type_: str, holds: bool, **more: str) -> dict[str, str]:
    """A condition of a pod."""
    return {"type": type_, "status": str(holds), "lastTransitionTime": now(), **more}


def terminated(code: int, reason: str, started: str, message: str = "") -> dict[str, Any]:
    """The state of a container that has ended."""
    times = {"startedAt": started, "finishedAt": now()}
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, **times}}


def expand(text: str, env: Mapping[str, str]) -> str:
    """Put variables in place of ``$(NAME)``; ``$$(NAME)`` and unknown names stay as they are."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else env.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^()]+)\)", value, text)


def environment(
    pod: Pod, container: dict[str, Any], read: Callable[[str, str], dict[str, str] | None]
) -> dict[str, str]:
    """The variables that a container asks for. ``read`` gives the data of an object by its kind.

    Raises _NotYet where something that is not optional is missing.
    """
    env: dict[str, str] = {}
    for source in container.get("envFrom", []):
        for kind, key in (("configmaps", "configMapRef"), ("secrets", "secretRef")):
            if ref := source.get(key):
                data = read(kind, ref["name"])
                if data is None and not ref.get("optional"):
                    raise _NotYet("CreateContainerConfigError", f"{kind} {ref['name']} not found")
                prefix = source.get("prefix", "")
                env |= {prefix + name: value for name, value in (data or {}).items()}
    for entry in container.get("env", []):
        source = entry.get("valueFrom")
        value = _value(pod, source, read) if source else expand(entry.get("value", ""), env)
        if value is not None:
            env[entry["name"]] = value
    return env


def _value(
    pod: Pod, source: dict[str, Any], read: Callable[[str, str], dict[str, str] | None]
) -> str | None:
    if field := source.get("fieldRef"):
        path, _, key = field["fieldPath"].rstrip("']").partition("['")
        value: Any = pod
        for name in [*path.split("."), *([key] if key else [])]:
            value = value.get(name, {})
        return value or ""
    for kind, name in (("configmaps", "configMapKeyRef"), ("secrets", "secretKeyRef")):
        if ref := source.get(name):
            found = (read(kind, ref["name"]) or {}).get(ref["key"])
            if found is None and not ref.get("optional"):
                raise _NotYet(
                    "CreateContainerConfigError", f"{kind} {ref['name']} has no {ref['key']}"
                )
            return found
    raise _NotYet("CreateContainerConfigError", f"no {', '.join(source)} here")
