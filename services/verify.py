"""The invariants of the saga, each a query that returns what breaks it.

They are read in one snapshot of the database. What must hold at every moment is checked as it is.
What the saga brings about in the end is checked for orders in which nothing has happened for
``grace`` seconds: a failure there is an order that is stuck.
"""

import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    generate_latest,
)
from sqlalchemy import Connection, Engine
from werkzeug.serving import make_server

from services.eventkit import problems
from services.eventkit.http import reply
from services.eventkit.log import brief
from services.events import EARNED, STATUS, TERMINAL, OrderStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Invariant:
    """``sql`` returns a row for each breach. Orders unchanged since ``%(idle)s`` are idle."""

    name: str
    says: str
    sql: str


def _list(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


_RANKED = ", ".join(
    f"('{type}', '{status}'::gateway.order_status)" for type, status in STATUS.items()
)
_DEAD = _list({OrderStatus.FAILED, OrderStatus.CANCELLED})
_GONE = _list({OrderStatus.SHIPPED, OrderStatus.COMPLETED})

INVARIANTS = [
    Invariant(
        "order_settled",
        "Each order reaches a terminal status; none is stuck without a timer.",
        f"""
        SELECT o.id, o.status FROM gateway.orders o
        LEFT JOIN shipping.shipments s ON s.order_id = o.id AND s.due_at > now()
        LEFT JOIN payment.payments p ON p.order_id = o.id AND p.due_at > now()
            AND p.action IS NOT NULL
        WHERE o.status NOT IN ({_list(TERMINAL)}) AND o.updated_at < %(idle)s
            AND s.order_id IS NULL AND p.order_id IS NULL
        """,
    ),
    Invariant(
        "cancel_decided",
        "Each request to cancel is accepted or refused.",
        "SELECT id, cancel_status FROM gateway.orders"
        " WHERE cancel_status = 'requested' AND updated_at < %(idle)s",
    ),
    Invariant(
        "status_from_events",
        "An order's status is the greatest that its events mean.",
        f"""
        SELECT o.id, o.status, max(m.status) FROM gateway.orders o
        LEFT JOIN gateway.order_events e ON e.order_id = o.id
        LEFT JOIN (VALUES {_RANKED}) AS m (event_type, status) USING (event_type)
        GROUP BY o.id HAVING o.status IS DISTINCT FROM max(m.status)
        """,
    ),
    Invariant(
        "event_has_order",
        "Each recorded event belongs to an order.",
        "SELECT e.id, e.order_id FROM gateway.order_events e"
        " LEFT JOIN gateway.orders o ON o.id = e.order_id WHERE o.id IS NULL",
    ),
    Invariant(
        "event_once",
        "Nothing happens to an order twice.",
        "SELECT order_id, event_type, count(*) FROM gateway.order_events"
        " GROUP BY order_id, event_type HAVING count(*) > 1",
    ),
    Invariant(
        "no_money_kept",
        "Nothing is kept of what was captured for an order that failed or was cancelled.",
        "SELECT o.id, p.captured - p.refunded FROM gateway.orders o"
        " JOIN payment.payments p ON p.order_id = o.id"
        f" WHERE o.status IN ({_DEAD}) AND p.captured <> p.refunded AND o.updated_at < %(idle)s",
    ),
    Invariant(
        "authorisation_closed",
        "No authorisation stays open for an order that has ended.",
        "SELECT o.id, p.status FROM gateway.orders o JOIN payment.payments p ON p.order_id = o.id"
        f" WHERE o.status IN ({_list(TERMINAL)}) AND p.status = 'authorised'"
        " AND o.updated_at < %(idle)s",
    ),
    Invariant(
        "shipped_is_paid",
        "A parcel leaves only for an order whose total is captured and not refunded.",
        "SELECT s.order_id, p.captured, p.refunded FROM shipping.shipments s"
        " LEFT JOIN payment.payments p USING (order_id)"
        " WHERE s.status IN ('dispatched', 'delivered')"
        " AND (p.order_id IS NULL OR p.captured IS DISTINCT FROM p.amount OR p.refunded <> 0)",
    ),
    Invariant(
        "amount_is_total",
        "What payment charges is the order's total.",
        "SELECT o.id, o.total, p.amount FROM gateway.orders o"
        " JOIN payment.payments p ON p.order_id = o.id WHERE p.amount <> o.total",
    ),
    Invariant(
        "nothing_without_order",
        "No money is charged, stock reserved or parcel made for an order that there is not.",
        " UNION ALL ".join(
            f"SELECT '{what}', t.order_id FROM {table} t"
            f" LEFT JOIN gateway.orders o ON o.id = t.order_id WHERE o.id IS NULL AND {when}"
            for what, table, when in (
                ("payment", "payment.payments", "t.status <> 'new'"),
                ("reservation", "inventory.reservations", "t.status IN ('reserved', 'committed')"),
                ("shipment", "shipping.shipments", "t.status NOT IN ('waiting', 'cancelled')"),
            )
        ),
    ),
    Invariant(
        "completed_is_delivered",
        "The parcel of a completed order is delivered.",
        "SELECT o.id, s.status FROM gateway.orders o"
        " LEFT JOIN shipping.shipments s ON s.order_id = o.id"
        " WHERE o.status = 'completed' AND s.status IS DISTINCT FROM 'delivered'",
    ),
    Invariant(
        "stock_bounds",
        "On hand >= reserved >= 0, and on hand + shipped = initial + restocked.",
        "SELECT product_id, quantity, reserved FROM inventory.inventory"
        " WHERE reserved < 0 OR quantity < reserved OR quantity + shipped <> initial + restocked",
    ),
    Invariant(
        "stock_reserved",
        "What is reserved and shipped of a product is the sum over its orders.",
        """
        SELECT product_id, i.reserved, coalesce(r.reserved, 0), i.shipped, coalesce(r.shipped, 0)
        FROM inventory.inventory i FULL JOIN (
            SELECT key AS product_id,
                coalesce(sum(value::bigint) FILTER (WHERE status = 'reserved'), 0) AS reserved,
                coalesce(sum(value::bigint) FILTER (WHERE status = 'committed'), 0) AS shipped
            FROM inventory.reservations, jsonb_each_text(items)
            WHERE status IN ('reserved', 'committed') GROUP BY key
        ) r USING (product_id)
        WHERE i.reserved <> coalesce(r.reserved, 0) OR i.shipped <> coalesce(r.shipped, 0)
            OR i.product_id IS NULL
        """,
    ),
    Invariant(
        "stock_follows_order",
        "Stock is committed for what has shipped, and for nothing that failed or was cancelled.",
        "SELECT o.id, o.status, r.status FROM gateway.orders o"
        " LEFT JOIN inventory.reservations r ON r.order_id = o.id WHERE o.updated_at < %(idle)s AND"
        f" (o.status IN ({_GONE}) AND r.status IS DISTINCT FROM 'committed'"
        f" OR o.status IN ({_DEAD}) AND r.status IN ('reserved', 'committed'))",
    ),
    Invariant(
        "parcel_follows_order",
        "No parcel leaves for an order that failed or was cancelled.",
        "SELECT o.id, o.status, s.status FROM gateway.orders o"
        " JOIN shipping.shipments s ON s.order_id = o.id"
        f" WHERE o.status IN ({_DEAD}) AND s.status IN ('dispatched', 'delivered')",
    ),
    Invariant(
        "statistics_agree",
        "Analytics counts each order once, where it stands, to the cent.",
        f"""
        WITH facts AS (
            SELECT count(*) FILTER (WHERE o.id IS NOT NULL) AS orders,
                count(*) FILTER (WHERE f.status = 'completed') AS completed,
                count(*) FILTER (WHERE f.status = 'failed') AS failed,
                count(*) FILTER (WHERE f.status = 'cancelled') AS cancelled,
                coalesce(sum(f.total) FILTER (WHERE f.status IN ({_list(EARNED)})), 0) AS revenue
            FROM analytics.order_facts f LEFT JOIN gateway.orders o ON o.id = f.order_id
            WHERE f.total IS NOT NULL
        ), sums AS (
            SELECT 'daily' AS name, coalesce(sum(orders), 0) AS orders,
                coalesce(sum(completed), 0) AS completed, coalesce(sum(failed), 0) AS failed,
                coalesce(sum(cancelled), 0) AS cancelled, coalesce(sum(revenue), 0) AS revenue
            FROM analytics.analytics_daily
            UNION ALL
            SELECT 'hourly', coalesce(sum(orders), 0), coalesce(sum(completed), 0),
                coalesce(sum(failed), 0), coalesce(sum(cancelled), 0), coalesce(sum(revenue), 0)
            FROM analytics.analytics_hourly
        )
        SELECT s.name, s.orders, f.orders, s.revenue, f.revenue FROM sums s, facts f
        WHERE (s.orders, s.completed, s.failed, s.cancelled, s.revenue)
            <> (f.orders, f.completed, f.failed, f.cancelled, f.revenue)
        UNION ALL
        SELECT o.id::text, NULL, NULL, o.total, f.total FROM gateway.orders o
        LEFT JOIN analytics.order_facts f ON f.order_id = o.id
        WHERE o.updated_at < %(idle)s
            AND (f.status::text IS DISTINCT FROM o.status::text OR f.total IS DISTINCT FROM o.total)
        """,
    ),
    Invariant(
        "outbox_empty",
        "No committed event waits to be published.",
        " UNION ALL ".join(
            f"SELECT '{schema}', id FROM {schema}.outbox WHERE created_at < %(idle)s"
            for schema in ("gateway", "payment", "inventory", "shipping", "analytics")
        ),
    ),
]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of one invariant found: how many breaches, and the first few."""

    invariant: Invariant
    breaches: int
    examples: list[tuple[Any, ...]]


def check(engine: Engine, *, grace: float) -> list[Finding]:
    """Check every invariant in one snapshot, with ``grace`` seconds for what is under way."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as db, db.begin():
        idle = db.exec_driver_sql(
            "SELECT now() - make_interval(secs => %(grace)s)", {"grace": grace}
        ).scalar_one()
        return [_check(db, invariant, idle) for invariant in INVARIANTS]


def _check(db: Connection, invariant: Invariant, idle: Any) -> Finding:
    rows = db.exec_driver_sql(invariant.sql, {"idle": idle}).all()
    return Finding(invariant, len(rows), [tuple(map(str, row)) for row in rows[:5]])


def in_flight(engine: Engine) -> int:
    """How many orders have not ended yet."""
    with engine.connect() as db:
        return int(
            db.exec_driver_sql(
                f"SELECT count(*) FROM gateway.orders WHERE status NOT IN ({_list(TERMINAL)})"
            ).scalar_one()
        )


def report(findings: list[Finding], *, as_json: bool) -> str:
    """Findings for a person, or as JSON."""
    if as_json:
        return json.dumps(
            [
                {"invariant": f.invariant.name, "breaches": f.breaches, "examples": f.examples}
                for f in findings
            ]
        )
    lines = []
    for finding in findings:
        mark = "ok    " if not finding.breaches else f"BROKEN {finding.breaches}x"
        lines.append(f"{mark} {finding.invariant.name:22} {finding.invariant.says}")
        lines += [f"         {' '.join(example)}" for example in finding.examples]
    return "\n".join(lines)


class Auditor:
    """Checks the invariants over and over, and shows what it finds as metrics."""

    def __init__(self, engine: Engine, *, every: float, grace: float) -> None:
        self._engine, self._every, self._grace = engine, every, grace
        self._stopping = threading.Event()
        self._found: dict[str, int] | None = None
        self._fault: str | None = "no check has ended yet"
        self.registry = CollectorRegistry()
        self._broken = Gauge(
            "orderflow_invariant_breaches",
            "What breaks an invariant of the saga at the last check; 0 when all is well.",
            ["invariant"],
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "orderflow_orders_in_flight", "Orders that have not ended.", registry=self.registry
        )
        self._checked = Gauge(
            "orderflow_invariants_checked_timestamp_seconds",
            "When the last check ended, as Unix time.",
            registry=self.registry,
        )

    def check(self) -> None:
        """Check once and remember what was found."""
        try:
            findings = check(self._engine, grace=self._grace)
            self._in_flight.set(in_flight(self._engine))
        except Exception as error:
            self._fault = brief(error)
            log.warning("the invariants could not be checked: %s", self._fault)
            return
        self._fault = None
        self._checked.set(time.time())
        self._found = {f.invariant.name: f.breaches for f in findings}
        for finding in findings:
            self._broken.labels(finding.invariant.name).set(finding.breaches)
            if finding.breaches:
                log.error(
                    "an invariant is broken: %s",
                    finding.invariant.says,
                    extra={"invariant": finding.invariant.name, "examples": finding.examples},
                )

    def run(self) -> None:
        """Check until stopped."""
        while not self._stopping.is_set():
            self.check()
            self._stopping.wait(self._every)

    def serve(self, host: str, port: int) -> None:
        """Check in the background and answer ``/health``, ``/ready`` and ``/metrics``."""
        app = Flask("auditor", static_folder=None)
        problems.install(app)
        app.add_url_rule("/health", "health", lambda: reply({"status": "healthy"}))
        app.add_url_rule("/ready", "ready", self._ready)
        app.add_url_rule("/metrics", "metrics", self._metrics)
        threading.Thread(target=self.run, daemon=True).start()
        make_server(host, port, app, threaded=True).serve_forever()

    def _ready(self) -> Response:
        body = {"status": "ready", "breaches": self._found}
        if self._fault:
            return reply({"status": "not ready", "error": self._fault}, 503)
        return reply(body)

    def _metrics(self) -> Response:
        return Response(generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST)
