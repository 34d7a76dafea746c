"""The figures of a range of time in the browser, held against those of the API."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open
from tests.system import System, eventually

FIGURES = {
    "Orders": "total_orders",
    "Completed": "completed_orders",
    "In flight": "pending_orders",
    "Failed": "failed_orders",
    "Cancelled": "cancelled_orders",
}


def figure(page: Page, label: str) -> Locator:
    return page.locator(f"[data-figure='{label}']")


def money(amount: str) -> str:
    return f"${Decimal(amount):,.2f}"


def statistics(system: System, **between: str) -> dict[str, Any]:
    found: dict[str, Any] = system.get("/api/analytics", params=between)["analytics"]
    return found


@pytest.fixture
def between(system: System) -> dict[str, str]:
    """A range that holds two completed orders, a declined one and a cancelled one, counted."""
    system.restock("PROD-001", 10)
    orders = [
        system.accepted(("PROD-001", 3)),
        system.accepted(("PROD-003", 1)),
        system.accepted(("PROD-003", 2), email="decline@example.com"),
        system.accepted(("PROD-003", 1)),
    ]
    assert system.post(f"/api/orders/{orders[-1]}/cancel", {}).ok
    placed = [system.ended(order)["created_at"] for order in orders]
    until = datetime.fromisoformat(placed[-1]) + timedelta(milliseconds=1)
    found = {"from": placed[0], "to": until.isoformat().replace("+00:00", "Z")}

    def counted() -> bool:
        summary = statistics(system, **found)["range"]["summary"]
        return bool(summary["total_orders"] == 4 and summary["pending_orders"] == 0)

    eventually(counted, what="analytics has counted all four")
    return found


def test_the_figures_are_those_of_the_api_to_the_cent(
    open_page: Open, system: System, between: dict[str, str]
) -> None:
    page = open_page(f"/analytics?{urlencode(between)}")
    told = statistics(system, **between)
    summary = told["range"]["summary"]
    assert Decimal(summary["total_revenue"]) > 200
    expect(figure(page, "Revenue")).to_have_text(money(summary["total_revenue"]))
    expect(figure(page, "Average order")).to_have_text(money(summary["average_order_value"]))
    for label, name in FIGURES.items():
        expect(figure(page, label)).to_have_text(str(summary[name]))
    for stage, orders, share in (
        ("Accepted", 4, "100%"),
        ("Paid", told["range"]["funnel"]["paid"], None),
        ("Delivered", 2, "50%"),
    ):
        row = page.get_by_role("table", name="Orders at each stage").get_by_role("row", name=stage)
        expect(row.get_by_role("cell").first).to_have_text(str(orders))
        if share:
            expect(row).to_contain_text(share)
    statuses = page.get_by_role("list", name="Orders by status")
    expect(statuses.get_by_role("listitem")).to_have_text(
        [re.compile("completed2"), re.compile("failed1"), re.compile("cancelled1")]
    )
    expect(page.get_by_role("region", name="Failures by reason")).to_contain_text("Declined1")


@pytest.mark.parametrize(("unit", "series"), [("hour", "hourlyOrders"), ("day", "dailyOrders")])
def test_each_chart_has_its_figures_as_a_table_too(
    open_page: Open, system: System, between: dict[str, str], unit: str, series: str
) -> None:
    page = open_page(f"/analytics?{urlencode(between | {'by': unit})}")
    told = statistics(system, **between)
    for chart in (f"Orders by {unit}", f"Revenue by {unit}", "Orders by status"):
        expect(page.get_by_role("img", name=chart)).to_be_visible()
    for chart in (f"Orders by {unit}", f"Revenue by {unit}"):
        panel = page.get_by_role("region", name=chart)
        expect(panel.get_by_text("Paler: only the part")).to_be_visible()
        if unit == "day":
            expect(panel.get_by_text("days are UTC")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Lost since the stage before")).to_be_visible()
    revenue = page.get_by_role("table", name=f"Revenue by {unit}").get_by_role("row")
    expect(revenue).to_contain_text(
        [
            "Revenue",
            *(money(each["revenue"]) for each in told[series]),
            money(told["range"]["summary"]["total_revenue"]),
        ]
    )
    orders = page.get_by_role("table", name=f"Orders by {unit}").get_by_role("row", name="Total")
    expect(orders.get_by_role("cell")).to_have_text(["4", "2", "0", "1", "1"])


def test_new_orders_are_counted_without_a_reload(open_page: Open, system: System) -> None:
    page = open_page("/analytics?range=1h")
    expect(figure(page, "Orders")).to_be_visible()
    page.evaluate("window.same = true")
    for _ in range(3):
        system.ended(system.accepted(("PROD-003", 1)))

    def agree() -> bool:
        times = page.locator("h1 + span time")
        ends = [times.nth(at).get_attribute("datetime") for at in range(2)]
        summary = statistics(system, **dict(zip(("from", "to"), map(str, ends), strict=True)))
        shown = [figure(page, label).inner_text() for label in ("Revenue", *FIGURES)]
        wanted = summary["range"]["summary"]
        assert int(wanted["completed_orders"]) >= 3
        return shown == [
            money(wanted["total_revenue"]),
            *(f"{wanted[name]:,}" for name in FIGURES.values()),
        ]

    eventually(agree, what="the page shows what the API says")
    assert page.evaluate("window.same"), "the page was loaded again"


def test_a_range_is_chosen_by_link_and_by_click(open_page: Open, between: dict[str, str]) -> None:
    page = open_page("/analytics?range=7d&by=hour")

    def pressed(name: str) -> None:
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-pressed", "true")

    pressed("7 d")
    pressed("Hours")
    expect(page.get_by_role("region", name="Orders by hour")).to_be_visible()
    page.get_by_role("button", name="Days", exact=True).click()
    expect(page).to_have_url(re.compile("range=7d&by=day"))
    expect(page.get_by_role("region", name="Orders by day")).to_be_visible()
    page.get_by_role("button", name="30 d").click()
    expect(page).to_have_url(re.compile("range=30d$"))
    expect(page.get_by_role("button", name="Hours", exact=True)).to_be_disabled()
    page.go_back()
    pressed("7 d")

    page.get_by_role("button", name="Custom").click()
    chooser = page.get_by_role("form", name="Own range")
    expect(chooser).to_contain_text("In your time zone")
    chooser.get_by_label("From").fill("2026-01-02T10:00")
    chooser.get_by_label("To").fill("2026-01-01T10:00")
    chooser.get_by_role("button", name="Show").click()
    expect(chooser).to_contain_text("The end must be after the start.")
    chooser.get_by_label("To").fill("2026-01-02T12:00")
    chooser.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("from=2026-01-02T.*to=2026-01-02T"))
    expect(page.get_by_text("No orders in this range")).to_be_visible()
    expect(chooser).to_be_hidden()


def test_what_the_api_refuses_is_said_in_its_words(open_page: Open) -> None:
    page = open_page("/analytics?from=2024-01-01&to=2026-01-01")
    expect(page.get_by_role("alert")).to_contain_text("366 days apart at most")
    page.get_by_role("button", name="24 h").click()
    expect(figure(page, "Orders")).to_be_visible()


def test_without_the_api_the_page_says_that_its_figures_are_old(
    open_page: Open, between: dict[str, str]
) -> None:
    page = open_page(f"/analytics?{urlencode(between)}")
    expect(figure(page, "Orders")).to_have_text("4")
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("this is what was so at")
    expect(figure(page, "Orders")).to_have_text("4")
    page.context.set_offline(False)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_the_charts_follow_the_theme(open_page: Open, between: dict[str, str]) -> None:
    page = open_page(f"/analytics?{urlencode(between)}")
    page.emulate_media(reduced_motion="reduce")
    chart = page.get_by_role("img", name="Revenue by hour")
    expect(chart).to_be_visible()
    colours = """canvas => {
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const found = new Set();
        for (let at = 0; at < pixels.length; at += 4)
            if (pixels[at + 3] === 255) found.add([...pixels.slice(at, at + 3)].join());
        return [...found];
    }"""
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    line = {"light": "228,228,232", "dark": "42,42,48"}
    eventually(lambda: line["light"] in chart.evaluate(colours), what="it is drawn for light")
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    eventually(lambda: line["dark"] in chart.evaluate(colours), what="it is drawn for dark")
