"""A live feed that is as fast as one wants: the protocol of `contracts/asyncapi.yaml`, no Kafka."""

import itertools
import random
import socket
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from uuid_utils import uuid7

from services.analytics.feed import together
from services.events import LANGUAGE, EventType
from tests.contract.documents import faults

TICK = 0.05  # seconds between two sends
UNDER_WAY = 2_000  # orders at a time
SAGA = (
    (EventType.ORDER_CREATED, "gateway"),
    (EventType.INVENTORY_RESERVED, "inventory"),
    (EventType.PAYMENT_PROCESSING, "payment"),
    (EventType.PAYMENT_PROCESSED, "payment"),
    (EventType.SHIPMENT_CREATED, "shipping"),
    (EventType.SHIPMENT_DISPATCHED, "shipping"),
    (EventType.INVENTORY_COMMITTED, "inventory"),
    (EventType.SHIPMENT_DELIVERED, "shipping"),
)
_ITEMS = [
    {"productId": "PROD-001", "name": "Wireless Headphones", "price": "79.99", "quantity": 2},
    {"productId": "PROD-003", "name": "USB-C Hub", "price": "34.99", "quantity": 1},
]
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of RFC 6455


def events(orders: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Events without end: of `orders` first, and of new ones as those are delivered."""
    chance = random.Random(1)
    under_way = [(order, 0) for order in orders]
    under_way += [(str(uuid7()), 0) for _ in range(UNDER_WAY - len(orders))]
    for offset in itertools.count():
        at = chance.randrange(UNDER_WAY)
        order, step = under_way[at]
        type, source = SAGA[step]
        under_way[at] = (order, step + 1) if step + 1 < len(SAGA) else (str(uuid7()), 0)
        data: dict[str, Any] = {"orderId": order}
        if type == EventType.ORDER_CREATED:
            data |= {"customerId": f"CUST-{at:04}", "customerEmail": f"c{at}@example.com"}
            data |= {"items": _ITEMS, "total": "194.97"}
        elif source == "payment":
            data |= {"amount": "194.97"}
        elif source == "shipping":
            data |= {"carrier": "USPS", "trackingNumber": f"TRK{offset:012}"}
        yield {
            "eventId": str(uuid7()),
            "eventType": type.value,
            "orderId": order,
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "source": source,
            "data": data,
            "topic": LANGUAGE.topics[type],
            "partition": at % 6,
            "offset": offset,
        }


def frame(text: bytes) -> bytes:
    """A text as an unmasked frame."""
    size = len(text)
    head = struct.pack(">BB", 0x81, size) if size < 126 else struct.pack(">BBH", 0x81, 126, size)
    return head + text


class OwnFeed:
    """Sends every client `rate` events a second, those of `orders` among the first."""

    def __init__(self, rate: int, orders: Sequence[str]) -> None:
        stopping = self._stopping = threading.Event()
        wrong = faults("asyncapi.yaml#/components/schemas/ToldEvent", next(events(orders)))
        assert not wrong, wrong

        class Handler(BaseHTTPRequestHandler):
            """One client."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                key = self.headers["Sec-WebSocket-Key"].encode()
                self.send_response(101)
                self.send_header("Upgrade", "websocket")
                self.send_header("Connection", "Upgrade")
                accept = sha1(key + _MAGIC)
                self.send_header("Sec-WebSocket-Accept", b64encode(accept.digest()).decode())
                self.end_headers()
                self.close_connection = True
                try:
                    _follow(self.connection, rate, orders, stopping)
                except OSError:
                    return  # the client has gone

            def log_message(self, format: str, *arguments: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        """What ANALYTICS_URL is set to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "OwnFeed":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _follow(
    client: socket.socket, rate: int, orders: Sequence[str], stopping: threading.Event
) -> None:
    greeting = {"type": "CONNECTED", "message": "Connected.", "lastEventId": None}
    client.sendall(frame(orjson.dumps(greeting)))
    told, sent, began = events(orders), 0, time.monotonic()
    while not stopping.wait(TICK):
        due = int((time.monotonic() - began) * rate) - sent
        texts = (orjson.dumps(event).decode() for event in itertools.islice(told, due))
        client.sendall(b"".join(frame(message.encode()) for message in together(texts)))
        sent += due
