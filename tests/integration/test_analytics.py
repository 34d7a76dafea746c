"""The statistics of a range of time, held against the orders that were placed in it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.events import OrderStatus
from tests.system import System


def statistics(system: System, **query: str) -> dict[str, Any]:
    """The statistics of a range."""
    answer = system.http.get(
        system.url("gateway", "/api/analytics"),
        params={name.rstrip("_"): value for name, value in query.items()},
        timeout=60,
    )
    assert answer.ok, answer.text
    shown: dict[str, Any] = answer.json()["analytics"]
    return shown


def placed(system: System, order: str) -> str:
    """When an order was placed."""
    return str(system.get(f"/api/orders/{order}")["order"]["created_at"])


@pytest.fixture
def four(system: System, product: Callable[[int], str]) -> tuple[str, str]:
    """Two completed orders, one declined, one out of stock: from the first to after the last."""
    first = system.accepted(("PROD-001", 2))
    system.accepted(("PROD-003", 1))
    system.accepted(("PROD-002", 1), email="decline@example.com")
    last = system.accepted((product(1), 2))
    system.settle()
    until = datetime.fromisoformat(placed(system, last)) + timedelta(milliseconds=1)
    return placed(system, first), until.isoformat().replace("+00:00", "Z")


def test_the_statistics_of_a_range_are_those_of_the_orders_placed_in_it(
    system: System, four: tuple[str, str]
) -> None:
    since, to = four
    shown = statistics(system, from_=since, to=to)
    listed = system.get("/api/orders", params={"from": since, "to": to})["orders"]
    done = [Decimal(order["total"]) for order in listed if order["status"] == "completed"]
    assert shown["range"]["summary"] == {
        "total_orders": 4,
        "total_revenue": str(sum(done)),
        "average_order_value": f"{sum(done) / 2:.2f}",
        "completed_orders": 2,
        "pending_orders": 0,
        "failed_orders": 2,
        "cancelled_orders": 0,
    }
    assert shown["ordersByStatus"] == dict.fromkeys(OrderStatus, 0) | {"completed": 2, "failed": 2}
    assert shown["failuresByReason"] == {"declined": 1, "out of stock": 1}
    everything = system.rows("SELECT count(*) FROM gateway.orders")[0][0]
    assert shown["summary"]["total_orders"] == everything
    for series in (shown["dailyOrders"], shown["hourlyOrders"]):
        assert sum(each["orders"] for each in series) == 4
        assert sum(Decimal(each["revenue"]) for each in series) == sum(done)
        assert sum(each["failed"] for each in series) == 2


def test_the_funnel_counts_each_order_at_every_stage_that_it_reached(
    system: System, four: tuple[str, str]
) -> None:
    funnel = statistics(system, from_=four[0], to=four[1])["range"]["funnel"]
    # What is out of stock may be authorised or not by then, and the declined reserved or not.
    assert 2 <= funnel.pop("authorised") <= 3
    assert 2 <= funnel.pop("reserved") <= 3
    assert funnel == {
        "accepted": 4,
        "paid": 2,
        "prepared": 2,
        "shipped": 2,
        "delivered": 2,
        "failed": 2,
        "cancelled": 0,
    }


def test_a_range_ends_before_its_last_moment(system: System) -> None:
    order = placed(system, system.accepted())
    system.settle()
    after = datetime.fromisoformat(order) + timedelta(milliseconds=1)
    first = {"from_": "2026-01-01", "to": order}
    before = statistics(system, **first)["range"]["summary"]["total_orders"]
    now = statistics(system, **first | {"to": after.isoformat()})["range"]["summary"]
    assert now["total_orders"] == before + 1


def test_every_hour_and_day_of_a_range_is_there_and_none_beside(system: System) -> None:
    shown = statistics(system, from_="2020-02-28T22:30:00Z", to="2020-03-01T01:30:00+01:00")
    assert [day["date"] for day in shown["dailyOrders"]] == [
        *("2020-02-28", "2020-02-29", "2020-03-01"),
    ]
    hours = [hour["hour"] for hour in shown["hourlyOrders"]]
    assert (len(hours), hours[0], hours[-1]) == (
        *(27, "2020-02-28T22:00:00.000Z", "2020-03-01T00:00:00.000Z"),
    )
    nothing = {"orders": 0, "revenue": "0.00", "completed": 0, "failed": 0, "cancelled": 0}
    assert shown["dailyOrders"][1] == {"date": "2020-02-29"} | nothing
    week = statistics(system, from_="2020-02-01", to="2020-02-08")
    assert (len(week["dailyOrders"]), len(week["hourlyOrders"])) == (7, 168)
    year = statistics(system, from_="2020-01-01", to="2021-01-01")
    assert (len(year["dailyOrders"]), year["hourlyOrders"]) == (366, [])


def test_without_a_range_there_are_30_days_and_24_hours_to_now(system: System) -> None:
    shown = statistics(system)
    now = datetime.now(UTC)
    days = [date.fromisoformat(day["date"]) for day in shown["dailyOrders"]]
    assert (len(days), days[-1] - days[0]) == (30, timedelta(days=29))
    assert now.date() - days[-1] <= timedelta(days=1)  # midnight may have passed
    hours = [datetime.fromisoformat(hour["hour"]) for hour in shown["hourlyOrders"]]
    assert (len(hours), hours[-1] - hours[0]) == (24, timedelta(hours=23))
    assert now - hours[-1] < timedelta(hours=2)


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ({"from": "2026-11-22T17:00:00"}, "from: Send a date or a time with its zone"),
        ({"from": "2026-11-22", "to": "2026-11-21"}, "from must lie before to"),
        ({"from": "2024-11-22", "to": "2026-11-21"}, "366 days apart at most"),
        ({"since": "2026-11-22"}, "since: There is no such parameter; there are from, to"),
    ],
    ids=str,
)
def test_a_range_that_cannot_be_shown_is_refused_with_what_to_send(
    running: System, query: dict[str, str], advice: str
) -> None:
    for service in ("gateway", "analytics"):
        answer = running.http.get(running.url(service, "/api/analytics"), params=query)
        assert answer.status_code == 400
        assert advice in answer.json()["detail"]
