"""Calls to Kubernetes' API server: plain JSON in and out, and who we are to it."""

import base64
import json
import math
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
import yaml
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

Object = dict[str, Any]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT = (5, 20)  # seconds to connect and to answer
TOKEN_SECONDS = 60  # then its file is read again, as it is rotated
STALE_SECONDS = 1  # a connection that the server had closed fails sooner
TERMINATING = "NamespaceTerminating"
_CLUSTER = {"certificate-authority", "insecure-skip-tls-verify", "proxy-url", "server"}
_USER = {"client-certificate", "client-key", "exec", "token", "tokenFile"}


class ApiError(Exception):
    """What the API server answered that was no success; ``status`` 0: it did not answer."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Login:
    """Where the API server is, and who we are to it; ``ca``, ``cert`` and ``key`` are files.

    ``ca`` None: the system's authorities. ``until``: the Unix time at which it is read again.
    """

    server: str
    ca: str | None = None
    insecure: bool = False
    proxy: str | None = None
    token: str | None = field(default=None, repr=False)
    cert: str | None = None
    key: str | None = None
    until: float = field(default=math.inf, compare=False)


class KubeApi:
    """The API server, as a pod's service account or else by a kubeconfig; threads may share it.

    Of the environment neither a proxy nor an authority is taken: those are for other servers. A
    kubeconfig may name both.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._login: Login | None = None
        self._http = _session()

    def login(self, refused: Login | None = None) -> Login:
        """The login of now, read anew where it is too old or the one that was ``refused``.

        Raises ApiError where there is none.
        """
        with self._lock:
            known = self._login
            if known is None or known is refused or time.time() >= known.until:
                try:
                    known = self._login = _of_pod() or _of_kubeconfig()
                except Exception as error:  # anything may stand in a kubeconfig
                    message = f"There is no login to Kubernetes: {error}"
                    raise ApiError(0, "NoLogin", message) from error
            return known

    def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """Make a call. A PATCH is a merge patch. Raises ApiError where it does not succeed."""
        login = self.login()
        try:
            answer = self._send(login, method, path, body, query)
            if answer.status_code == 401 and (renewed := self.login(login)) != login:
                answer = self._send(renewed, method, path, body, query)
        except OSError as error:
            raise ApiError(0, "NoAnswer", f"{method} {path}: {error}") from None
        done = 200 <= answer.status_code < 300
        try:
            found = dict(answer.json())
        except (TypeError, ValueError):
            message = f"{method} {path}: no JSON but {answer.text[:200]}"
            raise ApiError(0 if done else answer.status_code, "NoJson", message) from None
        if done:
            return found
        causes = [each.get("reason") for each in (found.get("details") or {}).get("causes") or []]
        reason = TERMINATING if TERMINATING in causes else str(found.get("reason", ""))
        raise ApiError(answer.status_code, reason, str(found.get("message", "")))

    def _send(
        self, login: Login, method: str, path: str, body: Object | None, query: object
    ) -> requests.Response:
        system = ssl.get_default_verify_paths()
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Accept": "application/json", "Content-Type": kind}
        if login.token:
            headers["Authorization"] = f"Bearer {login.token}"
        request: dict[str, Any] = {
            "params": query,
            "headers": headers,
            "data": None if body is None else json.dumps(body),
            "cert": (login.cert, login.key) if login.cert else None,
            "verify": not login.insecure and (login.ca or system.cafile or system.capath or True),
            "proxies": {"http": login.proxy, "https": login.proxy} if login.proxy else None,
            "timeout": TIMEOUT,
            "allow_redirects": False,
        }
        began = time.monotonic()
        try:
            return self._http.request(method, login.server + path, **request)
        except requests.RequestException:
            if method != "GET" or time.monotonic() - began > STALE_SECONDS:
                raise
        # The server may have closed the connection meanwhile, and then the others too.
        self._http = _session()
        return self._http.request(method, login.server + path, **request)


