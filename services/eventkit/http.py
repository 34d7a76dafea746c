"""Requests and answers over HTTP: JSON in, checked; JSON out, fast."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeVar

import orjson
from flask import Response, request
from pydantic import BaseModel, ValidationError

from services.eventkit.problems import Problem

Model = TypeVar("Model", bound=BaseModel)


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
    try:
        value = json.loads(
            request.get_data(cache=False), parse_float=Decimal, parse_constant=_no_number
        )
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise Problem(
            400, "malformed-json", f"The body is no JSON that can be read: {str(error)[:200]}."
        ) from None
    return check(model, value)


def check(model: type[Model], value: Any) -> Model:
    """``value`` as ``model``. Raises Problem that names each field at fault and what is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [
            {"field": _path(e["loc"]) or "body", "message": _sentence(e["msg"])}
            for e in error.errors(include_url=False, include_context=False, include_input=False)
        ][:20]
        first = faults[0]
        raise Problem(
            400, "invalid-request", f"{first['field']}: {first['message']}", errors=faults
        ) from None


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")


def _sentence(text: str) -> str:
    return text.removeprefix("Value error, ")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
