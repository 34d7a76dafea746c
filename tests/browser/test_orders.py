"""Orders are placed, watched and cancelled in the browser."""

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.system import System, eventually


def fill(page: Page, customer: str, product: str = "USB-C Hub") -> None:
    page.get_by_label(f"One {product} more").click()
    page.get_by_label("Customer id").fill(customer)
    page.get_by_label("E-mail").fill("ada@example.com")


def place(page: Page, customer: str) -> None:
    fill(page, customer)
    page.get_by_role("button", name="Place order").click()


def test_an_order_is_placed_and_seen_to_go_to_completed(open_page: Open) -> None:
    page, customer = open_page("/orders"), f"CUST-{uuid4().hex[:6]}"
    page.evaluate("window.same = true")
    place(page, customer)
    row = page.get_by_role("row").filter(has_text=customer)
    expect(row).to_be_visible()
    expect(row).to_contain_text("completed")
    assert page.evaluate("window.same"), "the page was loaded again"


def test_a_double_click_makes_one_order(open_page: Open, system: System) -> None:
    page, customer = open_page("/orders"), f"CUST-{uuid4().hex[:6]}"
    fill(page, customer)
    page.get_by_role("button", name="Place order").dblclick()
    row = page.get_by_role("row").filter(has_text=customer)
    expect(row).to_contain_text("completed")
    assert system.get(f"/api/orders?customerId={customer}")["pagination"]["total"] == 1


def test_what_is_wrong_is_said_beside_its_field_in_the_words_of_the_api(
    open_page: Open, system: System
) -> None:
    page = open_page("/orders")
    fill(page, "")
    email = page.get_by_label("E-mail")
    email.fill("nowhere")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_label("Customer id")).to_be_focused()
    expect(email).to_have_attribute("aria-invalid", "true")
    said = system.order(body={"customerId": "", "customerEmail": "nowhere"}).json()["errors"]
    assert {error["field"] for error in said} == {"customerId", "customerEmail"}
    for error in said:
        expect(page.locator("form")).to_contain_text(error["message"])


def test_an_order_is_told_by_its_events_and_a_link(open_page: Open, system: System) -> None:
    order = system.accepted(("PROD-003", 1))
    page = open_page(f"/orders/{order}")
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(drawer).to_contain_text("Shipment delivered")
    drawer.get_by_text("Payment processed").click()
    expect(drawer).to_contain_text('"transactionId"')
    drawer.get_by_role("button", name="Copy link").click()
    eventually(lambda: page.evaluate("navigator.clipboard.readText()").endswith(f"/orders/{order}"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/orders$"))


def test_an_order_is_cancelled_with_a_reason(open_page: Open, system: System) -> None:
    order = system.accepted(("PROD-003", 1))
    page = open_page(f"/orders/{order}")
    page.get_by_role("button", name="Cancel order").click()
    page.get_by_label("Reason for cancelling").fill("changed my mind")
    page.get_by_role("button", name="Cancel this order").click()
    expect(page.get_by_text("Cancelled, and the money given back.")).to_be_visible()
    expect(page.get_by_text("Reason given: changed my mind")).to_be_visible()
    assert system.ended(order)["status"] == "cancelled"


def test_orders_are_searched_filtered_and_paged(open_page: Open, system: System) -> None:
    customer = f"PAGE-{uuid4().hex[:6]}"
    system.restock("PROD-003", 1_000)
    for _ in range(60):
        system.accepted(("PROD-003", 1), body={"customerId": customer})
    page = open_page("/orders")
    page.get_by_label("Search orders").fill(customer)
    rows = page.locator("tbody tr")
    expect(page).to_have_url(re.compile(f"q={customer}"))
    expect(rows.filter(has_text=customer)).to_have_count(50)
    expect(page.get_by_text("Page 1 of 2")).to_be_visible()
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(10)
    page.get_by_role("button", name="Previous").click()
    expect(rows).to_have_count(50)
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_text("No order matches")).to_be_visible()
    expect(page).to_have_url(re.compile(f"status=failed&q={customer}"))


def test_the_socket_is_cut_and_nothing_is_missed(open_page: Open, system: System) -> None:
    page = open_page("/live")
    light = page.locator("[data-phase]")
    expect(light).to_have_text("Live")
    page.context.set_offline(True)
    expect(light).to_contain_text("Offline since")
    order = system.accepted(("PROD-003", 1))
    system.ended(order)
    page.context.set_offline(False)
    expect(light).to_have_text("Live")
    expect(light).to_have_attribute("title", re.compile("caught up [0-9]+ events"))
    page.get_by_label("Order id").fill(order)
    expect(page.get_by_role("listitem")).to_have_count(len(system.event_types(order)))
