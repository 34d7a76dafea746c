"""The API as its clients see it: what it answers, and what it says of what it refuses."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from services.registry import NAMES
from tests.system import System, eventually

REFERENCE = {
    "customerId": "CUST-001",
    "customerEmail": "john@example.com",
    "items": [
        {"productId": "PROD-001", "name": "Wireless Headphones", "price": 79.99, "quantity": 2},
        {"productId": "PROD-003", "name": "USB-C Hub", "price": 34.99, "quantity": 1},
    ],
}
ORDER_KEYS = {
    "id",
    "customer_id",
    "customer_email",
    "items",
    "total",
    "status",
    "created_at",
    "updated_at",
}
NOBODY = "01a2044a-4761-7186-96ad-a96f596b82f6"  # an order that there is not


def problem(answer: requests.Response, status: int, advice: str) -> dict[str, Any]:
    """The problem details of an answer, after a look at what all of them have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "detail", "instance"} <= found.keys()
    assert (found["status"], found["success"]) == (status, False)
    assert advice in found["detail"]
    return found


def written(system: System) -> dict[str, int]:
    """How much the gateway has stored and published so far."""
    row = system.rows("""
        SELECT (SELECT count(*) FROM gateway.orders) AS orders,
            (SELECT count(*) FROM gateway.order_events WHERE service_name = 'gateway') AS events,
            (SELECT count(*) FROM gateway.idempotency_keys) AS keys,
            (SELECT last_value FROM gateway.outbox_id_seq) AS published,
            (SELECT sum(restocked) FROM inventory.inventory) AS restocked
    """)[0]
    return dict(row._mapping)


@pytest.fixture
def unchanged(running: System) -> Iterator[System]:
    """The system, in which a test stores and publishes nothing."""
    before = written(running)
    yield running
    assert written(running) == before


# Placing an order.


def test_the_reference_order_is_accepted_as_the_reference_says(system: System) -> None:
    answer = system.post("/api/orders", REFERENCE)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    said = answer.json()
    assert {"success", "order", "eventId"} <= said.keys()
    order = said["order"]
    assert order.keys() >= ORDER_KEYS
    assert said["success"] is True
    assert UUID(said["eventId"]).version == UUID(order["id"]).version == 7
    assert (order["total"], order["status"]) == ("194.97", "pending")
    assert order["items"] == REFERENCE["items"]
    assert (order["customer_id"], order["customer_email"]) == ("CUST-001", "john@example.com")
    assert order["created_at"] == order["updated_at"]
    created = datetime.fromisoformat(order["created_at"])
    assert abs((datetime.now(UTC) - created).total_seconds()) < 60
    assert answer.headers["Location"] == f"/api/orders/{order['id']}"
    assert system.get(answer.headers["Location"])["order"]["id"] == order["id"]


def test_an_order_is_shown_with_what_it_was_accepted_with(system: System) -> None:
    accepted = system.post("/api/orders", REFERENCE).json()
    shown = system.get(f"/api/orders/{accepted['order']['id']}")
    assert shown["success"] is True
    assert shown["order"].keys() >= ORDER_KEYS
    same = ORDER_KEYS - {"status", "updated_at"}
    assert {k: shown["order"][k] for k in same} == {k: accepted["order"][k] for k in same}


def test_names_and_prices_come_from_the_catalogue_where_they_are_left_out(system: System) -> None:
    assert (
        system.order(("PROD-001", 2), ("PROD-003", 1)).json()["order"]["items"]
        == (REFERENCE["items"])
    )


def test_lines_of_one_product_become_one(system: System) -> None:
    order = system.order(("PROD-001", 1), ("PROD-003", 1), ("PROD-001", 1)).json()["order"]
    assert [(i["productId"], i["quantity"]) for i in order["items"]] == [
        ("PROD-001", 2),
        ("PROD-003", 1),
    ]
    assert order["total"] == "194.97"


def test_a_price_that_differs_is_refused_with_the_right_one(unchanged: System) -> None:
    line = {"productId": "PROD-001", "price": 79.98, "quantity": 1}
    answer = unchanged.order(body={"items": [line]})
    found = problem(answer, 400, "The price of PROD-001 is 79.99; send that, or leave it out")
    assert found["errors"] == [
        {
            "field": "items[0].price",
            "message": "The price of PROD-001 is 79.99; send that, or leave it out",
            "price": "79.99",
        }
    ]


