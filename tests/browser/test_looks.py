"""Every view in both themes, on a phone and on a wide screen; the pictures are for people."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import Open, violations
from tests.system import System, eventually


@pytest.fixture(scope="module")
def replayed(system: System) -> Iterator[str]:
    """Replays as people make them, in several phases; the id of one that has completed."""
    system.restock("PROD-003", 100)
    for _ in range(40):
        system.accepted(("PROD-003", 1))

    def made(phase: str, **spec: Any) -> str:
        asked = {"eventTypes": ["ORDER_CREATED", "PAYMENT_PROCESSING"], **spec}
        id = system.post("/api/orders/replay", asked).json()["replay"]["id"]
        eventually(lambda: shown(id)["phase"] == phase, what=f"{id} is {phase}")
        return str(id)

    def shown(id: str) -> Any:
        return system.get(f"/api/replays/{id}")["replay"]

    stood = made("Running", topic="load-test", eventsPerSecond=4)
    eventually(lambda: (shown(stood)["progress"] or {}).get("replayed"))
    system.post(f"/api/replays/{stood}/suspend")
    going = made("Running", topic="new-consumer", eventsPerSecond=0.2, filter={"minTotal": "10.00"})
    system.post("/api/orders/replay", {"topic": "audit", "days": 30, "dryRun": True})
    yield made("Completed", topic="fraud-check", parallelism=3)
    for id in (stood, going):
        system.post(f"/api/replays/{id}/cancel")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_every_view_fits_its_screen(
    open_page: Open, system: System, replayed: str, pictures: Path, theme: str, width: int
) -> None:
    for product in ("PROD-002", "PROD-004", "PROD-005", "PROD-008"):
        system.restock(product, 100)
        system.accepted((product, 2), body={"customerId": f"CUST-{product[-3:]}"})
    failed = system.accepted(email="decline@example.com")
    order = system.accepted(("PROD-001", 2), ("PROD-003", 1))
    for each in (failed, order):
        system.ended(each)
    [created] = system.get(f"/api/topics/orders/messages?key={order}")["messages"]
    place = f"{created['partition']}:{created['offset']}"
    junk = system.poison(2)
    letter = system.get(f"/api/dead-letters?text={junk}")["deadLetters"][0]["number"]
    views = {
        "orders": ("/orders", "CUST-008"),
        "order": (f"/orders/{order}", "Shipment delivered"),
        "failed": (f"/orders/{failed}", "Payment failed"),
        "live": ("/live", "Shipment dispatched"),
        "analytics": ("/analytics?range=24h", "Failures by reason"),
        "services": ("/services", "Sends parcels and decides cancels"),
        "replays": ("/replays", "fraud-check"),
        "replay": (f"/replays/{replayed}", "All is on the topic."),
        "new-replay": ("/replays/new", "Original timing"),
        "topics": ("/topics", "replay-checkpoints"),
        "groups": ("/topics?show=groups", "shipping"),
        "topic": ("/topics/orders", "ORDER_CREATED"),
        "partitions": ("/topics/orders?tab=partitions", "broker 1"),
        "readers": ("/topics/orders?tab=groups", "Stable"),
        "message": (f"/topics/orders?message={place}", "customerEmail"),
        "dead-letters": (f"/topics/dead-letters?text={junk}", junk),
        "dead-letter": (f"/topics/dead-letters?letter={letter}", "Value"),
    }
    for name, (path, shown) in views.items():
        page = open_page(path, width, 844 if width == 390 else 900, theme)
        expect(page.locator("[data-phase=live]")).to_be_visible()
        if name == "live":
            for _ in range(3):
                system.accepted(("PROD-008", 1))
        if name == "new-replay":
            page.get_by_label("Customer ids").fill("CUST-004\nCUST-008")
            page.get_by_role("button", name="Preview").click()
            expect(
                page.get_by_text("will be made").or_(page.get_by_text("is there"))
            ).to_be_visible()
        expect(
            page.locator("main").get_by_text(shown).locator("visible=true").first
        ).to_be_visible()
        assert page.locator("html").get_attribute("data-theme") == theme
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide"
        assert violations(page) == []
        page.screenshot(path=pictures / f"{name}-{theme}-{width}.png")


def test_the_first_view_needs_at_most_200_kilobytes_of_script_and_no_charts(
    open_page: Open,
) -> None:
    page = open_page("/orders")
    expect(page.get_by_label("Pieces of USB-C Hub")).to_be_visible()
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    scripts = [url for url in loaded if url.endswith(".js")]
    contents = [requests.get(url, timeout=10).content for url in scripts]
    assert 50_000 < sum(len(gzip.compress(each)) for each in contents) <= 200_000
    assert not any(b"chartjs" in each.lower() for each in contents)
