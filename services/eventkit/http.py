"""Requests and answers over HTTP: JSON in, checked; JSON out, fast."""

import json
import socket
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeVar

import orjson
from flask import Response, after_this_request, current_app, request
from gunicorn.http.errors import ParseException
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from services.eventkit.problems import Problem

Model = TypeVar("Model", bound=BaseModel)

DEEPEST = 100  # lists and objects within each other


def reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer. ``orjson.Fragment`` in ``value`` passes as it is, times become RFC 3339."""
    text = orjson.dumps(value, option=orjson.OPT_UTC_Z)
    return Response(text, status, headers, mimetype="application/json")


def body(model: type[Model]) -> Model:
    """The request's body as ``model``. Raises Problem with what to do where it is anything else.

    Numbers with a fraction or an exponent are read as Decimal, exactly.
    """
    if not request.is_json:
        raise Problem(
            415, "unsupported-media-type", "Send JSON, with Content-Type: application/json."
        )
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "unsupported-media-type", "Send the body without Content-Encoding.")
    try:
        text = raw_body().decode()
        value = json.loads(text, parse_float=Decimal, parse_int=_whole, parse_constant=_no_number)
        if text.count("[") + text.count("{") > DEEPEST and _is_deeper(value, DEEPEST):
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        if "\\u" in text:  # which may spell half a character, and that no database stores
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise Problem(
            400, "malformed-json", f"The body is no JSON that can be read: {str(error)[:200]}."
        ) from None
    return check(model, value)


def raw_body() -> bytes:
    """The request's body. Raises 413 above the limit, 408 and 400 where it does not come whole."""
    # Werkzeug cuts a chunked body at the limit; a whole one that is longer it refuses by itself.
    limit = request.max_content_length or 0
    if request.content_length is None:
        request.max_content_length = limit + 1
    connection = request.environ.get("gunicorn.socket")
    try:
        if connection is not None:  # half a request must not hold a thread for ever
            connection.settimeout(current_app.config["RECEIVE_TIMEOUT"])
        data = request.get_data()
        if connection is not None:
            connection.settimeout(None)
    except ClientDisconnected:
        after_this_request(_hang_up)
        raise Problem(
            408,
            "request-timeout",
            "The body did not come in time; send it whole.",
            headers={"Connection": "close"},
        ) from None
    except ParseException as error:
        raise Problem(
            400,
            "bad-request",
            f"The body is not well chunked: {error}",
            headers={"Connection": "close"},
        ) from None
    if len(data) > limit:
        raise RequestEntityTooLarge
    return data


def _hang_up(response: Response) -> Response:
    # gunicorn would wait for the client to close, two seconds for each and in its only loop.
    connection = request.environ["gunicorn.socket"]
    response.call_on_close(lambda: connection.shutdown(socket.SHUT_RDWR))
    return response


def query(model: type[Model]) -> Model:
    """The request's parameters as ``model``. Raises Problem as :func:`body` does."""
    if repeated := [name for name, values in request.args.lists() if len(values) > 1]:
        raise Problem(400, "invalid-request", f"{repeated[0]}: Send it once")
    return check(model, request.args.to_dict())


def check(model: type[Model], value: Any) -> Model:
    """``value`` as ``model``. Raises Problem that names each field at fault and what is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [
            {"field": _path(e["loc"]) or "body", "message": _advice(e, model)}
            for e in error.errors(include_url=False)
        ][:20]
        first = faults[0]
        raise Problem(
            400, "invalid-request", f"{first['field']}: {first['message']}", errors=faults
        ) from None


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")


def _advice(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What to do about a fault, where the library's own words do not say it."""
    limits = error.get("ctx", {})
    for step in error["loc"][:-1]:  # of a part within a part
        inner = next((f for n, f in model.model_fields.items() if step in (n, f.alias)), None)
        if inner and isinstance(inner.annotation, type) and issubclass(inner.annotation, BaseModel):
            model = inner.annotation
    names = ", ".join(field.alias or name for name, field in model.model_fields.items())
    return {
        "missing": "Send it; it is missing",
        "model_type": "Send a JSON object",
        "model_attributes_type": "Send a JSON object",
        "list_type": "Send a list",
        "extra_forbidden": f"There is no such parameter; there are {names}",
        "string_type": "Send a text",
        "string_unicode": "Send a text of valid Unicode",
        "string_pattern_mismatch": "Remove the NUL character, which cannot be stored",
        "string_too_short": f"Send at least {limits.get('min_length')} characters",
        "string_too_long": f"Send at most {limits.get('max_length')} characters",
        "too_short": f"Send at least {limits.get('min_length')}",
        "too_long": f"Send at most {limits.get('max_length')}",
        "int_type": "Send a whole number, without a fraction or quotes",
        "int_parsing": "Send a whole number",
        "int_parsing_size": "Send a smaller number",
        "value_error": str(limits.get("error", "")),
    }.get(error["type"], error["msg"].replace("Input should be", "It should be"))


def _is_deeper(value: Any, most: int) -> bool:
    """Whether lists and objects are nested deeper; Pythons differ in what they refuse to read."""
    level = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, dict | list) for each in level)


def _whole(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("a number has more than 20 digits")
    return int(digits)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