def test_text_of_any_language_comes_back_as_it_was_sent(system: System) -> None:
    customer = 'Zoë "O\'Hara" \\ % _ <b> \U0001f6d2 ليلى'
    order = system.accepted(body={"customerId": customer})
    assert system.get(f"/api/orders/{order}")["order"]["customer_id"] == customer
    (found,) = system.get("/api/orders", params={"customerId": customer})["orders"]
    assert found["id"] == order


# One order, however often it is sent.


def test_a_repeated_key_gets_the_same_bytes_again_and_makes_no_second_order(
    system: System,
) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = system.post("/api/orders", REFERENCE, headers=key)
    before = written(system)
    again = system.post("/api/orders", REFERENCE, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert written(system) == before


def test_a_key_that_was_used_for_another_order_is_refused(system: System) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = system.order(("PROD-001", 1), headers=key).json()["order"]["id"]
    before = written(system)
    found = problem(
        system.order(("PROD-001", 2), headers=key), 409, "send a new key with a new order"
    )
    assert found["orderId"] == first
    assert written(system) == before


def test_a_bad_order_does_not_use_up_its_key(system: System) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    assert system.order(("PROD-001", 0), headers=key).status_code == 400
    assert system.order(("NO-SUCH", 1), headers=key).status_code == 400
    assert system.order(("PROD-001", 1), headers=key).status_code == 201


def test_twenty_requests_at_once_with_one_key_make_one_order(system: System) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    before = written(system)
    together = threading.Barrier(20)

    def post(_: int) -> requests.Response:
        together.wait()
        return system.post("/api/orders", REFERENCE, headers=key)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    after = written(system)
    for what in ("orders", "events", "keys"):
        assert after[what] == before[what] + 1


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "schl\xfcssel"])
def test_a_bad_key_is_refused(unchanged: System, key: str) -> None:
    answer = unchanged.order(headers={"Idempotency-Key": key.encode("latin-1")})
    problem(answer, 400, "Idempotency-Key: send 1 to 255 printable ASCII characters")


# Bad input. Nothing is stored and nothing published.


def order(line: str = '"productId": "PROD-001", "quantity": 1', **fields: str) -> str:
    """The text of an order, with parts of it replaced by any text."""
    parts = {
        "customerId": '"CUST-001"',
        "customerEmail": '"ada@example.com"',
        "items": f"[{{{line}}}]",
    } | fields
    return "{" + ", ".join(f'"{name}": {text}' for name, text in parts.items() if text) + "}"


def line(quantity: str = "1", price: str = "", product: str = '"PROD-001"') -> str:
    """The text of an order of one line."""
    parts = {"productId": product, "quantity": quantity, "price": price}
    return order(", ".join(f'"{name}": {text}' for name, text in parts.items() if text))


