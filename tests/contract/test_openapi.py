"""``openapi.yaml`` describes the API that the services serve: no more, no less."""

import ast
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from services.analytics.statistics import RangeQuery
from services.events import EventType, OrderStatus, Topic
from services.gateway.acceptance import OrderRequest
from services.gateway.cancellation import CancelRequest
from services.gateway.deadletters import LetterQuery, RedriveRequest
from services.gateway.messages import MessageQuery
from services.gateway.reading import ListQuery
from services.gateway.topics import TopicQuery, kind_of
from services.inventory.routes import Restock
from services.orderreplay import answer
from services.orderreplay.checkpoint import ShardPhase
from services.orderreplay.spec import Filter, ReplaySpec, refuse_topic
from services.orderreplay.status import PHASES
from services.registry import load
from tests.contract.documents import Operation, document, escape, faults, operations, resolve

SERVICES = Path(__file__).parents[2] / "services"
OPENAPI = document("openapi.yaml")
PAGES = ("/api/docs", "/static")  # for a browser
OF_ANALYTICS = {"/api/stats", "/ws"}
LINE = {"productId": "PROD-001", "quantity": 2}
ORDER: dict[str, Any] = {
    "customerId": "CUST-001",
    "customerEmail": "john@example.com",
    "items": [LINE],
}


def routes(app: Flask) -> set[Operation]:
    """What an app serves, apart from its pages, as the document writes it."""

    def camel(match: re.Match[str]) -> str:
        head, *tail = match[1].split("_")
        return "{" + head + "".join(word.title() for word in tail) + "}"

    def each(rule: str) -> Iterator[str]:
        any_of = re.search(r"<any\((.+?)\):\w+>", rule)
        for word in any_of[1].split(", ") if any_of else [""]:
            path = rule.replace(any_of[0], word) if any_of else rule
            yield re.sub(r"<(?:\w+:)?(\w+)>", camel, path)

    return {
        (method.lower(), path)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        for path in each(rule.rule)
        if rule.rule != "/" and not rule.rule.startswith(PAGES)
    }


def test_the_document_is_valid_openapi_3_1() -> None:
    errors = OpenAPIV31SpecValidator(OPENAPI).iter_errors()
    assert [error.message for error in errors] == []


def test_the_document_can_be_served_as_json() -> None:
    json.dumps(OPENAPI)  # an unquoted time in the YAML could not


def test_the_gateway_serves_what_is_described_and_nothing_else() -> None:
    described = {key for key in operations() if key[1] not in OF_ANALYTICS}
    assert routes(load("gateway").create_app()) == described


def test_analytics_serves_what_is_described_of_it_and_nothing_else() -> None:
    of_all = {("get", path) for path in ("/health", "/ready", "/metrics")}
    described = {key for key in operations() if key[1] in OF_ANALYTICS | {"/api/analytics"}}
    assert routes(load("analytics").create_app()) == described | of_all


def test_the_replay_service_serves_what_the_gateway_passes_on_to_it_and_nothing_else() -> None:
    of_all = {("get", path) for path in ("/health", "/ready", "/metrics")}
    described = {key for key in operations() if "replay" in key[1]}
    assert routes(load("replay").create_app()) == described | of_all


def test_every_operation_has_a_name_of_its_own_and_is_described() -> None:
    found = list(operations().values())
    assert len({operation["operationId"] for operation in found}) == len(found)
    assert all(operation["summary"] and operation["tags"] for operation in found)


def test_every_answer_other_than_success_is_a_problem() -> None:
    probes = {"/health", "/ready"}
    for method, path in operations():
        base = f"#/paths/{escape(path)}/{method}/responses"
        for status in operations()[method, path]["responses"]:
            if status[0] in "12" or (path in probes and status == "503"):
                continue
            _, response = resolve("openapi.yaml", f"{base}/{status}")
            assert list(response["content"]) == ["application/problem+json"], (path, status)
            if status == "503":
                assert "Retry-After" in response["headers"], path


