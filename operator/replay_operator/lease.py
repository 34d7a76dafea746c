"""Of several operators one works: the one that holds a Lease, as in Kubernetes' own controllers.

It keeps two from undoing each other's work and from posting each Event twice. That no replay ever
has two Jobs does not hang on it: names are functions of uids, and a status is written only over
the version that was read.
"""

import logging
import threading
import time
from datetime import UTC, datetime

from replay_operator import metrics
from replay_operator.cluster import Cluster, path
from services.orderreplay.kubeapi import ApiError, Object

log = logging.getLogger(__name__)


class Lease:
    """A Lease that is taken, renewed in a thread, and given back.

    ``lost`` is set once it could not be renewed: the process ends then, as others do in its place.
    A holder that died is replaced ``seconds`` after its last sign, by the watcher's own clock.
    """

    def __init__(
        self, cluster: Cluster, namespace: str, name: str, identity: str, seconds: float
    ) -> None:
        self._cluster, self._namespace, self._name = cluster, namespace, name
        # A restarted container has its predecessor's host name; it is another all the same.
        self._identity = f"{identity}_{time.time_ns():x}"
        self._seconds = seconds
        self._until = 0.0
        self._sign: tuple[object, float] = (None, 0.0)
        self._stopping = threading.Event()
        self.lost = threading.Event()

    def held(self) -> bool:
        """Whether no other can have taken it yet."""
        return time.monotonic() < self._until

    def acquire(self) -> None:
        """Wait until it is ours, then keep it so in a thread."""
        log.info("waiting for the lease %s", self._name)
        while not self._try():
            time.sleep(self._seconds / 5)
        metrics.leader.set(1)
        log.info("holds the lease %s as %s", self._name, self._identity)
        threading.Thread(target=self._renew, name="lease", daemon=True).start()

    def release(self) -> None:
        """Give it back, so that another need not wait for its end."""
        self._stopping.set()
        if not self.held():
            return
        self._until = 0.0
        try:
            if (lease := self._read()) and lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                self._cluster.call("PUT", path("leases", self._namespace, self._name), lease)
        except ApiError as error:
            log.warning("the lease was not given back: %s", error)

    def _renew(self) -> None:
        while not self._stopping.wait(self._seconds / 5):
            if not self._try() and not self.held():
                if not self._stopping.is_set():
                    log.error("the lease %s could not be renewed", self._name)
                    metrics.leader.set(0)
                    self.lost.set()
                return

    def _read(self) -> Object | None:
        return self._cluster.get("leases", self._namespace, self._name)

    def _try(self) -> bool:
        """Take or renew it once. Counted from before the call, so others never count less."""
        began = time.monotonic()
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(self._seconds),
            "acquireTime": now,
            "renewTime": now,
        }
        try:
            lease = self._read()
            if lease is None:
                body = {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": self._name, "namespace": self._namespace},
                    "spec": spec | {"leaseTransitions": 0},
                }
                self._cluster.create("leases", self._namespace, body)
            else:
                held = lease["spec"]
                if held.get("holderIdentity") == self._identity:
                    spec["acquireTime"] = held.get("acquireTime", now)
                elif not self._over(held):
                    return False
                else:
                    spec["leaseTransitions"] = held.get("leaseTransitions", 0) + 1
                lease["spec"] = held | spec
                # A version that is no longer the newest is refused: one of two takes it.
                self._cluster.call("PUT", path("leases", self._namespace, self._name), lease)
        except ApiError as error:
            log.warning("the lease %s: %s", self._name, error)
            return False
        self._until = began + self._seconds
        return True

    def _over(self, held: Object) -> bool:
        """Whether a holder has given no sign for as long as its lease. Clocks may differ."""
        sign = (held.get("holderIdentity"), held.get("renewTime"))
        if sign != self._sign[0]:
            self._sign = (sign, time.monotonic())
        silent = time.monotonic() - self._sign[1]
        return not held.get("holderIdentity") or silent > held.get("leaseDurationSeconds", 0)
