"""Orders through the five services, each way that they can end."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.integration.conftest import Wire
from tests.system import System, eventually

HAPPY = {
    "ORDER_CREATED",
    "PAYMENT_PROCESSING",
    "INVENTORY_RESERVED",
    "PAYMENT_PROCESSED",
    "SHIPMENT_CREATED",
    "SHIPMENT_DISPATCHED",
    "INVENTORY_COMMITTED",
    "SHIPMENT_DELIVERED",
}


def money(system: System, order: str) -> tuple[str, Decimal, Decimal]:
    """The status of an order's payment, what was captured and what was refunded."""
    rows = system.rows(
        "SELECT status, captured, refunded FROM payment.payments WHERE order_id = %(id)s", id=order
    )
    return tuple(rows[0]) if rows else ("none", Decimal(0), Decimal(0))


def test_an_order_is_paid_reserved_shipped_and_delivered(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(10)
    order = system.accepted((shelf, 3), ("PROD-003", 1))

    assert system.ended(order)["status"] == "completed"
    eventually(lambda: set(system.event_types(order)) == HAPPY)
    events = system.event_types(order)
    assert events[0] == "ORDER_CREATED"
    assert events.index("PAYMENT_PROCESSED") > events.index("PAYMENT_PROCESSING")
    assert events.index("PAYMENT_PROCESSED") > events.index("INVENTORY_RESERVED")
    assert events.index("SHIPMENT_CREATED") > events.index("PAYMENT_PROCESSED")
    assert events.index("SHIPMENT_DELIVERED") > events.index("SHIPMENT_DISPATCHED")
    assert money(system, order) == ("captured", Decimal("64.99"), Decimal(0))
    assert system.stock(shelf) == {"quantity": 7, "reserved": 0, "shipped": 3}


def test_an_order_beyond_the_stock_is_never_charged_and_its_authorisation_is_voided(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(2)
    order = system.accepted((shelf, 3), ("PROD-001", 1))

    ended = system.ended(order)
    assert ended["status"] == "failed"
    assert "Out of stock" in ended["failure_reason"]
    eventually(lambda: money(system, order)[0] in ("voided", "new"))
    assert money(system, order)[1:] == (Decimal(0), Decimal(0))
    assert "PAYMENT_PROCESSED" not in system.event_types(order)
    assert system.stock(shelf) == {"quantity": 2, "reserved": 0, "shipped": 0}


def test_a_declined_payment_gives_its_stock_back(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(5)
    order = system.accepted((shelf, 5), email="decline@example.com")

    ended = system.ended(order)
    assert (ended["status"], ended["failure_reason"]) == ("failed", "Card declined")
    eventually(lambda: system.stock(shelf)["reserved"] == 0)
    assert system.stock(shelf)["quantity"] == 5
    assert money(system, order) == ("declined", Decimal(0), Decimal(0))


def test_what_comes_later_never_overwrites_a_decline(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(5)
    system.stop("inventory")
    order = system.accepted((shelf, 1), email="decline@example.com")
    assert system.ended(order)["status"] == "failed"
    # Inventory now reads the order and the decline, in whichever order.
    system.start("inventory")
    system.settle()
    assert system.status(order) == "failed"
    assert system.stock(shelf) == {"quantity": 5, "reserved": 0, "shipped": 0}


def test_200_concurrent_orders_on_a_stock_of_40_sell_40(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(40)
    with ThreadPoolExecutor(50) as pool:
        orders = list(pool.map(lambda _: system.accepted((shelf, 1)), range(200)))

    outcome = Counter(system.ended(order)["status"] for order in orders)
    assert outcome == {"completed": 40, "failed": 160}
    eventually(lambda: system.stock(shelf)["shipped"] == 40)
    assert system.stock(shelf) == {"quantity": 0, "reserved": 0, "shipped": 40}


def test_statistics_agree_with_the_orders_to_the_cent(system: System) -> None:
    system.accepted(("PROD-001", 2))
    system.settle()
    shown = system.get("/api/analytics")["analytics"]
    row = system.rows(
        "SELECT count(*) AS orders, sum(total) FILTER (WHERE status = 'completed') AS revenue"
        " FROM gateway.orders"
    )[0]
    assert shown["summary"]["total_orders"] == row.orders
    assert shown["summary"]["total_revenue"] == str(row.revenue)
    daily = system.rows("SELECT sum(orders) AS n, sum(revenue) AS r FROM analytics.analytics_daily")
    assert (daily[0].n, daily[0].r) == (row.orders, row.revenue)
    assert sum(day["orders"] for day in shown["dailyOrders"]) == row.orders


# Cancelling.


def cancelled(system: System, order: str) -> None:
    """Assert that an order is cancelled, no money is kept and no stock is held."""
    ended = system.ended(order)
    assert ended["status"] == "cancelled"
    assert ended["cancellation"]["status"] == "accepted"
    eventually(lambda: money(system, order)[1] == money(system, order)[2])


def test_an_order_is_cancelled_before_anything_happened_to_it(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(5)
    system.stop("inventory", "payment")
    order = system.accepted((shelf, 2))
    assert system.post(f"/api/orders/{order}/cancel", {"reason": "Too late"}).status_code == 202
    cancelled(system, order)
    system.start("inventory", "payment")
    system.settle()
    assert system.stock(shelf) == {"quantity": 5, "reserved": 0, "shipped": 0}
    assert "PAYMENT_PROCESSED" not in system.event_types(order)


def test_cancelling_an_unreserved_order_frees_nobodys_stock(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(5)
    other = system.accepted((shelf, 3))
    system.ended(other)
    short = system.accepted((shelf, 4))
    assert system.ended(short)["status"] == "failed"
    assert system.post(f"/api/orders/{short}/cancel").status_code == 409
    system.settle()
    assert system.stock(shelf) == {"quantity": 2, "reserved": 0, "shipped": 3}


def test_an_order_is_cancelled_when_its_stock_is_reserved_and_it_is_not_paid(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(5)
    system.stop("payment")
    order = system.accepted((shelf, 2))
    eventually(lambda: system.status(order) == "reserved")
    assert system.post(f"/api/orders/{order}/cancel").status_code == 202
    cancelled(system, order)
    eventually(lambda: system.stock(shelf)["reserved"] == 0)
    system.start("payment")
    system.settle()
    assert money(system, order)[1:] == (Decimal(0), Decimal(0))


def test_an_order_is_cancelled_when_it_is_authorised_and_not_reserved(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(5)
    system.stop("inventory")
    order = system.accepted((shelf, 2))
    eventually(lambda: system.status(order) == "processing")
    assert system.post(f"/api/orders/{order}/cancel").status_code == 202
    cancelled(system, order)
    eventually(lambda: money(system, order)[0] == "voided")
    system.start("inventory")


@pytest.fixture
def slow_shipping(system: System) -> System:
    """The system, with parcels that wait for a minute before they leave."""
    system.stop("shipping")
    system.start("shipping", DISPATCH_DELAY="60")
    return system


def test_a_paid_order_is_cancelled_before_dispatch_and_refunded_once(
    slow_shipping: System, product: Callable[[int], str], wire: Wire
) -> None:
    system, shelf = slow_shipping, product(5)
    order = system.accepted((shelf, 2))
    eventually(lambda: system.status(order) == "preparing")
    assert system.stock(shelf)["reserved"] == 2
    answer = system.post(f"/api/orders/{order}/cancel", {"reason": "Wrong size"})
    assert answer.status_code == 202
    assert answer.json()["accepted"] is True
    assert answer.json()["order"]["cancellation"]["status"] in ("requested", "accepted")
    cancelled(system, order)
    eventually(lambda: money(system, order) == ("refunded", Decimal(20), Decimal(20)))
    eventually(lambda: system.stock(shelf)["reserved"] == 0)

    # A redelivered cancel releases and refunds nothing more.
    for topic in ("orders", "shipping"):
        for message in wire.read(topic):
            if message.key() == order.encode():
                wire.send(topic, message.value(), key=order, headers=message.headers())
    again = system.accepted(("PROD-002", 1))
    eventually(lambda: system.status(again) == "preparing")
    assert system.stock(shelf) == {"quantity": 5, "reserved": 0, "shipped": 0}
    assert system.event_types(order).count("PAYMENT_REFUNDED") == 1
    assert system.event_types(order).count("INVENTORY_RELEASED") == 1
    system.stop("shipping")
    # The timer of the other order is a row: another process finds it and sends the parcel.
    system.rows("UPDATE shipping.shipments SET due_at = now() WHERE due_at > now() RETURNING 1")
    system.start("shipping")


def test_a_shipped_order_is_not_cancelled(system: System) -> None:
    system.stop("shipping")
    system.start("shipping", DELIVERY_DELAY="60")
    order = system.accepted(("PROD-001", 1))
    eventually(lambda: system.status(order) == "shipped")
    refused = system.post(f"/api/orders/{order}/cancel")
    assert refused.status_code == 409
    assert "its parcel has left" in refused.json()["detail"]
    system.stop("shipping")
    system.rows("UPDATE shipping.shipments SET due_at = now() WHERE due_at > now() RETURNING 1")
    system.start("shipping")
    assert system.ended(order)["status"] == "completed"


def test_a_delivered_order_is_not_cancelled(system: System) -> None:
    order = system.accepted(("PROD-001", 1))
    assert system.ended(order)["status"] == "completed"
    refused = system.post(f"/api/orders/{order}/cancel")
    assert refused.status_code == 409
    assert "it has been delivered" in refused.json()["detail"]
    assert money(system, order)[0] == "captured"


def test_a_cancel_that_reaches_shipping_after_the_parcel_has_left_is_refused_and_says_why(
    system: System,
) -> None:
    # The gateway stands still, so it does not know that the parcel leaves.
    order = system.accepted(("PROD-001", 1))
    system.ended(order)
    system.rows("UPDATE gateway.orders SET status = 'paid' WHERE id = %(id)s RETURNING 1", id=order)
    assert system.post(f"/api/orders/{order}/cancel").status_code == 202

    def refused() -> bool:
        shown = system.get(f"/api/orders/{order}")["order"]["cancellation"]
        return bool(shown["status"] == "refused" and "The parcel left at" in shown["detail"])

    eventually(refused)
    assert system.post(f"/api/orders/{order}/cancel").status_code == 409
    system.rows(
        "UPDATE gateway.orders SET status = 'completed' WHERE id = %(id)s RETURNING 1", id=order
    )
    assert "SHIPMENT_CANCEL_REFUSED" in system.event_types(order)


def test_orders_cancelled_at_any_moment_end_in_one_way_with_their_money_and_stock_right(
    system: System, product: Callable[[int], str]
) -> None:
    shelf = product(1000)
    answers: Counter[int] = Counter()
    orders: list[str] = []
    lock = threading.Lock()

    def shop(number: int) -> None:
        order = system.accepted((shelf, 1))
        with lock:
            orders.append(order)
        for _ in range(number % 6):  # so many round trips later
            system.status(order)
        answers[system.post(f"/api/orders/{order}/cancel").status_code] += 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(shop, range(600)))
    outcome = Counter(system.ended(order)["status"] for order in orders)
    assert set(outcome) <= {"completed", "cancelled"}
    assert outcome.total() == 600
    system.settle()
    assert system.stock(shelf) == {
        "quantity": 1000 - outcome["completed"],
        "reserved": 0,
        "shipped": outcome["completed"],
    }