def examples() -> Iterator[tuple[str, Any]]:
    """Every example of a body, with the reference to its schema."""

    def walk(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            if "schema" in value and isinstance(value.get("examples"), dict):
                for example in value["examples"].values():
                    yield f"openapi.yaml{pointer}/schema", example["value"]
            for key, item in value.items():
                yield from walk(item, f"{pointer}/{escape(str(key))}")

    return walk(OPENAPI, "#")


@pytest.mark.parametrize(("schema", "value"), list(examples()))
def test_every_example_fits_its_schema(schema: str, value: Any) -> None:
    assert faults(schema, value) == []


def test_the_parameters_of_the_order_list_are_those_of_the_code() -> None:
    _, defined = models_json_schema([(ListQuery, "validation")])
    code = defined["$defs"]["ListQuery"]["properties"]
    parameters = {p["name"]: p["schema"] for p in operations()["get", "/api/orders"]["parameters"]}
    assert parameters.keys() == code.keys()
    for name in ("limit", "offset", "sort"):
        for keyword in ("minimum", "maximum", "default", "enum"):
            assert parameters[name].get(keyword) == code[name].get(keyword), (name, keyword)
    for name in ("cursor", "customerId", "q"):
        text = next(option for option in code[name]["anyOf"] if option["type"] == "string")
        assert parameters[name] == {k: v for k, v in text.items() if k != "title"}


MOMENTS = (
    *("2026-11-22", "2026-11-22T17:00:00Z", "2026-11-22t17:00:00.123456789+05:30"),
    *("2026-11-22T17:00:00", "2026-11-22T17:00Z", "2026-11-22 17:00:00Z", "yesterday", "", "7"),
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_range_of_the_statistics_takes_the_times_that_are_described(moment: str) -> None:
    parameters = operations()["get", "/api/analytics"]["parameters"]
    fields = RangeQuery.model_fields
    assert [p["name"] for p in parameters] == [f.alias or name for name, f in fields.items()]
    described = faults("openapi.yaml#/components/schemas/Moment", moment)
    try:
        RangeQuery.model_validate({"to": moment})
    except ValidationError:
        assert described
    else:
        assert described == []


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/api/topics", TopicQuery),
        ("/api/topics/{name}/messages", MessageQuery),
        ("/api/dead-letters", LetterQuery),
    ],
)
def test_the_parameters_of_what_is_on_kafka_are_those_of_the_code(
    path: str, model: type[BaseModel]
) -> None:
    code = {}
    for name, field in model.model_json_schema()["properties"].items():
        options = [each for each in field.pop("anyOf", [{}]) if each != {"type": "null"}]
        code[name] = {
            k: v for k, v in (field | options[0]).items() if k != "title" and v is not None
        }
    described = {p["name"]: p["schema"] for p in operations()["get", path]["parameters"]}
    assert described == code


def test_the_kinds_of_topics_are_those_of_the_code() -> None:
    newest = [Message(headers=[("is-replay", b"true")])]
    found = {kind_of(name) for name in ("x", "dead-letters", "replay-checkpoints", "__x", *Topic)}
    found |= {kind_of("x", newest)}
    described = OPENAPI["components"]["schemas"]["Topic"]["properties"]["kind"]["oneOf"]
    assert {kind["const"] for kind in described} == found
    assert kind_of("orders-replay") == "replay"


def test_the_parameters_of_the_replay_list_are_those_of_the_code() -> None:
    described = {p["name"]: p["schema"] for p in operations()["get", "/api/replays"]["parameters"]}
    code = answer.ListQuery.model_json_schema()["properties"]
    assert code.keys() == described.keys()
    for keyword in ("minimum", "maximum", "default"):
        assert described["limit"][keyword] == code["limit"][keyword], keyword
    assert described["dryRun"] in code["dryRun"]["anyOf"]


def test_the_fields_of_a_replay_are_those_of_the_code_with_their_defaults() -> None:
    for name, model in (("ReplaySpec", ReplaySpec), ("ReplayFilter", Filter)):
        described = OPENAPI["components"]["schemas"][name]["properties"]
        assert list(described) == [f.alias or n for n, f in model.model_fields.items()]
        for field, schema in described.items():
            assert schema.get("description") or "$ref" in schema, field
    defaults = ReplaySpec().as_json()
    fields = OPENAPI["components"]["schemas"]["ReplaySpec"]["properties"]
    assert {n: f["default"] for n, f in fields.items() if "default" in f} | {"filter": {}} == (
        defaults
    )


def test_the_event_types_and_the_phases_are_those_of_the_code() -> None:
    schemas = OPENAPI["components"]["schemas"]
    assert schemas["EventType"]["enum"] == list(EventType)
    described = schemas["Replay"]["properties"]["phase"]["oneOf"]
    assert tuple(phase["const"] for phase in described) == PHASES
    shard = schemas["ReplayProgress"]["properties"]["shards"]["items"]["properties"]["phase"]
    assert shard["enum"] == list(ShardPhase)


