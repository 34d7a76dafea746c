"""Analytics over HTTP, and the live feed over a WebSocket."""

import logging
import select
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import orjson
from flask import Blueprint, Response, g, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from sqlalchemy.exc import DBAPIError
from wsproto.frame_protocol import CloseReason

from services.analytics import statistics
from services.analytics.feed import Feed, together
from services.eventkit.http import query, reply
from services.eventkit.log import brief
from services.eventkit.problems import Problem
from services.eventkit.service import Service

log = logging.getLogger(__name__)

STATS_EVERY = 1.0  # seconds between STATS_UPDATEs, where there is news
HEARTBEAT_EVERY = 5.0  # seconds
BURST = 200  # events between two looks at whether the client keeps up
GATHER = 0.05  # seconds in which events are gathered for a client that takes several at once


class Statistics:
    """The summary, read once for all clients and no more often than once a second.

    While the database is away clients keep the last one.
    """

    def __init__(self, service: Service) -> None:
        self._service, self._lock = service, threading.Lock()
        self._read_at, self._stats = float("-inf"), dict[str, Any]()

    def get(self) -> dict[str, Any]:
        """The newest summary."""
        with self._lock:
            if time.monotonic() - self._read_at >= STATS_EVERY:
                self._read_at = time.monotonic()
                try:
                    with self._service.statements.connect() as db:
                        self._stats = statistics.summary(db)
                except DBAPIError as error:
                    log.warning("the statistics are old: %s", brief(error))
            return self._stats


def create(
    service: Service, feed: Feed, *, most_clients: int, ping: float, patience: float
) -> Blueprint:
    """The routes. At most ``most_clients`` WebSockets are open at a time.

    Each is pinged every ``ping`` seconds, and dropped if it takes nothing for ``patience`` seconds.
    """
    routes = Blueprint("analytics", __name__)
    sock = Sock()
    stats = Statistics(service)
    places = threading.BoundedSemaphore(most_clients)
    options = {"ping_interval": ping, "max_message_size": 4096}
    routes.record_once(lambda state: state.app.config.update(SOCK_SERVER_OPTIONS=options))

    @routes.get("/api/analytics")
    def analytics() -> Response:
        """All statistics, and those of a range of time."""
        asked = query(statistics.RangeQuery)
        with service.engine.connect().execution_options(isolation_level="REPEATABLE READ") as db:
            return reply({"success": True, "analytics": statistics.analytics(db, asked)})

    @routes.get("/api/stats")
    def summary() -> Response:
        """The sums alone."""
        with service.statements.connect() as db:
            return reply({"success": True, "stats": statistics.summary(db)})

    def live(ws: Server) -> None:
        try:
            _Client(ws, patience).follow(feed, stats, service)
            ws.close(CloseReason.GOING_AWAY)
        except (OSError, ValueError, ConnectionClosed) as error:
            log.info("a client of the feed has gone: %s", brief(error))
        finally:
            # The library's own thread waits for the client's answer, which may never come.
            with suppress(OSError):
                ws.sock.shutdown(socket.SHUT_RDWR)

    @routes.before_request
    def take_a_place() -> None:
        # Before the handshake, while the answer can still be a plain 503.
        if request.endpoint in ("analytics.live", "analytics.root"):
            version = request.headers.get("Sec-WebSocket-Version")
            if version != "13" or "Sec-WebSocket-Key" not in request.headers:
                raise _upgrade_required()
            g.has_place = places.acquire(blocking=False)
            if not g.has_place:
                raise Problem(
                    503,
                    "too-many-clients",
                    f"{most_clients} clients follow the feed already; try again later.",
                    headers={"Retry-After": "10"},
                )

    @routes.teardown_request
    def give_it_back(_: BaseException | None) -> None:
        if g.pop("has_place", False):
            places.release()

    @routes.get("/ws", endpoint="no_socket")
    @routes.get("/", endpoint="no_socket")
    def no_socket() -> Response:
        """For whoever asks for the feed without a WebSocket."""
        raise _upgrade_required()

    sock.route("/", bp=routes, endpoint="root")(live)
    sock.route("/ws", bp=routes, endpoint="live")(live)
    return routes


def _upgrade_required() -> Problem:
    return Problem(
        426,
        "upgrade-required",
        "The live feed is a WebSocket of version 13; open it as ws://…/ws.",
        headers={"Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
    )


class _Client:
    """A WebSocket that is sent to as long as its client takes what it gets."""

    def __init__(self, ws: Server, patience: float) -> None:
        self._ws, self._patience = ws, patience
        self._writable = select.poll()
        self._writable.register(ws.sock, select.POLLOUT)

    def follow(self, feed: Feed, stats: Statistics, service: Service) -> None:
        """Send what the client missed, then what happens, until it leaves or the service stops."""
        feed.filled.wait(self._patience)
        several = request.args.get("batch") == "true"
        position = self._greet(feed)
        shown: dict[str, Any] = {}
        next_stats = next_heartbeat = 0.0
        while self._ws.connected and not feed.stopped:
            entries, position, skipped = feed.read(position, most=BURST, wait=STATS_EVERY)
            if skipped:
                self._send({"type": "GAP", "missed": skipped})
            texts = [text for entry in entries if (text := entry.text())]
            if several:
                for message in together(texts):
                    self._send(message)
                if len(entries) < BURST:
                    feed.pause(GATHER)
            else:
                for text in texts:
                    self._send(f'{{"type":"EVENT","event":{text}}}')
            if time.monotonic() >= next_stats:
                next_stats = time.monotonic() + STATS_EVERY
                if (now := stats.get()) != shown:
                    shown = now
                    self._send({"type": "STATS_UPDATE", "stats": shown})
            if time.monotonic() >= next_heartbeat:
                next_heartbeat = time.monotonic() + HEARTBEAT_EVERY
                fault, behind = service.kafka_fault(), round(feed.behind, 1)
                self._send({"type": "HEARTBEAT", "behindSeconds": behind, "fault": fault})
            # Nothing is asked for over the socket; it must not pile up.
            self._ws.input_buffer.clear()

    def _greet(self, feed: Feed) -> int:
        """Say whether what was missed follows. Returns the position to begin at."""
        position, newest = feed.end()
        greeting: dict[str, Any] = {
            "type": "CONNECTED",
            "message": "Connected to the live feed.",
            "lastEventId": newest,
        }
        if last := request.args.get("lastEventId"):
            found = feed.after(last)
            greeting |= {"resumed": found is not None, "missed": None}
            if found is not None:
                greeting["missed"] = position - found
                position = found
        self._send(greeting)
        return position

    def _send(self, message: dict[str, Any] | str) -> None:
        """Send one message. Raises ConnectionClosed where the client takes nothing any more."""
        if not self._writable.poll(self._patience * 1000):
            log.warning("a client of the feed took nothing for %s s", self._patience)
            self._ws.connected = False
            raise ConnectionClosed
        self._ws.send(message if isinstance(message, str) else orjson.dumps(message).decode())
