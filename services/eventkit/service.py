"""A service: its handlers, loops and routes, put together and run as one process."""

import importlib.metadata
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from flask import Blueprint, Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine

from services.eventkit import metrics, problems
from services.eventkit.consumer import Consumer, Handler
from services.eventkit.database import connect, publish
from services.eventkit.event import Event, Language
from services.eventkit.http import query, reply
from services.eventkit.log import brief, last_error
from services.eventkit.loop import Loop, Round
from services.eventkit.relay import Relay
from services.eventkit.settings import Settings

log = logging.getLogger(__name__)

MAX_BODY = 100 * 1024  # bytes
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
KAFKA_CHECK = 2.0  # seconds for which an answer of Kafka counts
_OUTBOX = """
SELECT count(*) AS rows, round(coalesce(
    extract(epoch FROM clock_timestamp() - min(created_at)), 0), 1)::float AS "oldestSeconds"
FROM outbox
"""


class _ReadyQuery(BaseModel):
    """``except`` names checks, with commas between, that do not count."""

    model_config = ConfigDict(extra="forbid")

    except_: str = Field("", alias="except", pattern="^[a-z-]*(,[a-z-]+)*$", max_length=200)

    @property
    def ignored(self) -> list[str]:
        return self.except_.split(",")


class Background(Protocol):
    """Work of a service's own, in a thread that the service makes once it has forked.

    ``run`` returns soon after ``stop``; ``fault`` says why it makes the service unready, or None.
    """

    name: str

    @property
    def fault(self) -> str | None: ...
    def run(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(eq=False)
class Service:
    """What a service is made of. Nothing is connected or started before :meth:`start`.

    ``handlers`` maps event types to functions over batches; ``loops`` are rounds of background
    work by name; ``background`` is more work, each in a thread.
    ``inbox`` is False where the handlers' own tables tell a repeated event. ``readers`` names
    roles beside the service's that may read some of its tables, and nothing else.
    """

    name: str
    port: int
    language: Language
    settings: Settings
    migrations: Path  # the folder of its Alembic versions
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    loops: Mapping[str, Round] = field(default_factory=dict)
    routes: Blueprint | None = None
    background: Sequence[Background] = ()
    inbox: bool = True
    readers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    # What waits to be published, when the database was last checked; None where that is not known.
    outbox: dict[str, Any] | None = field(default=None, init=False)

    _threads: list[threading.Thread] = field(default_factory=list, init=False)
    _loops: dict[str, Loop] = field(default_factory=dict, init=False)
    _consumer: Consumer | None = field(default=None, init=False)
    _started: float = field(default_factory=time.time, init=False)
    _draining: bool = field(default=False, init=False)
    _kafka_checked: float = field(default=float("-inf"), init=False)
    _kafka_fault: str | None = field(default="Kafka was not asked yet", init=False)

    @cached_property
    def engine(self) -> Engine:
        """Connections for transactions."""
        pool = self.settings.database_pool + len(self.loops) + 4
        return connect(self.settings.database(self.name), schema=self.name, pool=pool)

    @cached_property
    def statements(self) -> Engine:
        """Connections on which each statement is a transaction of its own."""
        pool = self.settings.database_pool
        return connect(
            self.settings.database(self.name), schema=self.name, pool=pool, autocommit=True
        )

    def wake(self, loop: str) -> None:
        """Say that there may be work for a loop. Call it after the commit."""
        if found := self._loops.get(loop):
            found.wake()

    def publish(self, db: Connection, events: Sequence[Event]) -> None:
        """Put events into the outbox, in the transaction of ``db``."""
        publish(db, events, self.language, self.name)

    def published(self, events: Sequence[Event]) -> None:
        """Note events that a transaction of this service put into its outbox. After the commit."""
        if not events:
            return
        for event in events:
            metrics.events_emitted.labels(event.type).inc()
            if log.isEnabledFor(logging.INFO):
                log.info(
                    "event",
                    extra={
                        "eventType": event.type,
                        "eventId": event.id,
                        "orderId": event.key,
                        "correlationId": event.correlation_id,
                    },
                )
        self.wake("relay")

    def start(self) -> None:
        """Start consumer, loops and background work. After the fork: no thread survives one."""
        rounds = dict(self.loops)
        if self.handlers:
            rounds |= {"relay": Relay(self.settings), "prune": self._prune}
        for name, round_ in rounds.items():
            self._loops[name] = Loop(self.name, name, round_, self.engine)
        self._threads += self._loops.values()
        if self.handlers:
            self._consumer = Consumer(
                self.name,
                self.handlers,
                language=self.language,
                settings=self.settings,
                engine=self.engine,
                committed=self._committed,
                inbox=self.inbox,
            )
            self._threads.append(self._consumer)
        for work in self.background:
            self._threads.append(threading.Thread(target=work.run, name=work.name, daemon=True))
        for thread in self._threads:
            thread.start()
        log.info("started", extra={"pid": os.getpid(), "handles": sorted(self.handlers)})

    def _committed(self, events: Sequence[Event]) -> None:
        self.published(events)
        for name in self.loops:
            self.wake(name)

    def _prune(self, db: Connection) -> float | None:
        # UUIDv7 begins with its time in milliseconds, so age is a range of the primary key.
        oldest = int((time.time() - self.settings.inbox_days * 86400) * 1000)
        with db.begin():
            gone = db.exec_driver_sql(
                "DELETE FROM inbox WHERE event_id = ANY(ARRAY(SELECT event_id FROM inbox"
                " WHERE event_id < %(oldest)s::uuid LIMIT 10000))",
                {"oldest": f"{oldest:012x}" + "0" * 20},
            )
        return 0 if gone.rowcount == 10_000 else 60.0

    def drain(self) -> None:
        """Take nothing new: the consumer and whoever holds a request open are to end."""
        self._draining = True
        if self._consumer:
            self._consumer.stop()
        for work in self.background:
            work.stop()

    def stop(self) -> None:
        """Finish the work in hand, commit offsets and end the threads."""
        self.drain()
        until = time.monotonic() + self.settings.drain_timeout
        if self._consumer:
            # First, so that what its last batch published is still relayed.
            self._consumer.join(max(0.0, until - time.monotonic()))
        for loop in self._loops.values():
            loop.stop()
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        log.info("stopped")

    def create_app(self) -> Flask:
        """The Flask app with the service's routes and ``/health``, ``/ready``, ``/metrics``."""
        app = Flask(self.name, static_folder=None)
        app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
        app.config["RECEIVE_TIMEOUT"] = self.settings.receive_timeout
        app.extensions["orderflow"] = self
        app.url_map.strict_slashes = app.url_map.merge_slashes = False
        problems.install(app)
        app.add_url_rule("/health", view_func=self._health)
        app.add_url_rule("/ready", view_func=self._ready)
        app.add_url_rule("/metrics", view_func=_metrics)
        if self.routes:
            app.register_blueprint(self.routes)
        _measure(app)
        return app

    def _health(self) -> Response:
        """Alive, until a thread has died that only a restart brings back."""
        dead = [t.name for t in self._threads if not t.is_alive()]
        if dead and not self._draining:
            return reply({**self.about("unhealthy"), "dead": dead}, 503)
        return reply(self.about("healthy"))

    def about(self, status: str) -> dict[str, Any]:
        """What ``/health`` says of the process."""
        return {
            "status": status,
            "service": self.name,
            "version": importlib.metadata.version("orderflow"),
            "commit": self.settings.orderflow_commit or None,
            "uptime": round(time.time() - self._started, 1),
            "lastError": last_error.seen,
        }

    def _ready(self) -> Response:
        """Ready, while the database and Kafka answer and the consumer does not stand still."""
        ignored = query(_ReadyQuery).ignored
        checks = self.checks()
        ready = not any(fault for name, fault in checks.items() if name not in ignored)
        body = {
            "status": "ready" if ready else "not ready",
            "service": self.name,
            "checks": {name: fault or "ok" for name, fault in checks.items()},
            "outbox": self.outbox,
        }
        return reply(body, 200 if ready else 503)

    def checks(self) -> dict[str, str | None]:
        """What readiness depends on, each with its fault or None."""
        checks = {"database": self._check_database(), "kafka": self.kafka_fault()}
        if self._consumer:
            checks["consumer"] = (
                "the thread has died"
                if not self._consumer.is_alive()
                else self._consumer.waiting_for
            )
        checks |= {work.name: work.fault for work in self.background}
        if self._draining:
            checks["draining"] = "the process is about to end"
        return checks

    def _check_database(self) -> str | None:
        self.outbox = None
        try:
            with self.statements.connect() as db:
                if self.handlers:
                    self.outbox = dict(db.exec_driver_sql(_OUTBOX).one()._mapping)
                else:
                    db.exec_driver_sql("SELECT 1")
        except Exception as error:
            return f"PostgreSQL does not answer, or refuses: {brief(error)}"
        return None

    def kafka_fault(self) -> str | None:
        """Why Kafka does not answer, None where it does; asked at most every other second."""
        # One request asks, the others take its answer: a Kafka that is away holds up one thread.
        if time.monotonic() - self._kafka_checked > KAFKA_CHECK and self._admin_lock.acquire(
            blocking=False
        ):
            try:
                self._admin.list_topics(timeout=2)
                self._kafka_fault = None
            except KafkaException as error:
                self._kafka_fault = f"Kafka does not answer, or refuses: {brief(error)}"
            finally:
                self._kafka_checked = time.monotonic()
                self._admin_lock.release()
        return self._kafka_fault

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient(self.settings.kafka())

    @cached_property
    def _admin_lock(self) -> threading.Lock:
        return threading.Lock()


def _metrics() -> Response:
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _measure(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        request.environ["orderflow.began"] = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unknown"
        method = request.method if request.method in METHODS else "other"
        took = time.perf_counter() - request.environ["orderflow.began"]
        metrics.http_seconds.labels(method, route).observe(took)
        metrics.http_requests.labels(method, route, response.status_code).inc()
        return response
