"""Every view in both themes, on a phone and on a wide screen; the pictures are for people."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.system import System


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_every_view_fits_its_screen(
    open_page: Open, system: System, pictures: Path, theme: str, width: int
) -> None:
    order = system.accepted(("PROD-001", 2), ("PROD-003", 1))
    system.accepted(email="decline@example.com")
    system.ended(order)
    for name, path in [("orders", "/orders"), ("order", f"/orders/{order}"), ("live", "/live")]:
        page = open_page(path, width, 844 if width == 390 else 900, theme)
        expect(page.locator("[data-phase=live]")).to_be_visible()
        shown = {"orders": "tbody tr", "order": "details", "live": "main li"}[name]
        expect(page.locator(shown).first).to_be_visible()
        assert page.locator("html").get_attribute("data-theme") == theme
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide"
        page.screenshot(path=pictures / f"{name}-{theme}-{width}.png")
