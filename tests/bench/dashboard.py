"""`make bench-dashboard`: how smooth the dashboard stays under load, in a real Chromium.

Everything runs on one machine, the services, the load and the browser, so the browser has less of
it than a reader's own would give.
"""

import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import orjson
from confluent_kafka import Producer
from playwright.sync_api import Browser, CDPSession, Page

from services.eventkit.event import encode
from services.registry import NAMES
from tests.bench.__main__ import orders as made
from tests.bench.feed import OwnFeed
from tests.browser import running
from tests.system import System

SMOOTH = 50  # ms that a frame may take
ARRIVING = 20  # orders a second, in the second part

SPENT = {
    "TaskDuration": "the page",
    "ScriptDuration": "its script",
    "RecalcStyleDuration": "style",
    "LayoutDuration": "layout",
}

# The time of every frame, the messages of the socket, and what kept the page longer than 50 ms.
WATCH = """
window.bench = { frames: [], events: 0, gaps: 0, longTasks: 0 };
const draw = () => { bench.frames.push(performance.now()); requestAnimationFrame(draw); };
requestAnimationFrame(draw);
new PerformanceObserver((list) => { bench.longTasks += list.getEntries().length; })
  .observe({ type: "longtask" });
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      if (data.startsWith('{"type":"EVENTS"')) bench.events += data.split('"eventId"').length - 1;
      else if (data.startsWith('{"type":"GAP"')) bench.gaps += JSON.parse(data).missed;
    });
  }
};
"""
RESET = """
Object.assign(bench, { frames: [], events: 0, gaps: 0, longTasks: 0, began: performance.now() });
undefined
"""
TOLD = "({ ...bench, seconds: (performance.now() - bench.began) / 1000 })"


class Watch:
    """Looks at a page from now on."""

    def __init__(self, page: Page, cdp: CDPSession) -> None:
        self._page, self._cdp = page, cdp
        page.evaluate(RESET)
        self._before = self._spent()

    def _spent(self) -> dict[str, float]:
        """Seconds of the main thread on a processor, by what for, since the page began."""
        told = self._cdp.send("Performance.getMetrics")["metrics"]
        return {each["name"]: each["value"] for each in told}

    def tell(self, what: str, beside: str = "") -> None:
        """Print how the frames were, and what the page's thread did."""
        told, after = self._page.evaluate(TOLD), self._spent()
        busy = {name: (after[name] - self._before[name]) / told["seconds"] for name in SPENT}
        line(what, told, beside)
        spent = ", ".join(f"{text} {busy[name]:.0%}" for name, text in SPENT.items())
        click.echo(f"{'':44}   of a processor: {spent}")


def line(what: str, told: dict[str, Any], beside: str) -> None:
    """Print how the frames were."""
    at = told["frames"]
    spans = sorted(after - before for before, after in pairwise(at))
    smooth = sum(span < SMOOTH for span in spans) / len(spans)
    p95 = spans[math.ceil(len(spans) * 0.95) - 1]
    missed = f", {told['gaps']:,} skipped by the server" if told["gaps"] else ""
    click.echo(
        f"{what:44} {smooth:7.1%} of {len(spans):4} frames under {SMOOTH} ms   p95 {p95:4.0f} ms"
        f"   longest {spans[-1]:4.0f} ms   {told['longTasks']:3} long tasks"
        f"   {told['events'] / told['seconds']:5,.0f} events/s on the socket{missed}{beside}"
    )


