"""Gateway: the REST API, and the orders themselves."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection

from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE
from services.gateway import routes
from services.gateway.catalogue import Catalogue
from services.gateway.handlers import HANDLERS
from services.gateway.kafka import Kafka
from services.gateway.neighbours import Neighbours, urls
from services.gateway.replays import ByOperator, ByWorker, Replays

MIGRATIONS = Path(__file__).parent / "migrations"

_FORGET = """
DELETE FROM idempotency_keys WHERE key = ANY(ARRAY(
    SELECT key FROM idempotency_keys WHERE created_at < now() - interval '1 day' LIMIT 10000
))
"""


class GatewaySettings(Settings):
    """Where the other services answer; empty: on this machine, at their own ports."""

    payment_url: str = ""
    inventory_url: str = ""
    shipping_url: str = ""
    analytics_url: str = ""
    replay_url: str = ""
    replays: Literal["worker", "kubernetes"] = Field(
        "worker", description="Who runs replays: the replay service, or the operator."
    )
    replay_namespace: str = Field("", description="Of OrderReplays; empty: the gateway's own.")


def create() -> Service:
    """Put the service together, from the environment."""
    settings = read_settings(GatewaySettings)
    service = Service(
        "gateway",
        4000,
        LANGUAGE,
        settings,
        MIGRATIONS,
        handlers=HANDLERS,
        inbox=False,
        readers={"history": ("orders", "order_events")},
    )
    known = urls(
        service,
        payment=settings.payment_url,
        inventory=settings.inventory_url,
        shipping=settings.shipping_url,
        analytics=settings.analytics_url,
        replay=settings.replay_url,
    )
    replays: Replays
    if settings.replays == "kubernetes":
        del known["replay"]
        replays = ByOperator(settings.replay_namespace)
    kafka = Kafka(settings)
    neighbours = Neighbours(service, known, kafka)
    if settings.replays == "worker":
        replays = ByWorker(neighbours)
    catalogue = Catalogue(service, neighbours.urls["inventory"])
    service.background = [catalogue]
    service.loops = {"forget": _forget}
    service.routes = routes.create(service, catalogue, neighbours, replays, kafka)
    return service


def _forget(db: Connection) -> float:
    with db.begin():
        gone = db.exec_driver_sql(_FORGET)
    return 0 if gone.rowcount == 10_000 else 60.0
