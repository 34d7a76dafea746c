"""Whether the operator is well: /healthz for the kubelet, /metrics for Prometheus."""

import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from replay_operator import metrics
from services.orderreplay.kubeapi import Object

LONGEST_PAUSE = 30.0


class Watches:
    """What the watches told beside what lists show.

    A connection that is dead without being closed looks like one on which nothing happens. So a
    change that two lists in a row have shown and no watch has told means that a watch is silent.
    """

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        self._listed: dict[str, int] = {}
        self._lock = threading.Lock()

    def tell(self, thing: Object, *, gone: bool = False) -> None:
        """A watch told of a resource."""
        uid, version = thing["metadata"]["uid"], int(thing["metadata"]["resourceVersion"])
        with self._lock:
            if gone:
                self._told.pop(uid, None)
            else:
                self._told[uid] = max(version, self._told.get(uid, 0))

    def compare(self, things: Iterable[Object]) -> bool:
        """Lists showed these resources, all there are. Returns whether a watch is silent."""
        now = {t["metadata"]["uid"]: int(t["metadata"]["resourceVersion"]) for t in things}
        with self._lock:
            silent = any(
                self._told.get(uid, 0) < version
                for uid, version in now.items()
                if self._listed.get(uid) == version
            )
            self._told = {uid: version for uid, version in self._told.items() if uid in now}
            self._listed = now
        return silent


class Health:
    """What is wrong, if anything. Whoever works says so with ``beat``."""

    def __init__(self) -> None:
        self._beats: dict[str, float] = {}
        self.silent = False

    def beat(self, name: str) -> None:
        """The named part is alive; from now on it must say so again and again."""
        self._beats[name] = time.monotonic()

    def faults(self, longest: float = LONGEST_PAUSE) -> list[str]:
        """Why the process should be started anew, each as a sentence."""
        now = time.monotonic()
        found = [
            f"{name} has stood still for {now - at:.0f} s"
            for name, at in sorted(self._beats.items())
            if now - at > longest
        ]
        return found + ["a watch is silent"] * self.silent


def serve(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Answer in a thread; its own, so that it answers when nothing else moves."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = 404, "text/plain", b"There are /healthz and /metrics here.\n"
            if self.path == "/healthz":
                faults = health.faults()
                status, body = (503 if faults else 200), ("\n".join(faults) or "ok").encode()
            elif self.path == "/metrics":
                metrics.watch_silent.set(health.silent)
                status, kind, body = 200, CONTENT_TYPE_LATEST, generate_latest()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass  # a probe every few seconds is no news

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server
