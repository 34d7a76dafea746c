"""Statistics, read from the tables that the handlers keep."""

from typing import Any

from sqlalchemy import Connection

from services.eventkit.event import rfc3339
from services.events import OrderStatus

DAYS, HOURS = 30, 24


def summary(db: Connection) -> dict[str, Any]:
    """The sums over all orders. Money is a decimal string."""
    row: Any = db.exec_driver_sql(
        "SELECT coalesce(sum(orders), 0)::int AS total,"
        " coalesce(sum(completed), 0)::int AS completed,"
        " coalesce(sum(failed), 0)::int AS failed, coalesce(sum(cancelled), 0)::int AS cancelled,"
        " coalesce(sum(revenue), 0)::numeric(16, 2) AS revenue FROM analytics_daily"
    ).one()
    ended = row.completed + row.failed + row.cancelled
    average = row.revenue / (row.total - row.failed - row.cancelled) if row.revenue else 0
    return {
        "total_orders": row.total,
        "total_revenue": f"{row.revenue:.2f}",
        "average_order_value": f"{average:.2f}",
        "completed_orders": row.completed,
        "pending_orders": row.total - ended,
        "failed_orders": row.failed,
        "cancelled_orders": row.cancelled,
    }


def analytics(db: Connection) -> dict[str, Any]:
    """All that ``GET /api/analytics`` shows, of one snapshot. Days and hours are UTC."""
    daily = db.exec_driver_sql(
        f"SELECT date, orders, revenue, completed, failed, cancelled FROM analytics_daily"
        f" WHERE date > (now() AT TIME ZONE 'UTC')::date - {DAYS} ORDER BY date"
    ).all()
    hourly = db.exec_driver_sql(
        f"SELECT hour, orders, revenue, completed, failed, cancelled FROM analytics_hourly"
        f" WHERE hour > now() - interval '{HOURS} hours' ORDER BY hour"
    ).all()
    by_status = _counts(
        db, "SELECT status, count(*) FROM order_facts WHERE total IS NOT NULL GROUP BY 1"
    )
    failures = _counts(
        db, "SELECT failure_reason, count(*) FROM order_facts WHERE status = 'failed' GROUP BY 1"
    )
    return {
        "summary": summary(db),
        "ordersByStatus": {status.value: by_status.get(status, 0) for status in OrderStatus},
        "failuresByReason": failures,
        "dailyOrders": [{"date": r.date.isoformat(), **_sums(r)} for r in daily],
        "hourlyOrders": [{"hour": rfc3339(r.hour), **_sums(r)} for r in hourly],
    }


def _counts(db: Connection, sql: str) -> dict[str, int]:
    return {row[0]: row[1] for row in db.exec_driver_sql(sql)}


def _sums(row: Any) -> dict[str, Any]:
    return {
        "orders": row.orders,
        "revenue": f"{row.revenue:.2f}",
        "completed": row.completed,
        "failed": row.failed,
        "cancelled": row.cancelled,
    }
