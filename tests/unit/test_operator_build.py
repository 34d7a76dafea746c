"""What the operator makes: the Job of a replay, the replay of a schedule, Events."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from replay_operator import build

from services.orderreplay.spec import ReplaySpec

TEMPLATE = yaml.safe_load((Path(__file__).parents[2] / "operator/job-template.yaml").read_text())


def replay(name: str = "last-month", **spec: Any) -> dict[str, Any]:
    """An OrderReplay as the API server gives it, with its defaults."""
    return {
        "apiVersion": "orderflow.dev/v1alpha1",
        "kind": "OrderReplay",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": "6f1c1f5e-6d0c-4a53-9a6e-3b8a5ad00001",
            "creationTimestamp": "2026-11-22T12:00:00Z",
            "resourceVersion": "7",
        },
        "spec": {"days": 1, "topic": "t", "parallelism": 2, "backoffLimit": 6, "suspend": False}
        | spec,
    }


def container(job: dict[str, Any]) -> dict[str, Any]:
    """The container of a Job's pod."""
    found: dict[str, Any] = job["spec"]["template"]["spec"]["containers"][0]
    return found


@given(st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", fullmatch=True))
def test_a_job_has_a_name_that_labels_and_host_names_can_hold(name: str) -> None:
    made = build.job_name(replay(name))
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", made)
    assert len(f"{made}-15") <= 63


def test_the_name_of_a_job_is_a_function_of_uid_and_pace() -> None:
    one = build.job_name(replay())
    assert one == build.job_name(replay(suspend=True, ttlSecondsAfterFinished=5))
    others = [
        build.job_name(replay(eventsPerSecond=5)),
        build.job_name(replay(speed=5)),
        build.job_name(replay(speed=5, maxGapSeconds=1)),
    ]
    other = replay()
    other["metadata"]["uid"] = "another"
    assert len({one, *others, build.job_name(other)}) == 5


def test_a_pod_hears_a_stop_from_its_first_moment_and_leaves_its_last_words() -> None:
    pod = build.job(replay(), TEMPLATE)["spec"]["template"]["spec"]
    assert pod["shareProcessNamespace"] is True
    assert pod["containers"][0]["terminationMessagePolicy"] == "FallbackToLogsOnError"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"from": "2026-02-29T00:00:00Z"}, "from: This is no time"),
        ({"from": "2999-01-01T00:00:00Z"}, "from lies in the future"),
        ({"days": 1, "filter": {"customerIds": [f"{n:0250}" for n in range(300)]}}, "too large"),
    ],
)
def test_what_the_schema_cannot_tell_is_refused_before_there_is_a_job(
    spec: dict[str, Any], says: str
) -> None:
    found = replay()
    found["spec"] = {"topic": "t", "parallelism": 1, "backoffLimit": 6} | spec
    refused = build.refusal(found)
    assert refused
    assert says in refused
    assert not refused.startswith("value")
    assert build.refusal(replay()) is None


def test_the_engine_is_told_what_it_needs_and_nothing_it_refuses() -> None:
    spec: dict[str, Any] = {
        "from": "2026-11-01T00:00:00Z",
        "eventTypes": ["ORDER_CREATED"],
        "filter": {"minTotal": "1.00"},
        "speed": 2.5,
        "cancel": False,
        "backoffLimit": 2,
        "activeDeadlineSeconds": 60,
        "ttlSecondsAfterFinished": 60,
        "resources": {"limits": {"cpu": 1}},
    }
    found = replay(**spec)
    del found["spec"]["days"]
    env = {e["name"]: e.get("value") for e in container(build.job(found, TEMPLATE))["env"]}
    assert env["REPLAY_ID"] == found["metadata"]["uid"]
    assert env["REPLAY_NAME"] == "shop/last-month"
    assert env["REPLAY_REQUESTED_AT"] == "2026-11-22T12:00:00Z"
    told = json.loads(str(env["REPLAY_SPEC"]))
    assert ReplaySpec.model_validate(told).speed == 2.5
    assert "cancel" not in told


def test_the_template_is_kept_and_not_changed() -> None:
    before = json.dumps(TEMPLATE)
    job = build.job(replay(), TEMPLATE)
    assert json.dumps(TEMPLATE) == before
    made = container(job)
    assert made["image"] == TEMPLATE["spec"]["containers"][0]["image"]
    assert made["resources"] == TEMPLATE["spec"]["containers"][0]["resources"]
    assert {"name": "KAFKA_BOOTSTRAP_SERVERS", "value": "kafka:9092"} in made["env"]
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "replay"
    assert labels[build.REPLAY_LABEL] == replay()["metadata"]["uid"]


def test_a_template_cannot_say_otherwise_than_the_resource() -> None:
    template = json.loads(json.dumps(TEMPLATE))
    template["spec"]["restartPolicy"] = "OnFailure"
    template["spec"]["containers"][0]["env"].append({"name": "REPLAY_ID", "value": "mine"})
    job = build.job(replay(), template)
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    names = [each["name"] for each in container(job)["env"]]
    assert names.count("REPLAY_ID") == 1


def test_the_template_asks_for_no_more_than_the_pod_needs() -> None:
    pod = TEMPLATE["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert isinstance(pod["securityContext"]["runAsUser"], int)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    secured = pod["containers"][0]["securityContext"]
    assert secured["readOnlyRootFilesystem"] is True
    assert secured["allowPrivilegeEscalation"] is False
    assert secured["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("wrong", [None, [], {}, {"spec": {}}, {"spec": {"containers": [{}]}}])
def test_a_template_that_is_none_is_refused_with_what_to_do(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"see operator/job-template\.yaml"):
        build.check_template(wrong)


def test_a_job_is_made_suspended_and_with_a_deadline_where_that_is_asked() -> None:
    assert build.job(replay(suspend=True), TEMPLATE)["spec"]["suspend"] is True
    assert "activeDeadlineSeconds" not in build.job(replay(), TEMPLATE)["spec"]
    made = build.job(replay(activeDeadlineSeconds=9), TEMPLATE)
    assert made["spec"]["activeDeadlineSeconds"] == 9


def test_a_schedule_makes_one_replay_a_time() -> None:
    schedule = {
        "kind": "ScheduledOrderReplay",
        "metadata": {"name": "daily", "namespace": "shop", "uid": "s"},
        "spec": {"template": {"metadata": {"labels": {"team": "fraud"}}, "spec": {"days": 1}}},
    }
    at = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    made = build.scheduled_replay(schedule, at)
    assert made["metadata"]["name"] == f"daily-{int(at.timestamp()) // 60}"
    assert made["metadata"]["labels"] == {"team": "fraud", build.SCHEDULE_LABEL: "s"}
    assert made["metadata"]["annotations"] == {"orderflow.dev/scheduled-at": "2026-11-22T06:00:00Z"}
    assert build.owned_by(made, "s")
    assert made["spec"] == {"days": 1}


def test_an_event_is_cut_to_what_kubernetes_takes() -> None:
    now = datetime.now(UTC)
    made = build.event(replay("x" * 253), "Failed", "y" * 5000, warning=True, now=now)
    assert len(made["message"]) <= 1024
    assert len(made["metadata"]["name"]) <= 253
    assert made["type"] == "Warning"
