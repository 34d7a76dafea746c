"""Handlers called directly, in every order of arrival, on a real PostgreSQL without Kafka."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import orjson
import pytest
from pydantic import BaseModel
from sqlalchemy import Engine
from uuid_utils import uuid7

from services import registry
from services.analytics.handlers import bit, count
from services.eventkit.event import Event, InvalidMessage, new_event
from services.events import (
    STATUS,
    CancelRequested,
    EventType,
    Line,
    OrderCreated,
    OrderStatus,
    PaymentChanged,
    PaymentFailed,
    Quantity,
    ShipmentCancelled,
    ShipmentChanged,
    StockChanged,
    StockFailed,
)
from services.gateway.handlers import record
from services.inventory.handlers import HANDLERS as INVENTORY
from services.payment.handlers import HANDLERS as PAYMENT
from services.payment.provider import Outcome, Request
from services.payment.teller import Teller
from services.shipping.clock import Clock
from services.shipping.handlers import Handlers

Engines = Callable[[str], Engine]
TEN = Decimal("10.00")


def event(type: EventType, order: str, **fields: Any) -> Event:
    """An event of an order as a consumer would hand it over."""
    item = Quantity(product_id="P", quantity=1)
    payloads: dict[EventType, Callable[[], BaseModel]] = {
        EventType.ORDER_CREATED: lambda: OrderCreated(
            order_id=UUID(order),
            customer_id="C",
            customer_email=fields.get("email", "ada@example.com"),
            items=[
                Line(
                    product_id=fields.get("product", "P"),
                    name="P",
                    price=TEN,
                    quantity=fields.get("quantity", 1),
                )
            ],
            total=TEN,
        ),
        EventType.ORDER_CANCEL_REQUESTED: lambda: CancelRequested(order_id=UUID(order)),
        EventType.INVENTORY_FAILED: lambda: StockFailed(
            order_id=UUID(order), reason="Out of stock", shortages=[]
        ),
        EventType.PAYMENT_FAILED: lambda: PaymentFailed(
            order_id=UUID(order), amount=TEN, reason="Declined"
        ),
        EventType.SHIPMENT_CANCELLED: lambda: ShipmentCancelled(order_id=UUID(order)),
    }
    made: BaseModel
    if type in payloads:
        made = payloads[type]()
    elif type.startswith("PAYMENT"):
        made = PaymentChanged(order_id=UUID(order), amount=TEN, transaction_id="T")
    elif type.startswith("INVENTORY"):
        made = StockChanged(order_id=UUID(order), items=[item])
    else:
        made = ShipmentChanged(order_id=UUID(order), tracking_number="T", carrier="C")
    new = new_event(type, order, made, correlation_id=str(uuid7()))
    new.body = orjson.loads(made.model_dump_json(by_alias=True))
    new.source = "test"
    return new


def handle(engine: Engine, handlers: Any, *events: Event) -> list[Event]:
    """Hand over each event in a transaction of its own. Returns what was published."""
    published: list[Event] = []
    for each in events:
        with engine.begin() as db:
            published += handlers[each.type](db, [each])
    return published


class Ledger:
    """A provider that keeps what it was asked for, and declines for one address."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.unavailable = 0

    def perform(self, requests: list[Request]) -> list[Outcome]:
        """Do as asked, unless it is unavailable for as many calls as ``unavailable`` says."""
        if self.unavailable:
            self.unavailable -= 1
            return [Outcome("unavailable", reason="timeout") for _ in requests]
        outcomes = []
        for request in requests:
            if request.customer_email.startswith("decline"):
                outcomes.append(Outcome("declined", reason="Declined"))
            else:
                self.done[request.idempotency_key] += 1
                outcomes.append(Outcome("done", "T"))
        return outcomes


def tell(engine: Engine, ledger: Ledger) -> list[EventType]:
    """Run the teller until nothing is due. Returns the types of what it published."""
    service = registry.load("payment")
    published: list[EventType] = []
    service.published = lambda events: published.extend(EventType(e.type) for e in events)  # type: ignore[method-assign]
    teller = Teller(service, ledger)  # type: ignore[arg-type]
    with engine.connect() as db:
        while teller(db) == 0:
            pass
    return published


PAID = {EventType.PAYMENT_PROCESSING, EventType.PAYMENT_PROCESSED}


