"""Analytics over HTTP, and the live feed over a WebSocket."""

import logging
import select
import threading
import time
from typing import Any

import orjson
from flask import Blueprint, Response, g, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from sqlalchemy.exc import DBAPIError

from services.analytics import statistics
from services.analytics.feed import Feed
from services.eventkit.http import reply
from services.eventkit.log import brief
from services.eventkit.problems import Problem
from services.eventkit.service import Service

log = logging.getLogger(__name__)

STATS_EVERY = 1.0  # seconds between STATS_UPDATEs, where there is news
BURST = 200  # events between two looks at whether the client keeps up
PATIENCE = 10.0  # seconds after which a client that takes nothing is dropped


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


def create(service: Service, feed: Feed, *, most_clients: int, ping: float) -> Blueprint:
    """The routes. At most ``most_clients`` WebSockets are open, each pinged every ``ping`` s."""
    routes = Blueprint("analytics", __name__)
    sock = Sock()
    stats = Statistics(service)
    places = threading.BoundedSemaphore(most_clients)
    options = {"ping_interval": ping, "max_message_size": 4096}
    routes.record_once(lambda state: state.app.config.update(SOCK_SERVER_OPTIONS=options))

    @routes.get("/api/analytics")
    def analytics() -> Response:
        """All statistics."""
        with service.engine.connect().execution_options(isolation_level="REPEATABLE READ") as db:
            return reply({"success": True, "analytics": statistics.analytics(db)})

    @routes.get("/api/stats")
    def summary() -> Response:
        """The sums alone."""
        with service.statements.connect() as db:
            return reply({"success": True, "stats": statistics.summary(db)})

    def live(ws: Server) -> None:
        try:
            _follow(ws, feed, stats)
        except (OSError, ValueError) as error:
            log.info("a client of the feed has gone: %s", brief(error))

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


def _follow(ws: Server, feed: Feed, stats: Statistics) -> None:
    """Send a client what it missed, then what happens, until it leaves or falls silent."""
    feed.filled.wait(PATIENCE)
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
    _send(ws, greeting)
    shown: dict[str, Any] = {}
    next_stats = 0.0
    while ws.connected and not feed.stopped:
        entries, position, skipped = feed.read(position, most=BURST, wait=STATS_EVERY)
        if skipped:
            _send(ws, {"type": "GAP", "missed": skipped})
        for entry in entries:
            if text := entry.text():
                _send(ws, text)
        if time.monotonic() >= next_stats:
            next_stats = time.monotonic() + STATS_EVERY
            if (now := stats.get()) != shown:
                shown = now
                _send(ws, {"type": "STATS_UPDATE", "stats": shown})
        ws.input_buffer.clear()  # nothing is asked for over the socket; it must not pile up


def _send(ws: Server, message: dict[str, Any] | str) -> None:
    """Send, as long as the client takes what it gets."""
    poll = select.poll()
    poll.register(ws.sock, select.POLLOUT)
    if not poll.poll(PATIENCE * 1000):
        log.warning("a client of the feed took nothing for %s s and is dropped", PATIENCE)
        ws.connected = False
        raise ConnectionClosed
    ws.send(message if isinstance(message, str) else orjson.dumps(message).decode())
