"""Replays are built, watched, steered and verified in the browser."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import pytest
import yaml
from playwright.sync_api import Locator, Page, expect

from services.orderreplay.spec import ReplaySpec
from tests.browser.conftest import Open
from tests.system import System, eventually


@pytest.fixture(scope="module", autouse=True)
def customer(system: System) -> str:
    """Whose thirty orders are there to replay."""
    name = f"REPLAY-{uuid4().hex[:6]}"
    system.restock("PROD-003", 1_000)
    for _ in range(30):
        system.accepted(("PROD-003", 1), body={"customerId": name})
    return name


def new_topic() -> str:
    return f"browser-{uuid4().hex[:8]}"


def fill(page: Page, customer: str, topic: str) -> None:
    page.get_by_label("Customer ids").fill(customer)
    page.get_by_label("Topic").fill(topic)


def drawer(page: Page) -> Locator:
    return page.get_by_role("region", name=re.compile("^Replay "))


def of(system: System, topic: str, query: str = "dryRun=false") -> list[dict[str, Any]]:
    """The replays to a topic."""
    found = system.get(f"/api/replays?limit=500&{query}")["replays"]
    return [each for each in found if each["topic"] == topic]


def started(system: System, customer: str, **spec: Any) -> str:
    """Start a replay of the customer's orders over the API; returns its id."""
    asked = {"topic": new_topic(), "filter": {"customerIds": [customer]}, **spec}
    answer = system.post("/api/orders/replay", asked)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["replay"]["id"])


def progressing(system: System, id: str) -> None:
    def replayed() -> Any:
        return (system.get(f"/api/replays/{id}")["replay"]["progress"] or {}).get("replayed")

    eventually(replayed, what=f"{id} progresses")


def test_a_replay_is_previewed_started_watched_and_verified(
    open_page: Open, system: System, customer: str
) -> None:
    page, topic = open_page("/replays"), new_topic()
    page.evaluate("window.same = true")
    page.get_by_role("button", name="New replay").click()
    fill(page, customer, topic)
    page.get_by_text("Payment processing", exact=True).click()
    start = page.get_by_role("button", name="Start replay")
    expect(start).to_be_disabled()
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("60 events of 30 orders")
    expect(preview).to_contain_text("will be made, with 6 partitions")
    expect(preview.get_by_role("listitem").filter(has_text="Order created")).to_contain_text("30")
    start.click()
    replay = drawer(page)
    expect(replay).to_contain_text("All is on the topic.")
    report = replay.get_by_role("region", name="Report")
    expect(report).to_contain_text("60 of 60 events")
    expect(report.get_by_role("listitem").filter(has_text="Payment processing")).to_contain_text(
        "30"
    )
    replay.get_by_role("button", name="Verify").click()
    expect(replay).to_contain_text("All agree: 60 events")
    expect(replay).to_contain_text("was made, with 6 partitions")
    expect(replay).not_to_contain_text("will be made")
    types = report.get_by_role("region", name="Replayed by type").get_by_role("listitem")
    expect(types).to_contain_text(["Order created", "Payment processing"])
    (made,) = of(system, topic)
    expect(replay).to_contain_text(made["report"]["checksum"])
    assert page.url.endswith(f"/replays/{made['id']}")
    row = page.get_by_role("row").filter(has_text=topic)
    expect(row).to_contain_text("Completed")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    assert page.evaluate("window.same"), "the page was loaded again"
    replay.get_by_role("link", name=topic).click()
    expect(page).to_have_url(re.compile(f"/topics/{topic}$"))


def test_a_changed_form_has_to_be_previewed_again(open_page: Open, customer: str) -> None:
    page = open_page("/replays/new")
    fill(page, customer, new_topic())
    preview, start = page.get_by_role("button", name="Preview"), page.get_by_text("Start replay")
    preview.click()
    expect(start).to_be_enabled()
    expect(page.get_by_role("region", name="Preview")).to_be_focused()
    title = page.get_by_role("heading", name="New replay").bounding_box()
    assert title is not None
    assert title["y"] > 48, "the page was scrolled under its head"
    page.get_by_label("Least total").fill("100000.00")
    expect(page.get_by_text("The form has changed since")).to_be_visible()
    expect(start).to_be_disabled()
    preview.click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text("nothing to do")
    expect(page.get_by_text("The form has changed since")).to_have_count(0)
    expect(start).to_be_enabled()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_on_a_phone_what_a_preview_says_is_brought_into_sight_and_told(
    open_page: Open, customer: str, motion: Literal["reduce", "no-preference"]
) -> None:
    page = open_page("/replays/new", width=390, height=844)
    page.emulate_media(reduced_motion=motion)
    fill(page, customer, new_topic())
    preview = page.get_by_role("region", name="Preview")
    page.get_by_role("button", name="Preview").click()
    expect(preview).to_contain_text("30 events of 30 orders")
    expect(preview).to_be_focused()
    expect(preview.get_by_role("heading", name="Preview")).to_be_in_viewport()
    page.route("**/api/replays/*", lambda route: route.abort())
    page.get_by_role("button", name="Preview again").click()
    expect(preview).to_contain_text("The API cannot be reached")
    expect(preview).to_be_focused()
    expect(preview.get_by_role("alert")).to_be_in_viewport()
    page.route("**/api/orders/replay", lambda route: route.abort())
    page.get_by_role("button", name="Preview").first.click()
    told = page.get_by_role("alert").filter(has_text="then try again").first
    expect(told).to_be_in_viewport()


