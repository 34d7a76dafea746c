"""`make screenshots`: docs/images/ anew, from a running system on a lifelike day."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Page, expect

from local.children import CHECKOUT, end, spawn
from tests.browser.conftest import Open
from tests.system import System, eventually

IMAGES = CHECKOUT / "docs" / "images"
LARGEST = 300_000  # bytes of a picture
DAYS = 14  # that the orders are spread over
ORDERS, RATE = 900, 40


@dataclass(frozen=True)
class Shop:
    """What is worth looking at."""

    order: str
    replay: str


@pytest.fixture(scope="module")
def shop(system: System) -> Iterator[Shop]:
    """A fortnight of orders, replays of them, dead letters, and orders that come in."""
    demo = ("demo", "--url", system.url("gateway"))
    mix = ("--declined", "0.06", "--out-of-stock", "0.03", "--cancelled", "0.05", "--seed", "7")
    system.run(*demo, *mix, "--count", str(ORDERS), "--rate", str(RATE))
    system.settle()
    spread(system)
    order = system.accepted(("PROD-001", 2), ("PROD-003", 1), body={"customerId": "CUST-042"})
    system.ended(order)
    asked = (
        {"topic": "fraud-rules", "filter": {"minTotal": "50"}},
        {"topic": "fraud-rules", "eventTypes": ["PAYMENT_FAILED"], "dryRun": True},
        {"topic": "black-friday", "eventTypes": ["ORDER_CREATED", "PAYMENT_PROCESSED"]},
        {"topic": "warehouse-trial", "eventsPerSecond": 4},
    )
    replays = [system.post("/api/orders/replay", {"days": 30} | each).json() for each in asked]
    ids = [each["replay"]["id"] for each in replays]
    phases = ["Completed", "Completed", "Completed", "Running"]
    eventually(lambda: [phase(system, each) for each in ids] == phases, what="replays are made")
    spoil(system)
    stream = spawn(
        [
            *(str(Path(sys.executable).parent / "orderflow"), *demo, *mix[:-2]),
            *("--count", "100000", "--rate", "5"),
        ],
        system.root / "demo.log",
        system.env,
    )
    try:
        yield Shop(order, ids[0])
    finally:
        end(stream)
        system.post(f"/api/replays/{ids[3]}/cancel")


def phase(system: System, replay: str) -> str:
    """How a replay stands."""
    return str(system.get(f"/api/replays/{replay}")["replay"]["phase"])


def spread(system: System) -> None:
    """Move most orders into the days before, as if the shop had been open all the time."""
    with system.engine.begin() as db:
        db.exec_driver_sql(
            """
            CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
            SELECT id, created_at - (power(random(), 0.8) * %(days)s + 0.01) * interval '1 day'
                AS at
            FROM gateway.orders WHERE random() < 0.93;
            UPDATE gateway.orders o SET created_at = m.at, updated_at = m.at + interval '9 s'
            FROM moved m WHERE m.id = o.id;
            UPDATE analytics.order_facts f SET created_at = m.at
            FROM moved m WHERE m.id = f.order_id;
            """,
            {"days": DAYS},
        )
        for table, column, value in (
            ("analytics_daily", "date", "(created_at AT TIME ZONE 'UTC')::date"),
            ("analytics_hourly", "hour", "date_trunc('hour', created_at, 'UTC')"),
        ):
            db.exec_driver_sql(
                f"""
                DELETE FROM analytics.{table};
                INSERT INTO analytics.{table}
                    ({column}, orders, completed, failed, cancelled, revenue)
                SELECT {value}, count(*), count(*) FILTER (WHERE status = 'completed'),
                    count(*) FILTER (WHERE status = 'failed'),
                    count(*) FILTER (WHERE status = 'cancelled'),
                    coalesce(sum(total) FILTER (WHERE status = 'completed'), 0)
                FROM analytics.order_facts WHERE created_at IS NOT NULL GROUP BY 1
                """
            )


def spoil(system: System) -> None:
    """Send what no service can read, and wait until it lies among the dead letters."""
    producer = Producer({"bootstrap.servers": system.kafka.bootstrap})
    for text in ("no JSON", '{"eventType": "PAYMENT_PROCESSED"}', '{"eventId": 12}'):
        producer.produce("payments", text, "01a20478-4751-764b-ae13-1b6250338a33")
    producer.flush()
    eventually(lambda: system.get("/api/dead-letters")["total"] > 2, what="letters lie there")


PICTURES = {
    "orders": ("/orders", "tbody tr td"),
    "order": ("/orders/{order}", "section[aria-label^=Order] li span:text('Replayed')"),
    "live": ("/live", "main ol > li:nth-child(12)"),
    "analytics": ("/analytics?range=30d", "main canvas"),
    "replays": ("/replays", "main :text('warehouse-trial')"),
    "topics": ("/topics", "main :text('dead-letters')"),
    "services": ("/services", "main :text('inventory')"),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of(open_page: Open, shop: Shop, name: str, theme: str) -> None:
    path, content = PICTURES[name]
    page = open_page(path.format(order=shop.order, replay=shop.replay), theme=theme)
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("[data-phase=live]")).to_be_visible()
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator(f"{content} >> visible=true").first).to_be_visible()
    expect(page.locator("main .animate-pulse")).to_have_count(0)
    PREPARE.get(name, lambda _: None)(page)
    image = IMAGES / f"{name}-{theme}.png"
    page.screenshot(path=image, animations="disabled", caret="hide")
    assert image.stat().st_size < LARGEST, f"{image} is {image.stat().st_size} bytes"


def fill_the_cart(page: Page) -> None:
    """An order that is about to be placed."""
    page.get_by_label("One Wireless Headphones more").dblclick()
    page.get_by_label("One USB-C Hub more").click()
    page.get_by_label("Customer id").fill("CUST-042")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("heading", name="New order").click()


def choose_an_event(page: Page) -> None:
    """One of the events, with its payload."""
    page.get_by_label("Event type").select_option("ORDER_CREATED")
    page.get_by_role("listitem").get_by_role("button").first.click()
    page.get_by_label("Event type").select_option("")


PREPARE = {"orders": fill_the_cart, "live": choose_an_event}
