"""gunicorn around a service: one worker process, threads for requests, Kafka after the fork."""

import signal
import threading
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from services.eventkit import log
from services.eventkit.service import Service


def serve(service: Service) -> None:
    """Serve ``service`` until SIGTERM, then drain it. Does not return."""
    _Server(service).run()


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, service: Service) -> None:
        self._service = service
        super().__init__()

    def load_config(self) -> None:
        settings, service = self._service.settings, self._service
        options: dict[str, Any] = {
            "bind": f"{settings.host}:{settings.port or service.port}",
            "proc_name": f"orderflow-{service.name}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": settings.threads,
            "reuse_port": True,  # more processes of a service share its port on one machine
            "keepalive": 30,
            "graceful_timeout": int(settings.drain_timeout),
            "timeout": 60,
            "control_socket_disable": True,
            "post_worker_init": self._start,
            "worker_exit": lambda _server, _worker: service.stop(),
            "logger_class": "gunicorn.glogging.Logger",
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def _start(self, _worker: Any) -> None:
        # gunicorn waits for open requests before worker_exit; one that follows the feed would
        # only end with the wait, so it is told at the signal.
        ended = signal.getsignal(signal.SIGTERM)

        def on_sigterm(number: int, frame: FrameType | None) -> None:
            threading.Thread(target=self._service.drain).start()
            if callable(ended):
                ended(number, frame)

        signal.signal(signal.SIGTERM, on_sigterm)
        self._service.start()

    def load(self) -> Flask:
        log.configure(self._service.name, self._service.settings.log_level)
        return self._service.create_app()