def lenient(context: ssl.SSLContext) -> ssl.SSLContext:
    """As kubectl is: Python 3.13 refuses authorities without extensions that many clusters lack."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=_context())

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=_context())


def _context() -> ssl.SSLContext:
    context = lenient(create_urllib3_context())
    # Else it could not be told to trust anybody. urllib3 then compares the name itself.
    context.check_hostname = False
    return context


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # else REQUESTS_CA_BUNDLE would stand above the cluster's authority
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # no thread changes it
    session.headers["User-Agent"] = "orderflow"
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=64))
    return session


def _of_pod() -> Login | None:
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    token, ca = ACCOUNT / "token", ACCOUNT / "ca.crt"
    if not (host and port and token.is_file() and ca.is_file()):
        return None
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    until = time.time() + TOKEN_SECONDS
    return Login(server, str(ca), token=token.read_text().strip(), until=until)


def _of_kubeconfig() -> Login:
    """The current context of KUBECONFIG's files; of two entries of a name the first counts."""
    named = os.environ.get("KUBECONFIG") or "~/.kube/config"
    files = [Path(name).expanduser() for name in named.split(os.pathsep) if name]
    entries: dict[tuple[str, str], tuple[Object, Path]] = {}
    current = ""
    for file in filter(Path.is_file, files):
        config = yaml.safe_load(file.read_text()) or {}
        current = current or config.get("current-context") or ""
        for kind in ("cluster", "user", "context"):
            for each in config.get(f"{kind}s") or []:
                entries.setdefault((kind, each["name"]), (each.get(kind) or {}, file.parent))

    def entry(kind: str, name: str | None) -> tuple[Object, Path]:
        if (kind, name) not in entries:
            raise ValueError(f"this is no pod, and {named} has no {kind} {name!r}; set KUBECONFIG")
        return entries[kind, str(name)]

    context, _ = entry("context", current)
    cluster, beside = entry("cluster", context.get("cluster"))
    user, home = entry("user", context["user"]) if context.get("user") else ({}, beside)
    ignored = {"extensions", "disable-compression"}
    for given, known in ((cluster, _CLUSTER), (user, _USER)):
        used = {name.removesuffix("-data") for name, value in given.items() if value}
        if unknown := used - known - ignored:
            raise ValueError(f"{named} has {', '.join(unknown)}, which is not supported here")
    token, until = user.get("token"), math.inf
    cert, key = (_file(user, f"client-{part}", home) for part in ("certificate", "key"))
    if user.get("tokenFile"):
        token = (home / user["tokenFile"]).read_text().strip()
        until = time.time() + TOKEN_SECONDS
    elif user.get("exec") and not token:
        status = _ask(user["exec"], cluster, home)
        token = status.get("token")
        if status.get("clientCertificateData"):
            pems = (status[f"client{part}Data"] for part in ("Certificate", "Key"))
            cert, key = (_kept(pem.encode()) for pem in pems)
        if expires := status.get("expirationTimestamp"):
            until = datetime.fromisoformat(expires).timestamp()
    return Login(
        cluster["server"].rstrip("/"),
        _file(cluster, "certificate-authority", beside),
        bool(cluster.get("insecure-skip-tls-verify")),
        cluster.get("proxy-url"),
        token,
        cert,
        key,
        until,
    )


def _ask(plugin: Object, cluster: Object, home: Path) -> Object:
    """What a plugin says who we are: the status of an ExecCredential."""
    spec: Object = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        given = {e["name"]: e["extension"] for e in cluster.get("extensions") or []}
        spec["cluster"] = {name: cluster[name] for name in cluster if name != "extensions"}
        spec["cluster"]["config"] = given.get("client.authentication.k8s.io/exec")
    asked = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}
    env = {each["name"]: each["value"] for each in plugin.get("env") or []}
    env = {**os.environ, **env, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
    name = plugin["command"]
    command = [str(home / name) if "/" in name else name, *(plugin.get("args") or [])]
    how: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    try:
        done = subprocess.run(command, env=env, timeout=TIMEOUT[1], check=False, **how)
    except FileNotFoundError:
        raise ValueError(f"there is no {name}. {plugin.get('installHint') or ''}") from None
    if done.returncode:
        raise ValueError(f"{name} ended with {done.returncode}: {done.stderr[-500:].strip()}")
    try:
        status = dict(json.loads(done.stdout)["status"])
    except (LookupError, TypeError, ValueError):
        status = {}
    if not (status.get("token") or status.get("clientCertificateData")):
        raise ValueError(f"{name} gave neither a token nor a certificate")
    return status


def _file(entry: Object, name: str, home: Path) -> str | None:
    """The file that an entry of a kubeconfig names, or has within."""
    if data := entry.get(f"{name}-data"):
        return _kept(base64.b64decode(data))
    return str(home / entry[name]) if entry.get(name) else None


@cache
def _folder() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="kubeapi-")  # for us alone, and deleted at the end


def _kept(data: bytes) -> str:
    file = Path(_folder().name, sha256(data).hexdigest())
    if not file.exists():
        file.write_bytes(data)
    return str(file)
