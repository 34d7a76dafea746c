"""Requests to a running system, each answer held against ``openapi.yaml`` and ``asyncapi.yaml``.

Not collected by itself: a test that has a system calls :func:`check_responses`.
"""

import json
import time
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import requests
import websocket

from tests.contract.documents import Operation, escape, faults, operations, resolve

JSON = {"Content-Type": "application/json"}
NOBODY = "01a20466-92bb-7139-a80f-efba4ad7e000"
PROBLEM = "openapi.yaml#/components/schemas/Problem"
LINE = {"productId": "PROD-001", "quantity": 1}

_ORDERS, _ORDER = "/api/orders", "/api/orders/{orderId}"
_EVENTS, _CANCEL = f"{_ORDER}/events", f"{_ORDER}/cancel"
_ORDER_MESSAGES = f"{_ORDER}/messages"
_RESTOCK = "/api/inventory/{productId}/restock"
_TOPIC, _MESSAGES = "/api/topics/{name}", "/api/topics/{name}/messages"
_REPLAY, _REPLAYS, _ONE_REPLAY = "/api/orders/replay", "/api/replays", "/api/replays/{id}"

_VERIFY = f"{_ONE_REPLAY}/verify"


class Client:
    """Sends requests of described operations and checks every answer; ``seen`` counts them."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.seen: dict[Operation, int] = {}

    def send(
        self,
        method: str,
        path: str,
        status: int,
        code: str | None = None,
        *,
        ids: dict[str, str] | None = None,
        **request: Any,
    ) -> requests.Response:
        """Send a request of the operation at ``path``; the answer must be as it is described.

        ``code`` is the last part of the problem's type. AssertionError says what differs.
        """
        operation: Operation = (method, path)
        url = self.base_url + path.format(**ids or {})
        answer = requests.request(method, url, timeout=10, **request)
        what = f"{method.upper()} {url} {request}"[:400]
        assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text[:400]}"
        self.seen[operation] = self.seen.get(operation, 0) + 1
        responses = operations()[operation]["responses"]
        assert str(status) in responses, f"{what}: {status} is not described"
        pointer = f"#/paths/{escape(path)}/{method}/responses/{status}"
        pointer, response = resolve("openapi.yaml", pointer)
        for name, header in response.get("headers", {}).items():
            assert not header.get("required") or name in answer.headers, f"{what}: no {name}"
        media = answer.headers["Content-Type"].partition(";")[0]
        assert media in response["content"], f"{what}: {media} is not described"
        if media != "text/plain":
            schema = f"openapi.yaml{pointer}/content/{escape(media)}/schema"
            assert faults(schema, answer.json()) == [], f"{what}: {answer.text[:400]}"
        _check_problem(answer, code, what)
        return answer

    def refuse(self, method: str, path: str, status: int, code: str, **request: Any) -> None:
        """Send a request that no operation describes; the answer must be a good problem."""
        answer = requests.request(method, self.base_url + path, timeout=10, **request)
        what = f"{method.upper()} {path}"
        assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text[:400]}"
        _check_problem(answer, code, what)
        if status == 405:
            assert answer.headers["Allow"], what


def _check_problem(answer: requests.Response, code: str | None, what: str) -> None:
    if not code:
        assert answer.ok, f"{what}: name the problem that is expected"
        return
    assert answer.headers["Content-Type"] == "application/problem+json", what
    problem = answer.json()
    assert faults(PROBLEM, problem) == [], what
    assert problem["type"] == f"urn:orderflow:problem:{code}", f"{what}: {problem}"
    assert problem["status"] == answer.status_code, what
    assert unquote(problem["instance"]) == unquote(urlsplit(answer.url).path), what
    assert problem["detail"] == problem["error"], what


def check_responses(base_url: str, analytics_url: str) -> int:
    """Use every operation, well and badly. Returns how many answers were as they are described.

    It places a few orders, lets one be cancelled, puts one piece on a shelf and replays the orders
    to a topic of its own. AssertionError says which answer differs.
    """
    gateway, analytics = Client(base_url), Client(analytics_url)
    customer = f"CONTRACT-{uuid4()}"
    placed = _place(gateway, customer)
    _refuse_orders(gateway, customer)
    _list(gateway, customer, placed)
    _read_and_cancel(gateway, placed)
    _stock(gateway)
    _replay(gateway, customer)
    _topics(gateway, placed[0])
    _dead_letters(gateway)
    _operate(gateway)
    _elsewhere(gateway)
    _analyse(analytics)
    _analyse(gateway)
    analytics.send("get", "/api/stats", 200)
    analytics.send("get", "/ws", 426, "upgrade-required")
    for path in ("/health", "/ready", "/metrics"):
        analytics.send("get", path, 200)
    told = _follow(analytics_url, customer, gateway)
    untried = operations().keys() - gateway.seen.keys() - analytics.seen.keys()
    assert not untried, f"not tried: {sorted(untried)}"
    return sum(gateway.seen.values()) + sum(analytics.seen.values()) + told


def _order(customer: str, **more: Any) -> dict[str, Any]:
    return {"customerId": customer, "customerEmail": "john@example.com", "items": [LINE]} | more


def _place(gateway: Client, customer: str) -> list[str]:
    """Place three orders, one of them twice under one key."""
    key = {"Idempotency-Key": str(uuid4())}
    trace = {"traceparent": f"00-{uuid4().hex}-{uuid4().hex[16:]}-01"}
    first = gateway.send("post", _ORDERS, 201, json=_order(customer), headers=key | trace)
    again = gateway.send("post", _ORDERS, 201, json=_order(customer), headers=key)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == first.content
    other = _order(customer, items=[LINE | {"quantity": 2}])
    gateway.send("post", _ORDERS, 409, "idempotency-key-reused", json=other, headers=key)
    named = [{"productId": "PROD-003", "name": "USB-C Hub", "price": 34.99, "quantity": 1}]
    placed = [first, gateway.send("post", _ORDERS, 201, json=_order(customer, items=named))]
    merged = gateway.send("post", _ORDERS, 201, json=_order(customer, items=[LINE, LINE]))
    assert [line["quantity"] for line in merged.json()["order"]["items"]] == [2]
    for answer in [*placed, merged]:
        assert answer.headers["Location"] == f"/api/orders/{answer.json()['order']['id']}"
    return [answer.json()["order"]["id"] for answer in [*placed, merged]]


def _refuse_orders(gateway: Client, customer: str) -> None:
    """Send orders that must not be taken; that none was, the list shows afterwards."""

    def bad(code: str, status: int = 400, headers: dict[str, str] = JSON, **body: Any) -> None:
        gateway.send("post", _ORDERS, status, code, headers=headers, **body)

    def line(**more: Any) -> dict[str, Any]:
        return {"json": _order(customer, items=[LINE | more])}

    for quantity in (0, -3, 1.5, "2", 10**9, None, True):
        bad("invalid-request", **line(quantity=quantity))
    for price in (-1, "79.99", True):
        bad("invalid-request", **line(price=price))
    bad("invalid-order", **line(price=79.98))
    bad("invalid-order", **line(productId="PROD-999"))
    bad("invalid-order", json=_order(customer, items=[LINE | {"quantity": 600}] * 2))
    text = json.dumps(_order(customer, items=[LINE | {"price": 0}]))
    for number, code in (
        ("NaN", "malformed-json"),
        ("-Infinity", "malformed-json"),
        ("1e400", "invalid-request"),
    ):
        bad(code, data=text.replace('"price": 0', f'"price": {number}'))
    for items in ([], [LINE] * 1000, [{"productId": "PROD-001"}], [{"quantity": 1}], None, [7]):
        bad("invalid-request", json=_order(customer, items=items))
    for email in ("john", "john@", "@example.com", "john@example", "a b@example.com", None, ""):
        bad("invalid-request", json=_order(customer, customerEmail=email))
    for name in ("C" * 300, "C\0", "", 7, None):
        bad("invalid-request", json=_order(name))  # type: ignore[arg-type]
    for data in ("null", "[]", "7", '"text"'):
        bad("invalid-request", data=data)
    for data in ("", "{", "\0", "{'customerId': 1}"):
        bad("malformed-json", data=data)
    bad("body-too-large", 413, data=" " * 102_401)
    bad("unsupported-media-type", 415, headers={"Content-Type": "text/plain"}, data=text)
    bad("unsupported-media-type", 415, headers={}, data=text)
    for key in ("with space", "k" * 256, "", "schlüssel"):
        headers = JSON | {"Idempotency-Key": key}
        bad("invalid-idempotency-key", headers=headers, json=_order(customer))


def _list(gateway: Client, customer: str, placed: list[str]) -> None:
    """Read the orders placed, in pages, and ask for lists that there are not."""

    def page(**parameters: Any) -> dict[str, Any]:
        answer = gateway.send("get", _ORDERS, 200, params={"customerId": customer} | parameters)
        found: dict[str, Any] = answer.json()
        return found

    everything = page()
    assert [order["id"] for order in everything["orders"]] == placed[::-1]
    assert everything["pagination"]["total"] == len(placed)
    for sort in ("created_at", "updated_at", "total", "-created_at", "-updated_at", "-total"):
        first = page(sort=sort, limit=2)
        rest = page(sort=sort, limit=2, cursor=first["pagination"]["nextCursor"])
        if not sort.endswith("updated_at"):  # that changes between two pages
            ids = {order["id"] for order in first["orders"] + rest["orders"]}
            assert ids == set(placed), sort
    assert page(offset=2)["orders"][0]["id"] == placed[0]
    assert page(to="2000-01-01")["orders"] == page(**{"from": "2999-01-01T00:00:00Z"})["orders"]
    assert page(q=placed[1][:30].upper())["orders"] or page(q=placed[1])["orders"]
    for q in ("%", "\\", "_'\"", "john"):
        page(q=q)
    gateway.send("get", _ORDERS, 200, params={"status": "completed", "limit": 500})
    for parameters in (
        {"limit": -1},
        {"limit": 0},
        {"limit": 501},
        {"limit": "ten"},
        {"offset": -1},
        {"status": "lost"},
        {"from": "yesterday"},
        {"sort": "price"},
        {"q": ""},
        {"q": "\0"},
        {"customerId": ""},
        {"colour": "red"},
    ):
        gateway.send("get", _ORDERS, 400, "invalid-request", params=parameters)
    other_sort = page(limit=1)["pagination"]["nextCursor"]
    for cursor in ("junk", "e30=", "é", other_sort):
        parameters = {"cursor": cursor, "sort": "total"}
        gateway.send("get", _ORDERS, 400, "invalid-cursor", params=parameters)


def _read_and_cancel(gateway: Client, placed: list[str]) -> None:
    """Read one order, its events and its cancellation, to the end."""
    one = {"orderId": placed[0]}
    gateway.send("get", _ORDER, 200, ids=one)
    gateway.send("get", _ORDER, 200, ids={"orderId": placed[0].upper()})
    gateway.send("get", _EVENTS, 200, ids=one)
    gateway.send("get", _ORDER_MESSAGES, 200, ids=one)
    gateway.send(
        "get", _ORDER_MESSAGES, 200, ids=one, params={"topic": ["orders-replay", "orders"]}
    )
    for topics in (["no such"], [""], [f"none-{uuid4()}"], ["orders"] * 6):
        gateway.send(
            "get", _ORDER_MESSAGES, 400, "invalid-request", ids=one, params={"topic": topics}
        )
    gateway.send("get", _ORDER_MESSAGES, 400, "invalid-request", ids=one, params={"colour": "red"})
    for method, path in (
        *(("get", _ORDER), ("get", _EVENTS), ("get", _ORDER_MESSAGES)),
        ("post", _CANCEL),
    ):
        for text in ("42", "x" * 36, NOBODY.replace("-", "")):
            gateway.send(method, path, 400, "invalid-order-id", ids={"orderId": text})
        gateway.send(method, path, 404, "order-not-found", ids={"orderId": NOBODY})
    for status, code, request in (
        (415, "unsupported-media-type", {"data": "reason=no"}),
        (400, "malformed-json", {"data": "{", "headers": JSON}),
        (400, "invalid-request", {"json": {"reason": 5}}),
        (400, "invalid-request", {"json": {"reason": "r" * 501}}),
        (400, "invalid-request", {"json": {"reason": "r\0"}}),
        (400, "invalid-request", {"data": "null", "headers": JSON}),
        (413, "body-too-large", {"data": " " * 102_401, "headers": JSON}),
    ):
        gateway.send("post", _CANCEL, status, code, ids=one, **request)
    for order in placed:
        _cancel(gateway, {"orderId": order})


def _cancel(gateway: Client, one: dict[str, str]) -> None:
    """Ask for an order to be cancelled, if it still can be, and read it until that is decided."""
    url = gateway.base_url + _CANCEL.format(**one)
    if requests.post(url, json={"reason": "a test"}, timeout=10).status_code == 202:
        until = time.monotonic() + 60
        while True:
            order = gateway.send("get", _ORDER, 200, ids=one).json()["order"]
            if order["cancellation"]["status"] != "requested":
                break
            assert time.monotonic() < until, f"the cancellation of {order['id']} is not decided"
            time.sleep(0.05)
    gateway.send("post", _CANCEL, 409, "not-cancellable", ids=one)
    gateway.send("get", _EVENTS, 200, ids=one)


def _stock(gateway: Client) -> None:
    """Read the shelf and put one piece on it."""
    gateway.send("get", "/api/inventory", 200)
    one = {"productId": "PROD-008"}
    gateway.send("post", _RESTOCK, 200, ids=one, json={"quantity": 1})
    for quantity in (0, -1, 1.5, "1", None, 10**9):
        gateway.send("post", _RESTOCK, 400, "invalid-request", ids=one, json={"quantity": quantity})
    gateway.send("post", _RESTOCK, 400, "malformed-json", ids=one, data="{", headers=JSON)
    gateway.send("post", _RESTOCK, 415, "unsupported-media-type", ids=one)
    gateway.send("post", _RESTOCK, 413, "body-too-large", ids=one, data=" " * 102_401)
    for product in ("PROD-999", "ä b", "P" * 300):
        ids = {"productId": product}
        gateway.send("post", _RESTOCK, 404, "unknown-product", ids=ids, json={"quantity": 1})


def _replay(gateway: Client, customer: str) -> None:
    """Replay the orders placed, slowly enough to act on it, and ask for replays there are not."""
    topic = f"contract-{uuid4()}"
    spec = {"days": 1, "filter": {"customerIds": [customer]}, "topic": topic, "partitions": 1}

    def bad(code: str, status: int = 400, **request: Any) -> None:
        gateway.send("post", _REPLAY, status, code, **request)

    faulty: tuple[dict[str, Any], ...] = (
        *({"days": days} for days in (-1, 0, "x", 10**9, None, 1.5)),
        *({"topic": name} for name in ("orders", "payments.retry", "__x", "", "T" * 300, None)),
        *({"from": "yesterday"}, {"from": "2999-01-01T00:00:00Z"}, {"to": "2026-11-01T00:00:00Z"}),
        *({"speed": 0}, {"speed": 1, "eventsPerSecond": 1}, {"colour": "red"}, {"suspend": True}),
        *({"filter": {"minTotal": "2", "maxTotal": "1"}}, {"filter": {"colour": "red"}}),
    )
    for fault in faulty:
        bad("invalid-request", json={"topic": topic} | fault)
    bad("invalid-request", data="null", headers=JSON)
    bad("malformed-json", data="{", headers=JSON)
    bad("body-too-large", 413, data=" " * 102_401, headers=JSON)
    bad("unsupported-media-type", 415, data="days=7")
    assert topic not in [each["topic"] for each in _replays(gateway)]

    dry = gateway.send("post", _REPLAY, 202, json=spec | {"dryRun": True}).json()["replay"]
    plan = _until(gateway, dry["id"], "Completed")["plan"]
    assert (plan["events"], plan["orders"], plan["target"]["exists"]) == (3, 3, False)
    paced = spec | {"eventsPerSecond": 0.2}
    answer = gateway.send("post", _REPLAY, 202, json=paced)
    one = {"id": answer.json()["replay"]["id"]}
    assert answer.headers["Location"] == f"/api/replays/{one['id']}"
    gateway.send("post", f"{_ONE_REPLAY}/suspend", 202, ids=one)
    _until(gateway, one["id"], "Suspended")
    gateway.send("post", f"{_ONE_REPLAY}/resume", 202, ids=one)
    _until(gateway, one["id"], "Running")
    gateway.send("post", _VERIFY, 409, "replay-not-verifiable", ids=one)
    assert (
        gateway.send("get", _ONE_REPLAY, 200, ids=one).json()["replay"]["spec"] | paced
        == (answer.json()["replay"]["spec"])
    )
    gateway.send("post", f"{_ONE_REPLAY}/cancel", 202, ids=one)
    _until(gateway, one["id"], "Cancelled")
    fast = gateway.send("post", _REPLAY, 202, json=spec).json()["replay"]
    assert _until(gateway, fast["id"], "Completed")["report"]["replayed"] == 3
    verdict = gateway.send("post", _VERIFY, 200, ids={"id": fast["id"]}).json()["verdict"]
    assert (verdict["agree"], verdict["target"]["events"]) == (True, 3)
    gateway.send("post", _VERIFY, 409, "replay-not-verifiable", ids={"id": dry["id"]})
    newest = [each["id"] for each in _replays(gateway)]
    assert newest == [fast["id"], one["id"], dry["id"]]
    for action in ("suspend", "resume", "cancel"):
        gateway.send("post", f"{_ONE_REPLAY}/{action}", 409, "replay-ended", ids=one)
    for action in ("suspend", "resume", "cancel", "verify"):
        path = f"{_ONE_REPLAY}/{action}"
        for text in (NOBODY, "nobody", "x" * 300, "UPPER", "%00"):
            gateway.send("post", path, 404, "replay-not-found", ids={"id": text})
    for text in (NOBODY, "nobody", "x" * 300, "-", "ä"):
        gateway.send("get", _ONE_REPLAY, 404, "replay-not-found", ids={"id": text})
    for parameters in (
        *({"limit": 0}, {"limit": 501}, {"limit": "ten"}),
        *({"colour": "red"}, {"dryRun": "perhaps"}, {"dryRun": ""}),
    ):
        gateway.send("get", _REPLAYS, 400, "invalid-request", params=parameters)
    for wanted, ids in (("true", {dry["id"]}), ("false", {fast["id"], one["id"]})):
        found = gateway.send("get", _REPLAYS, 200, params={"dryRun": wanted}).json()["replays"]
        assert {each["id"] for each in found} & {*newest} == ids  # others may be there


def _replays(gateway: Client) -> list[dict[str, Any]]:
    """The three newest replays."""
    found: list[dict[str, Any]] = gateway.send("get", _REPLAYS, 200, params={"limit": 3}).json()[
        "replays"
    ]
    return found


def _until(gateway: Client, replay: str, phase: str) -> dict[str, Any]:
    """The replay, once it has come to a phase."""
    until = time.monotonic() + 60
    while True:
        answer = gateway.send("get", _ONE_REPLAY, 200, ids={"id": replay})
        found: dict[str, Any] = answer.json()["replay"]
        if found["phase"] == phase:
            return found
        assert time.monotonic() < until, f"replay {replay} is {found['phase']}, not {phase}"
        time.sleep(0.1)


def _topics(gateway: Client, order: str) -> None:
    """Look at topics, groups and messages, those of an order among them, and at none."""
    names = [each["name"] for each in gateway.send("get", "/api/topics", 200).json()["topics"]]
    everything = gateway.send("get", "/api/topics", 200, params={"internal": "true"}).json()
    assert set(names) < {each["name"] for each in everything["topics"]}
    gateway.send("get", "/api/topics", 400, "invalid-request", params={"colour": "red"})
    gateway.send("get", "/api/groups", 200)
    for name in names:
        gateway.send("get", _TOPIC, 200, ids={"name": name})
        for begin in ("newest", "oldest", "2026-11-01T00:00:00Z"):
            gateway.send("get", _MESSAGES, 200, ids={"name": name}, params={"from": begin})
    one = {"name": "orders"}
    found = gateway.send("get", _MESSAGES, 200, ids=one, params={"key": order}).json()
    assert found["messages"][-1]["eventType"] == "ORDER_CREATED"
    page = gateway.send("get", _MESSAGES, 200, ids=one, params={"limit": 1}).json()
    rest = {"cursor": page["cursor"], "type": "ORDER_CREATED"}
    gateway.send("get", _MESSAGES, 400, "invalid-cursor", ids=one, params=rest)
    gateway.send("get", _MESSAGES, 200, ids=one, params={"cursor": page["cursor"]})
    for bad in ({"from": "now"}, {"from": "offset:1"}, {"limit": 0}, {"partition": 10**6}):
        gateway.send("get", _MESSAGES, 400, "invalid-request", ids=one, params=bad)
    for path in (_TOPIC, _MESSAGES):
        for name in ("nowhere", "x" * 300, "ä", "%00"):
            gateway.send("get", path, 404, "topic-not-found", ids={"name": name})


def _dead_letters(gateway: Client) -> None:
    """Look at dead letters, and ask to redrive what there is not."""
    path, redrive = "/api/dead-letters", "/api/dead-letters/redrive"
    gateway.send("get", path, 200, params={"limit": 1, "redriven": "false"})
    gateway.send("get", path, 400, "invalid-request", params={"limit": 0})
    gateway.send("get", path, 400, "invalid-cursor", params={"cursor": "junk"})
    nothing = {"filter": {"text": str(uuid4())}}
    assert gateway.send("post", redrive, 200, json=nothing).json()["redriven"] == []
    gateway.send("post", redrive, 404, "dead-letter-not-found", json={"numbers": [2**62]})
    bodies: tuple[Any, ...] = ({}, {"filter": {}}, {"numbers": []}, {"numbers": [1], "a": 1})
    for body in bodies:
        gateway.send("post", redrive, 400, "invalid-request", json=body)
    gateway.send("post", redrive, 400, "malformed-json", data="{", headers=JSON)
    gateway.send("post", redrive, 413, "body-too-large", data=" " * 102_401, headers=JSON)
    gateway.send("post", redrive, 415, "unsupported-media-type", data="all")


def _operate(gateway: Client) -> None:
    for path in ("/api/services/status", "/health", "/ready", "/metrics"):
        gateway.send("get", path, 200)
    served = gateway.send("get", "/api/openapi.json", 200).json()
    assert served["paths"].keys() == {path for _, path in operations()}


def _analyse(client: Client) -> None:
    """Read the statistics of ranges, and of some that there are not."""
    path = "/api/analytics"
    day = {"from": "2026-11-01", "to": "2026-11-02"}
    for parameters in ({}, day, day | {"to": "2026-11-09T00:00:00.5+01:00"}, {"to": "2026-11-01"}):
        client.send("get", path, 200, params=parameters)
    for fault in (
        *({"from": text} for text in ("", "yesterday", "2999-01-01", "2026-11-31", "0001-01-01")),
        *({"to": text} for text in ("2026-11-01T00:00:00", "9999-12-31T23:59:59-01:00", "\0")),
        *({"from": "2026-11-02", "to": "2026-11-02"}, {"from": "2025-11-01", "to": "2026-11-03"}),
        {"colour": "red"},
    ):
        client.send("get", path, 400, "invalid-request", params=fault)


def _elsewhere(gateway: Client) -> None:
    """Paths and methods that there are not."""
    for path in ("/nothing", "/api", "/api/orders/1/2/3", "/api/docs/nothing.js"):
        gateway.refuse("get", path, 404, "not-found")
    for method, path in (("delete", "/api/orders"), ("put", "/health"), ("post", "/api/inventory")):
        gateway.refuse(method, path, 405, "method-not-allowed")


def _follow(analytics_url: str, customer: str, gateway: Client) -> int:
    """Follow the feed while an order is placed, leave, and come back for what was missed."""
    url = "ws" + analytics_url.rstrip("/").removeprefix("http") + "/ws"
    socket = websocket.create_connection(url, timeout=30)
    try:
        messages = [_next(socket)]
        assert messages[0]["type"] == "CONNECTED"
        assert "resumed" not in messages[0]
        placed = gateway.send("post", _ORDERS, 201, json=_order(customer)).json()
        while placed["eventId"] not in [m.get("event", {}).get("eventId") for m in messages]:
            messages.append(_next(socket))
        while not {m["type"] for m in messages} >= {"STATS_UPDATE", "HEARTBEAT"}:
            messages.append(_next(socket))
    finally:
        socket.close()
    for last, resumed, kind in (
        (placed["eventId"], True, "EVENT"),
        (f"{placed['eventId']}&batch=true", True, "EVENTS"),
        (NOBODY, False, ""),
    ):
        socket = websocket.create_connection(f"{url}?lastEventId={last}", timeout=30)
        try:
            messages.append(_next(socket))
            assert messages[-1]["resumed"] is resumed
            if messages[-1]["missed"]:
                messages.append(_next(socket))
                assert messages[-1]["type"] == kind
        finally:
            socket.close()
    return len(messages)


def _next(socket: websocket.WebSocket) -> dict[str, Any]:
    """The next message of the feed, which must be one that is described."""
    message: dict[str, Any] = json.loads(socket.recv())
    _, described = resolve("asyncapi.yaml", f"#/channels/feed/messages/{message['type']}")
    assert faults(f"asyncapi.yaml{described['payload']['$ref']}", message) == [], message
    events = [message["event"]] if message["type"] == "EVENT" else message.get("events", [])
    for event in events:
        schema = f"events/{event['eventType']}.schema.json#/properties/payload"
        assert faults(schema, event["data"]) == [], event
    return message