def test_the_statuses_of_an_order_are_those_of_the_code_in_their_order() -> None:
    described = OPENAPI["components"]["schemas"]["OrderStatus"]["oneOf"]
    assert [status["const"] for status in described] == list(OrderStatus)


ORDERS: list[Any] = [
    ORDER,
    ORDER | {"items": [LINE] * 100},
    ORDER | {"items": [LINE] * 101},
    ORDER | {"items": []},
    ORDER | {"items": None},
    ORDER | {"customerId": ""},
    ORDER | {"customerId": 7},
    ORDER | {"customerId": "C" * 255},
    ORDER | {"customerId": "C" * 256},
    ORDER | {"customerId": "C\0"},
    ORDER | {"customerEmail": None},
    ORDER | {"customerEmail": "john"},
    ORDER | {"customerEmail": "j" * 64 + "@" + "e" * 190 + ".com"},
    ORDER | {"unknown": True},
    {},
    [],
    None,
]
QUANTITIES: list[Any] = [1, 1000, 0, -3, 1.5, "2", 1_000_000_000, 1001, None, True, []]
LINES: list[Any] = [
    *(LINE | {"quantity": quantity} for quantity in QUANTITIES),
    *(LINE | {"price": price} for price in (0, 80, None, -1, "79.99", True)),
    *(LINE | {"name": name} for name in ("Hub", None, 3, "H\0")),
    *(LINE | {"productId": product} for product in ("", None, 1, "P" * 256)),
    *(None, 3, [], {}, {"quantity": 1}),
]
CANCELS: list[Any] = [
    *({"reason": reason} for reason in (None, "why", "r" * 500, "r" * 501, "r\0", 5)),
    *({}, [], None),
]
RESTOCKS: list[Any] = [
    *({"quantity": n} for n in (1, 1_000_000, 0, -1, 1_000_001, "1", None, True)),
    *({}, None),
]
FROM, TO = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00.123456789+01:00"
TOPICS: list[Any] = [
    *("orders-replay", "fraud", "a", "..a", "Fraud_2.x", "T" * 249, "orders2", "myorders.retry"),
    *("orders.v2", "retry", "dlq", "orders-replay.retry", "_orders", "payments.retryable"),
    *Topic,
    *(f"{topic}{beside}" for topic in Topic for beside in (".retry", "-dlq", "_x.dead-letters.2")),
    *("dead-letters", "replay-checkpoints", "__consumer_offsets", "__x", "", ".", "..", "a b"),
    *("T" * 250, "ä", "a/b", "a\0", 7, None, []),
]
REPLAYS: list[Any] = [
    *({"days": n} for n in (1, 3650, 0, -1, 3651, 10**9, "x", "7", None, True, 1.5)),
    *({"from": t} for t in (FROM, TO, FROM.lower(), "2026-11-01", "now", "", 7, None)),
    *({"from": t} for t in ("2026-11-01T00:00:00", "2026-11-31T00:00:00Z", "2026-11-01 00:00Z")),
    *({"from": FROM, "to": TO}, {"to": TO}, {"from": FROM, "to": "later"}),
    *({"days": 7, "from": FROM}, {"days": 7, "to": TO}),
    *({"eventTypes": t} for t in (list(EventType), [], ["X"], None, "ORDER_CREATED")),
    {"eventTypes": ["ORDER_CREATED", "ORDER_CREATED"]},
    *({"topic": topic} for topic in TOPICS),
    *({"partitions": n} for n in (1, 100, 0, 101, "6", None, True)),
    *({"parallelism": n} for n in (1, 16, 0, 17, 2.5, None)),
    *({"eventsPerSecond": n} for n in (0.1, 1_000_000, 0, -1, 1_000_001, "5", None, True)),
    *({"speed": n} for n in (0.5, 10_000, 0, -1, 10_001, "2", None, False)),
    *({"speed": 2, "maxGapSeconds": n} for n in (0, 86_400, -1, 86_401, "1", None)),
    *({"maxGapSeconds": 5}, {"eventsPerSecond": 5, "maxGapSeconds": 5}),
    {"eventsPerSecond": 5, "speed": 2},
    *({"dryRun": b} for b in (True, False, "true", 1, None)),
    *({"suspend": True}, {"cancel": True}, {"colour": "red"}, {}, [], None, 7),
]
FILTERS: list[Any] = [
    *({"customerIds": ids} for ids in (["a"], ["a", "b"], ["a", "a"], [], [""], [7], None, "a")),
    *({"customerIds": ids} for ids in (["C" * 255], ["C" * 256], ["a\0"], ["a\nb"])),
    *({"productIds": ids} for ids in (list(map(str, range(1000))), list(map(str, range(1001))))),
    *({"statuses": s} for s in (list(OrderStatus), [], ["lost"], ["paid", "paid"], None)),
    *({"minTotal": a} for a in ("0", "10", "10.5", "9999999999.99", "10.123", "-1", "1e2", "")),
    *({"maxTotal": a} for a in (0, 10, Decimal("10.50"), -1, 10**10, True, None, "12345678901")),
    *({"minTotal": "1.00", "maxTotal": "2.00"}, {"colour": "red"}, {}, None, []),
]
LETTERS: list[Any] = [
    *({"numbers": n} for n in ([1], [1, 1], [0, 2**63 - 1], [2**63], [-1], ["1"], [True], [], 1)),
    *({"numbers": list(range(1000))}, {"numbers": list(range(1001))}, {"numbers": None}),
    *({"numbers": [1], name: value} for name in ("all", "again") for value in (True, False, 1)),
    *({"numbers": [1], "filter": {"text": "x"}}, {"numbers": [1], "filter": {}}),
    *({"numbers": [1], "colour": "red"}, {"filter": {"text": "x"}, "all": True}),
    *({"numbers": [1], "by": by} for by in ("Ada", "", "b" * 100, "b" * 101, "b\0", None, 7)),
    *({"filter": {n: "x"}} for n in ("service", "topic", "error", "text", "colour")),
    *({"filter": {"text": t}} for t in ("x" * 249, "x" * 250, "", "x\0", None, 7)),
    *({"filter": {}} | {"all": value} for value in (True, False, "true", None)),
    {"filter": {}},
    *({"filter": {"text": "x"}, "again": value} for value in (True, False)),
    *({"filter": {"text": "x"}, "numbers": [1], "again": True}, {"filter": None}, {}, [], None),
]
BODIES: list[tuple[str, type[BaseModel], Any]] = [
    *(("ReplaySpec", ReplaySpec, spec) for spec in REPLAYS),
    *(("ReplaySpec", ReplaySpec, {"filter": each}) for each in FILTERS),
    *(("NewOrder", OrderRequest, order) for order in ORDERS),
    *(("NewOrder", OrderRequest, ORDER | {"items": [line]}) for line in LINES),
    *(("CancelRequest", CancelRequest, cancel) for cancel in CANCELS),
    *(("Restock", Restock, restock) for restock in RESTOCKS),
    *(("RedriveRequest", RedriveRequest, letters) for letters in LETTERS),
]


