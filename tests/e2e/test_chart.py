"""The chart as it is rendered: every set of values, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from local.cluster import CHART, CHECKOUT, CONTEXT
from tests.e2e.conftest import Shop, run

SETS = sorted((CHART / "ci").glob("*.yaml"))
# Kinds of operators that the chart can use, which this cluster is told of only by name.
OTHERS = {
    "kafka.strimzi.io/v1": ["Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser"],
    "postgresql.cnpg.io/v1": ["Cluster"],
    "keda.sh/v1alpha1": ["ScaledObject", "TriggerAuthentication"],
    "gateway.networking.k8s.io/v1": ["HTTPRoute"],
}


def render(*more: str, check: bool = True) -> Any:
    """What `helm template` prints, or its complaint."""
    return run(
        *("helm", "template", "shop", str(CHART), "--kube-version", "1.34", *more), check=check
    )


def things(*more: str) -> list[dict[str, Any]]:
    """The resources that are rendered."""
    return [each for each in yaml.safe_load_all(render(*more).stdout) if each]


@pytest.fixture(scope="module")
def others(shop: Shop) -> None:
    """The kinds of those operators, with any content."""
    for version, kinds in OTHERS.items():
        group, _, name = version.partition("/")
        for kind in kinds:
            plural = f"{kind.lower()}s"
            crd = {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {
                    "name": f"{plural}.{group}",
                    "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
                },
                "spec": {
                    "group": group,
                    "scope": "Namespaced",
                    "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                    "versions": [
                        {
                            "name": name,
                            "served": True,
                            "storage": True,
                            "schema": {
                                "openAPIV3Schema": {
                                    "type": "object",
                                    "x-kubernetes-preserve-unknown-fields": True,
                                }
                            },
                        }
                    ],
                },
            }
            run("kubectl", "--context", CONTEXT, "apply", "-f", "-", input=yaml.safe_dump(crd))
    for kind in ("kafkausers", "scaledobjects", "httproutes", "clusters.postgresql.cnpg.io"):
        run("kubectl", "--context", CONTEXT, "get", kind)


@pytest.mark.parametrize("values", SETS, ids=lambda path: path.stem)
def test_every_set_of_values_is_one_that_the_api_server_takes(
    shop: Shop, others: None, values: Path
) -> None:
    run("helm", "lint", "--strict", str(CHART), "-f", str(values))
    rendered = render("-f", str(values), "--namespace", "default", "--no-hooks").stdout
    run(
        *("kubectl", "--context", CONTEXT, "-n", "default", "apply", "--dry-run=server"),
        *("--validate=strict", "-f", "-"),
        input=rendered,
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("services.payment.replica=3", "additional properties 'replica' not allowed"),
        ("services.payments.replicas=3", "services.payments: Orderflow has no service of this"),
        ("services.own.file=service.py", "does not match pattern"),
        ("services.kafka.port=4007", "invalid propertyName 'kafka'"),
        ("services.own.file=/own.py", "needs file and port"),
        ("nameOverride=foo_bar", "does not match pattern"),
        ("ingress.hosts={Shop.Example}", "does not match pattern"),
        ("settings.PORT=5000", "invalid propertyName 'PORT'"),
        ("settings.DATABASE_URL=x", "invalid propertyName 'DATABASE_URL'"),
        ("dashboard.service.nodePort=30081", "set dashboard.service.type to NodePort"),
        ("services.gateway.autoscaling.minReplicas=9", "minReplicas is greater than maxReplicas"),
        ("postgresql.external.host=h:5432", "does not match pattern"),
        ("image.registry=https://registry/", "does not match pattern"),
        ("defaults.resources.limits.memory=banana", "does not match pattern"),
        ("defaults.extraEnv[0].nam=A", "additional properties 'nam' not allowed"),
        ("commonLabels.team=a b", "does not match pattern"),
        ("services.payment=null", "missing property 'payment'"),
        ("kafka.topics=null", "missing property 'topics'"),
        ("services.payment.replicas=-1", "minimum: got -1, want 0"),
        ("services.gateway.settings.payment-latency=0", "does not match pattern"),
        ("kafka.mode=confluent", "value must be one of 'internal', 'external', 'strimzi'"),
        ("kafka.mode=external", "give kafka.external.bootstrapServers"),
        ("postgresql.mode=external", "give postgresql.external.host"),
        ("kafka.topics.overrides.order.partitions=3", "properties 'order' not allowed"),
        ("kafka.topics.partitions=0", "minimum: got 0, want 1"),
        ("image.digest=latest", "does not match pattern"),
        ("dashboard.service.type=Ingress", "value must be one of"),
        ("httpRoute.enabled=true", "give httpRoute.parentRefs"),
        ("services.auditor.keda.enabled=true", "keda cannot scale it"),
        (
            "services.payment.keda.enabled=true,services.payment.autoscaling.enabled=true",
            "exclude each other",
        ),
    ],
)
def test_values_that_cannot_be_meant_are_refused_in_words(values: str, said: str) -> None:
    refused = render("--set", values, check=False)
    assert refused.returncode != 0
    assert said in refused.stderr


def test_a_service_of_ones_own_is_one_more_in_the_map() -> None:
    values = CHECKOUT / "tests" / "e2e" / "own-service-values.yaml"
    found = {
        (each["kind"], each["metadata"]["name"].removeprefix("shop-orderflow-")): each
        for each in things("-f", str(values))
    }
    kinds = {kind for kind, name in found if name == "notification"}
    assert kinds == {"Deployment", "Service", "NetworkPolicy"}
    pod = found["Deployment", "notification"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "shop/notification:1"
    assert container["args"] == ["serve", "/opt/notification/service.py"]
    assert {"name": "MAIL_FROM", "value": "shop@example.com"} in container["env"]
    assert pod["initContainers"][0]["args"] == ["wait", "/opt/notification/service.py"]
    assert {"name": "MAIL_FROM", "value": "shop@example.com"} in pod["initContainers"][0]["env"]
    (job,) = (each for (kind, _), each in found.items() if kind == "Job")
    tables = {c["name"]: c for c in job["spec"]["template"]["spec"]["containers"]}
    assert tables["tables-notification"]["args"][:2] == ["migrate", "/opt/notification/service.py"]
    assert tables["tables-notification"]["image"] == "shop/notification:1"
    sender = {"name": "MAIL_FROM", "value": "shop@example.com"}
    assert sender in tables["tables-notification"]["env"]
    assert sender not in tables["tables"]["env"]
    assert "notification" in found["Secret", "roles"]["data"]


def test_the_longest_name_of_a_release_leaves_room_for_what_is_put_behind_it() -> None:
    more = ("--set", "postgresql.mode=cnpg,kafka.mode=strimzi", "--kube-version", "1.34")
    rendered = run("helm", "template", "r" * 53, str(CHART), *more).stdout
    names = {
        each["kind"]: each["metadata"]["name"]
        for each in yaml.safe_load_all(rendered)
        if each and each["kind"] in ("Cluster", "Job", "Service")
    }
    assert len(names["Cluster"]) <= 50
    assert max(map(len, names.values())) <= 63


def test_what_one_sets_oneself_stands_once_and_counts() -> None:
    more = "services.payment.extraEnv[0].name=LOG_LEVEL,services.payment.extraEnv[0].value=DEBUG"
    (payment,) = (
        each
        for each in things("--set", f"settings.LOG_LEVEL=INFO,settings.DRAIN_TIMEOUT=3,{more}")
        if each["kind"] == "Deployment" and each["metadata"]["name"].endswith("payment")
    )
    env = payment["spec"]["template"]["spec"]["containers"][0]["env"]
    names = [entry["name"] for entry in env]
    assert len(names) == len(set(names))
    assert {"name": "LOG_LEVEL", "value": "DEBUG"} in env
    assert {"name": "DRAIN_TIMEOUT", "value": "3"} in env


def test_a_scaled_deployment_leaves_its_replicas_to_the_scaler() -> None:
    found = {
        (each["kind"], each["metadata"]["name"]): each
        for each in things(
            "--set", "services.gateway.autoscaling.enabled=true,services.payment.keda.enabled=true"
        )
    }
    for name in ("gateway", "payment"):
        assert "replicas" not in found["Deployment", f"shop-orderflow-{name}"]["spec"]
    assert found["Deployment", "shop-orderflow-shipping"]["spec"]["replicas"] == 1
    scaler = found["ScaledObject", "shop-orderflow-payment"]["spec"]
    assert scaler["triggers"][0]["metadata"]["consumerGroup"] == "payment"
    assert ("PodDisruptionBudget", "shop-orderflow-payment") in found


def test_every_pod_is_restricted_has_probes_and_resources_and_no_root() -> None:
    for values in SETS:
        for each in things("-f", str(values)):
            if each["kind"] not in ("Deployment", "StatefulSet", "Job"):
                continue
            name, pod = each["metadata"]["name"], each["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"], name
            for container in [*pod["containers"], *pod.get("initContainers", [])]:
                assert container["securityContext"]["readOnlyRootFilesystem"], name
                assert container["resources"]["limits"]["memory"], name
            if each["kind"] != "Job":
                for container in pod["containers"]:
                    assert {"startupProbe", "readinessProbe"} <= container.keys(), name


def test_another_image_or_other_topics_make_another_setup_job() -> None:
    def job(*more: str) -> str:
        (found,) = (each for each in things(*more) if each["kind"] == "Job")
        return str(found["metadata"]["name"])

    names = [
        job(),
        job("--set-string", "image.tag=2"),
        job("--set", "kafka.topics.partitions=12"),
        job("--set", "kafka.topics.overrides.orders.partitions=12"),
    ]
    assert len(set(names)) == len(names)
    assert job() == names[0]
