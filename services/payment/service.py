"""Payment: authorises, captures, voids and refunds through a provider."""

from pathlib import Path

from pydantic import Field

from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE
from services.payment.handlers import HANDLERS
from services.payment.provider import Simulator
from services.payment.teller import Teller

MIGRATIONS = Path(__file__).parent / "migrations"


class PaymentSettings(Settings):
    """How the simulated provider behaves."""

    payment_latency: float = Field(1.0, ge=0, description="Seconds that the provider takes.")
    payment_decline_rate: float = Field(0.0, ge=0, le=1, description="Share that is declined.")
    payment_seed: str = Field("orderflow", description="Fixes which orders are declined.")


def create() -> Service:
    """Put the service together, from the environment."""
    settings = read_settings(PaymentSettings)
    provider = Simulator(
        latency=settings.payment_latency,
        decline_rate=settings.payment_decline_rate,
        seed=settings.payment_seed,
    )
    service = Service("payment", 4001, LANGUAGE, settings, MIGRATIONS, handlers=HANDLERS)
    service.loops = {"teller": Teller(service, provider)}
    return service
