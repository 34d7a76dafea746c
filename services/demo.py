"""A lifelike stream of orders, posted as a shop's customers would."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import click
import requests

from services.events import TERMINAL

_NAMES = (
    "ada",
    "grace",
    "alan",
    "edsger",
    "barbara",
    "donald",
    "leslie",
    "tony",
    "margaret",
    "ken",
)
WORKERS = 16
RESTOCK_BELOW, RESTOCK_TO = 20, 200  # pieces


def run(
    url: str,
    *,
    count: int,
    rate: float,
    customers: int,
    declined: float,
    cancelled: float,
    out_of_stock: float,
    restock: bool,
    seed: int | None,
    patience: float,
) -> None:
    """Post ``count`` orders to the gateway at ``url`` and print what became of the requests.

    ``rate`` is orders a second, 0 for as fast as they are taken; ``declined``, ``cancelled`` and
    ``out_of_stock`` are shares of the orders; ``patience`` is in seconds, 0 for not waiting.
    Raises ClickException where the gateway is away, and, where one waits, for requests that were
    not accepted and for orders that have not ended.
    """
    if declined + cancelled + out_of_stock > 1:
        raise click.UsageError(
            "--declined, --cancelled and --out-of-stock are shares that add up to at most 1."
        )
    shop = _Shop(url)
    shelf = shop.shelf()
    chance = random.Random(seed)  # noqa: S311
    orders = [
        _order(chance, shelf, customers, declined, cancelled, out_of_stock) for _ in range(count)
    ]
    answers: Counter[str] = Counter()
    began = time.monotonic()
    with (
        click.progressbar(length=count, label="orders", show_pos=True, width=30) as bar,
        ThreadPoolExecutor(WORKERS) as pool,
    ):

        def post(order: dict[str, Any]) -> None:
            answers[shop.post(order)] += 1
            bar.update(1)

        for number, order in enumerate(orders):
            if restock and number % 20 == 0:
                pool.submit(shop.restock)
            if rate and (ahead := began + number / rate - time.monotonic()) > 0:
                time.sleep(ahead)
            pool.submit(post, order)
    took = time.monotonic() - began
    summary = ", ".join(f"{n} {what}" for what, n in sorted(answers.items()))
    click.echo(f"{count} orders in {took:.1f} s ({count / took:.0f}/s): {summary}")
    if patience:
        if len(shop.accepted) < count:
            raise click.ClickException(f"{count - len(shop.accepted)} were not accepted.")
        ended = shop.follow(time.monotonic() + patience)
        click.echo(", ".join(f"{n} {status}" for status, n in sorted(ended.items())))


def _order(
    chance: random.Random,
    shelf: list[dict[str, Any]],
    customers: int,
    declined: float,
    cancelled: float,
    out_of_stock: float,
) -> dict[str, Any]:
    number = min(int(chance.paretovariate(1.2)), customers)  # a few customers buy much
    name = _NAMES[number % len(_NAMES)]
    lines = chance.sample(shelf, k=min(len(shelf), chance.choice((1, 1, 1, 2, 2, 3))))
    items = [{"productId": p["product_id"], "quantity": chance.choice((1, 1, 2))} for p in lines]
    fate = chance.random()
    email = f"{name}{number}@example.com"
    if fate < declined:
        email = f"decline-{email}"
    elif fate < declined + out_of_stock:
        items[0]["quantity"] = 1000
    return {
        "customerId": f"CUST-{number:03}",
        "customerEmail": email,
        "items": items,
        "cancel": declined + out_of_stock <= fate < declined + out_of_stock + cancelled,
    }


class _Shop:
    """The gateway, as a customer sees it."""

    def __init__(self, url: str) -> None:
        self._url, self._http = url.rstrip("/"), requests.Session()
        self._http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=WORKERS))
        self.accepted: list[str] = []  # paths

    def shelf(self) -> list[dict[str, Any]]:
        try:
            answer = self._http.get(f"{self._url}/api/inventory", timeout=5)
            answer.raise_for_status()
        except requests.RequestException as error:
            raise click.ClickException(
                f"The gateway at {self._url} does not answer ({type(error).__name__});"
                " start everything with `make run`, or give --url."
            ) from None
        products: list[dict[str, Any]] = answer.json()["inventory"]
        return products

    def post(self, order: dict[str, Any]) -> str:
        """Post an order, and cancel it where it is to be. Returns what the gateway said."""
        cancel = order.pop("cancel")
        try:
            answer = self._http.post(
                f"{self._url}/api/orders",
                json=order,
                headers={"Idempotency-Key": str(uuid4())},
                timeout=30,
            )
            if answer.status_code != 201:
                return f"refused ({answer.status_code})"
            self.accepted.append(answer.headers["Location"])
            if cancel:
                path = f"{answer.headers['Location']}/cancel"
                reason = {"reason": "Changed my mind"}
                self._http.post(f"{self._url}{path}", json=reason, timeout=30)
                return "accepted and then cancelled"
        except requests.RequestException as error:
            return f"unanswered ({type(error).__name__})"
        return "accepted"

    def follow(self, until: float) -> Counter[str]:
        """Wait until every accepted order has ended. Returns how many ended how."""
        ended: Counter[str] = Counter()
        left = list(self.accepted)
        while left:
            status = self._status(left[-1])
            if status in TERMINAL:
                ended[status] += 1
                left.pop()
            elif time.monotonic() > until:
                raise click.ClickException(
                    f"{len(left)} orders have not ended, {left[-1]} is {status}."
                )
            else:
                time.sleep(0.2)
        return ended

    def _status(self, path: str) -> str:
        try:
            answer = self._http.get(f"{self._url}{path}", timeout=5)
            answer.raise_for_status()
            return str(answer.json()["order"]["status"])
        except requests.RequestException as error:
            return f"not known ({type(error).__name__})"

    def restock(self) -> None:
        """Fill up what runs out."""
        for product in self.shelf():
            if product["available"] < RESTOCK_BELOW:
                path = f"/api/inventory/{product['product_id']}/restock"
                self._http.post(f"{self._url}{path}", json={"quantity": RESTOCK_TO}, timeout=30)