def test_a_double_click_makes_one_replay(open_page: Open, system: System, customer: str) -> None:
    page, topic = open_page("/replays/new"), new_topic()
    fill(page, customer, topic)
    page.get_by_role("button", name="Preview").dblclick()
    start = page.get_by_role("button", name="Start replay")
    expect(start).to_be_enabled()
    start.dblclick()
    expect(drawer(page)).to_contain_text("All is on the topic.")
    assert len(of(system, topic)) == 1
    assert len(of(system, topic, "dryRun=true")) == 1


WRONG = {
    "Days": ("0", {"days": 0}),
    "Topic": ("orders", {"topic": "orders"}),
    "Partitions": ("six", {"partitions": "six"}),
    "Shards": ("17", {"parallelism": 17}),
    "Least total": ("ten", {"filter": {"minTotal": "ten"}}),
}


def test_what_is_wrong_is_said_beside_its_field_in_the_words_of_the_api(
    open_page: Open, system: System
) -> None:
    page = open_page("/replays/new")
    for label, (typed, _) in WRONG.items():
        page.get_by_role("textbox", name=label).fill(typed)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("textbox", name="Days")).to_be_focused()
    for label, (_, spec) in WRONG.items():
        (fault,) = system.post("/api/orders/replay", spec).json()["errors"]
        field = page.get_by_role("textbox", name=label)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(fault["message"])


def test_a_window_is_given_in_the_readers_time_and_refused_in_the_words_of_the_api(
    open_page: Open, system: System, customer: str
) -> None:
    page = open_page("/replays/new")
    fill(page, customer, new_topic())
    page.get_by_text("From and to", exact=True).click()
    page.get_by_label("From (included)").fill("2999-01-01T00:00")
    page.get_by_role("button", name="Preview").click()
    said = system.post("/api/orders/replay", {"from": "2999-01-01T00:00:00Z"}).json()["detail"]
    expect(page.get_by_label("From (included)")).to_have_accessible_description(said)
    since = datetime.now(UTC) - timedelta(days=1)
    typed = since.astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    page.get_by_label("From (included)").fill(typed)
    expect(page.get_by_role("region", name="OrderReplay as YAML")).to_contain_text(
        f"from: '{since:%Y-%m-%dT%H:%M:%S}.000Z'"
    )
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text("30 events of 30 orders")


def test_the_yaml_is_the_same_replay_and_is_copied(
    open_page: Open, system: System, customer: str
) -> None:
    page, topic = open_page("/replays/new"), new_topic()
    fill(page, f"{customer}\nno", topic)
    page.get_by_text("All types").click()
    page.get_by_text("Completed", exact=True).click()
    page.get_by_text("Events a second", exact=True).click()
    page.get_by_label("At most, events a second").fill("5000")
    page.get_by_label("Shards").fill("2")
    page.get_by_role("button", name="Copy YAML").click()
    page.get_by_text("YAML copied").wait_for()
    copied = yaml.safe_load(page.evaluate("navigator.clipboard.readText()"))
    shown = page.get_by_role("region", name="OrderReplay as YAML").locator("pre").inner_text()
    assert yaml.safe_load(shown) == copied
    assert (copied["apiVersion"], copied["kind"]) == ("orderflow.dev/v1alpha1", "OrderReplay")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Start replay").click()
    expect(drawer(page)).to_contain_text("All is on the topic.")
    (made,) = of(system, topic)
    assert ReplaySpec.model_validate(copied["spec"]) == ReplaySpec.model_validate(made["spec"])
    expect(drawer(page).get_by_role("table", name="Shards").get_by_role("row")).to_have_count(2)


def test_a_replay_is_suspended_and_resumed(open_page: Open, system: System, customer: str) -> None:
    id = started(system, customer, eventsPerSecond=5)
    progressing(system, id)
    page = open_page(f"/replays/{id}")
    replay = drawer(page)
    expect(replay.get_by_text("5 events/s", exact=False).first).to_be_visible()
    replay.get_by_role("button", name="Suspend").click()
    expect(replay).to_contain_text("It stands still and keeps its place.")
    stood = system.get(f"/api/replays/{id}")["replay"]["progress"]["replayed"]
    assert 0 < stood < 30
    expect(replay).to_contain_text(f"{stood} of 30")
    replay.get_by_role("button", name="Verify").click()
    expect(replay).to_contain_text(f"All agree: {stood} event")
    replay.get_by_role("button", name="Resume").click()
    expect(replay).to_contain_text("All is on the topic.")
    expect(replay.get_by_role("button", name="Suspend")).to_have_count(0)
    expect(replay.get_by_role("button", name="Cancel replay")).to_have_count(0)
    expect(replay.get_by_role("region", name="Report")).to_contain_text("30 of 30 events")


