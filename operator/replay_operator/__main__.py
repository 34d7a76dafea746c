"""Run the operator: ``orderflow-operator``, or ``python -m replay_operator``."""

import asyncio
import logging
import signal
import sys
import time

import kopf
import yaml

from replay_operator import handlers  # noqa: F401 - kopf has them by being told
from replay_operator.build import check_template
from replay_operator.cluster import REPLAYS, Cluster
from replay_operator.health import Health, serve
from replay_operator.lease import Lease
from replay_operator.runtime import Operator
from replay_operator.settings import OperatorSettings
from services.eventkit import log as logs
from services.eventkit.settings import read_settings
from services.orderreplay.checkpoint import Follower
from services.orderreplay.kubeapi import ApiError, Object

log = logging.getLogger("replay_operator")

CHECKPOINTS_WAIT = 10.0


def main() -> None:
    """Stand by until the lease is ours, then work until a signal or until the lease is lost."""
    settings = read_settings(OperatorSettings)
    logs.configure("replay-operator", settings.log_level)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until kopf takes it over
    try:
        template = check_template(yaml.safe_load(settings.job_template.read_text()))
    except (OSError, ValueError, yaml.YAMLError) as error:
        sys.exit(f"JOB_TEMPLATE={settings.job_template}: {error}")
    health = Health()
    try:
        serve(health, settings.host, settings.port)
    except OSError as error:
        sys.exit(f"Port {settings.port} cannot be used ({error}); set PORT to another.")
    cluster = Cluster()
    try:
        cluster.login()
    except ApiError as error:
        sys.exit(str(error))
    lease = Lease(
        cluster,
        settings.lease_namespace,
        settings.lease_name,
        settings.identity,
        settings.lease_seconds,
    )
    cluster.leading = lease.held
    lease.acquire()
    try:
        _work(settings, cluster, template, health, lease)
    finally:
        lease.release()
    if lease.lost.is_set():
        sys.exit("The lease was lost; started anew, this process stands by.")


def _work(
    settings: OperatorSettings, cluster: Cluster, template: Object, health: Health, lease: Lease
) -> None:
    follower = Follower(settings, lambda replay_id: operator.checkpoint(replay_id))
    operator = Operator(settings, cluster, follower, template, health)
    _wait_for_crds(settings, cluster)
    follower.start()
    # Else every status would say for a moment that nothing is known.
    if not follower.ready.wait(CHECKPOINTS_WAIT):
        log.warning("goes on without the checkpoints: %s", follower.fault)
    operator.start()
    try:
        asyncio.run(_watch(settings, operator, cluster, health, lease))
    finally:
        operator.stop()
        follower.stop()


def _wait_for_crds(settings: OperatorSettings, cluster: Cluster) -> None:
    """Kopf watches only kinds that are there when it starts, as it may not watch for new ones."""
    told = False
    while True:
        try:
            cluster.list(REPLAYS, next(iter(settings.namespaces), None))
            return
        except ApiError as error:
            if not told:
                log.warning("OrderReplays cannot be listed yet: %s", error)
                told = True
        time.sleep(1)


async def _watch(
    settings: OperatorSettings,
    operator: Operator,
    cluster: Cluster,
    health: Health,
    lease: Lease,
) -> None:
    # Not the lease's own flag: kopf would wait for that in a thread, and for the thread at the end.
    stop = asyncio.Event()

    async def beat() -> None:
        while True:
            health.beat("the loop of the watches")
            if lease.lost.is_set():
                stop.set()
            await asyncio.sleep(1)

    beating = asyncio.create_task(beat())
    try:
        await kopf.operator(
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            memo=kopf.Memo(operator=operator, cluster=cluster, login=None),
            stop_flag=stop,
        )
    finally:
        beating.cancel()


if __name__ == "__main__":
    main()