LONG = '"' + "x" * 300 + '"'
WHOLE = "items[0].quantity: Send a whole number"
BAD_ORDERS = {
    "quantity 0": (line("0"), "items[0].quantity: It should be greater than or equal to 1"),
    "quantity -3": (line("-3"), "items[0].quantity: It should be greater than or equal to 1"),
    "quantity 1.5": (line("1.5"), WHOLE),
    "quantity 1.0": (line("1.0"), WHOLE),
    'quantity "2"': (line('"2"'), WHOLE),
    "quantity true": (line("true"), WHOLE),
    "quantity null": (line("null"), WHOLE),
    "quantity 1e9": (line("1e9"), WHOLE),
    "quantity a billion": (line("1000000000"), "It should be less than or equal to 1000"),
    "price of a million digits": (line(price="1e1000000"), "items[0].price: This is no price"),
    "quantity of 4000 digits": (line("9" * 4000), "more than 20 digits"),
    "quantity of 5000 digits": (line("9" * 5000), "no JSON that can be read"),
    "quantity missing": (line(""), "items[0].quantity: Send it"),
    "price negative": (line(price="-79.99"), "items[0].price: It should be greater than or equal"),
    "price NaN": (line(price="NaN"), "NaN is no JSON number"),
    "price Infinity": (line(price="Infinity"), "Infinity is no JSON number"),
    "price -Infinity": (line(price="-Infinity"), "-Infinity is no JSON number"),
    "price 1e400": (line(price="1e400"), "items[0].price: This is no price"),
    "price a string": (line(price='"79.99"'), "Send a number, such as 79.99, or leave it out"),
    "price an object": (line(price="{}"), "Send a number, such as 79.99, or leave it out"),
    "price differing": (line(price="79.989999999999"), "The price of PROD-001 is 79.99"),
    "price of 22 digits": (
        line(price="79.98999999999999999999"),
        "items[0].price: This is no price",
    ),
    "price zero": (line(price="0"), "The price of PROD-001 is 79.99"),
    "product unknown": (line(product='"PROD-999"'), "GET /api/inventory lists them"),
    "product missing": (line(product=""), "items[0].productId: Send it"),
    "product empty": (line(product='""'), "items[0].productId: "),
    "product a number": (line(product="1"), "items[0].productId: Send a text"),
    "product of 300 characters": (line(product=LONG), "items[0].productId: Send at most 255"),
    "product with NUL": (line(product='"PROD-001\\u0000"'), "NUL character"),
    "product in other letters": (line(product='"prod-001"'), "There is no product 'prod-001'"),
    "more of one product than may be, over two lines": (
        order('"productId": "PROD-001", "quantity": 999}, {"productId": "PROD-001", "quantity": 2'),
        "at most 1000 of PROD-001",
    ),
    "items empty": (order(items="[]"), "items: Send at least 1"),
    "items 1,000": (
        order(items="[" + ", ".join(['{"productId": "PROD-001", "quantity": 1}'] * 1000) + "]"),
        "items: Send at most 100",
    ),
    "items missing": (order(items=""), "items: Send it"),
    "items null": (order(items="null"), "items: Send a list"),
    "items an object": (order(items="{}"), "items: Send a list"),
    "items of null": (order(items="[null]"), "items[0]: Send a JSON object"),
    "name with NUL": (
        order('"productId": "PROD-001", "quantity": 1, "name": "a\\u0000b"'),
        "items[0].name: ",
    ),
    "name half a character": (
        order('"productId": "PROD-001", "quantity": 1, "name": "\\ud800"'),
        "",
    ),
    "customer missing": (order(customerId=""), "customerId: Send it"),
    "customer empty": (order(customerId='" "'), "customerId: Send at least 1"),
    "customer a number": (order(customerId="7"), "customerId: Send a text"),
    "customer of 300 characters": (order(customerId=LONG), "customerId: Send at most 255"),
    "customer with NUL": (order(customerId='"a\\u0000b"'), "NUL character"),
    "customer half a character": (order(customerId='"\\ud800"'), ""),
    "e-mail missing": (order(customerEmail=""), "customerEmail: Send it"),
    "e-mail bad": (order(customerEmail='"ada"'), "it looks like name@example.com"),
    "e-mail with two @": (order(customerEmail='"a@b@c.de"'), "it looks like name@example.com"),
    "e-mail of 300 characters": (order(customerEmail=LONG), "customerEmail: Send at most 254"),
    "e-mail with NUL": (order(customerEmail='"a\\u0000@b.cd"'), "customerEmail: "),
    "null": ("null", "body: Send a JSON object"),
    "[]": ("[]", "body: Send a JSON object"),
    "a string": ('"order"', "body: Send a JSON object"),
    "nothing": ("", "no JSON that can be read"),
    "malformed": ('{"customerId": ', "no JSON that can be read"),
    "a raw NUL": (order(customerId='"a\0b"'), "no JSON that can be read"),
    "deeply nested": (order(items="[" * 40_000), "no JSON that can be read"),
}


def send(system: System, body: str | bytes, **more: Any) -> requests.Response:
    """Post text as an order."""
    headers = {"Content-Type": "application/json"} | more.pop("headers", {})
    raw = body.encode() if isinstance(body, str) else body
    return system.http.post(
        system.url("gateway", "/api/orders"), raw, headers=headers, timeout=60, **more
    )


@pytest.mark.parametrize("what", BAD_ORDERS)
def test_a_bad_order_is_refused_with_advice_and_leaves_no_trace(
    unchanged: System, what: str
) -> None:
    body, advice = BAD_ORDERS[what]
    found = problem(send(unchanged, body), 400, advice)
    assert found["instance"] == "/api/orders"
    # With a key it takes another way through the code.
    problem(send(unchanged, body, headers={"Idempotency-Key": str(uuid4())}), 400, advice)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", ""])
