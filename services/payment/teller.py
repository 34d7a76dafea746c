"""The teller: the loop that asks the provider for what the facts of a payment call for.

It does so outside of any transaction. A crash between the provider's answer and the commit repeats
the request under the same idempotency key.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Row

from services.eventkit.event import Event, new_event
from services.eventkit.service import Service
from services.events import EventType, PaymentChanged, PaymentFailed
from services.payment.provider import Outcome, Provider, Request

log = logging.getLogger(__name__)

BATCH = 500
RETRY = timedelta(seconds=1)  # doubled with each try that finds the provider unavailable
LONGEST_RETRY = timedelta(minutes=1)

# The status that an action starts from, the one it leads to, and the event that says so.
_STEPS = {
    "authorise": ("new", "authorised", EventType.PAYMENT_PROCESSING),
    "capture": ("authorised", "captured", EventType.PAYMENT_PROCESSED),
    "void": ("authorised", "voided", EventType.PAYMENT_VOIDED),
    "refund": ("captured", "refunded", EventType.PAYMENT_REFUNDED),
}

_DUE = f"""
SELECT order_id::text, action, amount, customer_email, transaction_id,
    correlation_id::text, cause_id::text, attempts
FROM payments WHERE action IS NOT NULL AND due_at <= now() ORDER BY due_at LIMIT {BATCH}
"""
_NEXT_DUE = """
SELECT extract(epoch FROM min(due_at) - now())::float FROM payments WHERE action IS NOT NULL
"""
_RECORD = """
UPDATE payments p SET
    status = r.status,
    captured = CASE r.status WHEN 'captured' THEN amount ELSE captured END,
    refunded = CASE r.status WHEN 'refunded' THEN captured ELSE refunded END,
    transaction_id = coalesce(r.transaction_id, p.transaction_id),
    failure_reason = coalesce(r.reason, p.failure_reason),
    attempts = r.attempts, due_at = now() + r.wait, updated_at = now()
FROM unnest(%(ids)s::uuid[], %(before)s::text[], %(after)s::text[], %(transactions)s::text[],
        %(reasons)s::text[], %(attempts)s::int[], %(waits)s::interval[])
    AS r (order_id, before, status, transaction_id, reason, attempts, wait)
WHERE p.order_id = r.order_id AND p.status = r.before
RETURNING p.order_id::text
"""


@dataclass(frozen=True, slots=True)
class _Change:
    """What one outcome does to its payment."""

    order_id: str
    before: str
    after: str
    outcome: Outcome
    attempts: int
    wait: timedelta
    event: Event | None


class Teller:
    """The work of the loop: one batch of requests to ``provider`` a round."""

    def __init__(self, service: Service, provider: Provider) -> None:
        self._service, self._provider = service, provider

    def __call__(self, db: Connection) -> float | None:
        """Do what is due. Returns the seconds until more is."""
        with db.begin():
            due = db.exec_driver_sql(_DUE).all()
            if not due:
                wait: float | None = db.exec_driver_sql(_NEXT_DUE).scalar()
                return None if wait is None else max(wait, 0.001)
        requests = [
            Request(d.action, d.order_id, d.amount, d.customer_email, d.transaction_id) for d in due
        ]
        outcomes = self._ask(requests)
        changes = [_change(d, outcome) for d, outcome in zip(due, outcomes, strict=True)]
        with db.begin():
            published = _record(db, changes)
            self._service.publish(db, published)
        self._service.published(published)
        return 0

    def _ask(self, requests: list[Request]) -> list[Outcome]:
        try:
            return self._provider.perform(requests)
        except Exception:
            log.exception("the provider failed")
            return [Outcome("unavailable")] * len(requests)


def _change(due: Row, outcome: Outcome) -> _Change:  # type: ignore[type-arg]
    before, after, event_type = _STEPS[due.action]
    payload: PaymentChanged | PaymentFailed
    final = outcome.result == "declined" and due.action in ("authorise", "capture")
    if outcome.result == "unavailable" or (outcome.result == "declined" and not final):
        # Money that is owed back is asked for until it is given.
        if outcome.result == "declined":
            log.error("the provider declines to %s %s", due.action, due.order_id)
        wait = min(RETRY * 2 ** min(due.attempts, 10), LONGEST_RETRY)
        return _Change(due.order_id, before, before, outcome, due.attempts + 1, wait, None)
    if final:
        after, event_type = "declined", EventType.PAYMENT_FAILED
        payload = PaymentFailed(
            order_id=due.order_id, amount=due.amount, reason=outcome.reason or "Declined"
        )
    else:
        payload = PaymentChanged(
            order_id=due.order_id,
            amount=due.amount,
            transaction_id=outcome.transaction_id or due.transaction_id,
        )
    event = new_event(
        event_type,
        due.order_id,
        payload,
        correlation_id=due.correlation_id,
        causation_id=due.cause_id,
    )
    return _Change(due.order_id, before, after, outcome, 0, timedelta(), event)


def _record(db: Connection, changes: list[_Change]) -> list[Event]:
    """Write changes down. Returns the events of those that were still to be made."""
    changes.sort(key=lambda change: change.order_id)
    rows = db.exec_driver_sql(
        _RECORD,
        {
            "ids": [c.order_id for c in changes],
            "before": [c.before for c in changes],
            "after": [c.after for c in changes],
            "transactions": [c.outcome.transaction_id for c in changes],
            "reasons": [c.outcome.reason for c in changes],
            "attempts": [c.attempts for c in changes],
            "waits": [c.wait for c in changes],
        },
    )
    made = {row[0] for row in rows}
    return [c.event for c in changes if c.event and c.order_id in made]
