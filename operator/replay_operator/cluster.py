"""What the operator reads and changes through Kubernetes' API."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from services.orderreplay.kubeapi import ApiError, KubeApi, Object

GROUP, VERSION = "orderflow.dev", "v1alpha1"
REPLAYS, SCHEDULES = "orderreplays", "scheduledorderreplays"

_PREFIX = {
    REPLAYS: f"/apis/{GROUP}/{VERSION}",
    SCHEDULES: f"/apis/{GROUP}/{VERSION}",
    "jobs": "/apis/batch/v1",
    "events": "/api/v1",
    "pods": "/api/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}


class NotLeadingError(Exception):
    """A change was held back, as another operator may be at work by now."""


def moment(text: str) -> datetime:
    """A time as Kubernetes writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def written(time: datetime) -> str:
    """A time as Kubernetes writes it."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def path(kind: str, namespace: str | None, name: str = "", subresource: str = "") -> str:
    """Where a resource is; without a namespace, of the whole cluster."""
    within = [f"namespaces/{namespace}"] if namespace else []
    return "/".join(part for part in [_PREFIX[kind], *within, kind, name, subresource] if part)


class Cluster(KubeApi):
    """The API server. ``leading`` is asked before each change but the lease's own."""

    def __init__(self, leading: Callable[[], bool] = lambda: True) -> None:
        super().__init__()
        self.leading = leading

    def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """Make a call. Raises ApiError, and NotLeadingError where it is a change."""
        if method != "GET" and "/leases" not in path and not self.leading():
            raise NotLeadingError(f"{method} {path} was held back: the lease is not renewed")
        return super().call(method, path, body, query)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """A resource as it is now, or None."""
        try:
            return self.call("GET", path(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str | None, labels: str = "") -> Sequence[Object]:
        """All resources of a kind, in pages so that no answer is huge."""
        query = {"limit": "500"} | ({"labelSelector": labels} if labels else {})
        found: list[Object] = []
        while True:
            page = self.call("GET", path(kind, namespace), query=query)
            found += page["items"]
            if not (more := page["metadata"].get("continue")):
                return found
            query["continue"] = more

    def create(self, kind: str, namespace: str, body: Object) -> Object:
        """Make a resource; ApiError 409 where there is one of the name."""
        return self.call("POST", path(kind, namespace), body)

    def patch(self, kind: str, namespace: str, name: str, body: Object) -> Object:
        """Change parts of a resource."""
        return self.call("PATCH", path(kind, namespace, name), body)

    def replace_status(self, kind: str, resource: Object, status: Object) -> Object:
        """Write the whole status, so that lists are replaced and stale fields go.

        ApiError 409 where the resource has changed since it was read.
        """
        of = resource["metadata"]
        body = {**resource, "status": status}
        return self.call("PUT", path(kind, of["namespace"], of["name"], "status"), body)

    def delete(self, kind: str, resource: Object, *, unchanged: bool = False) -> None:
        """Delete this very resource, not another of the name; it may be gone.

        A Job stays until its pods have ended. ``unchanged``: only if it still is as it was read.
        """
        of = resource["metadata"]
        only = {"uid": of["uid"]} | (
            {"resourceVersion": of["resourceVersion"]} if unchanged else {}
        )
        policy = "Foreground" if kind == "jobs" else "Background"
        try:
            self.call(
                "DELETE",
                path(kind, of["namespace"], of["name"]),
                {"preconditions": only, "propagationPolicy": policy},
            )
        except ApiError as error:
            if error.status not in (404, 409):
                raise
