"""The other services over HTTP: what they answer is passed on, their absence is explained."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Response, request

from services.eventkit.http import raw_body
from services.eventkit.problems import Problem
from services.eventkit.service import Service
from services.gateway.kafka import Kafka
from services.gateway.topics import lags

_SENT_ON = ("Content-Type", "Idempotency-Key")
_PASSED_ON = ("Content-Type", "Allow", "Idempotency-Replayed", "Location", "Retry-After")
_TOLD = ("version", "commit", "uptime", "lastError")  # of what /health says
STATUS_SECONDS = 1.0
PORTS = {
    "gateway": 4000,
    "payment": 4001,
    "inventory": 4002,
    "shipping": 4003,
    "analytics": 4004,
    "replay": 4006,
}


class Neighbours:
    """The services by name and base URL."""

    def __init__(self, own: Service, urls: dict[str, str], kafka: Kafka) -> None:
        self._own, self.urls, self._kafka = own, urls, kafka
        self._asking = threading.Lock()
        self._status_at, self._status_seen = float("-inf"), list[dict[str, Any]]()
        self._http = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=32)
        self._http.mount("http://", adapter)

    def ask(self, service: str, method: str, path: str, *, timeout: float = 5) -> Response:
        """Pass the current request on. Raises Problem where the service does not answer."""
        given = request.headers

        def send() -> requests.Response:
            return self._http.request(
                method,
                self.urls[service] + path,
                params=request.query_string,
                data=raw_body() or None,
                headers={name: given[name] for name in _SENT_ON if name in given},
                timeout=timeout,
            )

        try:
            try:
                answer = send()
            except requests.ConnectionError as error:
                if method != "GET" or isinstance(error, requests.ConnectTimeout):
                    raise
                answer = send()  # a process that ends closes connections that wait for requests
        except requests.ReadTimeout:
            if method == "GET":
                advice = "Try again shortly."
            else:
                advice = "What was asked may have been done: look before you send it again."
            raise Problem(
                504,
                "service-timeout",
                f"The {service} service did not answer in time. {advice}",
            ) from None
        except requests.RequestException:
            raise Problem(
                503,
                "service-unavailable",
                f"The {service} service does not answer; GET /api/services/status shows which do."
                " Try again shortly.",
                headers={"Retry-After": "2"},
            ) from None
        passed = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
        return Response(answer.content, answer.status_code, passed)

    def status(self) -> list[dict[str, Any]]:
        """Ask every service how it is, at once and no more often than once a second."""
        with self._asking:
            if time.monotonic() - self._status_at > STATUS_SECONDS:
                with ThreadPoolExecutor(len(self.urls) + 1) as pool:
                    lag = pool.submit(lags, self._kafka, self.urls)
                    found = list(pool.map(self._status, self.urls.items()))
                self._status_seen = [
                    {**about, "lag": lag.result().get(about["name"])} for about in found
                ]
                self._status_at = time.monotonic()
            return self._status_seen

    def _status(self, service: tuple[str, str]) -> dict[str, Any]:
        name, url = service
        port = urlsplit(url).port
        about: dict[str, Any] = {"name": name, "status": "offline", "port": port, "url": url}
        if name == self._own.name:  # without a request to itself, which would take a thread more
            checks = self._own.checks()
            about["status"] = "unhealthy" if any(checks.values()) else "healthy"
            own = self._own.about("healthy")
            about |= {key: own[key] for key in _TOLD}
            about["checks"] = {check: fault or "ok" for check, fault in checks.items()}
            about["outbox"] = self._own.outbox
            return about
        try:
            ready = self._http.get(f"{url}/ready", timeout=3)
            alive = self._http.get(f"{url}/health", timeout=3)
            about["status"] = "healthy" if ready.ok and alive.ok else "unhealthy"
            told = alive.json() | ready.json()
            # One of the version before does not tell all of it.
            about |= {key: told[key] for key in (*_TOLD, "checks", "outbox") if key in told}
        except (requests.RequestException, ValueError) as error:
            about["error"] = type(error).__name__
        return about


def urls(service: Service, **given: str) -> dict[str, str]:
    """The base URL of each service: as given, else where it listens on this machine."""
    own = service.settings.port or service.port
    local = PORTS | {"gateway": own}
    return {name: given.get(name) or f"http://127.0.0.1:{port}" for name, port in local.items()}
