"""The control plane and the kubelet of the tests are as real as they say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.kube.control_plane import ControlPlane
from tests.kube.kubelet import Kubelet
from tests.system import eventually

OWNERS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "owners.test.example.com"},
    "spec": {
        "group": "test.example.com",
        "names": {"plural": "owners", "singular": "owner", "kind": "Owner"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One control plane, which knows the kind Owner."""
    root = tmp_path_factory.mktemp("kube")
    (root / "owners.json").write_text(json.dumps(OWNERS))
    plane = ControlPlane(root)
    plane.start(root / "owners.json")
    yield plane
    plane.stop()


@pytest.fixture
def kubelet(plane: ControlPlane, tmp_path: Path) -> Iterator[Kubelet]:
    """A node for each test."""
    kubelet = Kubelet(plane, tmp_path, node=f"node-{uuid4().hex[:8]}")
    kubelet.start()
    yield kubelet
    kubelet.stop()


@pytest.fixture
def namespace(plane: ControlPlane, kubelet: Kubelet) -> Iterator[str]:
    """A namespace of the test's own, empty at its end."""
    name = f"test-{uuid4().hex[:8]}"
    plane.kubectl("create", "namespace", name)
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    eventually(lambda: plane.call("GET", account).ok, what="pods are admitted")
    yield name
    kubelet.release()
    plane.kubectl("delete", "jobs", "--all", "-n", name, "--cascade=foreground", "--timeout=30s")


