"""Replay: writes stored history to topics of its own; on this machine, with processes."""

from pathlib import Path

from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE
from services.orderreplay.checkpoint import Follower
from services.replay import routes
from services.replay.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"


def create() -> Service:
    """Put the service together, from the environment."""
    settings = read_settings(Settings)
    service = Service("replay", 4006, LANGUAGE, settings, MIGRATIONS, inbox=False)
    follower = Follower(settings)
    worker = Worker(follower, settings)
    service.background = [follower, worker]
    service.loops = {"worker": worker}
    service.routes = routes.create(service)
    return service
