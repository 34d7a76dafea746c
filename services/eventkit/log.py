"""Logs: one JSON object a line on standard error."""

import logging
import sys

from pythonjsonlogger.orjson import OrjsonFormatter


def brief(error: BaseException) -> str:
    """An error in one line; of one of the database's, what the server said and not the SQL."""
    error = getattr(error, "orig", None) or error
    return " ".join(str(error).split("\n(Background on")[0].split()) or type(error).__name__


def configure(service: str, level: str) -> None:
    """Send every log record of the process to standard error as JSON.

    Whatever is passed as ``extra`` becomes a field: ``orderId``, ``correlationId``, ``eventType``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        OrjsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={"service": service},
        )
    )
    handler.formatter.default_msec_format = "%s.%03d"  # type: ignore[union-attr]
    for name in ("gunicorn.error", "gunicorn.access"):  # which bring handlers of their own
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