@pytest.mark.parametrize("order_first", [True, False])
def test_payment_captures_whichever_of_order_and_reservation_comes_first(
    handler_database: Engines, order_first: bool
) -> None:
    engine, ledger, order = handler_database("payment"), Ledger(), str(uuid7())
    facts = [event(EventType.ORDER_CREATED, order), event(EventType.INVENTORY_RESERVED, order)]
    published: list[EventType] = []
    for fact in facts if order_first else reversed(facts):
        handle(engine, PAYMENT, fact)
        published += tell(engine, ledger)
    assert published == [EventType.PAYMENT_PROCESSING, EventType.PAYMENT_PROCESSED]
    assert ledger.done == {f"{order}:authorise": 1, f"{order}:capture": 1}


@pytest.mark.parametrize(
    "facts",
    list(
        permutations(
            [
                EventType.ORDER_CREATED,
                EventType.INVENTORY_RESERVED,
                EventType.SHIPMENT_CANCELLED,
            ]
        )
    )
    + list(
        permutations(
            [EventType.ORDER_CREATED, EventType.INVENTORY_FAILED, EventType.SHIPMENT_CANCELLED]
        )
    ),
)
def test_payment_keeps_no_money_of_a_cancelled_order_in_any_order_of_arrival(
    handler_database: Engines, facts: tuple[EventType, ...]
) -> None:
    engine, ledger, order = handler_database("payment"), Ledger(), str(uuid7())
    for fact in facts:
        told = event(fact, order)
        handle(engine, PAYMENT, told, told, told)
        tell(engine, ledger)
    with engine.connect() as db:
        row = db.exec_driver_sql(
            "SELECT captured, refunded, action FROM payments WHERE order_id = %(id)s", {"id": order}
        ).one()
    assert row.captured == row.refunded
    assert row.action is None
    assert max(ledger.done.values(), default=0) <= 1
    assert ledger.done[f"{order}:capture"] == ledger.done[f"{order}:refund"]
    authorised, closed = ledger.done[f"{order}:authorise"], ledger.done[f"{order}:void"]
    assert authorised == closed + ledger.done[f"{order}:capture"]


def test_a_provider_that_is_away_is_asked_again_later(handler_database: Engines) -> None:
    engine, ledger, order = handler_database("payment"), Ledger(), str(uuid7())
    ledger.unavailable = 1
    handle(engine, PAYMENT, event(EventType.ORDER_CREATED, order))
    assert tell(engine, ledger) == []
    with engine.begin() as db:
        row = db.exec_driver_sql(
            "UPDATE payments SET due_at = now() WHERE order_id = %(id)s"
            " RETURNING attempts, action, status",
            {"id": order},
        ).one()
    assert tuple(row) == (1, "authorise", "new")
    assert tell(engine, ledger) == [EventType.PAYMENT_PROCESSING]


def shelve(engine: Engine, pieces: int) -> str:
    """Put a new product on the shelf."""
    product = str(uuid7())
    with engine.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO inventory (product_id, name, price, quantity, initial)"
            " VALUES (%(id)s, 'P', 1, %(n)s, %(n)s)",
            {"id": product, "n": pieces},
        )
    return product


def stock(engine: Engine, product: str) -> tuple[int, int, int]:
    """Pieces on hand, reserved and shipped."""
    with engine.connect() as db:
        row = db.exec_driver_sql(
            "SELECT quantity, reserved, shipped FROM inventory WHERE product_id = %(id)s",
            {"id": product},
        ).one()
    return row[0], row[1], row[2]


@pytest.mark.parametrize("end", [EventType.PAYMENT_FAILED, EventType.SHIPMENT_CANCELLED])
@pytest.mark.parametrize("created_first", [True, False])
def test_inventory_holds_nothing_for_an_ended_order_in_either_order_of_arrival(
    handler_database: Engines, end: EventType, created_first: bool
) -> None:
    engine, order = handler_database("inventory"), str(uuid7())
    product = shelve(engine, 5)
    created = event(EventType.ORDER_CREATED, order, product=product, quantity=2)
    events = [created, event(end, order)]
    published = handle(engine, INVENTORY, *(events if created_first else reversed(events)))
    assert stock(engine, product) == (5, 0, 0)
    said = [e.type for e in published]
    assert said == (
        [EventType.INVENTORY_RESERVED, EventType.INVENTORY_RELEASED] if created_first else []
    )


def test_inventory_reserves_all_lines_or_none_and_fairly_within_a_batch(
    handler_database: Engines,
) -> None:
    engine = handler_database("inventory")
    product = shelve(engine, 5)
    batch = [
        event(EventType.ORDER_CREATED, str(uuid7()), product=product, quantity=n)
        for n in (3, 3, 2, 1)
    ]
    with engine.begin() as db:
        published = INVENTORY[EventType.ORDER_CREATED](db, list(batch))
    by_order = {e.key: e.type for e in published}
    assert [by_order[e.key] for e in batch] == [
        EventType.INVENTORY_RESERVED,
        EventType.INVENTORY_FAILED,
        EventType.INVENTORY_RESERVED,
        EventType.INVENTORY_FAILED,
    ]
    assert stock(engine, product) == (5, 5, 0)


