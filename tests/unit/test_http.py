"""JSON in, checked; errors out, as problem details that say what to do."""

from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from flask import Flask, Response, abort
from flask.testing import FlaskClient
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError, OperationalError
from werkzeug.test import TestResponse

from services.eventkit import problems
from services.eventkit.http import body, reply
from services.eventkit.problems import Problem


class Anything(BaseModel):
    """A body with one field that may hold whatever JSON holds."""

    value: Any


class Word(BaseModel):
    """A body with a word and a few more."""

    word: str
    more: list[str] = []


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 20_000
    problems.install(app)

    @app.post("/anything")
    def anything() -> Response:
        return reply({"value": repr(body(Anything).value)})

    @app.post("/word")
    def word() -> Response:
        return reply(body(Word).model_dump())

    @app.get("/fails/<how>")
    def fails(how: str) -> Response:
        errors: dict[str, Exception] = {
            "by surprise": ZeroDivisionError("s3cret"),
            "as the database is away": OperationalError("S", {}, psycopg2.OperationalError("x\ny")),
            "as a row is there": IntegrityError("S", {}, psycopg2.IntegrityError("s3cret")),
            "for a reason": Problem(409, "taken", "Choose another.", headers={"X": "1"}, by="Ada"),
        }
        if how in errors:
            raise errors[how]
        abort(418, "no {coffee} in {here")

    return app.test_client()


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem details, after a look at what all of them have."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    found: dict[str, Any] = answer.get_json(force=True)
    assert (found["status"], found["success"]) == (status, False)
    assert found["type"] == f"urn:orderflow:problem:{code}"
    assert found["title"]
    assert found["error"] == found["detail"]
    return found


def post(client: FlaskClient, text: str | bytes, path: str = "/anything") -> TestResponse:
    return client.post(path, data=text, content_type="application/json")


# Problems.


def test_an_unknown_path_is_named_with_where_to_look(client: FlaskClient) -> None:
    found = problem(client.get("/nowhere"), 404, "not-found")
    assert found["detail"] == (
        "There is nothing at /nowhere; the gateway's /api/docs lists what there is."
    )
    assert found["instance"] == "/nowhere"


def test_a_path_with_braces_or_odd_characters_is_named_all_the_same(client: FlaskClient) -> None:
    assert "{path}" in problem(client.get("/{path}/%7B0%7D"), 404, "not-found")["detail"]
    problem(client.get("/%00%ff%ed%a0%80"), 404, "not-found")


def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient) -> None:
    answer = client.delete("/anything")
    found = problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "OPTIONS, POST"
    assert found["detail"] == "DELETE is not served at /anything; use OPTIONS, POST."


def test_a_body_that_is_too_large_is_told_the_limit(client: FlaskClient) -> None:
    found = problem(post(client, b"x" * 20_001), 413, "body-too-large")
    assert "at most 20000 bytes" in found["detail"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "junk"])
def test_a_body_that_is_not_sent_as_json_is_told_how(client: FlaskClient, kind: str | None) -> None:
    answer = client.post("/word", data=b'{"word": "x"}', content_type=kind)
    found = problem(answer, 415, "unsupported-media-type")
    assert "Content-Type: application/json" in found["detail"]


def test_a_fault_of_ours_says_so_and_nothing_of_its_inside(client: FlaskClient) -> None:
    for how in ("by surprise", "as a row is there"):
        found = problem(client.get(f"/fails/{how}"), 500, "internal-error")
        assert "s3cret" not in str(found)
        assert "fault of ours" in found["detail"]


