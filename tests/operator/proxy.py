"""Stands between an operator and the API server: tells of each call, kills, and falls silent."""

import http.client
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.kube.control_plane import ControlPlane

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
READING = ("get", "list", "watch")


class Call(NamedTuple):
    """A call as RBAC sees it, and what was answered; 0 before that."""

    verb: str
    resource: str
    status: int = 0

    @property
    def changes(self) -> bool:
        """Whether it changes something of ours; the lease is the operator's own affair."""
        return self.verb not in READING and self.resource != "leases"


class Proxy:
    """Plain HTTP in front of the API server; credentials pass through.

    ``before`` and ``after`` are called with each call, and may kill whoever made it. While
    ``mute`` is set, nothing that a watch says gets through, and its connection stays open. Tokens
    that are ``refused`` are answered 401.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.calls: list[Call] = []
        self.before: Callable[[Call], object] = lambda _: None
        self.after: Callable[[Call], object] = lambda _: None
        self.mute = threading.Event()
        self.refused: set[str] = set()
        upstream = urlsplit(plane.url)
        context = ssl.create_default_context(cafile=str(plane.root / "keys" / "ca.crt"))
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else None
                call = _call(self.command, self.path)
                token = str(self.headers.get("Authorization")).removeprefix("Bearer ")
                with suppress(OSError, http.client.HTTPException):
                    if token in proxy.refused:
                        proxy.calls.append(call._replace(status=401))
                        self.send_response(401)
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                    proxy.before(call)
                    self._forward(call, body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

            def _forward(self, call: Call, body: bytes | None) -> None:
                there = http.client.HTTPSConnection(
                    str(upstream.hostname), upstream.port, context=context
                )
                hop = {"host", "connection", "accept-encoding"}
                headers = {k: v for k, v in self.headers.items() if k.lower() not in hop}
                there.request(self.command, self.path, body, headers)
                answer = there.getresponse()
                call = call._replace(status=answer.status)
                proxy.calls.append(call)
                proxy.after(call)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                if call.verb != "watch":
                    whole = answer.read()
                    self.send_header("Content-Length", str(len(whole)))
                    self.end_headers()
                    self.wfile.write(whole)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                lost = False
                while line := answer.readline():
                    lost = lost or proxy.mute.is_set()
                    if not lost:  # what came after something lost would not be understood
                        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                        self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that was killed

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def kubeconfig(self, direct: Path) -> Path:
        """The same user as in another kubeconfig, by way of this proxy."""
        config = yaml.safe_load(direct.read_text())
        config["clusters"][0]["cluster"] = {
            "server": f"http://127.0.0.1:{self._server.server_port}"
        }
        path = direct.with_name(f"{direct.stem}-{self._server.server_port}.kubeconfig")
        path.write_text(yaml.safe_dump(config))
        return path

    def changes(self) -> list[Call]:
        """The calls that changed something."""
        return [call for call in self.calls if call.changes and call.status < 300]

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


def _call(method: str, path: str) -> Call:
    """The call that an HTTP request is; its resource is empty where it is none of one."""
    parts = urlsplit(path)
    words = parts.path.strip("/").split("/")
    rest = words[2:] if words[0] == "api" else words[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    resource = "/".join([rest[0], *rest[2:]]) if rest else ""
    if method != "GET":
        return Call(VERBS[method], resource)
    if "watch" in parse_qs(parts.query):
        return Call("watch", resource)
    return Call("get" if len(rest) > 1 else "list", resource)
