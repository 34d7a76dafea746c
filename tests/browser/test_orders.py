"""Orders are placed, watched and cancelled in the browser."""

import json
import re
from uuid import uuid4

import requests
from playwright.sync_api import Locator, Page, Route, WebSocketRoute, expect

from tests.browser.conftest import Open
from tests.system import System, eventually


def fill(page: Page, customer: str, email: str = "ada@example.com") -> None:
    page.get_by_label("One USB-C Hub more").click()
    page.get_by_label("Customer id").fill(customer)
    page.get_by_label("E-mail").fill(email)


def place(page: Page, customer: str) -> None:
    fill(page, customer)
    page.get_by_role("button", name="Place order").click()


def test_an_order_is_placed_and_seen_to_go_to_completed(open_page: Open) -> None:
    page, customer = open_page("/orders"), f"CUST-{uuid4().hex[:6]}"
    page.evaluate("window.same = true")
    place(page, customer)
    row = page.get_by_role("row").filter(has_text=customer)
    expect(row).to_be_visible()
    expect(row).to_contain_text("completed")
    expect(row.locator("td.arrive")).to_contain_text("completed")
    assert page.evaluate("window.same"), "the page was loaded again"
    page.get_by_role("link", name="Live", exact=True).click()
    page.get_by_role("link", name="Orders", exact=True).click()
    expect(row).to_contain_text("completed")
    expect(row.locator("td.arrive")).to_have_count(0)


def row_of(page: Page, customer: str) -> Locator:
    return page.get_by_role("row").filter(has_text=customer)


def test_a_declined_order_is_seen_to_fail_and_says_why(open_page: Open) -> None:
    page, customer = open_page("/orders"), f"CUST-{uuid4().hex[:6]}"
    page.evaluate("window.same = true")
    fill(page, customer, "decline@example.com")
    page.get_by_role("button", name="Place order").click()
    row = row_of(page, customer)
    expect(row).to_contain_text("failed")
    expect(row.get_by_title("declined")).to_be_visible()
    row.click()
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(drawer).to_contain_text("Payment failed")
    expect(drawer.locator("div.text-bad")).to_contain_text("declined")
    assert page.evaluate("window.same"), "the page was loaded again"


def test_an_order_of_more_than_there_is_fails_and_says_why(open_page: Open) -> None:
    page, customer = open_page("/orders"), f"CUST-{uuid4().hex[:6]}"
    page.evaluate("window.same = true")
    pieces = page.get_by_label("Pieces of Laptop Stand")
    pieces.fill("1000")
    page.get_by_label("Customer id").fill(customer)
    page.get_by_label("E-mail").fill("ada@example.com")
    card = page.get_by_role("listitem").filter(has=pieces)
    expect(card).to_contain_text(re.compile("Only [0-9]+"))
    page.get_by_role("button", name="Place order").click()
    row = row_of(page, customer)
    expect(row).to_contain_text("failed")
    row.click()
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(drawer).to_contain_text("Inventory failed")
    expect(drawer.locator("div.text-bad")).to_contain_text("Out of stock (PROD-002")
    assert page.evaluate("window.same"), "the page was loaded again"