def test_a_wrong_content_type_is_refused(unchanged: System, kind: str) -> None:
    answer = send(unchanged, order(), headers={"Content-Type": kind})
    problem(answer, 415, "Content-Type: application/json")


def test_bytes_that_are_no_utf_8_are_refused(unchanged: System) -> None:
    problem(send(unchanged, b'{"customerId": "\xff"}'), 400, "no JSON that can be read")


def test_a_body_over_100_kb_is_refused(unchanged: System) -> None:
    padded = order() + " " * 102_400
    problem(send(unchanged, padded), 413, "at most 102400 bytes")


def test_a_chunked_body_over_100_kb_is_refused(unchanged: System) -> None:
    def pieces() -> Iterator[bytes]:
        yield order().encode()
        yield from [b" " * 1024] * 200

    answer = unchanged.http.post(
        unchanged.url("gateway", "/api/orders"),
        pieces(),
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    problem(answer, 413, "at most 102400 bytes")


def test_a_chunked_body_of_fair_size_is_accepted(system: System) -> None:
    answer = system.http.post(
        system.url("gateway", "/api/orders"),
        iter([order().encode(), b" " * 1000]),
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("limit=-1", "limit: It should be greater than or equal to 1"),
        ("limit=0", "limit: It should be greater than or equal to 1"),
        ("limit=501", "limit: It should be less than or equal to 500"),
        ("limit=many", "limit: Send a whole number"),
        ("limit=1.5", "limit: Send a whole number"),
        ("limit=", "limit: Send a whole number"),
        ("limit=1&limit=2", "limit: Send it once"),
        ("offset=-1", "offset: It should be greater than or equal to 0"),
        ("offset=9999999999", "offset: It should be less than or equal to"),
        ("status=lost", "status: It should be 'pending'"),
        ("status=", "status: It should be 'pending'"),
        ("sort=price", "sort: It should be 'created_at'"),
        ("sort=id;DROP TABLE orders", "sort: It should be 'created_at'"),
        ("from=yesterday", "from: "),
        ("to=2026-13-01", "to: "),
        ("from=1", "from: "),
        ("customerId=", "customerId: Send at least 1"),
        ("customerId=a%00b", "customerId: "),
        ("q=", "q: Send at least 1"),
        ("q=a%00b", "q: "),
        (f"q={'x' * 101}", "q: Send at most 100"),
        ("cursor=junk", "take it from pagination.nextCursor"),
        ("cursor=é", "take it from pagination.nextCursor"),
        (f"cursor={'A' * 301}", "cursor: Send at most 300"),
        ("colour=red", "colour: There is no such parameter; there are limit, offset"),
        ("from_=2026-01-01", "from_: There is no such parameter"),
    ],
)
def test_a_bad_parameter_of_the_listing_is_refused(
    unchanged: System, query: str, advice: str
) -> None:
    answer = unchanged.http.get(unchanged.url("gateway", f"/api/orders?{query}"), timeout=60)
    problem(answer, 400, advice)


@pytest.mark.parametrize(
    "forged",
    [
        [],
        ["-total", "1.00"],
        ["total", "1.00", NOBODY],
        ["-total", "sNaN", NOBODY],
        ["-total", "1e999999", NOBODY],
        ["-total", "\uff11", NOBODY],
        ["-total", [0, [1], 0], NOBODY],
        ["-total", None, NOBODY],
        ["-total", "1.00", "urn:uuid:" + NOBODY],
        ["-total", "1.00", 7],
        ["-created_at", "2026-W01-1", NOBODY],
        ["-created_at", "infinity", NOBODY],
        ["-created_at", 5, NOBODY],
    ],
)
def test_a_forged_cursor_is_refused(unchanged: System, forged: list[Any]) -> None:
    sort = "-created_at" if forged[:1] == ["-created_at"] else "-total"
    cursor = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode()
    answer = unchanged.http.get(
        unchanged.url("gateway", "/api/orders"), params={"cursor": cursor, "sort": sort}, timeout=60
    )
    problem(answer, 400, "take it from pagination.nextCursor")


@pytest.mark.parametrize("path", ["", "/events", "/cancel"])
@pytest.mark.parametrize("id", ["1", "x" * 300, "01a2044a", "%00", f"{NOBODY}0", "g" * 36])
def test_what_is_no_order_id_is_refused(unchanged: System, id: str, path: str) -> None:
    method = "POST" if path == "/cancel" else "GET"
    answer = unchanged.http.request(method, unchanged.url("gateway", f"/api/orders/{id}{path}"))
    problem(answer, 400, "is no order id; it looks like")


