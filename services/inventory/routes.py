"""Inventory over HTTP: the shelf, and putting more on it."""

from typing import Any

from flask import Blueprint, Response, current_app
from pydantic import BaseModel, Field
from sqlalchemy import Row

from services.eventkit.event import rfc3339
from services.eventkit.http import body, reply
from services.eventkit.problems import Problem

routes = Blueprint("inventory", __name__)

_COLUMNS = """
product_id, name, price::text, quantity, reserved, quantity - reserved AS available,
shipped, restocked, updated_at
"""


class Restock(BaseModel):
    """How many pieces have come in."""

    quantity: int = Field(ge=1, le=1_000_000, strict=True)


@routes.get("/api/inventory")
def shelf() -> Response:
    """All products with what is there of them."""
    with current_app.extensions["orderflow"].statements.connect() as db:
        rows = db.exec_driver_sql(f"SELECT {_COLUMNS} FROM inventory ORDER BY product_id")
        return reply({"success": True, "inventory": [_as_json(row) for row in rows]})


@routes.post("/api/inventory/<product_id>/restock")
def restock(product_id: str) -> Response:
    """Put pieces on the shelf."""
    quantity = body(Restock).quantity
    if "\0" in product_id:
        raise _unknown(product_id)
    with current_app.extensions["orderflow"].statements.connect() as db:
        row = db.exec_driver_sql(
            "UPDATE inventory SET quantity = quantity + %(n)s, restocked = restocked + %(n)s,"
            " updated_at = now() WHERE product_id = %(id)s"
            f" RETURNING {_COLUMNS}",
            {"n": quantity, "id": product_id},
        ).first()
    if row is None:
        raise _unknown(product_id)
    return reply({"success": True, "product": _as_json(row)})


def _as_json(row: Row) -> dict[str, Any]:  # type: ignore[type-arg]
    return {**row._mapping, "updated_at": rfc3339(row.updated_at)}


def _unknown(product_id: str) -> Problem:
    return Problem(
        404,
        "unknown-product",
        f"There is no product {product_id[:100]!r}; GET /api/inventory lists them.",
    )
