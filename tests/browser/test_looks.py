"""Every view in both themes, on a phone and on a wide screen; the pictures are for people."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, violations
from tests.browser.test_topics import poison
from tests.system import System


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_every_view_fits_its_screen(
    open_page: Open, system: System, pictures: Path, theme: str, width: int
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
    junk = poison(system, 2)
    letter = system.get(f"/api/dead-letters?text={junk}")["deadLetters"][0]["number"]
    views = {
        "orders": ("/orders", "CUST-008"),
        "order": (f"/orders/{order}", "Shipment delivered"),
        "failed": (f"/orders/{failed}", "Payment failed"),
        "live": ("/live", "Shipment dispatched"),
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
        expect(
            page.locator("main").get_by_text(shown).locator("visible=true").first
        ).to_be_visible()
        assert page.locator("html").get_attribute("data-theme") == theme
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide"
        assert violations(page) == []
        page.screenshot(path=pictures / f"{name}-{theme}-{width}.png")