@pytest.mark.parametrize("path", ["", "/events", "/cancel"])
def test_an_order_that_there_is_not_is_not_found(unchanged: System, path: str) -> None:
    method = "POST" if path == "/cancel" else "GET"
    answer = unchanged.http.request(method, unchanged.url("gateway", f"/api/orders/{NOBODY}{path}"))
    problem(answer, 404, "GET /api/orders lists them")


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ({"reason": "x" * 501}, "reason: Send at most 500"),
        ({"reason": "a\0b"}, "NUL character"),
        ({"reason": 7}, "reason: Send a text"),
        ([], "body: Send a JSON object"),
        ("late", "body: Send a JSON object"),
    ],
)
def test_a_bad_reason_cancels_nothing(system: System, body: Any, advice: str) -> None:
    number = system.accepted()
    system.ended(number)
    problem(system.post(f"/api/orders/{number}/cancel", body), 400, advice)
    assert "ORDER_CANCEL_REQUESTED" not in system.event_types(number)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/orders", "GET, HEAD, OPTIONS, POST"),
        ("PUT", f"/api/orders/{NOBODY}", "GET, HEAD, OPTIONS"),
        ("GET", f"/api/orders/{NOBODY}/cancel", "OPTIONS, POST"),
        ("POST", "/api/inventory", "GET, HEAD, OPTIONS"),
        ("PATCH", "/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    unchanged: System, method: str, path: str, allowed: str
) -> None:
    answer = unchanged.http.request(method, unchanged.url("gateway", path))
    problem(answer, 405, f"use {allowed}")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize("path", ["/nowhere", "/api/nowhere", "/api/orders/1/2/3", "/%ff{0}"])
def test_an_unknown_path_is_not_found_in_json(unchanged: System, service: str, path: str) -> None:
    problem(unchanged.http.get(unchanged.url(service, path)), 404, "/api/docs lists what there is")


# Listing.


@pytest.fixture
def customer() -> str:
    """A customer whom no other test knows."""
    return f"CUST-{uuid4()}"


def listed(system: System, **query: Any) -> list[str]:
    """The ids of the orders on a page."""
    return [order["id"] for order in system.get("/api/orders", params=query)["orders"]]


def test_a_page_of_orders_says_how_to_go_on(system: System, customer: str) -> None:
    placed = [system.accepted(body={"customerId": customer}) for _ in range(3)]
    page = system.get("/api/orders", params={"customerId": customer, "limit": 2})
    assert page.keys() == {"success", "orders", "pagination"}
    assert [order["id"] for order in page["orders"]] == placed[:0:-1]
    assert page["orders"][0].keys() >= ORDER_KEYS
    assert page["pagination"] == {
        "limit": 2,
        "offset": 0,
        "total": 3,
        "totalIsExact": True,
        "hasMore": True,
        "nextCursor": page["pagination"]["nextCursor"],
        "prevCursor": None,
    }
    cursor = page["pagination"]["nextCursor"]
    last = system.get("/api/orders", params={"customerId": customer, "limit": 2, "cursor": cursor})
    assert [order["id"] for order in last["orders"]] == placed[:1]
    assert (last["pagination"]["hasMore"], last["pagination"]["nextCursor"]) == (False, None)
    before = last["pagination"]["prevCursor"]
    first = system.get("/api/orders", params={"customerId": customer, "limit": 2, "cursor": before})
    assert [order["id"] for order in first["orders"]] == placed[:0:-1]
    assert first["pagination"]["prevCursor"] is None


