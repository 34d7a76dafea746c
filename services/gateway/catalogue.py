"""The catalogue: names and prices, copied from inventory so that orders need no one else."""

import logging
import threading
import time
from dataclasses import dataclass
from decimal import Decimal

import requests

from services.eventkit.database import is_transient
from services.eventkit.log import brief
from services.eventkit.service import Service

log = logging.getLogger(__name__)

REFRESH = 10.0  # seconds between looks at inventory
SOONEST = 0.5  # seconds before an unknown product is asked for again


@dataclass(frozen=True, slots=True)
class Product:
    """What an order needs to know of a product."""

    name: str
    price: Decimal


class Catalogue:
    """The products by id, kept in memory and in the gateway's own table.

    A gateway that starts while inventory is away prices orders from the table.
    """

    name = "catalogue"

    def __init__(self, service: Service, inventory_url: str) -> None:
        self._service, self._url = service, f"{inventory_url}/api/inventory"
        self._http = requests.Session()
        self._products: dict[str, Product] = {}
        self._lock = threading.Lock()
        self._refreshed = 0.0
        self._stopping = threading.Event()

    @property
    def fault(self) -> str | None:
        """Why no order can be priced."""
        return None if self._products else "inventory has not answered yet, so no price is known"

    def stop(self) -> None:
        """Let the work end."""
        self._stopping.set()

    def run(self) -> None:
        """Keep the copy fresh until stopped."""
        while not self._stopping.is_set():
            try:
                self.refresh()
                pause = REFRESH
            except Exception as error:
                log.warning("the catalogue was not refreshed: %s", brief(error))
                pause = SOONEST
            self._stopping.wait(pause)

    def get(self, product_id: str) -> Product | None:
        """The product, or None where inventory does not know it either."""
        product = self._products.get(product_id)
        if product is None and time.monotonic() - self._refreshed > SOONEST:
            try:
                self.refresh()
            except Exception as error:
                log.warning("the catalogue was not refreshed: %s", brief(error))
            product = self._products.get(product_id)
        return product

    def __len__(self) -> int:
        return len(self._products)

    def refresh(self) -> None:
        """Copy what inventory has. Raises where neither inventory nor the own table answers."""
        with self._lock:
            if time.monotonic() - self._refreshed < SOONEST:
                return  # another thread has just done it
            if not self._products:
                self._products = self._stored()
            try:
                answer = self._http.get(self._url, timeout=2)
                answer.raise_for_status()
            except requests.RequestException:
                if self._products:
                    return
                raise
            finally:
                self._refreshed = time.monotonic()
            products = {
                p["product_id"]: Product(p["name"], Decimal(p["price"]))
                for p in answer.json()["inventory"]
            }
            if products != self._products:
                self._store(products)
                self._products = products

    def _stored(self) -> dict[str, Product]:
        try:
            with self._service.statements.connect() as db:
                rows = db.exec_driver_sql("SELECT product_id, name, price FROM catalogue").all()
        except Exception as error:
            if is_transient(error):
                return {}
            raise
        return {row[0]: Product(row[1], row[2]) for row in rows}

    def _store(self, products: dict[str, Product]) -> None:
        with self._service.engine.begin() as db:
            db.exec_driver_sql("LOCK TABLE catalogue IN EXCLUSIVE MODE")
            db.exec_driver_sql("DELETE FROM catalogue")
            db.exec_driver_sql(
                "INSERT INTO catalogue SELECT * FROM"
                " unnest(%(ids)s::text[], %(names)s::text[], %(prices)s::numeric[])",
                {
                    "ids": list(products),
                    "names": [p.name for p in products.values()],
                    "prices": [p.price for p in products.values()],
                },
            )
