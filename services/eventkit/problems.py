"""Errors over HTTP: RFC 9457 problem details that say what to do."""

import logging
from typing import Any
from urllib.parse import quote

import orjson
from flask import Flask, Response, request
from sqlalchemy.exc import DBAPIError, TimeoutError
from werkzeug.exceptions import HTTPException

from services.eventkit.database import is_transient
from services.eventkit.log import brief

log = logging.getLogger(__name__)


class Problem(Exception):
    """An answer other than success.

    ``code`` names the kind and is the last part of ``type``; ``detail`` says what to do; what is
    in ``more`` is added to the object.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.headers, self.more = headers or {}, more

    def response(self) -> Response:
        """The problem as it goes over the wire."""
        body = {
            "type": f"urn:orderflow:problem:{self.code}",
            "title": self.code.replace("-", " ").capitalize().replace("json", "JSON"),
            "status": self.status,
            "detail": self.detail,
            "instance": quote(request.path),
            "success": False,
            "error": self.detail,  # where clients of the Node system look
            **self.more,
        }
        return Response(
            orjson.dumps(body, default=str),
            self.status,
            self.headers,
            mimetype="application/problem+json",
        )


_ADVICE = {
    400: ("bad-request", "The request could not be read; see the API's description."),
    404: ("not-found", "There is nothing at {path}; the gateway's /api/docs lists what there is."),
    405: ("method-not-allowed", "{method} is not served at {path}; use {allowed}."),
    413: ("body-too-large", "The body may have at most {limit} bytes; send less."),
    415: ("unsupported-media-type", "Send the body as JSON with Content-Type: application/json."),
}


def install(app: Flask) -> None:
    """Answer every error of ``app`` as problem details."""

    @app.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        return error.response()

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        code, advice = _ADVICE.get(status, ("http-error", None))
        headers = {}
        if allowed := getattr(error, "valid_methods", None):
            headers["Allow"] = ", ".join(sorted(allowed))
        detail = error.description or error.name
        if advice:
            detail = advice.format(
                path=request.path,
                method=request.method,
                allowed=headers.get("Allow", "another method"),
                limit=app.config.get("MAX_CONTENT_LENGTH"),
            )
        return Problem(status, code, detail, headers=headers).response()

    @app.errorhandler(DBAPIError)
    @app.errorhandler(TimeoutError)
    def database(error: Exception) -> Response:
        if not is_transient(error):
            return unexpected(error)
        log.warning("the database did not answer: %s", brief(error))
        advice = "send the same request again."
        if request.method not in ("GET", "HEAD") and not isinstance(error, TimeoutError):
            advice = (
                "whether this request was stored is not known. Look before you send it again,"
                " or send it again under the Idempotency-Key that it had."
            )
        return Problem(
            503,
            "database-unavailable",
            f"The database does not answer at the moment; {advice}",
            headers={"Retry-After": "1"},
        ).response()

    @app.errorhandler(Exception)
    def unexpected(_: Exception) -> Response:
        log.exception("request failed", extra={"method": request.method, "path": request.path})
        return Problem(
            500, "internal-error", "This is a fault of ours and is in the log; try again later."
        ).response()
