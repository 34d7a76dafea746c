"""Replays for clients of the API: run by the worker of this machine, or by Kubernetes' operator."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

from flask import Response
from pydantic import ValidationError
from uuid_utils import uuid7

from services.eventkit.http import query, reply
from services.eventkit.log import brief
from services.eventkit.problems import Problem
from services.gateway.neighbours import Neighbours
from services.orderreplay import answer
from services.orderreplay.kubeapi import ACCOUNT, ApiError, KubeApi
from services.orderreplay.spec import DAYS, ReplaySpec
from services.orderreplay.status import ENDED

log = logging.getLogger(__name__)

VERIFY_SECONDS = 30.0  # the replay service gives up before
GROUP_VERSION = "orderflow.dev/v1alpha1"
_WANTED = {
    "suspend": {"suspend": True},
    "resume": {"suspend": False},
    "cancel": {"cancel": True},
}


class Replays(Protocol):
    """Where replays are kept and run."""

    def start(self, spec: ReplaySpec, key: str | None) -> Response: ...
    def page(self) -> Response: ...
    def show(self, id: str) -> Response: ...
    def act(self, id: str, action: str) -> Response: ...
    def verify(self, id: str) -> Response: ...


class ByWorker:
    """Replays run by the replay service."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def start(self, _spec: ReplaySpec, _key: str | None) -> Response:
        """Pass the request on, which was checked."""
        return self._neighbours.ask("replay", "POST", "/api/orders/replay")

    def page(self) -> Response:
        """The newest replays."""
        return self._neighbours.ask("replay", "GET", "/api/replays")

    def show(self, id: str) -> Response:
        """One replay."""
        return self._neighbours.ask("replay", "GET", f"/api/replays/{id}")

    def act(self, id: str, action: str) -> Response:
        """Suspend, resume or cancel."""
        return self._neighbours.ask("replay", "POST", f"/api/replays/{id}/{action}")

    def verify(self, id: str) -> Response:
        """Count it anew, which takes its time."""
        path = f"/api/replays/{id}/verify"
        return self._neighbours.ask("replay", "POST", path, timeout=VERIFY_SECONDS)


class ByOperator:
    """Replays as OrderReplay resources of one namespace, run by the operator."""

    def __init__(self, namespace: str) -> None:
        own = ACCOUNT / "namespace"
        namespace = namespace or (own.read_text() if own.exists() else "default")
        self._all = f"/apis/{GROUP_VERSION}/namespaces/{namespace}/orderreplays"
        self._api = KubeApi()

    def start(self, spec: ReplaySpec, key: str | None) -> Response:
        """Create an OrderReplay; under an idempotency key its name is a function of that."""
        name, now = f"replay-{uuid7()}", datetime.now(UTC)
        if key:
            name = f"replay-{sha256(key.encode()).hexdigest()[:32]}"
        manifest: dict[str, Any] = {
            "apiVersion": GROUP_VERSION,
            "kind": "OrderReplay",
            "metadata": {
                "name": name,
                "labels": {"app.kubernetes.io/managed-by": "orderflow-gateway"},
            },
            "spec": _as_resource(spec),
        }
        made = self._create(manifest)
        repeated = made is None
        made = made or self._get(name)
        found = _replay(made)
        if repeated and not _same(found["spec"], manifest["spec"]):
            raise answer.key_reused(key or "", name)
        # Kubernetes cuts the time of creation to seconds.
        told = answer.accepted(found, spec, max(_created(made), now))
        headers = {"Location": f"/api/replays/{found['id']}"}
        return reply(told, 202, headers | (answer.REPEATED if repeated else {}))

    def _create(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """The resource as made, None where there is one of its name."""
        with _explained():
            try:
                return self._api.call("POST", self._all, manifest, {"fieldValidation": "Strict"})
            except ApiError as error:
                if error.status != 409:
                    raise
                return None

    def page(self) -> Response:
        """The newest replays."""
        asked = query(answer.ListQuery)
        with _explained():
            items = self._api.call("GET", self._all)
        wanted = [
            each
            for each in items["items"]
            if asked.dry_run in (None, each["spec"].get("dryRun", False))
        ]
        newest = sorted(wanted, key=_created, reverse=True)[: asked.limit]
        return reply({"success": True, "replays": [_replay(each) for each in newest]})

    def show(self, id: str) -> Response:
        """One replay."""
        return reply({"success": True, "replay": _replay(self._get(id))})

    def act(self, id: str, action: str) -> Response:
        """Say what is wanted of a replay; the operator does it."""
        found = self._get(id)
        phase = found.get("status", {}).get("phase", "Pending")
        if phase in ENDED or (found["spec"].get("cancel") and action != "cancel"):
            raise answer.ended(phase)
        with _explained(id):
            changed = self._api.call("PATCH", f"{self._all}/{id}", {"spec": _WANTED[action]})
        return reply({"success": True, "replay": _replay(changed)}, 202)

    def verify(self, id: str) -> Response:
        """Refuse: in a cluster nothing that answers requests may read the history."""
        uid = self._get(id)["metadata"]["uid"]
        raise answer.not_verifiable(
            uid,
            "Where the operator runs replays the gateway verifies none; run"
            f" `orderflow replay verify {uid}` where PostgreSQL and Kafka are reached.",
        )

    def _get(self, id: str) -> dict[str, Any]:
        with _explained(id):
            return self._api.call("GET", f"{self._all}/{id}")


@contextmanager
def _explained(id: str = "") -> Iterator[None]:
    """Turn the errors of Kubernetes' API into problems that say what to do."""
    try:
        yield
    except ApiError as error:
        if error.status == 404 and id:
            raise answer.unknown(id) from None
        if error.status in (400, 422):
            raise Problem(400, "invalid-request", brief(error)[:500]) from None
        if error.status in (401, 403, 404):
            raise Problem(
                503,
                "replays-unavailable",
                "Kubernetes does not let the gateway handle OrderReplays; is the CRD installed,"
                " and does the gateway's service account have its role?",
                headers={"Retry-After": "30"},
            ) from None
        log.warning("Kubernetes: %s", error)
        said = f"answers {error.status}" if error.status else "does not answer"
        raise Problem(
            503,
            "replays-unavailable",
            f"Kubernetes {said}; try again shortly.",
            headers={"Retry-After": "2"},
        ) from None


def _as_resource(spec: ReplaySpec) -> dict[str, Any]:
    """The spec as the resource has it: there one of days and from must be given."""
    given = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return given if spec.days or spec.from_ else {"days": DAYS} | given


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two specs select the same; the pace may have been changed."""
    try:
        first, second = (ReplaySpec.model_validate(each) for each in (one, other))
    except ValidationError:  # of another version of the resource
        return False
    return first.selection() == second.selection()


def _created(resource: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(resource["metadata"]["creationTimestamp"]).astimezone(UTC)


def _replay(resource: dict[str, Any]) -> dict[str, Any]:
    meta, spec, status = resource["metadata"], resource["spec"], resource.get("status", {})
    asked = {name: spec[name] for name in _FIELDS if name in spec}
    try:
        asked = ReplaySpec.model_validate(asked).as_json()
    except ValidationError:  # of another version of the resource
        asked = {"topic": ""} | asked
    return answer.replay(
        meta["name"],
        uid=meta["uid"],
        spec=asked,
        created_at=_created(resource),
        phase=status.get("phase") or "Pending",
        status=status,
        suspend=spec.get("suspend", False),
        cancel=spec.get("cancel", False),
    )


_FIELDS = tuple(field.alias or name for name, field in ReplaySpec.model_fields.items())
