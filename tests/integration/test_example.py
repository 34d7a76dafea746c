"""The worked example of docs/adding-a-service.md, run as a newcomer would run it."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.children import end, spawn
from services.eventkit.migrations import lack, migrate
from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE
from tests.integration.conftest import Wire
from tests.system import System, eventually, free_port

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = CHECKOUT / "docs/examples/notification/service.py"
MIGRATION = EXAMPLE.parent / "migrations/0001_notifications.py"
PAGE = CHECKOUT / "docs/adding-a-service.md"
HEARS = {b"SHIPMENT_DISPATCHED", b"PAYMENT_FAILED", b"ORDER_CANCELLED"}
DUPLICATES = r'orderflow_consumer_messages_total{outcome="duplicate"} (\d+)'


@pytest.fixture
def notification(system: System) -> Iterator[str]:
    """The example, migrated and served beside the running system. Yields its address."""
    system.run("migrate", str(EXAMPLE))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).parent / "orderflow"), "serve", str(EXAMPLE)]
    log = system.root / "notification.log"
    process = spawn(command, log, {**system.env, "PORT": str(port)})
    try:
        eventually(lambda: get(address, "/ready").ok, what=f"ready; see {log}")
        yield address
    finally:
        process.terminate()
        process.wait(30)
        end(process, group=True)


def get(address: str, path: str) -> requests.Response:
    """GET from the example."""
    return requests.get(address + path, timeout=5)


def told(address: str, order: str) -> list[str]:
    """The types of the events that the customer of an order was told of."""
    answer = get(address, f"/api/notifications/{order}").json()
    return [each["event_type"] for each in answer["notifications"]]


def duplicates(address: str) -> int:
    """How many repeated messages the example has left out."""
    found = re.search(DUPLICATES, get(address, "/metrics").text)
    return int(found[1]) if found else 0


def heard(wire: Wire, orders: set[str]) -> list[Any]:
    """The messages about these orders that the example listens for."""
    return [
        message
        for topic in ("orders", "payments", "shipping")
        for message in wire.read(topic)
        if message.key().decode(errors="replace") in orders
        and dict(message.headers() or ()).get("event-type") in HEARS
    ]


def test_a_service_may_have_the_name_of_a_word_of_sql(system: System) -> None:
    settings = read_settings(Settings)
    own = Service("user", 4008, LANGUAGE, settings, MIGRATION.parent)
    with system.engine.begin() as db:
        assert lack(db, own) == "the schema user is not there yet"
        migrate(db, own, settings)
        assert lack(db, own) is None
        migrate(db, own, settings)


def test_the_example_tells_each_thing_once_however_often_it_hears_it(
    system: System, wire: Wire, request: pytest.FixtureRequest
) -> None:
    shipped = system.accepted()
    declined = system.accepted(email="decline@example.com")
    assert system.ended(shipped)["status"] == "completed"
    assert system.ended(declined)["status"] == "failed"

    # Started only now: a new service hears what was said before it was there.
    address: str = request.getfixturevalue("notification")
    assert get(address, "/health").ok
    eventually(lambda: told(address, shipped) == ["SHIPMENT_DISPATCHED"])
    eventually(lambda: told(address, declined) == ["PAYMENT_FAILED"])

    eventually(lambda: system.lag(str(EXAMPLE)) == 0, 60, "it has read all that was said before")
    before = duplicates(address)
    messages = heard(wire, {shipped, declined})
    assert len(messages) == 2
    for message in messages * 3:
        topic, key = message.topic(), message.key().decode()
        wire.send(topic, message.value(), key, headers=message.headers())
    eventually(lambda: duplicates(address) == before + 6, what="all repeats were read")

    rows = system.rows(
        "SELECT order_id::text, event_type FROM notification.notifications"
        " WHERE order_id = ANY(%(orders)s::uuid[])",
        orders=[shipped, declined],
    )
    assert Counter((row.order_id, row.event_type) for row in rows) == {
        (shipped, "SHIPMENT_DISPATCHED"): 1,
        (declined, "PAYMENT_FAILED"): 1,
    }


def test_the_example_takes_under_60_lines() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 60


@pytest.mark.parametrize("file", [EXAMPLE, MIGRATION], ids=lambda file: file.name)
def test_the_page_shows_the_example_as_it_is(file: Path) -> None:
    shown = PAGE.read_text().split("```python\n")
    assert any(part.split("```")[0] == file.read_text() for part in shown)
