"""Gateway: the REST API, and the orders themselves."""

from pathlib import Path

from sqlalchemy import Connection

from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE
from services.gateway import routes
from services.gateway.catalogue import Catalogue
from services.gateway.handlers import HANDLERS
from services.gateway.neighbours import Neighbours, urls

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


def create() -> Service:
    """Put the service together, from the environment."""
    settings = read_settings(GatewaySettings)
    service = Service(
        "gateway", 4000, LANGUAGE, settings, MIGRATIONS, handlers=HANDLERS, inbox=False
    )
    neighbours = Neighbours(
        service,
        urls(
            service,
            payment=settings.payment_url,
            inventory=settings.inventory_url,
            shipping=settings.shipping_url,
            analytics=settings.analytics_url,
        ),
    )
    catalogue = Catalogue(service, neighbours.urls["inventory"])
    service.background = [catalogue]
    service.loops = {"forget": _forget}
    service.routes = routes.create(service, catalogue, neighbours)
    return service


def _forget(db: Connection) -> float:
    with db.begin():
        gone = db.exec_driver_sql(_FORGET)
    return 0 if gone.rowcount == 10_000 else 60.0