def test_stock_freed_for_two_reasons_at_once_is_freed_and_told_once(
    handler_database: Engines,
) -> None:
    engine, order = handler_database("inventory"), str(uuid7())
    product = shelve(engine, 5)
    created = event(EventType.ORDER_CREATED, order, product=product, quantity=2)
    with engine.begin() as db:
        reserved = INVENTORY[EventType.ORDER_CREATED](db, [created, created])
    assert len(list(reserved)) == 1
    ends = [event(EventType.PAYMENT_FAILED, order), event(EventType.SHIPMENT_CANCELLED, order)]
    with engine.begin() as db:
        released = INVENTORY[EventType.PAYMENT_FAILED](db, ends)
    assert [e.type for e in released] == [EventType.INVENTORY_RELEASED]
    assert stock(engine, product) == (5, 0, 0)


def test_a_refund_that_is_declined_is_asked_for_again(handler_database: Engines) -> None:
    engine, ledger, order = handler_database("payment"), Ledger(), str(uuid7())
    for type in (EventType.ORDER_CREATED, EventType.INVENTORY_RESERVED):
        handle(engine, PAYMENT, event(type, order))
    tell(engine, ledger)

    class Refusing(Ledger):
        def perform(self, requests: list[Request]) -> list[Outcome]:
            return [Outcome("declined", reason="Account closed") for _ in requests]

    handle(engine, PAYMENT, event(EventType.SHIPMENT_CANCELLED, order))
    assert tell(engine, Refusing()) == []
    with engine.begin() as db:
        row = db.exec_driver_sql(
            "UPDATE payments SET due_at = now() WHERE order_id = %(id)s RETURNING status, action",
            {"id": order},
        ).one()
    assert tuple(row) == ("captured", "refund")
    assert tell(engine, ledger) == [EventType.PAYMENT_REFUNDED]


def test_inventory_refuses_a_dispatch_of_what_was_never_reserved(
    handler_database: Engines,
) -> None:
    engine = handler_database("inventory")
    with pytest.raises(InvalidMessage, match="no stock is reserved"):
        handle(engine, INVENTORY, event(EventType.SHIPMENT_DISPATCHED, str(uuid7())))


def test_every_event_three_times_and_shuffled_leaves_inventory_right(
    handler_database: Engines,
) -> None:
    engine = handler_database("inventory")
    product = shelve(engine, 50)
    chance = random.Random(7)
    events = []
    for number in range(60):
        order = str(uuid7())
        events.append(event(EventType.ORDER_CREATED, order, product=product))
        if number % 3 == 0:
            events.append(event(EventType.PAYMENT_FAILED, order))
    events *= 3
    chance.shuffle(events)
    handle(engine, INVENTORY, *events)
    on_hand, reserved, shipped = stock(engine, product)
    with engine.connect() as db:
        held = db.exec_driver_sql(
            "SELECT count(*) FROM reservations WHERE status = 'reserved' AND items ? %(id)s",
            {"id": product},
        ).scalar_one()
    assert (on_hand, shipped) == (50, 0)
    assert reserved == held <= 50


def parcels(engine: Engine, count: int) -> list[str]:
    """So many orders that are paid for and whose parcels may leave now."""
    handlers = Handlers(dispatch_delay=timedelta(), delivery_delay=timedelta()).by_type
    orders = [str(uuid7()) for _ in range(count)]
    for type in (EventType.ORDER_CREATED, EventType.PAYMENT_PROCESSED):
        with engine.begin() as db:
            handlers[type](db, [event(type, order) for order in orders])
    return orders


def run_clock(engine: Engine) -> list[Event]:
    """Run the clock until nothing is due. Returns what it published."""
    service = registry.load("shipping")
    published: list[Event] = []
    service.published = lambda events: published.extend(events)  # type: ignore[method-assign]
    clock = Clock(service, delivery_delay=timedelta())
    with engine.connect() as db:
        while clock(db) == 0:
            pass
    return published


def test_a_payment_for_an_order_that_is_unknown_sends_no_parcel(handler_database: Engines) -> None:
    engine, order = handler_database("shipping"), str(uuid7())
    handlers = Handlers(dispatch_delay=timedelta(), delivery_delay=timedelta()).by_type
    paid, created = event(EventType.PAYMENT_PROCESSED, order), event(EventType.ORDER_CREATED, order)
    assert handle(engine, handlers, paid) == []
    assert run_clock(engine) == []
    assert [e.type for e in handle(engine, handlers, created)] == [EventType.SHIPMENT_CREATED]
    assert [e.type for e in run_clock(engine)] == [
        EventType.SHIPMENT_DISPATCHED,
        EventType.SHIPMENT_DELIVERED,
    ]


