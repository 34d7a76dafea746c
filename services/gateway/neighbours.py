"""The other services over HTTP: what they answer is passed on, their absence is explained."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Response, request

from services.eventkit.problems import Problem
from services.eventkit.service import Service

_PASSED_ON = ("Content-Type", "Allow", "Retry-After")
PORTS = {"gateway": 4000, "payment": 4001, "inventory": 4002, "shipping": 4003, "analytics": 4004}


class Neighbours:
    """The services by name and base URL."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.urls = urls
        self._http = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=32)
        self._http.mount("http://", adapter)

    def ask(self, service: str, method: str, path: str) -> Response:
        """Pass the current request on. Raises Problem where the service does not answer."""
        try:
            answer = self._http.request(
                method,
                self.urls[service] + path,
                params=request.query_string,
                data=request.get_data() or None,
                headers={"Content-Type": request.content_type} if request.content_type else {},
                timeout=5,
            )
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
        """Ask every service how it is, at once."""
        with ThreadPoolExecutor(len(self.urls)) as pool:
            return list(pool.map(self._status, self.urls.items()))

    def _status(self, service: tuple[str, str]) -> dict[str, Any]:
        name, url = service
        port = urlsplit(url).port
        about: dict[str, Any] = {"name": name, "status": "offline", "port": port, "url": url}
        try:
            ready = self._http.get(f"{url}/ready", timeout=3)
            alive = self._http.get(f"{url}/health", timeout=3)
            about["status"] = "healthy" if ready.ok and alive.ok else "unhealthy"
            about |= {key: alive.json()[key] for key in ("version", "uptime")}
            about["checks"] = ready.json()["checks"]
        except (requests.RequestException, ValueError, KeyError) as error:
            about["error"] = type(error).__name__
        return about


def urls(service: Service, **given: str) -> dict[str, str]:
    """The base URL of each service: as given, else where it listens on this machine."""
    own = service.settings.port or service.port
    local = PORTS | {"gateway": own}
    return {name: given.get(name) or f"http://127.0.0.1:{port}" for name, port in local.items()}
