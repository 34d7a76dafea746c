"""A load on the gateway that costs little itself: raw sockets, requests written beforehand."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

PRODUCTS = [f"PROD-00{n}" for n in range(1, 9)]


def request(host: str, number: int) -> bytes:
    """A POST of an order of two products."""
    body = orjson.dumps(
        {
            "customerId": f"CUST-{number % 1000:03}",
            "customerEmail": f"customer{number % 1000}@example.com",
            "items": [
                {"productId": PRODUCTS[number % 8], "quantity": 1 + number % 2},
                {"productId": PRODUCTS[(number + 3) % 8], "quantity": 1},
            ],
        }
    )
    return (
        f"POST /api/orders HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@dataclass(slots=True)
class Result:
    """What came of a load: seconds of each request, their sum of time, and answers not 201."""

    latencies: list[float]
    took: float
    refused: int

    def percentile(self, share: float) -> float:
        """The latency in seconds that ``share`` of the requests stayed under."""
        return sorted(self.latencies)[
            min(len(self.latencies) - 1, int(len(self.latencies) * share))
        ]


class _Connection:
    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.began = 0.0

    def answer(self) -> int | None:
        """The status of the answer, once it is there whole."""
        self.received += self.socket.recv(65536)
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return None
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return None
        self.received = body[length:]
        return int(head[9:12])


def run(url: str, *, count: int, connections: int, rate: float = 0) -> Result:
    """Post ``count`` orders over keep-alive connections, ``rate`` a second (0: no limit)."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    todo: Iterator[bytes] = iter([request(parts.netloc, n) for n in range(count)])
    selector = selectors.DefaultSelector()
    idle = [_Connection(host, port) for _ in range(connections)]
    for connection in idle:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    latencies: list[float] = []
    sent = refused = 0
    began = time.perf_counter()
    clock: Callable[[], float] = time.perf_counter
    while len(latencies) < count:
        while idle and sent < count and (not rate or clock() >= began + sent / rate):
            connection = idle.pop()
            connection.began = clock()
            connection.socket.sendall(next(todo))
            sent += 1
        due = 1.0 if not rate or sent == count else max(0.0, began + sent / rate - clock())
        for key, _ in selector.select(due):
            status = key.data.answer()
            if status is not None:
                latencies.append(clock() - key.data.began)
                refused += status != 201
                idle.append(key.data)
    took = clock() - began
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    return Result(latencies, took, refused)