def test_offset_skips_as_the_reference_does(system: System, customer: str) -> None:
    placed = [system.accepted(body={"customerId": customer}) for _ in range(4)][::-1]
    assert listed(system, customerId=customer, limit=2, offset=1) == placed[1:3]
    assert listed(system, customerId=customer, offset=4) == []


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "total", "-total"])
def test_a_cursor_walks_through_all_orders_once_while_new_ones_arrive(
    system: System, customer: str, sort: str
) -> None:
    def place(number: int) -> str:
        return system.accepted(("PROD-008", 1 + number % 3), body={"customerId": customer})

    placed = {place(number) for number in range(11)}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"customerId": customer, "limit": 3, "sort": sort} | (
            {"cursor": cursor} if cursor else {}
        )
        page = system.get("/api/orders", params=query)
        seen += [order["id"] for order in page["orders"]]
        cursor = page["pagination"]["nextCursor"]
        if len(placed) + 5 > len(seen):
            place(len(seen))
    assert len(seen) == len(set(seen))
    assert placed <= set(seen)


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "total", "-total", "-updated_at"])
def test_cursors_lead_back_over_the_same_pages(system: System, customer: str, sort: str) -> None:
    for number in range(8):
        system.accepted(("PROD-008", 1 + number % 3), body={"customerId": customer})
    system.accepted(body={"customerId": customer}, email="decline@example.com")
    system.settle()
    query = {"q": customer[5:], "status": "completed", "sort": sort, "limit": 3}

    def read(cursor: str | None) -> Any:
        return system.get("/api/orders", params=query | ({"cursor": cursor} if cursor else {}))

    forth = [read(None)]
    while cursor := forth[-1]["pagination"]["nextCursor"]:
        forth.append(read(cursor))
    back = [forth[-1]]
    while cursor := back[-1]["pagination"]["prevCursor"]:
        back.append(read(cursor))
    assert [page["orders"] for page in back[::-1]] == [page["orders"] for page in forth]
    assert [len(page["orders"]) for page in forth] == [3, 3, 2]
    assert {page["pagination"]["total"] for page in forth + back} == {8}
    assert read(back[-1]["pagination"]["nextCursor"]) == forth[1]


def test_a_cursor_back_leads_to_the_orders_that_have_arrived_in_front(
    system: System, customer: str
) -> None:
    old = [system.accepted(body={"customerId": customer}) for _ in range(4)][::-1]

    def read(**more: Any) -> tuple[list[str], dict[str, Any]]:
        page = system.get("/api/orders", params={"customerId": customer, "limit": 2} | more)
        return [order["id"] for order in page["orders"]], page["pagination"]

    _, first = read()
    _, second = read(cursor=first["nextCursor"])
    new = [system.accepted(body={"customerId": customer}) for _ in range(3)][::-1]
    shown, pages = read(cursor=second["prevCursor"])
    assert shown == old[:2]
    shown, pages = read(cursor=pages["prevCursor"])
    assert shown == new[1:]
    shown, pages = read(cursor=pages["prevCursor"])
    assert (shown, pages["prevCursor"], pages["hasMore"]) == (new[:1], None, True)


def test_a_page_after_an_offset_leads_back_too(system: System, customer: str) -> None:
    placed = [system.accepted(body={"customerId": customer}) for _ in range(4)][::-1]
    page = system.get("/api/orders", params={"customerId": customer, "limit": 2, "offset": 2})
    cursor = page["pagination"]["prevCursor"]
    assert listed(system, customerId=customer, limit=2, cursor=cursor) == placed[:2]


@pytest.mark.parametrize("column", ["created_at", "updated_at", "total"])
def test_orders_are_sorted_either_way(system: System, customer: str, column: str) -> None:
    for quantity in (2, 3, 1, 2):
        system.ended(system.accepted(("PROD-008", quantity), body={"customerId": customer}))
    system.settle()

    def key(order: dict[str, Any]) -> Any:
        return float(order["total"]) if column == "total" else order[column]

    for sign, reverse in (("", False), ("-", True)):
        query = {"customerId": customer, "sort": sign + column}
        keys = [key(order) for order in system.get("/api/orders", params=query)["orders"]]
        assert keys == sorted(keys, reverse=reverse)
        assert len(keys) == 4


def test_orders_are_found_by_status(system: System, customer: str) -> None:
    good = system.accepted(body={"customerId": customer})
    bad = system.accepted(body={"customerId": customer}, email="decline@example.com")
    assert (system.ended(good)["status"], system.ended(bad)["status"]) == ("completed", "failed")
    assert listed(system, customerId=customer, status="completed") == [good]
    assert listed(system, customerId=customer, status="failed") == [bad]
    assert listed(system, customerId=customer, status="cancelled") == []


