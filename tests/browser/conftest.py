"""The built dashboard in a real Chromium, against a real system of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.children import data_root
from local.dashboard import SOURCES
from tests.browser import running
from tests.system import System

expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """All services, with delays that let one see an order on its way."""
    system = System(
        tmp_path_factory.mktemp("system"),
        PAYMENT_LATENCY="0.4",
        DISPATCH_DELAY="6",
        DELIVERY_DELAY="1",
    )
    try:
        system.start_backends()
        system.start()
        yield system
    finally:
        system.close()


@pytest.fixture(scope="session")
def dashboard(system: System) -> Iterator[str]:
    """Where the dashboard is served, as `make run` serves it."""
    with running.served(system) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A Chromium for all tests."""
    with running.chromium() as browser:
        yield browser


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, dashboard: str) -> Iterator[Open]:
    """Opens a path of the dashboard; the test fails where the page or its policy complained."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(path: str, width: int = 1440, height: int = 900, theme: str = "light") -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            locale="en-GB",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if "Content Security Policy" in said.text else None
            ),
        )
        page.goto(dashboard + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots go."""
    folder = data_root() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_AXE = SOURCES / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """What axe finds against accessibility on a page as it stands."""
    page.emulate_media(reduced_motion="reduce")  # a colour on its way is none to judge
    page.evaluate(_AXE.read_text() + ";undefined")
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [
        f"{each['id']}: {each['help']}: {node['target']}"
        for each in found
        for node in each["nodes"]
    ]