def test_a_database_that_is_away_is_a_reason_to_try_again(client: FlaskClient) -> None:
    answer = client.get("/fails/as the database is away")
    found = problem(answer, 503, "database-unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert "send the same request again" in found["detail"]


def test_a_problem_carries_what_its_raiser_gave_it(client: FlaskClient) -> None:
    answer = client.get("/fails/for a reason")
    found = problem(answer, 409, "taken")
    assert (found["title"], found["detail"], found["by"]) == ("Taken", "Choose another.", "Ada")
    assert answer.headers["X"] == "1"


def test_any_other_error_of_http_is_a_problem_too(client: FlaskClient) -> None:
    found = problem(client.get("/fails/otherwise"), 418, "http-error")
    assert found["detail"] == "no {coffee} in {here"


# Bodies.


@pytest.mark.parametrize(
    "type", ["application/json", "application/json; charset=utf-8", "application/x+json"]
)
def test_json_is_read_under_any_of_its_names(client: FlaskClient, type: str) -> None:
    answer = client.post("/word", data='{"word": "Grüße"}', content_type=type)
    assert answer.get_json()["word"] == "Grüße"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("79.99", Decimal("79.99")),
        ("0.1000", Decimal("0.1000")),
        ("1e2", Decimal("1E+2")),
        ("1e400", Decimal("1E+400")),
        ("12345678901234567890", 12345678901234567890),
        ("2", 2),
        ("true", True),
        ("null", None),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"\u0000"', "\0"),
    ],
)
def test_a_value_is_read_exactly(client: FlaskClient, text: str, value: object) -> None:
    answer = post(client, f'{{"value": {text}}}')
    assert answer.get_json() == {"value": repr(value)}


def test_of_doubled_names_the_last_counts_as_in_javascript(client: FlaskClient) -> None:
    answer = post(client, '{"value": 1, "value": 2}')
    assert answer.get_json() == {"value": "2"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b"{'word': 1}",
        b'{"value": }',
        b'{"value": 1} extra',
        b'{"value": NaN}',
        b'{"value": Infinity}',
        b'{"value": -Infinity}',
        b'{"value": 01}',
        b'{"value": 1e99999999999999999999999}',
        b'{"value": "a\nb"}',
        b'{"value": "\xff"}',
        b"\x80\x81",
        b"[" * 19_000,
        b'{"value": ' + b"[" * 9000 + b"]" * 9000 + b"}",
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
    ],
)
def test_what_is_no_json_is_refused(client: FlaskClient, text: bytes) -> None:
    found = problem(post(client, text), 400, "malformed-json")
    assert "no JSON that can be read" in found["detail"]


def test_an_integer_of_5000_digits_is_refused_without_advice_on_python(client: FlaskClient) -> None:
    answer = post(client, '{"value": ' + "9" * 5000 + "}")
    assert answer.status_code == 400
    assert "sys." not in problem(answer, 400, "malformed-json")["detail"]


@pytest.mark.parametrize("text", ["null", "[]", "1", '"text"', "true"])
def test_a_body_that_is_no_object_is_told_so_without_names_of_classes(
    client: FlaskClient, text: str
) -> None:
    found = problem(post(client, text, "/word"), 400, "invalid-request")
    assert found["detail"].startswith("body: ")
    assert "object" in found["detail"]
    assert "Word" not in found["detail"]


@pytest.mark.parametrize("text", [rb'{"word": "\ud800"}', b'{"word": "\xed\xa0\x80"}'])
def test_a_lone_surrogate_is_refused_where_text_is_expected(
    client: FlaskClient, text: bytes
) -> None:
    assert post(client, text, "/word").status_code == 400


def test_each_field_at_fault_is_named_with_its_place(client: FlaskClient) -> None:
    found = problem(post(client, '{"more": ["x", 1]}', "/word"), 400, "invalid-request")
    assert [fault["field"] for fault in found["errors"]] == ["word", "more[1]"]
    assert found["detail"] == "word: Send it; it is missing"


def test_no_more_than_twenty_faults_are_listed(client: FlaskClient) -> None:
    many = '{"word": "x", "more": [' + ", ".join(["1"] * 500) + "]}"
    found = problem(post(client, many, "/word"), 400, "invalid-request")
    assert len(found["errors"]) == 20
