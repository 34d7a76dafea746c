"""Reading orders: one, many in pages, and the events of one in causal order."""

import base64
import heapq
import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import Connection, Row

from services.eventkit.event import rfc3339
from services.eventkit.problems import Problem
from services.events import LANGUAGE, OrderStatus

COLUMNS = """
o.id::text, o.customer_id, o.customer_email, o.items::text, o.total::text, o.status,
o.failure_reason, o.cancel_status, o.cancel_reason, o.cancel_detail, o.created_at, o.updated_at
"""

# What an order may be sorted by: the column, and how a cursor's text becomes its value again.
_SORTS = {"created_at": "timestamptz", "updated_at": "timestamptz", "total": "numeric"}

MOST_COUNTED = 100_000  # orders that match; of more it is only said that there are


class ListQuery(BaseModel):
    """The parameters of ``GET /api/orders``. An unknown one is refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=1_000_000)
    cursor: str | None = Field(None, max_length=300)
    status: OrderStatus | None = None
    customerId: str | None = Field(None, min_length=1, max_length=255)
    from_: datetime | None = Field(None, alias="from")
    to: datetime | None = None
    q: str | None = Field(None, min_length=1, max_length=100)
    sort: Literal["created_at", "-created_at", "updated_at", "-updated_at", "total", "-total"] = (
        "-created_at"
    )

    @field_validator("from_", "to", mode="before")
    @classmethod
    def _written_out(cls, value: Any) -> Any:
        if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
            raise ValueError("Send a date or a time, such as 2026-11-22 or 2026-11-22T17:00:00Z")
        return value

    @field_validator("from_", "to")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        try:
            return (value.replace(tzinfo=UTC) if value.tzinfo is None else value).astimezone(UTC)
        except OverflowError:
            raise ValueError("Send a time between the years 1 and 9999, in UTC") from None

    @model_validator(mode="after")
    def _one_way_to_page(self) -> Self:
        if self.cursor and self.offset:
            raise ValueError("Send cursor or offset, not both")
        return self

    @field_validator("customerId", "q")
    @classmethod
    def _no_nul(cls, value: str | None) -> str | None:
        if value and "\x00" in value:
            raise ValueError("A NUL character is never found; remove it")
        return value


class _Cursor(BaseModel):
    """The order that a page begins after, or ends before: what it is sorted by, and its id."""

    sort: str
    after: Annotated[Decimal, Field(max_digits=12, decimal_places=2)] | AwareDatetime
    id: UUID
    back: bool = False


def page(db: Connection, query: ListQuery) -> dict[str, Any]:
    """A page of orders and where the next begins. Raises Problem for a cursor that is not ours."""
    column = query.sort.lstrip("-")
    matching, values = _filter(db, query)
    where, back = matching, False
    descending = query.sort.startswith("-")
    if query.cursor:
        cursor = _read_cursor(query.cursor, query.sort)
        back = cursor.back
        descending ^= back
        sign = "<" if descending else ">"
        values |= {"after": cursor.after, "after_id": str(cursor.id)}
        where += f" AND (o.{column}, o.id) {sign} (%(after)s::{_SORTS[column]}, %(after_id)s::uuid)"
    direction = "DESC" if descending else "ASC"
    rows = db.exec_driver_sql(
        f"SELECT {COLUMNS}, o.{column} AS sorted_by FROM orders o WHERE {where}"
        f" ORDER BY o.{column} {direction}, o.id {direction}"
        " LIMIT %(limit)s OFFSET %(offset)s",
        values | {"limit": query.limit + 1, "offset": 0 if query.cursor else query.offset},
    ).all()
    further, shown = len(rows) > query.limit, rows[: query.limit]
    first = not query.cursor and not query.offset
    total = len(shown)
    if not first or further:
        total = db.exec_driver_sql(
            f"SELECT count(*) FROM (SELECT FROM orders o WHERE {matching}"
            f" LIMIT {MOST_COUNTED + 1}) AS matching",
            values,
        ).scalar_one()
    if back:
        shown = shown[::-1]
    after = bool(shown) if back else further
    before = further if back else bool(shown) and not first
    return {
        "success": True,
        "orders": [as_json(row) for row in shown],
        "pagination": {
            "limit": query.limit,
            "offset": query.offset,
            "total": min(total, MOST_COUNTED),
            "totalIsExact": total <= MOST_COUNTED,
            "hasMore": after,
            "nextCursor": _write_cursor(query.sort, shown[-1], back=False) if after else None,
            "prevCursor": _write_cursor(query.sort, shown[0], back=True) if before else None,
        },
    }


def _filter(db: Connection, query: ListQuery) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {
        "status": query.status,
        "customer": query.customerId,
        "from": query.from_,
        "to": query.to,
    }
    clauses = {
        "status": "o.status = %(status)s::order_status",
        "customer": "o.customer_id = %(customer)s",
        "from": "o.created_at >= %(from)s",
        "to": "o.created_at < %(to)s",
    }
    where = [clause for name, clause in clauses.items() if values[name] is not None]
    if ids := query.q and _ids_ending(db, query.q):
        # These alone, as an index knows them; words are looked for in every order.
        where.append("o.id = ANY(%(ids)s::uuid[])")
        values["ids"] = ids
    elif query.q:
        where.append(
            "(o.id::text LIKE lower(%(q)s) || '%%' OR o.customer_id ILIKE %(like)s"
            " OR o.customer_email ILIKE %(like)s"
            " OR EXISTS (SELECT FROM jsonb_array_elements(o.items)"
            " WHERE value->>'name' ILIKE %(like)s OR value->>'productId' ILIKE %(like)s))"
        )
        escaped = query.q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        values |= {"q": escaped, "like": f"%{escaped}%"}
    return " AND ".join(where) or "true", values


def _ids_ending(db: Connection, q: str) -> list[str]:
    """The orders whose id ends with a text of 8 digits or more, which are what people are shown."""
    digits = q.lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{8,32}", digits):
        return []
    found = db.exec_driver_sql(
        "SELECT id::text FROM orders WHERE right(id::text, 8) = %(end)s"
        " AND replace(id::text, '-', '') LIKE '%%' || %(digits)s",
        {"end": digits[-8:], "digits": digits},
    )
    return list(found.scalars())


def _write_cursor(sort: str, row: Row, *, back: bool) -> str:  # type: ignore[type-arg]
    cursor = _Cursor(sort=sort, after=row.sorted_by, id=row.id, back=back)
    return base64.urlsafe_b64encode(cursor.model_dump_json().encode()).decode()


def _read_cursor(cursor: str, sort: str) -> _Cursor:
    try:
        found = _Cursor.model_validate_json(base64.urlsafe_b64decode(cursor))
        if found.sort == sort and isinstance(found.after, Decimal) == sort.endswith("total"):
            return found
    except ValueError:
        pass
    raise Problem(
        400,
        "invalid-cursor",
        "cursor: take it from pagination.nextCursor of the page before, or from prevCursor of the"
        " page after, with the same sort.",
    )


def one(db: Connection, order_id: UUID) -> dict[str, Any] | None:
    """One order as JSON, or None."""
    row = db.exec_driver_sql(
        f"SELECT {COLUMNS} FROM orders o WHERE id = %(id)s", {"id": str(order_id)}
    ).first()
    return as_json(row) if row else None


def as_json(row: Row) -> dict[str, Any]:  # type: ignore[type-arg]
    """An order as clients see it."""
    cancellation = None
    if row.cancel_status:
        cancellation = {
            "status": row.cancel_status,
            "reason": row.cancel_reason,
            "detail": row.cancel_detail,
        }
    return {
        "id": row.id,
        "customer_id": row.customer_id,
        "customer_email": row.customer_email,
        "items": orjson.Fragment(row.items),
        "total": row.total,
        "status": row.status,
        "failure_reason": row.failure_reason,
        "cancellation": cancellation,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
    }


def events(db: Connection, order_id: UUID) -> list[dict[str, Any]]:
    """The events of an order, each after what led to it."""
    rows = db.exec_driver_sql(
        "SELECT id::text, order_id::text, event_type, payload::text, service_name,"
        " causation_id::text, created_at FROM order_events WHERE order_id = %(id)s",
        {"id": str(order_id)},
    ).all()
    return [
        {
            "id": row.id,
            "order_id": row.order_id,
            "event_type": row.event_type,
            "topic": LANGUAGE.topics[row.event_type],
            "payload": orjson.Fragment(row.payload),
            "service_name": row.service_name,
            "causation_id": row.causation_id,
            "created_at": rfc3339(row.created_at),
        }
        for row in in_causal_order(rows)
    ]


def in_causal_order(rows: Sequence[Any]) -> list[Any]:
    """Sort events: after their cause, after earlier ones of the same service, then by time.

    Clocks of services may differ, so time alone does not tell; within a service ids grow.
    """
    by_id = {row.id: row for row in rows}
    after: dict[str, list[str]] = defaultdict(list)
    waits = dict.fromkeys(by_id, 0)
    last: dict[str, str] = {}
    for row in sorted(rows, key=lambda r: r.id):
        causes = {row.causation_id, last.get(row.service_name)} & by_id.keys()
        for cause in causes:
            after[cause].append(row.id)
        waits[row.id] = len(causes)
        last[row.service_name] = row.id
    free = [(by_id[i].created_at, i) for i, count in waits.items() if count == 0]
    heapq.heapify(free)
    ordered = []
    while free:
        _, current = heapq.heappop(free)
        ordered.append(by_id.pop(current))
        for following in after[current]:
            waits[following] -= 1
            if waits[following] == 0:
                heapq.heappush(free, (by_id[following].created_at, following))
    # A circle can only come of forged events; they are shown all the same.
    return ordered + sorted(by_id.values(), key=lambda r: (r.created_at, r.id))