@pytest.mark.parametrize(("schema", "model", "body"), BODIES)
def test_the_code_takes_and_refuses_what_the_schema_does(
    schema: str, model: type[BaseModel], body: Any
) -> None:
    described = faults(f"openapi.yaml#/components/schemas/{schema}", body)
    try:
        model.model_validate(body)
    except ValidationError as error:
        assert described, f"only the code refuses it: {error}"
    else:
        assert described == [], "only the schema refuses it"


def test_the_live_topics_are_those_that_no_replay_may_write_to() -> None:
    assert all("live topic" in (refuse_topic(topic) or "") for topic in Topic)
    described = OPENAPI["components"]["schemas"]["ReplaySpec"]["properties"]["topic"]
    assert f"({'|'.join(Topic)})[._-]" in described["pattern"]
    assert described["default"] not in set(Topic)


def raised_problems() -> set[tuple[int | None, str]]:
    """Every problem that the code can answer: its status, where it is fixed, and its code."""
    found: set[tuple[int | None, str]] = set()
    for file in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="Problem"),
                    args=[ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_],
                ):
                    found.add((status, code))
                case ast.Dict(keys=keys, values=values) if file.name == "problems.py":
                    for key, value in zip(keys, values, strict=True):
                        match key, value:
                            case (
                                ast.Constant(value=int(status)),
                                ast.Tuple(elts=[ast.Constant(value=str(code)), *_]),
                            ):
                                found.add((status, code))
    return found | {(None, "http-error")}


def test_every_problem_of_the_code_is_described_with_its_status_and_no_other() -> None:
    described = set()
    for kind in OPENAPI["components"]["schemas"]["ProblemType"]["oneOf"]:
        status = re.match(r"[0-9]{3}(?=\. )", kind["description"])
        code = kind["const"].removeprefix("urn:orderflow:problem:")
        described.add((int(status[0]) if status else None, code))
    assert described == raised_problems()
