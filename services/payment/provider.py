"""The payment provider: what a service asks of it, and a simulator that answers by rule."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

Action = Literal["authorise", "capture", "void", "refund"]


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to be done with an order's money."""

    action: Action
    order_id: str
    amount: Decimal
    customer_email: str
    transaction_id: str | None

    @property
    def idempotency_key(self) -> str:
        """The same for every try at the same thing: the provider does it once."""
        return f"{self.order_id}:{self.action}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the provider answered: done, declined for good, or unavailable and to be asked again.

    Only an authorisation and a capture can be declined for good; what is owed back is asked again.
    """

    result: Literal["done", "declined", "unavailable"]
    transaction_id: str | None = None
    reason: str | None = None


class Provider(Protocol):
    """Takes many requests at once, so that an adapter is free to send them side by side."""

    def perform(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer each request, in order. A repeated idempotency key gets its first answer again."""


class Simulator:
    """A provider that declines by rule, and besides at a rate that the seed fixes for each order.

    An e-mail address that begins with ``decline`` is declined, always. ``latency`` is the seconds
    that a call takes, however many requests it has.
    """

    def __init__(self, *, latency: float, decline_rate: float, seed: str) -> None:
        self._latency, self._decline_rate, self._seed = latency, decline_rate, seed

    def perform(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer by rule, after the latency."""
        if self._latency:
            time.sleep(self._latency)
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Outcome:
        if request.action == "authorise":
            if request.customer_email.lower().startswith("decline"):
                return Outcome("declined", reason="Card declined")
            if self._decline_rate and self._chance(request.order_id) < self._decline_rate:
                return Outcome("declined", reason="Insufficient funds")
        return Outcome("done", request.transaction_id or f"txn_{request.order_id.replace('-', '')}")

    def _chance(self, order_id: str) -> float:
        digest = hashlib.blake2b(f"{self._seed}:{order_id}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
