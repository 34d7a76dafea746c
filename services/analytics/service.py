"""Analytics: statistics from every event, and the live feed."""

from pathlib import Path

from pydantic import Field

from services.analytics import routes
from services.analytics.feed import Feed
from services.analytics.handlers import HANDLERS
from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE

MIGRATIONS = Path(__file__).parent / "migrations"

SPARE_THREADS = 8  # for plain requests, while every place on the feed is taken


class AnalyticsSettings(Settings):
    """How many may follow the feed."""

    threads: int = 64
    websocket_ping: float = Field(25.0, gt=0, description="Seconds between heartbeats.")
    websocket_patience: float = Field(
        10.0, gt=0, description="Seconds after which a client that takes nothing is dropped."
    )
    websocket_clients: int = Field(50, ge=1, description="WebSockets open at a time.")


def create() -> Service:
    """Put the service together, from the environment."""
    settings = read_settings(AnalyticsSettings)
    if settings.websocket_clients > settings.threads - SPARE_THREADS:
        raise SystemExit(
            f"WEBSOCKET_CLIENTS={settings.websocket_clients} leaves too few of THREADS="
            f"{settings.threads} for other requests; set THREADS to at least"
            f" {settings.websocket_clients + SPARE_THREADS}."
        )
    service = Service(
        "analytics", 4004, LANGUAGE, settings, MIGRATIONS, handlers=HANDLERS, inbox=False
    )
    feed = Feed(settings)
    service.background = [feed]
    service.routes = routes.create(
        service,
        feed,
        most_clients=settings.websocket_clients,
        ping=settings.websocket_ping,
        patience=settings.websocket_patience,
    )
    return service