def test_shipping_refuses_to_cancel_an_order_that_is_unknown(handler_database: Engines) -> None:
    engine = handler_database("shipping")
    handlers = Handlers(dispatch_delay=timedelta(), delivery_delay=timedelta()).by_type
    with pytest.raises(InvalidMessage, match="is unknown"):
        handle(engine, handlers, event(EventType.ORDER_CANCEL_REQUESTED, str(uuid7())))


def test_a_cancel_in_the_same_instant_as_dispatch_has_one_winner_3000_times(
    handler_database: Engines,
) -> None:
    engine = handler_database("shipping")
    handlers = Handlers(dispatch_delay=timedelta(), delivery_delay=timedelta()).by_type
    decided: list[Event] = []
    sent: list[Event] = []
    for _ in range(6):
        orders = parcels(engine, 500)
        random.Random(len(sent)).shuffle(orders)
        start = threading.Barrier(2)

        def cancel(orders: list[str] = orders, start: threading.Barrier = start) -> None:
            start.wait()
            for first in range(0, len(orders), 25):
                requests = [
                    event(EventType.ORDER_CANCEL_REQUESTED, o) for o in orders[first : first + 25]
                ]
                with engine.begin() as db:
                    decided.extend(handlers[EventType.ORDER_CANCEL_REQUESTED](db, requests))

        def dispatch(start: threading.Barrier = start) -> None:
            start.wait()
            sent.extend(run_clock(engine))

        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(cancel), pool.submit(dispatch)]:
                future.result()
        sent.extend(run_clock(engine))
    cancelled = {e.key for e in decided if e.type == EventType.SHIPMENT_CANCELLED}
    refused = {e.key for e in decided if e.type == EventType.SHIPMENT_CANCEL_REFUSED}
    dispatched = {e.key for e in sent if e.type == EventType.SHIPMENT_DISPATCHED}
    assert len(decided) == 3000
    assert not cancelled & dispatched
    assert refused == dispatched
    assert len(cancelled) + len(dispatched) == 3000


ALL = [
    EventType.PAYMENT_PROCESSING,
    EventType.INVENTORY_RESERVED,
    EventType.PAYMENT_PROCESSED,
    EventType.SHIPMENT_CREATED,
    EventType.SHIPMENT_DISPATCHED,
    EventType.INVENTORY_COMMITTED,
    EventType.SHIPMENT_DELIVERED,
]


def accept(engine: Engine, order: str) -> None:
    """Put an order into the gateway's table, as accepted."""
    with engine.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO orders (id, customer_id, customer_email, items, total, correlation_id,"
            " created_at, updated_at) VALUES (%(id)s, 'C', 'E', '[]', 10, %(id)s, now(), now())",
            {"id": order},
        )


@pytest.mark.parametrize("seed", range(5))
def test_the_status_depends_on_the_events_and_not_on_their_order(
    handler_database: Engines, seed: int
) -> None:
    engine, chance = handler_database("gateway"), random.Random(seed)
    happy, declined, both = str(uuid7()), str(uuid7()), str(uuid7())
    for order in (happy, declined, both):
        accept(engine, order)
    events = [event(type, happy) for type in ALL]
    events += [event(t, declined) for t in (EventType.INVENTORY_RESERVED, EventType.PAYMENT_FAILED)]
    events += [event(t, both) for t in (EventType.INVENTORY_FAILED, EventType.PAYMENT_VOIDED)]
    events *= 3
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 8)
        batch, events = events[:size], events[size:]
        with engine.begin() as db:
            assert record(db, list({e.id: e for e in batch}.values())) == []
    with engine.connect() as db:
        rows = db.exec_driver_sql("SELECT id::text, status FROM orders")
        status = {row[0]: row[1] for row in rows}
        seen = db.exec_driver_sql(
            "SELECT count(*) FROM order_events WHERE order_id = %(id)s", {"id": happy}
        ).scalar_one()
    assert (status[happy], status[declined], status[both]) == ("completed", "failed", "failed")
    assert seen == len(ALL)


