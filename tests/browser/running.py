"""The dashboard as `make run` serves it, and a Chromium to look at it with."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from local.children import data_root, end, spawn
from local.dashboard import Dashboard
from tests.system import System, eventually, free_port

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def served(system: System, **env: str) -> Iterator[str]:
    """Build and serve a system's dashboard, with `env` besides. Gives its address."""
    built = Dashboard(data_root() / "cache" / "dashboard", system.root / "build.log")
    built.prepare()
    port = free_port()
    given = built.environment(system.env | {"DASHBOARD_PORT": str(port)} | env)
    process = spawn(built.command(), system.root / "dashboard.log", given)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: system.http.get(url, timeout=5).ok, what="the dashboard answers")
        yield url
    finally:
        end(process, group=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """CHROMIUM, the one on the PATH, or else the one that `playwright install chromium` fetched."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