def test_a_replay_is_cancelled_once_that_is_confirmed(
    open_page: Open, system: System, customer: str
) -> None:
    id = started(system, customer, eventsPerSecond=1)
    progressing(system, id)
    page = open_page(f"/replays/{id}")
    replay = drawer(page)
    replay.get_by_role("button", name="Cancel replay").click()
    replay.get_by_role("button", name="Keep it").click()
    expect(replay.get_by_role("button", name="Suspend")).to_be_visible()
    replay.get_by_role("button", name="Cancel replay").click()
    replay.get_by_role("button", name="Cancel this replay").click()
    expect(replay).to_contain_text("Ended on request. What was written stays on the topic.")
    assert system.get(f"/api/replays/{id}")["replay"]["phase"] == "Cancelled"
    expect(replay.get_by_role("button", name="Resume")).to_have_count(0)
    row = page.get_by_role("row").filter(has_text=id[-8:])
    expect(row).to_contain_text("Cancelled")


def test_an_action_that_comes_too_late_says_so(
    open_page: Open, system: System, customer: str
) -> None:
    id = started(system, customer, eventsPerSecond=1)
    page = open_page(f"/replays/{id}")
    suspend = drawer(page).get_by_role("button", name="Suspend")
    suspend.wait_for()
    # The page hears nothing more until it acts.
    page.route(re.compile(r"/api/replays(\?|/[^/]+$)"), lambda route: route.abort())
    assert system.post(f"/api/replays/{id}/cancel").status_code == 202
    suspend.click()
    expect(drawer(page).get_by_text("ask for a new one instead")).to_be_visible()


def test_a_failed_replay_shows_its_cause_and_makes_a_new_one(
    open_page: Open, system: System, customer: str
) -> None:
    word = uuid4().hex[:8]
    first = started(system, customer, topic=f"clash.{word}")
    eventually(lambda: system.get(f"/api/replays/{first}")["replay"]["phase"] == "Completed")
    id = started(system, customer, topic=f"clash_{word}", days=3, eventsPerSecond=2.5)
    page = open_page(f"/replays/{id}")
    expect(drawer(page).get_by_role("alert")).to_contain_text("name another topic")
    drawer(page).get_by_role("button", name="New replay from this one").click()
    expect(page.get_by_label("Customer ids")).to_have_value(customer)
    expect(page.get_by_role("textbox", name="Days")).to_have_value("3")
    expect(page.get_by_label("At most, events a second")).to_have_value("2.5")
    expect(page.get_by_label("Topic")).to_have_value(f"clash_{word}")


def test_previews_are_listed_only_when_they_are_wanted(
    open_page: Open, system: System, customer: str
) -> None:
    id = started(system, customer, dryRun=True)
    real = started(system, customer)
    page = open_page("/replays")
    rows = page.get_by_role("row")
    expect(rows.filter(has_text=real[-8:])).to_be_visible()
    expect(rows.filter(has_text=id[-8:])).to_have_count(0)
    page.get_by_label("Show previews").check()
    expect(rows.filter(has_text=id[-8:])).to_contain_text("Preview")
    expect(rows.filter(has_text=id[-8:])).to_contain_text("would be 30 events")
    expect(page).to_have_url(re.compile("previews=1"))


def test_a_replay_is_reached_by_a_link_and_by_keys(
    open_page: Open, system: System, customer: str
) -> None:
    id = started(system, customer)
    page = open_page("/replays")
    link = page.get_by_role("row").filter(has_text=id[-8:]).get_by_role("link")
    link.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/replays/{id}$"))
    drawer(page).get_by_role("button", name="Copy link").click()
    eventually(lambda: page.evaluate("navigator.clipboard.readText()").endswith(f"/replays/{id}"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/replays$"))
    expect(link).to_be_focused()
    missing = open_page("/replays/last-month")
    expect(missing.get_by_role("alert")).to_contain_text("There is no replay 'last-month'")


def test_what_is_shown_stays_while_the_replay_service_restarts(
    open_page: Open, system: System, customer: str
) -> None:
    id = started(system, customer)
    page = open_page("/replays")
    row = page.get_by_role("row").filter(has_text=id[-8:])
    expect(row).to_contain_text("Completed")
    system.stop("replay")
    expect(page.get_by_text("this is what was so at")).to_be_visible()
    expect(row).to_be_visible()
    system.start("replay")
    expect(page.get_by_text("this is what was so at")).to_have_count(0)
    expect(row).to_be_visible()