def test_a_cancellation_that_comes_after_a_failure_leaves_the_order_failed(
    handler_database: Engines,
) -> None:
    engine, order = handler_database("gateway"), str(uuid7())
    accept(engine, order)
    with engine.begin() as db:
        assert record(db, [event(EventType.PAYMENT_FAILED, order)]) == []
        assert record(db, [event(EventType.SHIPMENT_CANCELLED, order)]) == []
        row = db.exec_driver_sql(
            "SELECT status, cancel_status FROM orders WHERE id = %(id)s", {"id": order}
        ).one()
    assert tuple(row) == ("failed", "refused")


def test_a_failure_that_comes_after_a_cancellation_leaves_the_order_cancelled(
    handler_database: Engines,
) -> None:
    engine, order = handler_database("gateway"), str(uuid7())
    accept(engine, order)
    with engine.begin() as db:
        published = record(db, [event(EventType.SHIPMENT_CANCELLED, order)])
        assert [e.type for e in published] == [EventType.ORDER_CANCELLED]
        assert record(db, [event(EventType.PAYMENT_FAILED, order)]) == []
        status = db.exec_driver_sql(
            "SELECT status FROM orders WHERE id = %(id)s", {"id": order}
        ).scalar_one()
    assert status == "cancelled"


def test_an_event_for_an_order_that_is_unknown_is_refused_by_the_gateway(
    handler_database: Engines,
) -> None:
    engine = handler_database("gateway")
    with engine.begin() as db, pytest.raises(InvalidMessage, match="there is no order"):
        record(db, [event(EventType.PAYMENT_PROCESSED, str(uuid7()))])


@pytest.mark.parametrize("seed", range(5))
def test_statistics_count_each_order_once_in_any_order_of_arrival(
    handler_database: Engines, seed: int
) -> None:
    engine, chance = handler_database("analytics"), random.Random(seed)

    def sums() -> tuple[int, int, int, Decimal]:
        with engine.connect() as db:
            row = db.exec_driver_sql(
                "SELECT coalesce(sum(orders), 0), coalesce(sum(completed), 0),"
                " coalesce(sum(failed), 0), coalesce(sum(revenue), 0) FROM analytics_daily"
            ).one()
        return row[0], row[1], row[2], row[3]

    before = sums()
    events = []
    for number in range(30):
        order = str(uuid7())
        events.append(event(EventType.ORDER_CREATED, order))
        if number % 3:
            events += [event(type, order) for type in ALL]
        else:
            events += [event(EventType.PAYMENT_FAILED, order)]
    events *= 3
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 20)
        batch, events = events[:size], events[size:]
        with engine.begin() as db:
            count(db, batch)
    after = sums()
    orders, completed, failed, revenue = after
    assert (orders - before[0], completed - before[1], failed - before[2]) == (30, 20, 10)
    assert revenue - before[3] == 20 * TEN


@pytest.mark.parametrize("seed", range(3))
def test_the_stages_of_an_order_are_those_of_its_events_in_any_order_of_arrival(
    handler_database: Engines, seed: int
) -> None:
    engine, order = handler_database("analytics"), str(uuid7())
    events = [
        event(EventType.ORDER_CREATED, order),
        event(EventType.PAYMENT_PROCESSING, order),
        event(EventType.INVENTORY_FAILED, order),
    ] * 2
    random.Random(seed).shuffle(events)
    for each in events:
        with engine.begin() as db:
            count(db, [each])
    with engine.connect() as db:
        reached = db.exec_driver_sql(
            "SELECT reached FROM order_facts WHERE order_id = %(id)s", {"id": order}
        ).scalar_one()
    assert reached == (
        bit(OrderStatus.PENDING) | bit(OrderStatus.PROCESSING) | bit(OrderStatus.FAILED)
    )


def test_statistics_keep_what_they_first_heard_of_an_order(handler_database: Engines) -> None:
    engine, order = handler_database("analytics"), str(uuid7())
    first, forged = event(EventType.ORDER_CREATED, order), event(EventType.ORDER_CREATED, order)
    forged.payload = forged.payload.model_copy(update={"total": Decimal("999.99")})
    for each in (first, forged):
        with engine.begin() as db:
            count(db, [each])
    with engine.connect() as db:
        total = db.exec_driver_sql(
            "SELECT total FROM order_facts WHERE order_id = %(id)s", {"id": order}
        ).scalar_one()
    assert total == TEN


def test_the_database_sorts_statuses_as_the_code_does(handler_database: Engines) -> None:
    for service in ("gateway", "analytics"):
        with handler_database(service).connect() as db:
            labels = db.exec_driver_sql(
                "SELECT unnest(enum_range(NULL::order_status))::text"
            ).scalars()
            assert list(labels) == [status.value for status in OrderStatus]
    assert set(STATUS.values()) <= set(OrderStatus)