def test_pieces_are_digits_and_too_many_are_said_to_be_and_not_sent(open_page: Open) -> None:
    page = open_page("/orders")
    posts = []
    page.on("request", lambda sent: posts.append(sent) if sent.method == "POST" else None)
    fill(page, f"CUST-{uuid4().hex[:6]}")
    pieces = page.get_by_label("Pieces of USB-C Hub")
    for text in ("0x10", "1e3", "-5"):
        pieces.fill(text)
        expect(pieces).to_have_value("1")
    pieces.fill("1001")
    expect(pieces).to_have_value("1001")
    card = page.get_by_role("listitem").filter(has=pieces)
    expect(card).to_contain_text("At most 1,000 of a product")
    expect(pieces).to_have_attribute("aria-invalid", "true")
    page.get_by_label("E-mail").press("Enter")
    expect(pieces).to_be_focused()
    assert posts == []
    page.keyboard.press("ArrowDown")
    expect(card).not_to_contain_text("At most")
    expect(page.get_by_role("button", name="Place order")).to_be_enabled()


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Presses a key until the focus is there, as somebody without a mouse does."""
    expect(target).to_be_visible()
    for _ in range(150):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{target} is not reached by {key}")


def test_an_order_is_placed_and_looked_at_by_keyboard_alone(open_page: Open) -> None:
    page, customer = open_page("/orders"), f"KEYS-{uuid4().hex[:6]}"
    tab_to(page, page.get_by_label("Pieces of USB-C Hub"))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    tab_to(page, page.get_by_label("One Wireless Headphones more"), "Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Customer id"))
    page.keyboard.type(customer)
    page.keyboard.press("Tab")
    page.keyboard.type("ada@example.com")
    submit = page.get_by_role("button", name="Place order")
    tab_to(page, submit)
    page.keyboard.press("Enter")
    row = row_of(page, customer)
    expect(row).to_contain_text("USB-C Hub + 1 more")
    expect(submit).to_be_focused()

    tab_to(page, page.get_by_label("Search orders"), "Shift+Tab")
    page.keyboard.type(customer)
    expect(page).to_have_url(re.compile(f"q={customer}"))
    expect(page.locator("tbody tr")).to_have_count(1)
    link = row.get_by_role("link")
    tab_to(page, link)
    page.keyboard.press("Enter")
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(drawer.get_by_role("heading", name=re.compile("^Order "))).to_be_focused()
    expect(drawer).to_contain_text("Shipment delivered")
    tab_to(page, drawer.locator("summary").first)
    page.keyboard.press("Enter")
    expect(drawer).to_contain_text(f'"{customer}"')
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(link).to_be_focused()
    expect(page).to_have_url(re.compile(f"/orders\\?q={customer}$"))


def test_a_double_click_makes_one_order(open_page: Open, system: System) -> None:
    page, customer = open_page("/orders"), f"CUST-{uuid4().hex[:6]}"
    fill(page, customer)
    posts = []
    page.on("request", lambda sent: posts.append(sent) if sent.method == "POST" else None)
    page.get_by_role("button", name="Place order").dblclick()
    row = page.get_by_role("row").filter(has_text=customer)
    expect(row).to_contain_text("completed")
    assert system.get(f"/api/orders?customerId={customer}")["pagination"]["total"] == 1
    assert len(posts) == 1


def test_a_view_that_could_not_be_loaded_is_loaded_once_it_can_be(open_page: Open) -> None:
    page = open_page("/orders")
    page.route("**/AnalyticsPage*.js", lambda route: route.abort())
    page.get_by_role("link", name="Analytics").click()
    expect(page.get_by_text("This view could not be loaded")).to_be_visible()
    page.unroute("**/AnalyticsPage*.js")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Analytics")).to_be_visible()


def test_a_cancel_elsewhere_is_seen_in_an_open_order(open_page: Open, system: System) -> None:
    order = system.accepted(("PROD-003", 1))
    page = open_page(f"/orders/{order}")
    expect(page.get_by_role("button", name="Cancel order")).to_be_visible()
    assert system.post(f"/api/orders/{order}/cancel", {"reason": "elsewhere"}).status_code == 202
    expect(page.get_by_text("Cancelled, and the money given back.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel order")).to_be_hidden()


def test_what_is_wrong_is_said_beside_its_field_in_the_words_of_the_api(
    open_page: Open, system: System
) -> None:
    page = open_page("/orders")
    fill(page, "")
    email = page.get_by_label("E-mail")
    email.fill("nowhere")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_label("Customer id")).to_be_focused()
    expect(email).to_have_attribute("aria-invalid", "true")
    said = system.order(body={"customerId": "", "customerEmail": "nowhere"}).json()["errors"]
    assert {error["field"] for error in said} == {"customerId", "customerEmail"}
    for error in said:
        expect(page.locator("form")).to_contain_text(error["message"])


def test_an_order_is_told_by_its_events_and_a_link(open_page: Open, system: System) -> None:
    order = system.accepted(("PROD-003", 1))
    page = open_page(f"/orders/{order}")
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(drawer).to_contain_text("Shipment delivered")
    drawer.get_by_text("Payment processed").click()
    expect(drawer).to_contain_text('"transactionId"')
    drawer.get_by_role("button", name="Copy link").click()
    eventually(lambda: page.evaluate("navigator.clipboard.readText()").endswith(f"/orders/{order}"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/orders$"))


def test_an_order_is_cancelled_with_a_reason(open_page: Open, system: System) -> None:
    order = system.accepted(("PROD-003", 1))
    page = open_page(f"/orders/{order}")
    page.get_by_role("button", name="Cancel order").click()
    page.get_by_label("Reason for cancelling").fill("changed my mind")
    page.get_by_role("button", name="Cancel this order").click()
    expect(page.get_by_text("Cancelled, and the money given back.")).to_be_visible()
    expect(page.get_by_text("Reason given: changed my mind")).to_be_visible()
    assert system.ended(order)["status"] == "cancelled"


def test_orders_are_searched_filtered_and_paged(open_page: Open, system: System) -> None:
    customer = f"PAGE-{uuid4().hex[:6]}"
    system.restock("PROD-003", 1_000)
    for _ in range(35):
        system.accepted(("PROD-003", 1), body={"customerId": customer})
    page = open_page("/orders")
    page.get_by_label("Search orders").fill(customer)
    rows = page.locator("tbody tr")
    expect(page).to_have_url(re.compile(f"q={customer}"))
    expect(rows.filter(has_text=customer)).to_have_count(25)
    expect(page.get_by_text("Page 1 of 2")).to_be_visible()
    expect(rows).to_have_count(25)
    page.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(10)
    second = page.url
    page.reload()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(rows).to_have_count(10)
    page.go_back()
    expect(page.get_by_text("Page 1 of 2")).to_be_visible()
    expect(rows).to_have_count(25)
    page.goto(second)
    expect(rows).to_have_count(10)
    page.get_by_role("button", name="Previous").click()
    expect(rows).to_have_count(25)
    expect(page).to_have_url(re.compile(f"/orders\\?q={customer}$"))
    page.goto(re.sub("cursor=[^&]*", "cursor=none", second))
    page.get_by_role("button", name="Show the first page").click()
    expect(rows).to_have_count(25)
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_text("No order matches")).to_be_visible()
    expect(page).to_have_url(re.compile(f"status=failed&q={customer}"))
    page.get_by_label("Status").select_option("")
    shown = rows.first.get_by_role("link").inner_text()
    page.get_by_label("Search orders").fill(shown)
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("link")).to_have_text(shown)


def test_a_page_that_is_asked_for_while_another_is_read_is_turned_to_from_there(
    open_page: Open, system: System
) -> None:
    customer = f"STEP-{uuid4().hex[:6]}"
    for _ in range(27):
        system.accepted(("PROD-003", 1), body={"customerId": customer})
    page = open_page("/orders")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(25)
    held: list[Route] = []
    page.route(re.compile(f"/api/orders.*q={customer}"), lambda route: held.append(route), times=1)
    page.get_by_label("Search orders").fill(customer)
    expect(page.locator("tbody[aria-busy=true]")).to_have_count(1)
    page.get_by_role("button", name="Next").click()
    held[0].continue_()
    expect(rows).to_have_count(2)
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()

    # What was asked for of one filter is not done to another.
    page = open_page("/orders")
    page.route(re.compile(f"/api/orders.*q={customer}"), lambda route: held.append(route), times=1)
    page.get_by_label("Search orders").fill(customer)
    expect(page.locator("tbody[aria-busy=true]")).to_have_count(1)
    page.get_by_role("button", name="Next").click()
    other = customer.removeprefix("STEP-")
    page.get_by_label("Search orders").fill(other)
    expect(page).to_have_url(re.compile(f"q={other}$"))
    expect(page.locator("tbody[aria-busy=false]")).to_have_count(1)
    expect(page.get_by_text("Page 1 of 2")).to_be_visible()
    expect(page).to_have_url(re.compile(f"q={other}$"))


def test_on_a_phone_an_order_says_when_it_was_made_and_a_customer_turns_no_text_around(
    open_page: Open, system: System
) -> None:
    customer = f"C-{uuid4().hex[:6]}\u202etxet"
    system.accepted(("PROD-003", 1), body={"customerId": customer})
    page = open_page(f"/orders?q={customer[:8]}", width=390, height=844)
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("bdi:visible")).to_have_text(customer)
    expect(row.locator("time:visible")).to_have_count(1)
    row.click()
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(drawer.locator("bdi").first).to_have_text(customer)


def test_a_page_may_connect_to_its_own_origin_only(dashboard: str) -> None:
    policy = requests.get(dashboard, timeout=10).headers["Content-Security-Policy"]
    assert "connect-src 'self';" in policy


def test_what_arrives_moves_neither_the_scroll_nor_the_selection(
    open_page: Open, system: System
) -> None:
    customer = f"STAY-{uuid4().hex[:6]}"
    system.restock("PROD-003", 100)
    for _ in range(40):
        system.accepted(("PROD-003", 1), body={"customerId": customer})
    page = open_page("/orders")
    row = row_of(page, customer).nth(20)
    row.scroll_into_view_if_needed()
    row.click()
    order = page.url.rpartition("/")[2]
    scroller = page.get_by_label("Orders", exact=True).locator("div:has(> table)")
    links = page.locator("tbody a")
    before = (
        scroller.evaluate("e => e.scrollTop"),
        links.evaluate_all("all => all.map(a => a.title)"),
    )
    assert before[0] > 0
    selected = page.locator("tr[aria-selected=true]")
    expect(selected.locator("a")).to_have_attribute("title", order)

    for _ in range(3):
        system.accepted(("PROD-003", 1), body={"customerId": customer})
    news = page.get_by_role("button", name=re.compile("[0-9]+ new"))
    expect(news).to_be_visible()
    told, head = news.bounding_box(), page.locator("thead th").first.bounding_box()
    assert told
    assert head
    assert told["y"] + told["height"] <= head["y"] + head["height"], "it lies over a row"
    expect(selected).to_contain_text("completed")
    expect(selected.locator("a")).to_have_attribute("title", order)
    after = (
        scroller.evaluate("e => e.scrollTop"),
        links.evaluate_all("all => all.map(a => a.title)"),
    )
    assert after == before

    # Which of those that come a search would find the feed does not tell, so none is counted.
    page.keyboard.press("Escape")
    page.mouse.move(0, 0)
    page.get_by_label("Search orders").fill(customer)
    expect(page).to_have_url(re.compile(f"q={customer}"))
    links.first.scroll_into_view_if_needed()
    marked = system.accepted(("PROD-003", 1), body={"customerId": customer})
    expect(links.first).to_have_attribute("title", marked)
    rows = row_of(page, customer)
    rows.nth(20).scroll_into_view_if_needed()
    system.accepted(("PROD-003", 1), body={"customerId": "STRANGER"})
    expect(rows.filter(has=page.get_by_title(marked))).to_contain_text("completed")
    expect(page.get_by_role("button", name=re.compile("[0-9]+ new"))).to_have_count(0)
    page.get_by_label("Search orders").fill("")
    expect(row_of(page, "STRANGER")).to_be_visible()
    row.scroll_into_view_if_needed()
    system.accepted(("PROD-003", 1), body={"customerId": customer})
    page.get_by_role("button", name=re.compile("[0-9]+ new")).click()
    eventually(lambda: scroller.evaluate("e => e.scrollTop") == 0)
    eventually(lambda: links.first.get_attribute("title") not in before[1])


def test_an_order_that_was_replayed_shows_its_copies(open_page: Open, system: System) -> None:
    customer, topic = f"COPY-{uuid4().hex[:6]}", f"copies-{uuid4().hex[:6]}"
    order = system.accepted(("PROD-003", 1), body={"customerId": customer})
    system.ended(order)
    events = system.get(f"/api/orders/{order}/events")["events"]
    asked = {"days": 1, "topic": topic, "filter": {"customerIds": [customer]}}
    replay = system.post("/api/orders/replay", asked).json()["replay"]
    eventually(
        lambda: system.get(f"/api/replays/{replay['id']}")["replay"]["phase"] == "Completed",
        what="the replay is completed",
    )
    page = open_page(f"/orders/{order}")
    steps = page.get_by_role("region", name=re.compile("^Order ")).get_by_role("listitem")
    expect(steps).to_have_count(len(events))
    for number, event in enumerate(events):
        expect(steps.nth(number)).to_contain_text(re.compile(f"{event['topic']}/[0-9]+@[0-9]+"))
    created = steps.filter(has_text="Order created")
    expect(created.get_by_text("Replayed", exact=True)).to_be_visible()
    expect(page.get_by_text("Replayed", exact=True)).to_have_count(1)
    created.locator("summary").click()
    expect(created).to_contain_text(re.compile(f"Copy on {topic}/[0-9]+@0 by replay"))
    link = created.get_by_role("link", name=replay["uid"])
    expect(link).to_have_attribute("href", f"/replays/{replay['uid']}")


def test_an_order_is_told_without_its_places_where_kafka_does_not_answer(
    open_page: Open, system: System
) -> None:
    order = system.accepted(("PROD-003", 1))
    system.ended(order)
    problem = {
        "type": "urn:orderflow:problem:kafka-unavailable",
        "title": "Kafka unavailable",
        "status": 503,
        "detail": "Kafka does not answer; try again shortly.",
    }
    page = open_page("/live")
    page.context.route(
        re.compile("/api/(topics|orders/.*/messages)"),
        lambda route: route.fulfill(
            status=503, content_type="application/problem+json", body=json.dumps(problem)
        ),
    )
    page.goto(page.url.replace("/live", f"/orders/{order}"))
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(drawer).to_contain_text("Shipment delivered")
    expect(drawer).to_contain_text("Some places in Kafka are missing. Kafka does not answer")
    expect(drawer.get_by_role("alert")).to_have_count(0)


def test_while_the_gateway_is_away_the_page_says_so_and_an_order_is_placed_once_after(
    open_page: Open, system: System
) -> None:
    page, customer = open_page("/orders"), f"CUST-{uuid4().hex[:6]}"
    expect(page.get_by_label("Pieces of USB-C Hub")).to_be_visible()
    system.stop("gateway")
    try:
        place(page, customer)
        form = page.locator("form").get_by_role("alert")
        expect(form).to_contain_text("Is the gateway running?")
        page.get_by_label("Status").select_option("failed")
        failed = page.get_by_label("Orders", exact=True).get_by_role("alert")
        expect(failed).to_contain_text("The API does not answer")
    finally:
        system.start("gateway")
    page.get_by_role("button", name="Place order").click()
    expect(form).to_be_hidden()
    expect(failed).to_be_hidden()
    page.get_by_label("Status").select_option("")
    expect(row_of(page, customer)).to_contain_text("completed")
    assert system.get(f"/api/orders?customerId={customer}")["pagination"]["total"] == 1


def test_an_api_that_cannot_be_reached_is_named_and_found_again(
    open_page: Open, system: System
) -> None:
    order = system.accepted(("PROD-003", 1))
    page = open_page("/live")
    page.context.route("**/api/**", lambda route: route.abort())
    page.goto(page.url.replace("/live", f"/orders/{order}"))
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(page.get_by_text("The API cannot be reached")).to_have_count(3)
    with page.expect_request(re.compile(f"/api/orders/{order}$")):
        drawer.get_by_role("button", name="Try again").click()
    expect(drawer.get_by_role("alert")).to_contain_text("that the gateway runs")
    page.context.unroute("**/api/**")
    expect(drawer).to_contain_text("Shipment delivered")
    expect(page.get_by_label("Pieces of USB-C Hub")).to_be_visible()
    expect(page.locator("tbody").get_by_title(order)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_table_that_is_there_stays_while_the_api_is_away_and_is_said_to_be_old(
    open_page: Open, system: System
) -> None:
    customer = f"OLD-{uuid4().hex[:6]}"
    system.accepted(("PROD-003", 1), body={"customerId": customer})
    page = open_page(f"/orders?q={customer}")
    expect(row_of(page, customer)).to_have_count(1)
    row_of(page, customer).click()
    page.mouse.move(0, 0)
    drawer = page.get_by_role("region", name=re.compile("^Order "))
    expect(drawer).to_contain_text("Shipment created")
    page.context.route("**/api/**", lambda route: route.abort())
    system.accepted(("PROD-003", 1), body={"customerId": customer})
    expect(page.locator("main").get_by_text("this is what was so at")).to_have_count(2)
    expect(drawer.get_by_role("alert")).to_contain_text("this is what was so at")
    expect(row_of(page, customer)).to_have_count(1)
    page.context.unroute("**/api/**")
    expect(row_of(page, customer)).to_have_count(2)
    expect(page.get_by_text("this is what was so at")).to_be_hidden()


def test_the_table_follows_without_the_feed_and_the_feed_catches_up(
    open_page: Open, system: System
) -> None:
    system.ended(system.accepted(("PROD-003", 1)))  # there is something to resume after
    page, customer = open_page("/orders"), f"CUST-{uuid4().hex[:6]}"
    light = page.locator("[data-phase]")
    expect(light).to_have_text("Live")
    system.stop("analytics")
    try:
        expect(light).to_contain_text("Offline since")
        place(page, customer)
        expect(row_of(page, customer)).to_contain_text("completed")
    finally:
        system.start("analytics")
    expect(light).to_have_text("Live")
    expect(page.get_by_text(re.compile("Caught up [0-9]+ events"))).to_be_visible()


def test_events_that_are_gone_are_counted_and_the_page_is_read_anew(open_page: Open) -> None:
    page = open_page("/live")
    sockets: list[WebSocketRoute] = []

    def pass_on(route: WebSocketRoute) -> None:
        sockets.append(route)
        route.connect_to_server()

    page.route_web_socket(re.compile("/ws"), pass_on)
    page.goto(page.url.replace("/live", "/orders"))
    light = page.locator("[data-phase]")
    expect(light).to_have_text("Live")
    with page.expect_response(re.compile("/api/orders")):
        sockets[-1].send(json.dumps({"type": "GAP", "missed": 1200}))
    expect(light).to_contain_text("Live, missed 1,200")
    page.get_by_role("button", name="Got it").click()
    expect(light).to_have_text("Live")


def test_the_socket_is_cut_and_nothing_is_missed(open_page: Open, system: System) -> None:
    page = open_page("/live")
    light = page.locator("[data-phase]")
    expect(light).to_have_text("Live")
    page.context.set_offline(True)
    expect(light).to_contain_text("Offline since")
    order = system.accepted(("PROD-003", 1))
    system.ended(order)
    page.context.set_offline(False)
    expect(light).to_have_text("Live")
    expect(light).to_have_attribute("title", re.compile("caught up [0-9]+ events"))
    expect(page.get_by_text(re.compile("Caught up [0-9]+ events"))).to_be_visible()
    page.get_by_label("Order id").fill(order)
    expect(page.get_by_role("listitem")).to_have_count(len(system.event_types(order)))


def test_the_filters_of_the_feed_are_in_its_address(open_page: Open) -> None:
    page = open_page("/live?type=ORDER_CREATED&order=ffee")
    types, services = page.get_by_label("Event type"), page.get_by_label("Service")
    expect(types).to_have_value("ORDER_CREATED")
    services.select_option("gateway")
    page.get_by_label("Order id").fill("beef")
    expect(page).to_have_url(re.compile("type=ORDER_CREATED&service=gateway&order=beef$"))
    page.reload()
    expect(services).to_have_value("gateway")
    expect(page.get_by_label("Order id")).to_have_value("beef")
    page.go_back()
    expect(services).to_have_value("")
    expect(page.get_by_label("Order id")).to_have_value("ffee")
    expect(page.locator("main").get_by_role("link", name="topics")).to_be_visible()


def test_the_feed_shows_each_event_in_a_place_of_its_own(open_page: Open, system: System) -> None:
    page = open_page("/live")
    light, types = page.locator("[data-phase]"), page.get_by_label("Event type")
    expect(light).to_have_text("Live")
    rows = page.get_by_role("listitem")
    orders: list[str] = []
    for type in ("ORDER_CREATED", "", "PAYMENT_PROCESSED", ""):
        orders += [system.accepted(("PROD-003", 1)) for _ in range(3)]
        types.select_option(type)
        expect(rows.filter(has_text=orders[-1][-8:]).first).to_be_visible()
    for order in orders:
        system.ended(order)
    expect(rows.filter(has_text=orders[-1][-8:]).filter(has_text="delivered")).to_be_visible()
    places = rows.evaluate_all("all => all.map(row => row.style.transform)")
    texts = rows.all_inner_texts()
    assert len(set(places)) == len(places)
    assert len(set(texts)) == len(texts)
