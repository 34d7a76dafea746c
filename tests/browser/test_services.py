"""The services in the browser: well, away, behind, and back."""

import re
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Open
from tests.system import System, eventually

NAMES = ("gateway", "payment", "inventory", "shipping", "analytics", "replay")


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def lag(page: Page, name: str) -> int:
    """How many messages its card says that a service is behind."""
    found = re.search(r"([\d,]+) messages?", card(page, name).inner_text())
    assert found
    return int(found[1].replace(",", ""))


@pytest.fixture
def without_shipping(system: System) -> Iterator[None]:
    """Shipping is stopped, and started again where the test has not done so."""
    system.stop("shipping")
    yield
    if not system.processes["shipping"]:
        system.start("shipping")


def test_all_services_are_told_and_all_are_well(open_page: Open, system: System) -> None:
    system.ended(system.accepted(("PROD-003", 1)))
    page = open_page("/services")
    expect(page.get_by_role("status").filter(has_text="All 6 services are well")).to_be_visible()
    told = {each["name"]: each for each in system.get("/api/services/status")["services"]}
    for name in NAMES:
        expect(card(page, name)).to_contain_text("healthy")
        expect(card(page, name)).to_contain_text(told[name]["version"])
    expect(card(page, "payment").get_by_role("list", name="Lag by topic")).to_contain_text("orders")
    expect(card(page, "payment")).to_contain_text(re.compile("Outbox ?Empty"))
    expect(page.get_by_text("A service is lagging where 1,000 messages")).to_be_visible()


def test_a_service_that_is_stopped_is_shown_with_its_lag_until_it_is_back(
    open_page: Open, system: System, without_shipping: None
) -> None:
    page = open_page("/services")
    expect(card(page, "shipping")).to_contain_text("offline")
    expect(card(page, "shipping")).to_contain_text("start it again, here with make run-shipping")
    expect(page.get_by_role("status").filter(has_text="shipping offline")).to_be_visible()
    system.restock("PROD-003", 20)
    orders = list[str]()
    for more in (lag(page, "shipping") + 5, lag(page, "shipping") + 10):
        orders += [system.accepted(("PROD-003", 1)) for _ in range(5)]
        grown = partial(lambda least: lag(page, "shipping") >= least, more)
        eventually(grown, what="the lag grows")
    system.start("shipping")
    expect(card(page, "shipping")).to_contain_text("healthy")
    expect(page.get_by_role("status").filter(has_text="All 6 services are well")).to_be_visible()
    eventually(lambda: lag(page, "shipping") == 0, what="it has caught up")
    for order in orders:
        assert system.ended(order)["status"] == "completed"


def test_a_service_that_is_behind_or_misses_something_is_told_as_such(open_page: Open) -> None:
    def worse(route: Route) -> None:
        """The answer of the gateway, as it would be under a load that no test should bring."""
        answer = route.fetch()
        told = answer.json()
        services = {each["name"]: each for each in told["services"]}
        services["inventory"]["lag"]["messages"] = 12_345
        services["payment"]["outbox"] = {"rows": 7, "oldestSeconds": 75.0}
        services["shipping"]["lag"]["partitions"] = 0
        services["analytics"]["status"] = "unhealthy"
        services["analytics"]["checks"]["consumer"] = "more than 100 dead letters a minute"
        services["replay"]["status"] = "unhealthy"
        services["replay"]["checks"]["kafka"] = "Kafka does not answer"
        services["replay"]["lastError"] = {
            "time": "2026-11-22T17:55:02.114Z",
            "level": "WARNING",
            "message": "standing still: Kafka does not answer",
        }
        route.fulfill(response=answer, json=told)

    page = open_page("/live")
    page.route("**/api/services/status", worse)
    page.get_by_role("link", name="Services").click()
    said = "analytics, replay unhealthy · payment, inventory lagging · shipping lag unknown"
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
    expect(card(page, "inventory")).to_contain_text("12,345 messages")
    expect(card(page, "inventory")).to_contain_text("lagging")
    expect(card(page, "payment")).to_contain_text("7 events, oldest 1 min 15 s")
    expect(card(page, "replay")).to_contain_text("Kafka does not answer.")
    expect(card(page, "analytics")).to_contain_text("Its consumer stands still")
    expect(card(page, "analytics")).to_contain_text("More than 100 dead letters a minute.")
    letters = card(page, "analytics").get_by_role("link", name="See its dead letters")
    expect(letters).to_have_attribute("href", "/topics/dead-letters?service=analytics")
    expect(card(page, "shipping")).to_contain_text("None of its consumers holds a partition")
    expect(card(page, "replay")).to_contain_text("Last warning")
    expect(card(page, "replay")).to_contain_text("standing still: Kafka does not answer")
    page.unroute_all()
    expect(page.get_by_role("status").filter(has_text="All 6 services are well")).to_be_visible()


def test_without_the_gateway_the_page_says_why_and_comes_back(open_page: Open) -> None:
    page = open_page("/live")
    page.route("**/api/services/status", lambda route: route.abort())
    page.get_by_role("link", name="Services").click()
    expect(page.get_by_role("alert")).to_contain_text("The API cannot be reached")
    page.unroute_all()
    expect(card(page, "shipping")).to_be_visible()
    page.route("**/api/services/status", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("this is what was so at")
    expect(card(page, "shipping")).to_be_visible()
    page.unroute_all()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_view_first_opened_offline_says_so_and_comes_once_online(open_page: Open) -> None:
    page = open_page("/orders")
    expect(page.get_by_role("heading", name="Orders", exact=True)).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("link", name="Services").click()
    expect(page.get_by_role("alert")).to_contain_text("This view could not be loaded")
    expect(page.get_by_role("alert")).to_contain_text("check that you are online")
    page.context.set_offline(False)
    expect(card(page, "shipping")).to_be_visible()


def test_what_is_too_old_is_not_told_as_of_now(open_page: Open) -> None:
    page = open_page("/live")
    page.clock.install()
    page.get_by_role("link", name="Services").click()
    expect(page.get_by_role("status").filter(has_text="All 6 services are well")).to_be_visible()
    page.route("**/api/services/status", lambda route: None)  # it hangs
    page.clock.fast_forward(20_000)
    expect(page.get_by_role("status").filter(has_text="Not known since")).to_be_visible()