def test_orders_are_found_by_time_from_inclusive_to_exclusive(
    system: System, customer: str
) -> None:
    first, second, third = (
        system.order(body={"customerId": customer}).json()["order"] for _ in range(3)
    )
    # To the microsecond, as they are stored.
    times = {
        str(row.id): row.created_at.isoformat()
        for row in system.rows(
            "SELECT id, created_at FROM gateway.orders WHERE customer_id = %(c)s", c=customer
        )
    }
    start, middle, end = (times[order["id"]] for order in (first, second, third))
    assert listed(system, customerId=customer, **{"from": middle}) == [third["id"], second["id"]]
    assert listed(system, customerId=customer, to=middle) == [first["id"]]
    assert listed(system, customerId=customer, **{"from": start, "to": end}) == [
        second["id"],
        first["id"],
    ]
    assert listed(system, customerId=customer, **{"from": "2999-01-01"}) == []


def test_text_is_found_where_a_person_would_look_for_it(system: System, customer: str) -> None:
    placed = system.accepted(
        ("PROD-005", 1), email="Grace.Hopper@navy.mil", body={"customerId": customer}
    )
    for text in (customer, customer.lower(), customer[9:], placed, placed[:13].upper()):
        assert placed in listed(system, q=text)
    for text in ("grace.hopper", "NAVY.mil", "PROD-005", "monitor light"):
        assert listed(system, customerId=customer, q=text) == [placed]


@pytest.mark.parametrize("text", ["productId", "quantity", "price", '"', "{", ": "])
def test_text_is_not_found_in_what_is_around_the_products(
    system: System, customer: str, text: str
) -> None:
    system.accepted(("PROD-005", 1), body={"customerId": customer})
    assert listed(system, customerId=customer, q=text) == []


def test_wildcards_in_a_text_stand_for_themselves(system: System) -> None:
    token = uuid4().hex
    placed = {
        sign: system.accepted(body={"customerId": f"{token}{sign}x"})
        for sign in ("%", "_", "\\", "y")
    }
    assert set(listed(system, q=token)) == set(placed.values())
    for sign, number in placed.items():
        assert listed(system, q=token + sign) == [number]
        assert listed(system, q=f"{sign}x", customerId=f"{token}{sign}x") == [number]


# Everything else.


def test_the_events_of_an_order_are_shown_each_after_its_cause(system: System) -> None:
    number = system.accepted(("PROD-001", 1), ("PROD-002", 2))
    system.ended(number)
    shown = system.get(f"/api/orders/{number}/events")
    assert (shown["success"], shown["orderId"]) == (True, number)
    keys = {"id", "order_id", "event_type", "payload", "service_name", "created_at"}
    ids = [event["id"] for event in shown["events"]]
    for place, event in enumerate(shown["events"]):
        assert event.keys() >= keys
        assert event["order_id"] == event["payload"]["orderId"] == number
        assert event["causation_id"] is None or event["causation_id"] in ids[:place]
    assert (shown["events"][0]["event_type"], shown["events"][0]["causation_id"]) == (
        "ORDER_CREATED",
        None,
    )
    assert {e["service_name"] for e in shown["events"]} == set(NAMES) - {"analytics", "replay"}


@pytest.mark.parametrize("service", ["gateway", "inventory"])
def test_the_inventory_shows_what_is_there_of_each_product(system: System, service: str) -> None:
    shown = system.http.get(system.url(service, "/api/inventory")).json()
    assert shown["success"] is True
    products = {product["product_id"]: product for product in shown["inventory"]}
    assert products.keys() >= {f"PROD-00{number}" for number in range(1, 9)}
    for product in products.values():
        assert product.keys() >= {"name", "price", "quantity", "reserved", "available"}
        assert product["available"] == product["quantity"] - product["reserved"]
    assert (products["PROD-001"]["name"], products["PROD-001"]["price"]) == (
        "Wireless Headphones",
        "79.99",
    )


def test_restocking_puts_pieces_on_the_shelf(system: System, product: Callable[[int], str]) -> None:
    shelf = product(5)
    answer = system.post(f"/api/inventory/{shelf}/restock", {"quantity": 7})
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    restocked = answer.json()["product"]
    assert (restocked["product_id"], restocked["quantity"]) == (shelf, 12)
    assert (restocked["restocked"], restocked["available"]) == (7, 12)
    assert system.stock(shelf)["quantity"] == 12


