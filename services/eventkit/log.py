"""Logs: one JSON object a line on standard error."""

import logging
import sys
from datetime import UTC, datetime

from confluent_kafka import KafkaError, KafkaException
from pythonjsonlogger.orjson import OrjsonFormatter

from services.eventkit.event import rfc3339


def brief(error: BaseException) -> str:
    """An error in one line: of a database what it said and not the SQL, of Kafka no code."""
    if isinstance(error, KafkaException):
        reason = error.args[0]  # a text where it is ours
        return str(reason.str() if isinstance(reason, KafkaError) else reason)
    error = getattr(error, "orig", None) or error
    return " ".join(str(error).split("\n(Background on")[0].split()) or type(error).__name__


class LastError(logging.Handler):
    """Keeps the newest warning or error of the process: ``time``, ``level``, ``message``."""

    seen: dict[str, str] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, as one line."""
        error = record.exc_info[1] if record.exc_info else None
        text = record.getMessage() + (f": {brief(error)}" if error else "")
        time = rfc3339(datetime.fromtimestamp(record.created, UTC))
        self.seen = {
            "time": time,
            "level": record.levelname,
            "message": " ".join(text.split())[:500],
        }


last_error = LastError(logging.WARNING)


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
    logging.basicConfig(level=level.upper(), handlers=[handler, last_error], force=True)