class Bench:
    """One run over one system."""

    def __init__(self, system: System, browser: Browser, *, seconds: float, rate: int) -> None:
        self.system, self.browser = system, browser
        self.seconds, self.rate = seconds, rate

    @contextmanager
    def page(self, url: str) -> Iterator[tuple[Page, CDPSession]]:
        """A page of its own, and what its browser knows of it."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        page = context.new_page()
        page.add_init_script(WATCH)
        cdp = context.new_cdp_session(page)
        cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(url)
        page.locator("[data-phase=live]").wait_for()
        yield page, cdp
        context.close()

    def under_events(self, feed: str, url: str) -> None:
        """The two views that follow the feed, while it tells so many events a second."""
        for name, path, there in (
            ("Live", "/live", "main ol > li"),
            ("Orders", "/orders", "tbody a"),
        ):
            with self.page(url + path) as (page, cdp):
                page.locator(there).first.wait_for()
                page.wait_for_timeout(2_000)  # until the view has come to rest
                watch, beside = Watch(page, cdp), ""
                page.wait_for_timeout(self.seconds * 1000)
                if name == "Live":
                    beside = f", {page.get_by_title('Over the last').inner_text()} shown"
                watch.tell(f"{name}, {self.rate:,} events/s from {feed}", beside)

    def among_many(self, url: str, count: int) -> None:
        """The table of many orders, used as fast as a person can while others arrive."""
        with self.page(f"{url}/orders") as (page, cdp), self.arriving():
            page.locator("tbody a").first.wait_for()
            for name, act in (
                ("scrolling", scroll),
                ("paging", turn_pages),
                ("sorting", sort),
                ("searching", search),
            ):
                watch, until = Watch(page, cdp), time.monotonic() + self.seconds / 2
                while time.monotonic() < until:
                    act(page)
                watch.tell(f"{count:,} orders, {name}")

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """Orders that are placed meanwhile."""
        stopping = threading.Event()
        with ThreadPoolExecutor(4) as pool:

            def post() -> None:
                while not stopping.wait(1 / ARRIVING):
                    pool.submit(self.system.order)

            thread = threading.Thread(target=post)
            thread.start()
            try:
                yield
            finally:
                stopping.set()
                thread.join()

    @contextmanager
    def produced(self) -> Iterator[None]:
        """Orders that Kafka alone knows, at the rate; none but analytics may be listening."""
        stopping = threading.Event()
        thread = threading.Thread(target=self._produce, args=(stopping,))
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def _produce(self, stopping: threading.Event) -> None:
        messages = [(event, *encode(event, "gateway")) for event in made(500)]
        producer = Producer({"bootstrap.servers": self.system.kafka.bootstrap, "linger.ms": 5})
        began, sent = time.monotonic(), 0
        while not stopping.wait(0.01):
            due = int((time.monotonic() - began) * self.rate) - sent
            for number in range(sent, sent + due):
                event, value, headers = messages[number % len(messages)]
                new = {old: f"{old[:-12]}{number:012x}" for old in (event.id, event.key)}
                for old in new:
                    value = value.replace(old, new[old])
                told = orjson.loads(headers) | {"event-id": new[event.id]}
                producer.produce("orders", value, new[event.key], headers=told)
            producer.poll(0)
            sent += due
        producer.flush()


def scroll(page: Page) -> None:
    """Down the page and up again."""
    page.mouse.move(500, 500)
    for delta in (400, 400, 400, -400, -400, -400):
        page.mouse.wheel(0, delta)
        page.wait_for_timeout(50)


def turn_pages(page: Page) -> None:
    """Three pages on and back."""
    for name in ("Next", "Next", "Next", "Previous", "Previous", "Previous"):
        page.get_by_role("button", name=name).click()
        settled(page)


def sort(page: Page) -> None:
    """By every column, both ways, and as before."""
    for name in ("Total", "Total", "Updated", "Updated", "Created"):
        page.get_by_role("button", name=name, exact=True).click()
        settled(page)


def search(page: Page) -> None:
    """For a customer, key by key, and for none."""
    box = page.get_by_label("Search orders")
    box.press_sequentially("many-12", delay=60)
    settled(page)
    box.fill("")
    settled(page)


def settled(page: Page) -> None:
    """Wait until the page of the table is the one that was asked for."""
    page.locator("tbody[aria-busy=false]").wait_for()


def fill(system: System, count: int) -> list[str]:
    """Store so many orders; returns the ids of the newest."""
    with system.engine.begin() as db:
        db.exec_driver_sql(
            """
            INSERT INTO gateway.orders (id, customer_id, customer_email, items, total, status,
                correlation_id, created_at, updated_at)
            SELECT gen_random_uuid(), 'MANY-' || n %% 1000, n || '@many.example',
                '[{"productId": "P", "name": "USB-C Hub", "price": 1, "quantity": 1}]', n %% 1000,
                CASE WHEN n > %(count)s - 50 THEN 'pending'
                    ELSE (ARRAY['completed', 'failed', 'cancelled'])[1 + n %% 3]
                END::gateway.order_status, gen_random_uuid(), t, t
            FROM generate_series(1, %(count)s) AS n,
                LATERAL (SELECT now() - (%(count)s - n) * interval '10 s' AS t) AS at
            """,
            {"count": count},
        )
        db.exec_driver_sql("ANALYZE gateway.orders")
        newest = "SELECT id::text FROM gateway.orders ORDER BY created_at DESC LIMIT 50"
        return [row.id for row in db.exec_driver_sql(newest)]


@click.command()
@click.option("--seconds", default=15.0, show_default=True, help="That each part is watched.")
@click.option("--rate", default=5_000, show_default=True, help="Events a second on the socket.")
@click.option("--orders", default=100_000, show_default=True, help="Orders in the table.")
def main(seconds: float, rate: int, orders: int) -> None:
    """Measure the frames of the dashboard under many events and with many orders."""
    click.echo(f"{os.cpu_count()} processors, {os.getloadavg()[0]:.1f} programs wanted one before")
    root = Path(tempfile.mkdtemp(prefix="orderflow-bench-"))
    system = System(root, PAYMENT_LATENCY="0.4", DISPATCH_DELAY="2", DELIVERY_DELAY="1")
    try:
        system.start_backends()
        newest = fill(system, orders)
        system.start()
        with running.chromium() as browser:
            bench = Bench(system, browser, seconds=seconds, rate=rate)
            with (
                OwnFeed(rate, newest) as own,
                running.served(system, ANALYTICS_URL=own.url) as url,
            ):
                bench.under_events("the bench's own feed", url)
            with running.served(system) as url:
                for number in range(1, 9):
                    system.restock(f"PROD-00{number}", 100_000)
                bench.among_many(url, orders)
                # They would act on the orders that come now.
                system.stop(*(name for name in NAMES if name not in ("gateway", "analytics")))
                with bench.produced():
                    bench.under_events("analytics", url)
    finally:
        system.close()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
