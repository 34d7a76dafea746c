"""Lists of more orders than are counted."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from services.gateway.reading import MOST_COUNTED, ListQuery, page

MANY = MOST_COUNTED + 50


@pytest.fixture(scope="module")
def many(handler_database: Callable[[str], Engine]) -> Iterator[Connection]:
    """A transaction that sees many orders, of 1,000 customers and three at a time."""
    with handler_database("gateway").connect() as db:
        db.exec_driver_sql(
            """
            INSERT INTO orders (id, customer_id, customer_email, items, total, status,
                correlation_id, created_at, updated_at)
            SELECT lpad(to_hex(n), 32, '0')::uuid, 'MANY-' || n %% 1000, n || '@many.example',
                '[{"productId": "P", "name": "P", "price": 1, "quantity": 1}]', n %% 100,
                (enum_range(NULL::order_status))[1 + n %% 9], gen_random_uuid(), t, t
            FROM generate_series(1, %(many)s) AS n,
                LATERAL (SELECT '2020-01-01Z'::timestamptz + n / 3 * interval '1 s' AS t) AS at
            """,
            {"many": MANY},
        )
        db.exec_driver_sql("ANALYZE orders")
        yield db
        db.rollback()


def read(db: Connection, **query: Any) -> dict[str, Any]:
    """A page of the many; others may have left orders of a later time."""
    return page(db, ListQuery.model_validate({"to": "2022-01-01"} | query))


def test_of_too_many_to_count_it_is_said_that_there_are_more(many: Connection) -> None:
    pages = read(many)["pagination"]
    assert (pages["total"], pages["totalIsExact"]) == (MOST_COUNTED, False)
    pages = read(many, customerId="MANY-7")["pagination"]
    assert (pages["total"], pages["totalIsExact"]) == (101, True)


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "-total", "total", "-updated_at"])
@pytest.mark.parametrize(
    "matching", [{}, {"status": "failed"}, {"q": "many-12"}, {"q": "many-12", "status": "failed"}]
)
def test_pages_of_many_orders_are_in_order_and_the_same_both_ways(
    many: Connection, sort: str, matching: dict[str, str]
) -> None:
    first = read(many, sort=sort, limit=20, **matching)
    second = read(many, sort=sort, limit=20, cursor=first["pagination"]["nextCursor"], **matching)
    third = read(many, sort=sort, limit=20, cursor=second["pagination"]["nextCursor"], **matching)
    back = read(many, sort=sort, limit=20, cursor=third["pagination"]["prevCursor"], **matching)
    assert ids(back) == ids(second)
    whole = read(many, sort=sort, limit=60, **matching)
    assert ids(first) + ids(second) + ids(third) == ids(whole)
    column = sort.removeprefix("-")
    keys = [
        (float(order["total"]) if column == "total" else order[column], order["id"])
        for order in whole["orders"]
    ]
    assert keys == sorted(keys, reverse=sort.startswith("-"))
    for order in whole["orders"]:
        assert order["status"] == matching.get("status", order["status"])
        assert order["customer_id"].lower().startswith(matching.get("q", ""))


@pytest.mark.parametrize(
    "q",
    [
        "0001869f",
        "00000001869F",
        "0000-00000001869f",
        "0000000000000000000000000001869f",
        "00000000-0000-0000-0000-00000001869f",
    ],
)
def test_an_id_or_its_end_finds_the_order_without_a_look_at_every_other(
    many: Connection, q: str
) -> None:
    before = rows_read(many)
    found = read(many, q=q)
    assert [order["customer_email"] for order in found["orders"]] == ["99999@many.example"]
    assert rows_read(many) - before < 100


def test_what_could_be_of_an_id_and_is_of_none_is_looked_for_in_all_else(many: Connection) -> None:
    with many.begin_nested() as undone:
        many.exec_driver_sql(
            "UPDATE orders SET customer_id = 'C-99887766' WHERE customer_id = 'MANY-7'"
        )
        assert read(many, q="99887766")["pagination"]["total"] == 101
        undone.rollback()


def rows_read(db: Connection) -> int:
    """Rows of orders that the transaction has read, by a scan or by an index."""
    return int(
        db.exec_driver_sql(
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
            " WHERE relname = 'orders'"
        ).scalar_one()
    )


def ids(found: dict[str, Any]) -> list[str]:
    """The orders of a page."""
    return [order["id"] for order in found["orders"]]
