"""Calls to the API server where credentials run out, connections break and answers are odd."""

import base64
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.orderreplay import kubeapi
from services.orderreplay.kubeapi import ApiError, KubeApi

KEYS = """\
req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=someone
-addext subjectAltName=DNS:localhost,IP:127.0.0.1
-addext keyUsage=critical,digitalSignature,keyCertSign"""


class Server:
    """Over TLS it says what it was asked; what ``do`` returns, if anything, is said instead.

    ``do`` may close the connection. ``calls``: method, path, token and body of each.
    """

    def __init__(self, root: Path) -> None:
        self.cert, self.key = root / "server.crt", root / "server.key"
        files = ["-keyout", str(self.key), "-out", str(self.cert)]
        subprocess.run(["openssl", *KEYS.split(), *files], check=True, capture_output=True)
        self.calls: list[tuple[str, str, str, Any]] = []
        self.do: Callable[[Any], tuple[int, str] | None] = lambda handler: None
        self.connections = 0
        self.closed = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                server.connections += 1

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                told = json.loads(body) if body else None
                server.calls.append((self.command, self.path, token, told))
                try:
                    status, text = server.do(self) or (200, "{}")
                except ConnectionError:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Listening(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 50

            def shutdown_request(self, request: Any) -> None:
                super().shutdown_request(request)
                server.closed.set()

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that trusts nobody

        self._server = Listening(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        context.load_verify_locations(self.cert)
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_port
        self.url = f"https://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def tokens(self) -> list[str]:
        """The token of each call."""
        return [token for _, _, token, _ in self.calls]

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.fixture
def kubeconfig(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Writes a kubeconfig of a user with what is given; ``cluster`` is added to the server's."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))

    def write(cluster: dict[str, Any] | None = None, **user: Any) -> None:
        where = {"server": server.url, "certificate-authority": "server.crt"} | (cluster or {})
        config = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": where}],
            "users": [{"name": "u", "user": user}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(config))

    return write


@pytest.fixture
def pod(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a service account whose token is ``first``."""
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("first\n")
    (account / "ca.crt").write_bytes(server.cert.read_bytes())
    monkeypatch.setattr(kubeapi, "ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    return account


def plugin(tmp_path: Path, server: Server, seconds: int) -> dict[str, Any]:
    """An exec plugin that gives other tokens each time, t1, t2 and so on, for so many seconds."""
    script = tmp_path / "plugin"
    script.write_text(f"""#!{sys.executable}
import datetime, json, os, pathlib, sys
count = pathlib.Path({str(tmp_path / "count")!r})
count.write_text(str(int(count.read_text() if count.exists() else 0) + 1))
asked = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert asked["spec"]["cluster"]["server"] == {server.url!r}
assert (sys.argv[1:], os.environ["REGION"]) == (["get-token"], "north")
until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds={seconds})
status = {{"token": "t" + count.read_text(), "expirationTimestamp": until.isoformat()}}
print(json.dumps({{"apiVersion": asked["apiVersion"], "kind": "ExecCredential", "status": status}}))
""")
    script.chmod(0o700)
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin",
        "args": ["get-token"],
        "env": [{"name": "REGION", "value": "north"}],
        "provideClusterInfo": True,
    }


def refusing(*tokens: str) -> Callable[[Any], tuple[int, str] | None]:
    """A server that knows some tokens no more."""

    def do(handler: Any) -> tuple[int, str] | None:
        used = str(handler.headers.get("Authorization")).removeprefix("Bearer ")
        return (401, '{"reason": "Unauthorized"}') if used in tokens else None

    return do


# Who we are.


def test_in_a_pod_the_service_account_calls_whatever_the_environment_says_of_others(
    server: Server, pod: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing"))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "nothing"))
    assert KubeApi().call("GET", "/version") == {}
    assert server.calls == [("GET", "/version", "first", None)]


def test_an_ipv6_address_of_the_api_server_is_put_in_brackets(
    pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert KubeApi().login().server == "https://[fd00::1]:443"


def test_a_rotated_token_is_read_after_a_minute(
    server: Server, pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = KubeApi()
    api.call("GET", "/a")
    (pod / "token").write_text("second")
    api.call("GET", "/b")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    api.call("GET", "/c")
    assert server.tokens() == ["first", "first", "second"]
    assert server.connections == 1


def test_a_token_that_is_refused_is_read_again_at_once_and_the_call_repeated(
    server: Server, pod: Path
) -> None:
    api = KubeApi()
    api.call("GET", "/a")
    (pod / "token").write_text("second")
    server.do = refusing("first")
    assert api.call("POST", "/b", {"made": 1}) == {}
    assert server.calls[1:] == [
        ("POST", "/b", "first", {"made": 1}),
        ("POST", "/b", "second", {"made": 1}),
    ]


def test_a_token_that_stays_refused_is_told_after_one_call(server: Server, pod: Path) -> None:
    server.do = refusing("first")
    with pytest.raises(ApiError) as told:
        KubeApi().call("GET", "/a")
    assert (told.value.status, told.value.reason) == (401, "Unauthorized")
    assert len(server.calls) == 1


def test_a_plugin_is_asked_once_and_again_where_its_token_ends_or_is_refused(
    server: Server, kubeconfig: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig(exec=plugin(tmp_path, server, seconds=600))
    api = KubeApi()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: api.call("GET", f"/{n}"), range(16)))
    assert set(server.tokens()) == {"t1"}
    server.do = refusing("t1")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: api.call("GET", f"/{n}"), range(16)))
    assert set(server.tokens()) == {"t1", "t2"}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 601)
    api.call("GET", "/")
    assert server.tokens()[-1] == "t3"


def test_a_plugin_may_give_a_certificate(
    server: Server, kubeconfig: Callable[..., None], tmp_path: Path
) -> None:
    pems = {
        "clientCertificateData": server.cert.read_text(),
        "clientKeyData": server.key.read_text(),
    }
    (tmp_path / "status").write_text(json.dumps({"status": pems}))
    who = {"command": "cat", "args": [str(tmp_path / "status")], "apiVersion": "v1"}
    kubeconfig(exec=who)
    server.do = lambda handler: (200, json.dumps(bool(handler.connection.getpeercert()) and {}))
    assert KubeApi().call("GET", "/") == {}


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["no-such-plugin"], "there is no no-such-plugin. Install it."),
        (["sh", "-c", "echo signed out >&2; exit 3"], "sh ended with 3: signed out"),
        (["echo", "hello"], "echo gave neither a token nor a certificate"),
    ],
)
def test_a_plugin_that_fails_is_told_and_asked_again(
    kubeconfig: Callable[..., None], server: Server, tmp_path: Path, command: list[str], told: str
) -> None:
    asked = {"apiVersion": "v1", "command": command[0], "args": command[1:]}
    kubeconfig(exec=asked | {"installHint": "Install it."})
    api = KubeApi()
    with pytest.raises(ApiError, match=told) as error:
        api.call("GET", "/")
    assert (error.value.status, server.calls) == (0, [])
    kubeconfig(exec=plugin(tmp_path, server, seconds=60))
    assert api.call("GET", "/") == {}


def test_certificates_and_authorities_within_a_kubeconfig_are_files_of_ours_until_the_end(
    server: Server, kubeconfig: Callable[..., None], tmp_path: Path
) -> None:
    cert, key = (base64.b64encode(f.read_bytes()).decode() for f in (server.cert, server.key))
    kubeconfig(
        {"certificate-authority-data": cert},
        **{"client-certificate-data": cert, "client-key-data": key},
    )
    program = """
import os, stat
from services.orderreplay.kubeapi import KubeApi
api = KubeApi()
api.call("GET", "/")
key = api.login().key
assert os.stat(os.path.dirname(key)).st_mode & 0o077 == 0
print(key)
"""
    server.do = lambda handler: None if handler.connection.getpeercert() else (401, "{}")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout and not Path(done.stdout.strip()).parent.exists()


def test_files_and_certificates_are_looked_for_beside_the_kubeconfig(
    server: Server, kubeconfig: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("mine")
    kubeconfig(
        tokenFile="token", **{"client-certificate": "server.crt", "client-key": "server.key"}
    )
    server.do = lambda handler: None if handler.connection.getpeercert() else (401, "{}")
    KubeApi().call("GET", "/")
    assert server.tokens() == ["mine"]


def test_of_several_kubeconfigs_the_first_word_counts_and_a_missing_one_does_not(
    server: Server,
    kubeconfig: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kubeconfig(token="late")
    users = [{"name": "u", "user": {"token": "early"}}]
    (tmp_path / "users").write_text(yaml.safe_dump({"users": users}))
    files = [str(tmp_path / name) for name in ("nothing", "users", "config")]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(files))
    KubeApi().call("GET", "/")
    assert server.tokens() == ["early"]


def test_without_a_kubeconfig_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    with pytest.raises(ApiError, match="set KUBECONFIG"):
        KubeApi().call("GET", "/")


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({"tls-server-name": "elsewhere"}, {}),
        ({}, {"auth-provider": {"name": "gcp"}}),
        ({}, {"username": "me"}),
        ({}, {"as": "another"}),
    ],
)
def test_what_of_a_kubeconfig_is_not_supported_is_named(
    kubeconfig: Callable[..., None], cluster: dict[str, Any], user: dict[str, Any]
) -> None:
    kubeconfig(cluster, **user)
    with pytest.raises(ApiError, match="not supported") as told:
        KubeApi().call("GET", "/")
    assert next(iter(cluster | user)) in str(told.value)


def test_a_server_of_another_authority_is_trusted_only_where_the_kubeconfig_says_so(
    server: Server, kubeconfig: Callable[..., None]
) -> None:
    kubeconfig({"certificate-authority": ""})
    with pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
        KubeApi().call("GET", "/")
    kubeconfig({"certificate-authority": "", "insecure-skip-tls-verify": True})
    with pytest.warns(match="Unverified"):
        assert KubeApi().call("GET", "/") == {}


def test_a_server_of_another_name_is_not_trusted(
    server: Server, kubeconfig: Callable[..., None]
) -> None:
    kubeconfig({"server": server.url.replace("127.0.0.1", "127.1").replace("localhost", "127.1")})
    with pytest.raises(ApiError, match="doesn't match"):
        KubeApi().call("GET", "/")
    assert server.calls == []


def test_an_authority_without_extensions_is_trusted_as_by_kubectl() -> None:
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert not kubeapi.lenient(context).verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode == ssl.CERT_REQUIRED


# Connections.


def test_many_threads_share_the_connections(server: Server, pod: Path) -> None:
    api, together = KubeApi(), threading.Barrier(20)

    def do(_: Any) -> None:
        together.wait(20)

    server.do = do
    with ThreadPoolExecutor(20) as pool:
        for _ in range(3):
            list(pool.map(lambda n: api.call("GET", f"/{n}"), range(20)))
    assert (len(server.calls), server.connections) == (60, 20)


def test_a_connection_that_was_closed_meanwhile_costs_no_call(server: Server, pod: Path) -> None:
    api = KubeApi()

    def last(handler: Any) -> None:
        handler.close_connection = True  # without a word

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        server.do = last
        server.closed.clear()
        api.call("GET", "/")
        assert server.closed.wait(10)
        server.do = lambda handler: None
        assert api.call(method, "/after", {}) == {}
    assert len(server.calls) == 10


def test_what_is_cut_off_is_read_again_and_never_written_twice(server: Server, pod: Path) -> None:
    api = KubeApi()
    connections = set()

    def cut(handler: Any) -> None:
        connections.add(handler.client_address)
        if handler.path == "/cut" and len(server.calls) % 2 == 0:
            raise ConnectionError

    server.do = cut
    api.call("GET", "/")
    assert api.call("GET", "/cut") == {}
    assert [path for _, path, _, _ in server.calls] == ["/", "/cut", "/cut"]
    assert len(connections) == 2
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(ApiError) as told:
            api.call(method, "/cut", {})
        assert (told.value.status, told.value.reason) == (0, "NoAnswer")
        api.call("GET", "/")
    assert len(server.calls) == 3 + 8


def test_a_server_that_is_away_does_not_answer(server: Server, pod: Path) -> None:
    api = KubeApi()
    api.call("GET", "/")
    server.close()
    with pytest.raises(ApiError) as told:
        KubeApi().call("GET", "/")
    assert told.value.status == 0


def test_a_server_that_is_silent_is_waited_for_once(
    server: Server, pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeapi, "TIMEOUT", (5, 1.5))
    silent = threading.Event()

    def do(handler: Any) -> None:
        silent.wait(60)

    server.do = do
    with pytest.raises(ApiError) as told:
        KubeApi().call("GET", "/")
    silent.set()
    assert (told.value.status, len(server.calls)) == (0, 1)


# Answers.


def test_a_page_instead_of_json_is_an_error_that_shows_it(server: Server, pod: Path) -> None:
    api = KubeApi()
    statuses = iter([200, 302, 502])
    server.do = lambda handler: (next(statuses), "<html>Gate</html>")
    for said in (0, 302, 502):
        with pytest.raises(ApiError, match="<html>Gate") as told:
            api.call("GET", "/")
        assert told.value.status == said


def test_an_error_has_the_words_of_kubernetes(server: Server, pod: Path) -> None:
    said: dict[str, Any] = {"reason": "Invalid", "message": "days: must be positive"}
    server.do = lambda handler: (422, json.dumps(said))
    with pytest.raises(ApiError, match="days: must be positive") as told:
        KubeApi().call("POST", "/", {})
    assert (told.value.status, told.value.reason) == (422, "Invalid")
    said["details"] = {"causes": [{"reason": "NamespaceTerminating"}]}
    with pytest.raises(ApiError) as told:
        KubeApi().call("POST", "/", {})
    assert told.value.reason == kubeapi.TERMINATING


def test_a_patch_is_a_merge_patch_and_a_query_is_quoted(server: Server, pod: Path) -> None:
    kinds = []
    server.do = lambda handler: kinds.append(handler.headers["Content-Type"])
    KubeApi().call("PATCH", "/it", {"spec": None}, {"labelSelector": "a=b,c"})
    KubeApi().call("PUT", "/it", {"spec": "ü"})
    assert kinds == ["application/merge-patch+json", "application/json"]
    assert server.calls[0][1] == "/it?labelSelector=a%3Db%2Cc"
    assert server.calls[1][3] == {"spec": "ü"}
