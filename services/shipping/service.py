"""Shipping: sends parcels, and alone knows whether one has left."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE
from services.shipping.clock import Clock
from services.shipping.handlers import Handlers

MIGRATIONS = Path(__file__).parent / "migrations"


class ShippingSettings(Settings):
    """How long a parcel takes."""

    dispatch_delay: float = Field(3.0, ge=0, description="Seconds from payment to dispatch.")
    delivery_delay: float = Field(5.0, ge=0, description="Seconds from dispatch to delivery.")


def create() -> Service:
    """Put the service together, from the environment."""
    settings = read_settings(ShippingSettings)
    dispatch = timedelta(seconds=settings.dispatch_delay)
    delivery = timedelta(seconds=settings.delivery_delay)
    handlers = Handlers(dispatch_delay=dispatch, delivery_delay=delivery)
    service = Service("shipping", 4003, LANGUAGE, settings, MIGRATIONS, handlers=handlers.by_type)
    service.loops = {"clock": Clock(service, delivery_delay=delivery)}
    return service
