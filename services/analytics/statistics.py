"""Statistics, read from the tables that the handlers keep."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from sqlalchemy import Connection

from services.analytics.handlers import bit
from services.eventkit.event import rfc3339
from services.events import EARNED, TERMINAL, OrderStatus

DAYS, HOURS = 30, 24
MOST_DAYS = 366  # of a range
MOST_HOURLY_DAYS = 7  # of a range that is also shown by the hour
TICK, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)

# The stages of an order that goes well, each with the status that its event brings.
FUNNEL = {
    "accepted": OrderStatus.PENDING,
    "authorised": OrderStatus.PROCESSING,
    "reserved": OrderStatus.RESERVED,
    "paid": OrderStatus.PAID,
    "prepared": OrderStatus.PREPARING,
    "shipped": OrderStatus.SHIPPED,
    "delivered": OrderStatus.COMPLETED,
}
_NONE = {"orders": 0, "revenue": Decimal(), "completed": 0, "failed": 0, "cancelled": 0}
_DATE = r"\d{4}-\d\d-\d\d"
_TIME = re.compile(rf"{_DATE}([Tt]\d\d:\d\d:\d\d(\.\d{{1,9}})?([Zz]|[+-]\d\d:\d\d))?")


def _moment(value: Any) -> datetime:
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            # Python keeps microseconds; finer ones are cut off.
            found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("Send a date or a time with its zone: 2026-11-22 or 2026-11-22T17:00:00Z")


Moment = Annotated[datetime, BeforeValidator(_moment)]


class RangeQuery(BaseModel):
    """The parameters of ``GET /api/analytics``: which orders, by the time they were placed."""

    model_config = ConfigDict(extra="forbid")

    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None

    @model_validator(mode="after")
    def _one_that_can_be_drawn(self) -> Self:
        try:
            since, to = self.window(datetime.now(UTC))
        except OverflowError:
            raise ValueError("Send times between the years 1 and 9999, in UTC") from None
        if since >= to:
            raise ValueError("from must lie before to, which is now where it is left out")
        if to - since > MOST_DAYS * DAY:
            raise ValueError(f"from and to may be {MOST_DAYS} days apart at most; send others")
        return self

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """The first moment of the range and the one after its last; of 30 days by default."""
        to = self.to or now
        if self.from_ is None:
            last = (to - TICK).date()
            return datetime.combine(last, time(), UTC) - (DAYS - 1) * DAY, to
        return self.from_, to


def summary(db: Connection) -> dict[str, Any]:
    """The sums over all orders. Money is a decimal string."""
    row: Any = db.exec_driver_sql(
        "SELECT coalesce(sum(orders), 0)::int AS orders,"
        " coalesce(sum(completed), 0)::int AS completed,"
        " coalesce(sum(failed), 0)::int AS failed, coalesce(sum(cancelled), 0)::int AS cancelled,"
        " coalesce(sum(revenue), 0)::numeric(16, 2) AS revenue FROM analytics_daily"
    ).one()
    return _summary(row._mapping)


def _summary(sums: Any) -> dict[str, Any]:
    lost = sums["failed"] + sums["cancelled"]
    average = sums["revenue"] / (sums["orders"] - lost) if sums["revenue"] else 0
    return {
        "total_orders": sums["orders"],
        "total_revenue": f"{sums['revenue']:.2f}",
        "average_order_value": f"{average:.2f}",
        "completed_orders": sums["completed"],
        "pending_orders": sums["orders"] - sums["completed"] - lost,
        "failed_orders": sums["failed"],
        "cancelled_orders": sums["cancelled"],
    }


def analytics(db: Connection, query: RangeQuery) -> dict[str, Any]:
    """All that ``GET /api/analytics`` shows. Days and hours are UTC.

    ``db`` is in a transaction that sees one snapshot, so that the figures agree with each other.
    """
    now: datetime = db.exec_driver_sql("SELECT now()").scalar_one()
    since, to = query.window(now)
    whole = query.from_ is None and query.to is None
    by_hour = not whole and to - since <= MOST_HOURLY_DAYS * DAY
    groups = _groups(db, since, to, "hour" if by_hour else "day")
    hours: dict[datetime, dict[str, Any]] = {}
    if whole:
        hours = _buckets(now - (HOURS - 1) * HOUR, now + TICK, HOUR) | _last_hours(db)
    elif by_hour:
        hours = _series(groups, since, to, HOUR)
    days = _series(groups, since, to, DAY)
    shown = _all(db) if whole else groups
    return {
        "summary": summary(db),
        "range": {
            "from": rfc3339(since),
            "to": rfc3339(to),
            "summary": _summary(_sums(groups)),
            "funnel": _funnel(groups),
        },
        "ordersByStatus": {
            status.value: sum(g.orders for g in shown if g.status == status)
            for status in OrderStatus
        },
        "failuresByReason": {
            reason: sum(g.orders for g in shown if g.failure_reason == reason and _failed(g))
            for reason in sorted({g.failure_reason for g in shown if _failed(g)})
        },
        "dailyOrders": [
            {"date": day.date().isoformat(), **_written(sums)} for day, sums in days.items()
        ],
        "hourlyOrders": [{"hour": rfc3339(hour), **_written(sums)} for hour, sums in hours.items()],
    }


def _groups(db: Connection, since: datetime, to: datetime, unit: str) -> Sequence[Any]:
    """How many orders of the range are alike, by hour or day: status, reason, stages reached."""
    return db.exec_driver_sql(
        "SELECT date_trunc(%(unit)s, created_at, 'UTC') AS began, status, failure_reason, reached,"
        " count(*)::int AS orders, sum(total) AS total FROM order_facts"
        " WHERE created_at >= %(since)s AND created_at < %(to)s GROUP BY 1, 2, 3, 4",
        {"unit": unit, "since": since, "to": to},
    ).all()


def _all(db: Connection) -> Sequence[Any]:
    return db.exec_driver_sql(
        "SELECT status, failure_reason, count(*)::int AS orders FROM order_facts"
        " WHERE total IS NOT NULL GROUP BY 1, 2"
    ).all()


def _failed(group: Any) -> bool:
    return bool(group.status == OrderStatus.FAILED)


def _funnel(groups: Sequence[Any]) -> dict[str, int]:
    """How many orders have reached each stage, whatever came of them, and how many were lost."""
    reached = {
        stage: sum(g.orders for g in groups if g.reached & bit(status))
        for stage, status in FUNNEL.items()
    }
    lost = {
        status.value: sum(g.orders for g in groups if g.status == status)
        for status in (OrderStatus.FAILED, OrderStatus.CANCELLED)
    }
    return reached | lost


def _sums(groups: Iterable[Any]) -> dict[str, Any]:
    sums = dict(_NONE)
    for group in groups:
        sums["orders"] += group.orders
        if group.status in EARNED:
            sums["revenue"] += group.total
        if group.status in TERMINAL:
            sums[group.status] += group.orders
    return sums


def _buckets(since: datetime, to: datetime, width: timedelta) -> dict[datetime, dict[str, Any]]:
    """Every hour or day that the range touches, with nothing in it."""
    first = since.replace(minute=0, second=0, microsecond=0)
    if width == DAY:
        first = first.replace(hour=0)
    count = -((first - to) // width)
    return {first + number * width: dict(_NONE) for number in range(count)}


def _series(
    groups: Sequence[Any], since: datetime, to: datetime, width: timedelta
) -> dict[datetime, dict[str, Any]]:
    buckets: dict[datetime, list[Any]] = {began: [] for began in _buckets(since, to, width)}
    for group in groups:
        began = group.began if width == HOUR else group.began.replace(hour=0)
        buckets[began].append(group)
    return {began: _sums(members) for began, members in buckets.items()}


def _last_hours(db: Connection) -> dict[datetime, dict[str, Any]]:
    rows = db.exec_driver_sql(
        f"SELECT hour, orders, revenue, completed, failed, cancelled FROM analytics_hourly"
        f" WHERE hour > now() - interval '{HOURS} hours' AND hour <= now() ORDER BY hour"
    )
    return {row.hour: dict(row._mapping) for row in rows}


def _written(sums: dict[str, Any]) -> dict[str, Any]:
    return {name: sums[name] for name in _NONE} | {"revenue": f"{sums['revenue']:.2f}"}
