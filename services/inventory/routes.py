"""Inventory over HTTP: the shelf, and putting more on it."""

from flask import Blueprint, Response, current_app
from pydantic import BaseModel, Field

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
        return reply({"success": True, "inventory": [dict(row._mapping) for row in rows]})


@routes.post("/api/inventory/<product_id>/restock")
def restock(product_id: str) -> Response:
    """Put pieces on the shelf."""
    quantity = body(Restock).quantity
    with current_app.extensions["orderflow"].statements.connect() as db:
        row = db.exec_driver_sql(
            "UPDATE inventory SET quantity = quantity + %(n)s, restocked = restocked + %(n)s,"
            " updated_at = now() WHERE product_id = %(id)s"
            f" RETURNING {_COLUMNS}",
            {"n": quantity, "id": product_id.replace("\0", "")},
        ).first()
    if row is None:
        raise Problem(
            404,
            "unknown-product",
            f"There is no product {product_id[:100]!r}; GET /api/inventory lists them.",
        )
    return reply({"success": True, "product": dict(row._mapping)})
