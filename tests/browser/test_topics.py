"""Topics are looked at, messages found, and dead letters given back in the browser."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open
from tests.system import System, eventually

BEGIN = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # of the first message
COUNT = 260


@pytest.fixture(scope="module")
def sent(system: System) -> str:
    """A topic of some hundred messages in two partitions, a second apart in turn."""
    name = system.new_topic(2)
    producer = Producer({"bootstrap.servers": system.kafka.bootstrap, "enable.idempotence": True})
    for number in range(COUNT):
        producer.produce(
            name,
            json.dumps({"eventType": "ODD" if number % 2 else "EVEN", "number": number}),
            f"key-{number % 10}",
            partition=number % 2,
            timestamp=int((BEGIN + timedelta(seconds=number)).timestamp() * 1000),
            headers={"hundred": str(number // 100)} if number % 100 == 0 else None,
        )
    assert producer.flush(30) == 0
    return name


def letters(system: System, **parameters: Any) -> dict[str, Any]:
    """A page of the dead letters."""
    answer: dict[str, Any] = system.get("/api/dead-letters", params=parameters)
    assert answer["success"], answer
    return answer


def total(system: System, **parameters: Any) -> int:
    """How many dead letters match."""
    return int(letters(system, **parameters)["total"])


def messages(page: Page) -> Locator:
    """The rows of messages that are drawn."""
    return page.get_by_role("region", name="Messages").get_by_role("listitem")


def letter_rows(page: Page) -> Locator:
    """The rows of letters that are drawn."""
    return page.get_by_role("region", name="Letters").get_by_role("listitem")


def cells(row: Locator) -> list[str]:
    """What a row of a table says."""
    return row.locator("td").all_inner_texts()


def test_topics_are_shown_as_the_api_has_them(open_page: Open, system: System, sent: str) -> None:
    page = open_page("/topics")
    row = page.get_by_role("row").filter(has_text=sent)
    expect(row).to_contain_text("260")
    assert cells(row)[1:4] == ["other", "2", "260"]
    assert cells(row)[5] == "for ever"
    page.get_by_label("Search topics").fill("dead-l")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=dead-l"))
    page.get_by_label("Search topics").fill("__consumer")
    expect(page.get_by_text("No topic matches")).to_be_visible()
    page.get_by_label("Kafka's own").check()
    expect(page.get_by_role("row").filter(has_text="__consumer_offsets")).to_be_visible()


def test_groups_and_partitions_are_shown_with_their_lag(
    open_page: Open, system: System, sent: str
) -> None:
    group = f"test-{uuid4().hex[:8]}"
    consumer = Consumer({"bootstrap.servers": system.kafka.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(sent, 0, 30)], asynchronous=False)
    consumer.close()
    page = open_page("/topics")
    page.get_by_role("link", name="Consumer groups").click()
    row = page.get_by_role("row").filter(has_text=group)
    expect(row).to_contain_text("230")
    assert cells(row) == [group, "Empty", "0", "230", sent]
    payment = page.get_by_role("cell", name="payment", exact=True)
    assert cells(page.get_by_role("row").filter(has=payment))[1:3] == ["Stable", "1"]
    row.get_by_role("link", name=sent).click()
    expect(page.locator("tbody").filter(has_text=group).locator("tr")).to_have_count(3)
    of_partitions = page.locator("tbody").filter(has_text=group).locator("tr")
    assert cells(of_partitions.nth(1)) == ["", "0", "30", "100"]
    assert cells(of_partitions.nth(2)) == ["", "1", "nothing yet", "130"]
    page.get_by_role("link", name="Partitions").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    assert cells(rows.nth(1)) == ["1", "0", "130", "130", "broker 1", "1", "all"]


def test_off_its_network_a_page_says_why_there_is_nothing_until_it_is_back(
    open_page: Open, sent: str
) -> None:
    page = open_page("/topics")
    expect(page.get_by_role("row").filter(has_text=sent)).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("link", name="Consumer groups").click()
    expect(page.get_by_role("alert")).to_contain_text("The API cannot be reached")
    page.context.set_offline(False)
    expect(page.get_by_role("cell", name="payment", exact=True)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_topic_is_paged_to_its_end(open_page: Open, sent: str) -> None:
    page = open_page(f"/topics/{sent}")
    expect(messages(page).first).to_contain_text('"number":259')
    expect(page.get_by_text("50 shown; there are older ones")).to_be_visible()
    older = page.get_by_role("button", name="Older")
    for shown in (100, 150, 200, 250):
        older.click()
        expect(page.get_by_text(f"{shown} shown; there are older ones")).to_be_visible()
    older.click()
    expect(page.get_by_text("260 shown; that is all")).to_be_visible()
    expect(older).to_have_count(0)
    assert messages(page).count() < 100, "all are drawn and not only those in sight"
    page.get_by_role("region", name="Messages").press("End")
    expect(messages(page).last).to_contain_text('"number":0}')
    page.get_by_label("Begin").select_option("oldest")
    expect(messages(page).first).to_contain_text('"number":0}')
    expect(page).to_have_url(re.compile("from=oldest"))


def test_messages_are_searched_by_key_type_header_and_text(open_page: Open, sent: str) -> None:
    page = open_page(f"/topics/{sent}")
    for label, words, found in (
        ("Key", "key-4", 26),
        ("Event type", "ODD", 130),
        ("Header", "hundred", 3),
        ("Header", "hundred=2", 1),
        ("Text in the value", 'NUMBER": 12', 11),
        ("Text in the value", "nowhere", 0),
    ):
        page.get_by_label(label, exact=True).fill(words)
        page.get_by_role("button", name="Search", exact=True).click()
        on = page.get_by_role("button", name="Search on")
        outcome = page.get_by_text(f"{found} found among 260 looked at; that is all")
        expect(on.or_(outcome).first).to_be_visible()
        while on.is_visible():
            on.click()
            expect(page.get_by_role("button", name="Stop")).to_have_count(0)
        expect(outcome).to_be_visible()
        if found == 0:
            expect(page.get_by_text("No message matches")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
        expect(page.get_by_text("50 shown")).to_be_visible()
    page.get_by_label("Key", exact=True).fill("key-4")
    page.get_by_label("Text in the value").fill("104")
    page.get_by_label("Text in the value").press("Enter")
    expect(page.get_by_text("1 found among 260 looked at")).to_be_visible()
    expect(page.get_by_label("Text in the value")).to_be_focused()
    expect(page).to_have_url(re.compile("key=key-4&text=104"))
    again = open_page(page.url[page.url.index("/topics") :])
    expect(messages(again)).to_have_count(1)
    expect(messages(again)).to_contain_text('"number":104')


def test_messages_are_read_from_an_offset_and_from_a_time(open_page: Open, sent: str) -> None:
    page = open_page(f"/topics/{sent}")
    page.get_by_label("Begin").select_option("offset")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Write a whole number, 0 or more")).to_be_visible()
    page.get_by_label("Partition").select_option("1")
    page.get_by_label("Offset").fill("125")
    page.get_by_label("Offset").press("Enter")
    expect(messages(page)).to_have_count(5)
    expect(messages(page).first).to_contain_text("1@125")
    expect(messages(page).first).to_contain_text('"number":251')
    page.get_by_label("Partition").select_option("0")
    expect(messages(page).first).to_contain_text('"number":250')

    page.get_by_label("Begin").select_option("time")
    page.get_by_label("Partition").select_option("")
    since = page.evaluate(
        "at => { const d = new Date(at); d.setMinutes(d.getMinutes() - d.getTimezoneOffset());"
        " return d.toISOString().slice(0, 19) }",
        (BEGIN + timedelta(seconds=200)).isoformat(),
    )
    page.get_by_label("Time, in your zone").fill(since)
    page.get_by_label("Time, in your zone").press("Enter")
    expect(page.get_by_text("50 shown; there are newer ones")).to_be_visible()
    expect(messages(page).first).to_contain_text('"number":200')
    page.get_by_role("button", name="Newer").click()
    expect(page.get_by_text("60 shown; that is all up to now")).to_be_visible()


def test_a_message_opens_from_a_link_and_leads_to_its_order(
    open_page: Open, system: System
) -> None:
    order = system.accepted(("PROD-003", 1))
    lying = f"/api/topics/orders/messages?key={order}"
    [created] = eventually(lambda: system.get(lying)["messages"], what="its event is on Kafka")
    place = f"{created['partition']}:{created['offset']}"
    page = open_page(f"/topics/orders?key={order}&message={place}")
    shown = place.replace(":", "@")
    drawer = page.get_by_role("region", name=f"Message {shown}")
    expect(drawer).to_contain_text(f"orders/{shown}")
    expect(drawer).to_contain_text('"ORDER_CREATED"')
    expect(drawer).to_contain_text("event-type")
    drawer.get_by_role("button", name="Copy value").click()
    eventually(
        lambda: json.loads(page.evaluate("navigator.clipboard.readText()")) == created["value"]
    )
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page.locator(f'[data-place="{place}"]')).to_be_focused()
    page.keyboard.press("Enter")
    drawer.get_by_role("link", name="Open the order").click()
    expect(page).to_have_url(re.compile(f"/orders/{order}$"))
    elsewhere = open_page(f"/topics/orders?text=nowhere&message={place}")
    expect(elsewhere.get_by_role("region", name=f"Message {shown}")).to_contain_text(order)


def test_an_empty_key_is_told_from_none_and_one_that_turns_text_around_turns_its_own(
    open_page: Open, system: System
) -> None:
    topic = system.new_topic()
    producer = Producer({"bootstrap.servers": system.kafka.bootstrap, "enable.idempotence": True})
    for number, key in enumerate((None, "", "a\u202eb")):
        producer.produce(topic, str(number), key, partition=0)
    assert producer.flush(30) == 0
    page = open_page(f"/topics/{topic}?from=oldest")
    rows = messages(page)
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("\u2013")
    expect(rows.nth(1)).to_contain_text("(empty)")
    expect(rows.nth(2).locator("bdi")).to_have_text("a\u202eb")
    expect(page.get_by_text("about 3 messages")).to_be_visible()
    rows.nth(1).get_by_role("link").click()
    expect(page.get_by_role("region", name="Message 0@1")).to_contain_text("(empty)")


def test_one_letter_is_redriven_from_its_drawer(open_page: Open, system: System) -> None:
    key = system.poison(1)
    page = open_page(f"/topics/dead-letters?text={key}&service=payment")
    expect(letter_rows(page)).to_have_count(1)
    [letter] = letters(system, text=key, service="payment")["deadLetters"]
    letter_rows(page).get_by_role("link").click()
    drawer = page.get_by_role("region", name=f"Dead letter {letter['number']}")
    for shown in (
        letter["error"],
        letter["cause"],
        f"orders/{letter['partition']}@{letter['offset']}",
        "junk 0",
    ):
        expect(drawer).to_contain_text(shown)
    drawer.get_by_role("button", name="Redrive").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 letter goes back")
    expect(dialog).to_contain_text("to payment on orders")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(drawer).to_be_visible()
    assert total(system, text=key, redriven=True) == 0
    drawer.get_by_role("button", name="Redrive").click()
    dialog.get_by_role("button", name="Redrive 1 letter").click()
    expect(dialog).to_contain_text(f"Redriven: #{letter['number']}.")
    dialog.get_by_role("button", name="Done").click()
    expect(drawer).to_contain_text("by dashboard")
    # It is junk still, so payment, and nobody else, writes a new letter.
    eventually(lambda: total(system, text=key) == 5)
    drawer.get_by_role("link", name="All letters of this key").click()
    expect(letter_rows(page)).to_have_count(5)


def test_a_selection_is_redriven_and_the_rest_waits(open_page: Open, system: System) -> None:
    key = system.poison(3)
    page = open_page(f"/topics/dead-letters?text={key}&service=inventory")
    expect(letter_rows(page)).to_have_count(3)
    ours = [le["number"] for le in letters(system, text=key, service="inventory")["deadLetters"]]
    for number in ours[:2]:
        page.get_by_label(f"Select letter {number}").check()
    page.get_by_role("button", name="Redrive selected").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Redrive 2 letters").click()
    expect(dialog).to_contain_text("Redriven: 2 (")
    dialog.get_by_role("button", name="Done").click()
    done = letters(system, text=key, redriven=True)["deadLetters"]
    assert [letter["number"] for letter in done] == ours[:2]
    page.get_by_label("State").select_option("redriven")
    expect(letter_rows(page)).to_have_count(2)
    page.get_by_label("Select all shown").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Redrive selected").click()
    expect(dialog).to_contain_text("2 of them were redriven before")
    dialog.get_by_role("button", name="Redrive 2 letters").click()
    dialog.get_by_role("button", name="Done").click()
    again = letters(system, text=key, redriven=True)["deadLetters"]
    assert [len(letter["redriven"]) for letter in again] == [2, 2]


@pytest.fixture
def shelf(system: System) -> str:
    """A product of its own."""
    name = f"TEST-{uuid4().hex[:12]}"
    system.rows(
        "INSERT INTO inventory.inventory (product_id, name, price, quantity, initial)"
        " VALUES (%(name)s, %(name)s, 10, 10, 10) RETURNING 1",
        name=name,
    )
    wrong = {"items": [{"productId": name, "price": 0, "quantity": 1}]}
    eventually(lambda: "is 10.00" in system.order(body=wrong).text, what="the price is known")
    return name


def test_all_that_match_are_redriven_and_processed(
    open_page: Open, system: System, shelf: str
) -> None:
    broken = f"broken_{uuid4().hex[:8]}"
    system.rows(
        f"ALTER TABLE inventory.reservations ADD CONSTRAINT {broken}"
        f" CHECK (position('{shelf}' in items::text) = 0) NOT VALID; SELECT 1"
    )
    try:
        orders = [system.accepted((shelf, 1)) for _ in range(3)]
        eventually(
            lambda: total(system, text=shelf, service="inventory") == 3,
            60,
            "inventory gave up on the orders",
        )
    finally:
        system.rows(f"ALTER TABLE inventory.reservations DROP CONSTRAINT {broken}; SELECT 1")
    page = open_page(f"/topics/dead-letters?text={shelf}")
    expect(letter_rows(page)).to_have_count(3)
    page.get_by_role("region", name="Causes").get_by_text("IntegrityError").first.click()
    expect(page.get_by_label("Error")).to_have_value("IntegrityError")
    page.goto(page.url.split("?")[0] + f"?text={shelf}&error=IntegrityError")
    page.get_by_role("button", name="Redrive all that match").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("to inventory on orders")
    dialog.get_by_role("button", name="Redrive 3 letters").click()
    expect(dialog).to_contain_text("Redriven: 3 (")
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text("No dead letter matches")).to_be_visible()
    for order in orders:
        assert system.ended(order)["status"] == "completed"
    page.get_by_label("State").select_option("redriven")
    letter_rows(page).first.get_by_role("link").click()
    page.get_by_role("link", name="Open the order").click()
    expect(page.get_by_role("region", name=re.compile("^Order "))).to_contain_text("completed")


def test_a_long_redrive_shows_how_far_it_is_is_stopped_and_goes_on(
    open_page: Open, system: System
) -> None:
    topic = system.new_topic()
    producer = Producer({"bootstrap.servers": system.kafka.bootstrap})
    origin: list[tuple[str, str | bytes | None]] = [
        ("dlq-service", "tester"),
        ("dlq-topic", topic),
        ("dlq-error", "Broken"),
    ]
    for number in range(300):
        producer.produce("dead-letters", str(number), topic, headers=origin)
    assert producer.flush(10) == 0
    eventually(lambda: total(system, topic=topic) == 300)
    page = open_page(f"/topics/dead-letters?topic={topic}")
    expect(page.get_by_text("100 of 300 shown")).to_be_visible()
    page.get_by_role("button", name="Redrive all that match").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Redrive 300 letters").click()
    expect(dialog.get_by_role("progressbar")).to_be_visible()
    dialog.get_by_role("button", name="Stop").click()
    expect(dialog).to_contain_text(re.compile("Stopped; [12]00 are as they were"))
    dialog.get_by_role("button", name="Done").click()
    left = total(system, topic=topic, redriven=False)
    assert left in (100, 200)
    page.get_by_role("button", name="Redrive all that match").click()
    dialog.get_by_role("button", name=f"Redrive {left} letters").click()
    expect(dialog).to_contain_text(f"Redriven: {left} (")
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text("No dead letter matches")).to_be_visible()
    back: list[int] = []
    cursor: dict[str, str] = {}
    while len(back) < 300:
        answer = system.get(
            f"/api/topics/{topic}/messages", params={"from": "oldest", "limit": 200, **cursor}
        )
        back += [message["value"] for message in answer["messages"]]
        if answer["cursor"] is None:
            break
        cursor = {"cursor": answer["cursor"]}
    assert back == list(range(300)), "each is back once, oldest first"


def test_a_letter_that_cannot_be_redriven_says_why(open_page: Open, system: System) -> None:
    key = f"test-{uuid4()}"
    producer = Producer({"bootstrap.servers": system.kafka.bootstrap})
    producer.produce("dead-letters", b"hello", key)
    assert producer.flush(10) == 0
    eventually(lambda: total(system, text=key) == 1)
    page = open_page(f"/topics/dead-letters?text={key}")
    row = letter_rows(page)
    expect(row).to_contain_text("stuck")
    expect(row.get_by_role("checkbox")).to_be_disabled()
    expect(page.get_by_role("button", name="Redrive all that match")).to_be_disabled()
    row.get_by_role("link").click()
    expect(page.get_by_text("It cannot be redriven: it was not written by")).to_be_visible()


def test_without_kafka_the_cause_is_said_and_the_view_recovers_by_itself(
    open_page: Open, system: System
) -> None:
    page = open_page("/topics")
    expect(page.get_by_role("row").filter(has_text="payments")).to_be_visible()
    system.kafka.kill()
    try:
        expect(page.get_by_role("alert")).to_contain_text("Kafka does not answer")
        cold = open_page("/topics/orders?tab=partitions")
        expect(cold.get_by_role("alert")).to_contain_text("Kafka does not answer")
    finally:
        system.kafka.start()
    for name in system.processes:
        system.wait_ready(name)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(cold.locator("tbody tr").first).to_be_visible()
    order = system.accepted(("PROD-003", 1))
    assert system.ended(order)["status"] == "completed"