@pytest.mark.parametrize(
    "quantity", ["0", "-5", "1.5", '"7"', "true", "null", "1000000000", "1e9", "1e400", "[]"]
)
def test_a_bad_quantity_restocks_nothing(unchanged: System, quantity: str) -> None:
    answer = unchanged.http.post(
        unchanged.url("gateway", "/api/inventory/PROD-001/restock"),
        f'{{"quantity": {quantity}}}',
        headers={"Content-Type": "application/json"},
    )
    problem(answer, 400, "quantity: ")


@pytest.mark.parametrize("id", ["NO-SUCH", "x" * 300, "PROD-001%00", "PROD-001%0A", "%2e%2e", "ö"])
def test_a_product_that_there_is_not_is_not_restocked(unchanged: System, id: str) -> None:
    answer = unchanged.post(f"/api/inventory/{id}/restock", {"quantity": 1})
    assert answer.status_code in (400, 404)
    problem(answer, answer.status_code, "")


def test_restocking_without_json_is_refused(unchanged: System) -> None:
    answer = unchanged.http.post(unchanged.url("gateway", "/api/inventory/PROD-001/restock"))
    problem(answer, 415, "Content-Type: application/json")


@pytest.mark.parametrize("service", ["gateway", "analytics"])
def test_analytics_has_the_shape_that_clients_know(system: System, service: str) -> None:
    system.accepted()
    system.settle()
    answer = system.http.get(system.url(service, "/api/analytics"))
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["success"] is True
    summary = shown["analytics"]["summary"]
    counts = ("total_orders", "completed_orders", "pending_orders", "failed_orders")
    assert all(type(summary[name]) is int for name in counts)
    assert type(summary["total_revenue"]) is str
    day = shown["analytics"]["dailyOrders"][-1]
    assert day.keys() >= {"date", "orders", "revenue"}
    assert day["date"] == datetime.now(UTC).date().isoformat()
    assert shown["analytics"]["hourlyOrders"][-1].keys() >= {"hour", "orders", "revenue"}
    assert system.http.get(system.url("analytics", "/api/stats")).json()["stats"].keys() >= {
        "total_orders",
        "total_revenue",
    }


def services(system: System) -> dict[str, dict[str, Any]]:
    """What ``/api/services/status`` says of each service."""
    shown = system.get("/api/services/status")
    assert shown["success"] is True
    return {service["name"]: service for service in shown["services"]}


def test_every_service_is_shown_healthy_with_its_port(system: System) -> None:
    shown = services(system)
    assert {name: service["status"] for name, service in shown.items()} == dict.fromkeys(
        NAMES, "healthy"
    )
    assert {name: service["port"] for name, service in shown.items()} == system.ports


def test_without_its_neighbours_the_gateway_says_which_are_away_and_takes_orders(
    system: System,
) -> None:
    system.stop("analytics", "inventory")

    def shown() -> dict[str, str]:
        return {name: service["status"] for name, service in services(system).items()}

    away = {"analytics": "offline", "inventory": "offline"}
    # What was asked is remembered for a second.
    eventually(lambda: shown() == dict.fromkeys(NAMES, "healthy") | away)
    for path, service in (("/api/analytics", "analytics"), ("/api/inventory", "inventory")):
        answer = system.http.get(system.url("gateway", path))
        problem(answer, 503, f"The {service} service does not answer")
        assert int(answer.headers["Retry-After"]) > 0
    assert system.order(("PROD-001", 1)).status_code == 201

    system.start("analytics", "inventory")
    eventually(lambda: shown() == dict.fromkeys(NAMES, "healthy"))
    assert system.http.get(system.url("gateway", "/api/analytics")).status_code == 200


@pytest.mark.parametrize("service", NAMES)
def test_every_service_can_be_watched(running: System, service: str) -> None:
    health = running.http.get(running.url(service, "/health"))
    assert (health.status_code, health.json()["status"]) == (200, "healthy")
    ready = running.http.get(running.url(service, "/ready"))
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert set(ready.json()["checks"].values()) == {"ok"}

    def counted() -> bool:
        metrics = running.http.get(running.url(service, "/metrics"))
        assert metrics.headers["Content-Type"].startswith("text/plain")
        return 'route="/health"' in metrics.text

    eventually(counted)


def test_the_api_describes_itself(running: System) -> None:
    described = running.get("/api/openapi.json")
    assert described["openapi"].startswith("3.1")
    assert "/api/orders" in described["paths"]
    for path in ("/", "/api/docs", "/api/docs/"):
        page = running.http.get(running.url("gateway", path))
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert "swagger" in page.text.lower()
