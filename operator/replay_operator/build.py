"""What the operator makes, as JSON: Jobs, OrderReplays of a schedule, Events. Pure functions."""

import copy
import hashlib
import json
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from replay_operator.cluster import GROUP, VERSION, moment, written
from services.eventkit.event import explain
from services.orderreplay.exit import Exit
from services.orderreplay.kubeapi import Object
from services.orderreplay.spec import PACE, ReplaySpec

REPLAY_LABEL = f"{GROUP}/replay"
SCHEDULE_LABEL = f"{GROUP}/scheduled-by"
COMPONENT = "orderflow-replay-operator"
CONTAINER = "replay"

# What the engine is told of the spec; the rest is the operator's own business.
_ENGINE = {field.alias or name for name, field in ReplaySpec.model_fields.items()}


def check_template(template: Any) -> Object:
    """The pod template of the settings. Raises ValueError with what to do where it is none."""
    try:
        containers = [each["name"] for each in template["spec"]["containers"]]
    except (TypeError, KeyError):
        containers = []
    if CONTAINER not in containers:
        raise ValueError(
            f"The job template has no spec.containers with one that is named {CONTAINER};"
            " see operator/job-template.yaml"
        )
    return dict(template)


def owned_by(thing: Object, uid: str) -> bool:
    """Whether the controller of ``thing`` has this uid."""
    owners = thing["metadata"].get("ownerReferences", [])
    return any(owner.get("controller") and owner["uid"] == uid for owner in owners)


def job_name(replay: Object) -> str:
    """The name of the Job of a replay at its pace: always the same, and nobody else's.

    It goes into the labels and host names of pods, so it is short and has no dots.
    """
    meta, spec = replay["metadata"], replay["spec"]
    pace = json.dumps([spec.get(name) for name in PACE])
    digest = hashlib.sha256(f"{meta['uid']} {pace}".encode()).hexdigest()[:10]
    return f"{meta['name'].replace('.', '-')[:40].rstrip('-')}-{digest}"


def refusal(replay: Object) -> str | None:
    """What of a replay's spec can never be replayed and its schema cannot tell; None if nothing."""
    asked = {name: value for name, value in replay["spec"].items() if name in _ENGINE}
    try:
        ReplaySpec.model_validate(asked).window(moment(replay["metadata"]["creationTimestamp"]))
    except ValidationError as error:
        return explain(error).removeprefix("value: ")
    except ValueError as error:
        return str(error)
    return None


def job(replay: Object, template: Object) -> Object:
    """The Job that does the work of a replay."""
    meta, spec = replay["metadata"], replay["spec"]
    labels = {
        "app.kubernetes.io/name": "orderreplay",
        "app.kubernetes.io/part-of": "orderflow",
        "app.kubernetes.io/managed-by": COMPONENT,
        REPLAY_LABEL: meta["uid"],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(replay),
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [_owner(replay)],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": spec["parallelism"],
            "parallelism": spec["parallelism"],
            # Of all shards together. With backoffLimitPerIndex a failed pod keeps its finalizer
            # until it is replaced, which a namespace that is being deleted does not allow: it
            # would never be gone.
            "backoffLimit": spec["backoffLimit"],
            "podFailurePolicy": {
                "rules": [
                    {"action": "FailJob", "onExitCodes": _exits(Exit.REFUSED)},
                    {
                        "action": "Ignore",
                        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                    },
                    # Somebody deleted the pod: it has committed and is no failure.
                    {"action": "Ignore", "onExitCodes": _exits(Exit.STOPPED)},
                ]
            },
            "suspend": bool(spec.get("suspend")),
            **(
                {"activeDeadlineSeconds": spec["activeDeadlineSeconds"]}
                if "activeDeadlineSeconds" in spec
                else {}
            ),
            "template": _pod(replay, template, labels),
        },
    }


def _exits(code: int) -> Object:
    return {"containerName": CONTAINER, "operator": "In", "values": [code]}


def _owner(owner: Object) -> Object:
    # blockOwnerDeletion needs the right to set the owner's finalizers, where the admission plugin
    # OwnerReferencesPermissionEnforcement is on; nothing here needs it.
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _pod(replay: Object, template: Object, labels: dict[str, str]) -> Object:
    meta, spec = replay["metadata"], replay["spec"]
    pod = copy.deepcopy(template)
    own = pod.setdefault("metadata", {})
    own["labels"] = own.get("labels", {}) | labels
    pod["spec"]["restartPolicy"] = "Never"  # as podFailurePolicy demands
    # The first process of a container is deaf to a SIGTERM until it has set a handler: a replay
    # that is stopped while it starts would go on. So the first is the sandbox's own.
    pod["spec"]["shareProcessNamespace"] = True
    container = next(c for c in pod["spec"]["containers"] if c["name"] == CONTAINER)
    container["args"] = ["replay", "run"]
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"  # for the status to say why
    env = {
        "REPLAY_ID": meta["uid"],
        "REPLAY_NAME": f"{meta['namespace']}/{meta['name']}",
        "REPLAY_REQUESTED_AT": meta["creationTimestamp"],
        "REPLAY_SPEC": json.dumps(
            {k: v for k, v in spec.items() if k in _ENGINE}, ensure_ascii=False
        ),
    }
    kept = [each for each in container.get("env", []) if each["name"] not in env]
    container["env"] = kept + [{"name": name, "value": value} for name, value in env.items()]
    if "resources" in spec:
        container["resources"] = spec["resources"]
    return pod


def scheduled_name(schedule: Object, time: datetime) -> str:
    """The name of the OrderReplay of a schedule for a time: always the same, as a CronJob's."""
    return f"{schedule['metadata']['name']}-{int(time.timestamp()) // 60}"


def scheduled_replay(schedule: Object, time: datetime) -> Object:
    """The OrderReplay that a schedule makes for a time."""
    meta, template = schedule["metadata"], schedule["spec"]["template"]
    given = template.get("metadata", {})
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "OrderReplay",
        "metadata": {
            "name": scheduled_name(schedule, time),
            "namespace": meta["namespace"],
            "labels": given.get("labels", {}) | {SCHEDULE_LABEL: meta["uid"]},
            "annotations": given.get("annotations", {}) | {f"{GROUP}/scheduled-at": written(time)},
            "ownerReferences": [_owner(schedule)],
        },
        "spec": template["spec"],
    }


def event(about: Object, reason: str, message: str, *, warning: bool, now: datetime) -> Object:
    """A Kubernetes Event that tells what happened to a resource."""
    meta, time = about["metadata"], written(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{meta['name'][:200]}.{int(now.timestamp() * 1e6):x}",
            "namespace": meta["namespace"],
        },
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message[:1000],
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