def job(namespace: str, script: str, *env: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A Job named "work" of one pod that runs a script of the shell."""
    container = {
        "name": "main",
        "image": "none",
        "command": ["sh", "-c"],
        "args": [script],
        "env": list(env),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work", "namespace": namespace},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}} | spec,
    }


def find(plane: ControlPlane, namespace: str) -> Any:
    """The Job."""
    return plane.call("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs/work").json()


def ended(plane: ControlPlane, namespace: str) -> Any:
    """The Job, once it is Complete or Failed."""

    def over() -> Any:
        found = find(plane, namespace)
        held = {c["type"] for c in found["status"].get("conditions", []) if c["status"] == "True"}
        return found if held & {"Complete", "Failed"} else None

    return eventually(over, what="the job ends")


def conditions(thing: Any) -> dict[str, str]:
    """The reasons of the conditions that hold."""
    found = thing["status"].get("conditions", [])
    return {c["type"]: c.get("reason", "") for c in found if c["status"] == "True"}


def pods(plane: ControlPlane, namespace: str) -> list[Any]:
    """All pods of the namespace."""
    found: list[Any] = plane.call("GET", f"/api/v1/namespaces/{namespace}/pods").json()["items"]
    return found


def only(plane: ControlPlane, namespace: str) -> Any:
    """The one pod of the namespace."""
    found = pods(plane, namespace)
    assert len(found) == 1
    return found[0]


def running(plane: ControlPlane, namespace: str) -> str:
    """The name of the first pod that runs."""

    def names() -> list[str]:
        every = pods(plane, namespace)
        return [p["metadata"]["name"] for p in every if p["status"]["phase"] == "Running"]

    name: str = eventually(names, what="a pod runs")[0]
    return name


def exit_codes(plane: ControlPlane, namespace: str) -> list[int]:
    """The exit codes of the pods that ended."""
    states = [p["status"]["containerStatuses"][0]["state"] for p in pods(plane, namespace)]
    return [state["terminated"]["exitCode"] for state in states if "terminated" in state]


def test_a_job_of_two_indexes_runs_both_to_its_completion(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    plane.kubectl("create", "secret", "generic", "key", "--from-literal=a=b", "-n", namespace)
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "a"}}}
    told = {"name": "TOLD", "value": "$(KEY) $$(KEY)"}
    plane.apply(
        job(
            namespace,
            "echo $(JOB_COMPLETION_INDEX) $TOLD ${HOME-homeless}",
            secret,
            told,
            completions=2,
            parallelism=2,
            completionMode="Indexed",
        )
    )
    assert conditions(ended(plane, namespace))["Complete"] == "CompletionsReached"
    names = [pod["metadata"]["name"] for pod in pods(plane, namespace)]
    said = {kubelet.log(name, namespace).read_text() for name in names}
    assert said == {f"{i} b $(KEY) homeless\n" for i in (0, 1)}
    assert find(plane, namespace)["status"]["completedIndexes"] == "0,1"


def test_a_job_fails_when_its_pods_failed_more_often_than_its_limit(
    plane: ControlPlane, namespace: str
) -> None:
    plane.apply(job(namespace, "echo no luck; exit 3", backoffLimit=1))
    failed = ended(plane, namespace)
    assert conditions(failed)["Failed"] == "BackoffLimitExceeded"
    assert failed["status"]["failed"] == 2
    assert exit_codes(plane, namespace) == [3, 3]
    state = pods(plane, namespace)[0]["status"]["containerStatuses"][0]["state"]
    assert state["terminated"]["message"] == "no luck\n"


def test_an_exit_code_that_the_policy_names_fails_a_job_at_once(
    plane: ControlPlane, namespace: str
) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
    policy = {"rules": [rule]}
    plane.apply(job(namespace, "exit 42", backoffLimit=9, podFailurePolicy=policy))
    assert conditions(ended(plane, namespace))["Failed"] == "PodFailurePolicy"
    assert exit_codes(plane, namespace) == [42]


def test_a_suspended_job_ends_its_pod_by_sigterm_and_a_resumed_one_starts_another(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    waits = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    plane.apply(job(namespace, waits))
    first = running(plane, namespace)
    log = kubelet.log(first, namespace)
    eventually(lambda: log.read_text() == "ready\n", what="the trap is set")
    plane.kubectl("patch", "job", "work", "-n", namespace, "-p", '{"spec": {"suspend": true}}')
    eventually(lambda: not pods(plane, namespace), what="the pod is gone")
    assert log.read_text() == "ready\nasked\n"
    assert "Suspended" in conditions(find(plane, namespace))
    plane.kubectl("patch", "job", "work", "-n", namespace, "-p", '{"spec": {"suspend": false}}')
    assert running(plane, namespace) != first


def test_a_process_that_does_not_hear_sigterm_is_killed_after_its_grace_period(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    plane.apply(job(namespace, "trap '' TERM; echo ready; while :; do sleep 0.1; done"))
    name = running(plane, namespace)
    eventually(lambda: kubelet.log(name, namespace).read_text(), what="the trap is set")
    process = kubelet.process(name, namespace)
    plane.kubectl("delete", "pod", name, "-n", namespace, "--grace-period=1")
    assert process.returncode == -9


def test_a_killed_process_fails_its_pod_with_137(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    plane.apply(job(namespace, "sleep 60"))
    kubelet.kill(running(plane, namespace), namespace)
    assert conditions(ended(plane, namespace))["Failed"] == "BackoffLimitExceeded"
    assert exit_codes(plane, namespace) == [137]


@pytest.mark.parametrize("how", ["evict", "evict_for_pressure"])
def test_an_evicted_pod_is_replaced_where_the_policy_ignores_disruptions(
    plane: ControlPlane, kubelet: Kubelet, namespace: str, how: str
) -> None:
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    plane.apply(job(namespace, "sleep 60", podFailurePolicy={"rules": [rule]}))
    first = running(plane, namespace)
    getattr(kubelet, how)(first, namespace)
    eventually(lambda: running(plane, namespace) != first, what="another pod runs")
    assert find(plane, namespace)["status"].get("failed", 0) == 0


def test_a_held_pod_is_pending_until_there_is_room(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    kubelet.hold()
    plane.apply(job(namespace, "true"))

    def waits() -> bool:
        pod = only(plane, namespace)
        told = [c.get("reason") for c in pod["status"].get("conditions", [])]
        return pod["status"]["phase"] == "Pending" and "Unschedulable" in told

    eventually(waits)
    kubelet.release()
    assert "Complete" in conditions(ended(plane, namespace))


def test_a_test_may_say_what_runs_in_place_of_a_command(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    kubelet.commands = lambda pod: ["echo", "in place of", pod["spec"]["containers"][0]["name"]]
    plane.apply(job(namespace, "exit 1"))
    assert "Complete" in conditions(ended(plane, namespace))
    pod = only(plane, namespace)
    assert kubelet.log(pod["metadata"]["name"], namespace).read_text() == "in place of main\n"


def test_what_is_missing_is_told_and_found_later(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    needs = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "later", "key": "a"}}}
    plane.apply(job(namespace, "echo $A", needs))

    def waits() -> bool:
        status = only(plane, namespace)["status"].get("containerStatuses")
        return bool(
            status and status[0]["state"]["waiting"]["reason"] == "CreateContainerConfigError"
        )

    eventually(waits)
    plane.kubectl("create", "configmap", "later", "--from-literal=a=b", "-n", namespace)
    assert "Complete" in conditions(ended(plane, namespace))


def test_a_job_goes_with_its_owner(plane: ControlPlane, kubelet: Kubelet, namespace: str) -> None:
    owner = {"apiVersion": "test.example.com/v1", "kind": "Owner", "metadata": {"name": "o"}}
    path = f"/apis/test.example.com/v1/namespaces/{namespace}/owners"
    made = plane.call("POST", path, owner).json()
    owned = job(namespace, "sleep 60")
    reference = {"name": "o", "uid": made["metadata"]["uid"]}
    owned["metadata"]["ownerReferences"] = [owner | reference | {"controller": True}]
    del owned["metadata"]["ownerReferences"][0]["metadata"]
    plane.apply(owned)
    process = kubelet.process(running(plane, namespace), namespace)
    plane.kubectl("delete", "owner", "o", "-n", namespace)
    eventually(lambda: find(plane, namespace).get("code") == 404, what="the job is gone")
    eventually(lambda: not pods(plane, namespace), what="the pod is gone")
    assert process.returncode == -15


def test_a_deleted_namespace_takes_all_that_runs_in_it_along(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    plane.apply(job(namespace, "sleep 60"))
    process = kubelet.process(running(plane, namespace), namespace)
    plane.kubectl("delete", "namespace", namespace, "--timeout=60s")
    assert process.returncode == -15


def test_a_service_account_may_do_what_it_was_granted_and_no_more(
    plane: ControlPlane, namespace: str
) -> None:
    plane.kubectl("create", "serviceaccount", "clerk", "-n", namespace)
    clerk = plane.service_account(namespace, "clerk")
    refused = plane.kubectl("get", "jobs", check=False, kubeconfig=clerk)
    assert "(Forbidden)" in refused.stderr
    assert f"system:serviceaccount:{namespace}:clerk" in refused.stderr
    grant = ("create", "rolebinding", "clerk", "--clusterrole=view", "-n", namespace)
    plane.kubectl(*grant, f"--serviceaccount={namespace}:clerk")
    eventually(lambda: plane.kubectl("get", "jobs", kubeconfig=clerk), what="the grant is seen")
    refused = plane.kubectl("delete", "job", "work", check=False, kubeconfig=clerk)
    assert "(Forbidden)" in refused.stderr


def test_a_user_is_who_the_certificate_says(plane: ControlPlane) -> None:
    said = plane.kubectl(
        "auth", "whoami", "-o", "json", kubeconfig=plane.kubeconfig("ada", "staff")
    )
    assert json.loads(said.stdout)["status"]["userInfo"]["username"] == "ada"
    assert "staff" in json.loads(said.stdout)["status"]["userInfo"]["groups"]


def test_what_runs_outlives_a_restart_of_the_api(
    plane: ControlPlane, kubelet: Kubelet, namespace: str, tmp_path: Path
) -> None:
    plane.apply(job(namespace, f"until [ -e {tmp_path}/go ]; do sleep 0.1; done"))
    running(plane, namespace)
    plane.stop_api()
    with pytest.raises(requests.ConnectionError):
        plane.call("GET", "/readyz")
    (tmp_path / "go").touch()
    plane.start_api()
    assert "Complete" in conditions(ended(plane, namespace))


def test_a_paused_api_accepts_connections_and_says_nothing(plane: ControlPlane) -> None:
    plane.pause_api()
    try:
        with pytest.raises(requests.Timeout):
            plane.call("GET", "/readyz", timeout=1)
    finally:
        plane.resume_api()
    eventually(lambda: plane.call("GET", "/readyz").ok)


def test_a_node_that_was_off_finds_its_pods_dead(
    plane: ControlPlane, kubelet: Kubelet, namespace: str
) -> None:
    plane.apply(job(namespace, "sleep 60"))
    process = kubelet.process(running(plane, namespace), namespace)
    kubelet.stop()
    assert process.returncode == -9
    again = Kubelet(plane, kubelet.root, node=kubelet.node)
    again.start()
    try:
        assert "Failed" in conditions(ended(plane, namespace))
        assert exit_codes(plane, namespace) == [137]
        plane.kubectl("delete", "job", "work", "-n", namespace)
        eventually(lambda: not pods(plane, namespace), what="the pod is gone")
    finally:
        again.stop()
