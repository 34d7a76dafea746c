"""What kopf tells us of: that something has changed. What to do about it is reconcile.py's.

Only low-level events: kopf then writes nothing into the resources, neither a finalizer, which
would hold up a deletion while the operator is away, nor an annotation of what it last handled,
which would keep a copy of the resource from ever being handled.
"""

import ssl
import time
from typing import Any

import kopf

from replay_operator.build import REPLAY_LABEL
from replay_operator.cluster import GROUP, REPLAYS, SCHEDULES, VERSION
from replay_operator.runtime import Operator
from services.orderreplay.kubeapi import KubeApi, lenient


@kopf.on.event(GROUP, VERSION, REPLAYS)
@kopf.on.event(GROUP, VERSION, SCHEDULES)
@kopf.on.event("batch", "v1", "jobs", labels={REPLAY_LABEL: kopf.PRESENT})
async def changed(body: kopf.Body, type: str | None, memo: Any, **_: Any) -> None:
    """An OrderReplay, a ScheduledOrderReplay or a Job of ours was made, changed or deleted."""
    operator: Operator = memo.operator
    operator.tell(dict(body), gone=type == "DELETED")


class Login(kopf.ConnectionInfo):
    """Equal to none but itself: kopf takes nothing back that is equal to what was refused.

    A token may be refused for a moment, while what the API server asks about it is away.
    """

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def as_ssl_context(self) -> ssl.SSLContext:
        return lenient(super().as_ssl_context())


@kopf.on.login(backoff=5)
def log_in(memo: Any, **_: Any) -> Login:
    """Who the watches are: whoever the other calls are. Asked again after each 401."""
    cluster: KubeApi = memo.cluster
    if memo.login:
        time.sleep(1)  # between refusals; where they stay, the lease is lost
    memo.login = login = cluster.login(refused=memo.login)
    return Login(
        server=login.server,
        ca_path=login.ca,
        insecure=login.insecure,
        proxy_url=login.proxy,
        token=login.token,
        certificate_path=login.cert,
        private_key_path=login.key,
    )


@kopf.on.startup()
async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """How kopf watches; of its other features none is used."""
    settings.posting.enabled = False
    settings.peering.standalone = True
    # Else it wants to list and watch all namespaces and CRDs, which nothing here needs.
    settings.scanning.disabled = True
    settings.watching.server_timeout = 240
    settings.watching.client_timeout = 300
    settings.watching.connect_timeout = 5
    # The API server sends a bookmark a minute; a stream without one is taken for dead.
    settings.watching.inactivity_timeout = 75
    settings.watching.label_selectors["jobs"] = REPLAY_LABEL
