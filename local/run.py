"""`make run`: Kafka, PostgreSQL, services and dashboard, started and stopped together.

python -m local.run                  all of it, until Ctrl-C
python -m local.run --backends       only Kafka and PostgreSQL, with their topics and tables
python -m local.run --only SERVICE   one service, against what already runs
python -m local.run --reset          delete the local data
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from sqlalchemy import make_url

from local.children import (
    CHECKOUT,
    LocalError,
    answers,
    behind_the_gateway,
    data_root,
    end,
    end_all,
    exit_reason,
    fresh_log,
    require_free_port,
    spawn,
    tail,
    until,
)
from local.dashboard import Dashboard
from local.kafka import Kafka
from local.postgres import Postgres

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
COMMAND_SECONDS = 120.0
# They end by themselves, unlike the children.
_COMMANDS = {"migrate", "topics", "dashboard-build"}
KEPT_BY_RESET = {"cache", "lock"}


@dataclass(frozen=True)
class Child:
    """A process of ours that answers HTTP: `orderflow` with these arguments, on this port."""

    name: str
    arguments: tuple[str, ...]
    usual_port: int

    @property
    def variable(self) -> str:
        """The environment variable that gives it another port."""
        return f"{self.name.upper()}_PORT"

    @property
    def port(self) -> int:
        """Its TCP port in this run."""
        return port_of(self.variable, self.usual_port)


SERVICES = (
    Child("gateway", ("serve", "gateway"), 4000),
    Child("payment", ("serve", "payment"), 4001),
    Child("inventory", ("serve", "inventory"), 4002),
    Child("shipping", ("serve", "shipping"), 4003),
    Child("analytics", ("serve", "analytics"), 4004),
    Child("replay", ("serve", "replay"), 4006),
)
# In the order in which they are started; they are stopped in the reverse one.
CHILDREN = (*SERVICES, Child("auditor", ("verify", "--watch"), 4005))
DASHBOARD_PORT = 3000


def port_of(variable: str, usual: int) -> int:
    """The TCP port that an environment variable names, or the usual one."""
    text = os.environ.get(variable) or str(usual)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise LocalError(f"{variable}={text!r} is no port: give a number from 1 to 65535.")
    return int(text)


class Run:
    """One run, from nothing started to nothing left.

    The start goes on in threads of its own; the main thread watches for a signal, for a child
    that ends and for a failed start, and then stops everything.
    """

    def __init__(self, children: tuple[Child, ...]) -> None:
        self._children = children
        self._root = data_root()
        self._logs = self._root / "logs"
        self._began = time.monotonic()
        self._kafka: Kafka | None = None
        self._postgres: Postgres | None = None
        if not os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
            self._kafka = Kafka(
                self._root / "kafka",
                port_of("KAFKA_PORT", 9092),
                cache=self._root / "cache",
                progress=self._say,
            )
        if not os.environ.get("DATABASE_URL"):
            self._postgres = Postgres(
                self._root / "postgres",
                port_of("POSTGRES_PORT", 5432),
                progress=self._say,
            )
        self._env = {
            # Nothing outside this machine can reach a local run unless asked for.
            "HOST": "127.0.0.1",
            # Less than STOP_SECONDS, so that a service ends by itself.
            "DRAIN_TIMEOUT": "10",
            **os.environ,
            **{child.variable: str(child.port) for child in CHILDREN},
            **{f"{child.name.upper()}_URL": f"http://127.0.0.1:{child.port}" for child in CHILDREN},
            "PYTHONUNBUFFERED": "1",
        }
        if self._kafka:
            self._env["KAFKA_BOOTSTRAP_SERVERS"] = self._kafka.bootstrap
        if self._postgres:
            self._env["DATABASE_URL"] = self._postgres.url
        self._dashboard: Dashboard | None = None
        if children and os.environ.get("DASHBOARD", "on") != "off":
            self._env["DASHBOARD_PORT"] = str(port_of("DASHBOARD_PORT", DASHBOARD_PORT))
            self._dashboard = Dashboard(
                self._root / "cache" / "dashboard",
                self._log("dashboard-build"),
                progress=self._say,
            )
        self._running: dict[str, subprocess.Popen[bytes]] = {}  # ours, in the order of starting
        self._up: list[Kafka | Postgres] = []  # those that started well
        self._signals = 0
        self._wake = threading.Event()
        self._failure: BaseException | None = None

    def go(self) -> int:
        """Runs until a signal or a failure. Returns the exit code: 0 after a signal, else 1."""
        with only_one(self._root):
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(signum, self._signal)
            try:
                self._check()
                threading.Thread(target=self._start_or_fail, daemon=True).start()
                self._watch()
            except LocalError as error:
                print(f"\n{error}\n", file=sys.stderr, flush=True)
                return 1
            finally:
                self._stop()
            return 0

    # --- watching

    def _signal(self, _signum: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._wake.set()

    def _watch(self) -> None:
        """Returns at the first signal; raises when something failed."""
        while not self._signals:
            self._wake.wait(0.2)
            self._look_for_ended()
            if self._failure:
                raise self._failure

    def _look_for_ended(self) -> None:
        """Raises LocalError for a child that ended though it should go on."""
        for backend in (self._kafka, self._postgres):
            process = backend.process if backend else None
            if backend and process and backend in self._up and process.poll() is not None:
                raise self._ended(type(backend).__name__, process, backend.log)
        for name, process in [*self._running.items()]:
            if name not in _COMMANDS and process.poll() is not None:
                raise self._ended(name, process, self._log(name))

    def _ended(self, name: str, process: subprocess.Popen[bytes], log: Path) -> LocalError:
        return LocalError(
            f"{name} ended by itself, {exit_reason(process)}. {tail(log)}\n"
            f"All of the log: {shown(log)}. Everything else is stopped now; when the cause is "
            "mended, `make run` goes on where this run ended."
        )

    # --- starting

    def _check(self) -> None:
        """Raises LocalError for what would make the start fail, before anything is started."""
        wanted = {child.variable: (child.name, child.port) for child in self._children}
        if self._dashboard:
            wanted["DASHBOARD_PORT"] = ("the dashboard", int(self._env["DASHBOARD_PORT"]))
        if self._kafka:
            wanted["KAFKA_PORT"] = ("Kafka", self._kafka.port)
        else:
            require_kafka(self._env["KAFKA_BOOTSTRAP_SERVERS"])
        if self._postgres:
            wanted["POSTGRES_PORT"] = ("PostgreSQL", self._postgres.port)
        else:
            require_database(self._env["DATABASE_URL"])
        taken: dict[int, str] = {}
        for variable, (name, port) in wanted.items():
            if port in taken:
                raise LocalError(f"{taken[port]} and {variable} both name port {port}.")
            taken[port] = variable
            require_free_port(port, name, variable)

    def _start_or_fail(self) -> None:
        try:
            self._start()
        except BaseException as error:
            self._failure = error
            self._wake.set()

    def _start(self) -> None:
        self._say(f"Orderflow starts; its data is in {shown(self._root)}")
        built = threading.Event()
        threading.Thread(target=self._build_dashboard, args=(built,), daemon=True).start()
        together(self._start_kafka, self._start_postgres)
        together(*(partial(self._start_child, child) for child in self._children))
        built.wait()
        if self._dashboard:
            self._start_dashboard(self._dashboard)
        self._greet()

    def _start_kafka(self) -> None:
        if self._kafka:
            self._kafka.start()
            self._up.append(self._kafka)
            self._say(f"Kafka is ready on {self._kafka.bootstrap}")
        self._command("topics")
        self._say("Kafka's topics are there")

    def _start_postgres(self) -> None:
        if self._postgres:
            self._postgres.start()
            self._up.append(self._postgres)
            self._say(f"PostgreSQL is ready on 127.0.0.1:{self._postgres.port}")
        self._command("migrate")
        self._say("the database's tables are there")

    def _command(self, name: str) -> None:
        """Runs `orderflow NAME` to its end."""
        process = self._spawn(name, (name,), self._env)
        try:
            process.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise LocalError(
                f"`orderflow {name}` took over {COMMAND_SECONDS:.0f} s. {tail(self._log(name))}"
            ) from None
        del self._running[name]
        if process.returncode != 0:
            raise LocalError(
                f"`orderflow {name}` failed, {exit_reason(process)}. {tail(self._log(name))}"
            )

    def _start_child(self, child: Child) -> None:
        process = self._spawn(child.name, child.arguments, {**self._env, "PORT": str(child.port)})
        answer = "nothing"
        for _ in until(READY_SECONDS, 0.1):
            if process.poll() is not None:
                raise self._ended(child.name, process, self._log(child.name))
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", child.port, timeout=2)
                connection.request("GET", "/ready")
                response = connection.getresponse()
                answer = f"{response.status} {response.read(500).decode(errors='replace')}"
                connection.close()
                if response.status == 200:
                    self._say(f"{child.name:<9} is ready on http://localhost:{child.port}")
                    return
        raise LocalError(
            f"{child.name} was not ready within {READY_SECONDS:.0f} s: GET /ready on port "
            f"{child.port} answered {answer}. {tail(self._log(child.name))}"
        )

    def _build_dashboard(self, built: threading.Event) -> None:
        """Builds it where that is needed; where it cannot be built, all else runs without it."""
        try:
            if self._dashboard:
                self._dashboard.prepare(self._run_build)
        except Exception as error:
            self._say(f"the dashboard will not be there; everything else will.\n{error}")
            self._dashboard = None
        built.set()

    def _run_build(
        self, command: list[str], log: Path, env: Mapping[str, str], seconds: float
    ) -> int:
        """A Runner whose program is stopped with everything else."""
        process = self._running["dashboard-build"] = spawn(command, log, env)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LocalError(f"It took over {seconds:.0f} s. {tail(log)}") from None
        finally:
            end(process, group=True)
            self._running.pop("dashboard-build", None)

    def _start_dashboard(self, dashboard: Dashboard) -> None:
        fresh_log(self._log("dashboard"))
        process = spawn(
            ["nice", "-n", "5", *dashboard.command()],
            self._log("dashboard"),
            dashboard.environment(self._env),
        )
        self._running["dashboard"] = process
        port = int(self._env["DASHBOARD_PORT"])
        for _ in until(READY_SECONDS, 0.1):
            if process.poll() is not None:
                raise self._ended("dashboard", process, self._log("dashboard"))
            if answers(port):
                self._say(f"dashboard is ready on http://localhost:{port}")
                return
        raise LocalError(
            f"the dashboard did not answer on port {port} within {READY_SECONDS:.0f} s. "
            f"{tail(self._log('dashboard'))}"
        )

    def _spawn(
        self, name: str, arguments: tuple[str, ...], env: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        fresh_log(self._log(name))
        process = spawn([*behind_the_gateway(name), orderflow(), *arguments], self._log(name), env)
        self._running[name] = process
        return process

    def _greet(self) -> None:
        gateway, analytics = SERVICES[0].port, SERVICES[4].port
        self._say("everything is ready")
        if self._children:
            if self._dashboard:
                print(f"\n  Dashboard  http://localhost:{self._env['DASHBOARD_PORT']}", end="")
            print(f"""
  API        http://localhost:{gateway}/api/orders
  API docs   http://localhost:{gateway}/api/docs
  Live       ws://localhost:{analytics}/ws
  Logs       {shown(self._logs)}/NAME.log, warnings and errors too

Place an order:
  curl http://localhost:{gateway}/api/orders -H 'Content-Type: application/json' -d '{{
    "customerId": "CUST-001", "customerEmail": "john@example.com",
    "items": [{{"productId": "PROD-001", "quantity": 2}}]
  }}'
""")
        else:
            print(f"""
  KAFKA_BOOTSTRAP_SERVERS={self._env["KAFKA_BOOTSTRAP_SERVERS"]}
  DATABASE_URL={make_url(self._env["DATABASE_URL"])}
""")
        print("Ctrl-C stops everything.", flush=True)

    # --- stopping

    def _stop(self) -> None:
        """Stops all: first what uses Kafka and PostgreSQL, then these. A second signal hurries."""
        began = time.monotonic()
        first = self._signals
        ours = [*reversed(self._running.values())]
        backends = [
            backend
            for backend in (self._kafka, self._postgres)
            if backend and backend.process and backend.process.poll() is None
        ]
        if ours or backends:
            self._say("stopping (Ctrl-C again: at once)")
        for process in ours:
            if process.poll() is None:
                process.terminate()
        for _ in until(STOP_SECONDS):
            if self._signals > first or all(process.poll() is not None for process in ours):
                break
        for process in ours:
            end(process, group=True)
        stops = [threading.Thread(target=backend.stop, daemon=True) for backend in backends]
        for stop in stops:
            stop.start()
        while any(stop.is_alive() for stop in stops):
            if self._signals > first:
                for backend in backends:
                    backend.kill()
            time.sleep(0.02)
        end_all()
        if ours or backends:
            self._say(f"stopped in {time.monotonic() - began:.1f} s, nothing is left running")

    def _say(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be gone
            print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def together(*functions: Callable[[], None]) -> None:
    """Calls functions at the same time and waits for all; raises the first one's error at once.

    Their threads do not hold up the end of the process: one may be deep in a download.
    """
    left = threading.Semaphore(0)
    errors: list[BaseException] = []

    def call(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)
        left.release()

    for function in functions:
        threading.Thread(target=call, args=(function,), daemon=True).start()
    for _ in functions:
        left.acquire()
        if errors:
            raise errors[0]


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Holds the data folder for this process; raises LocalError when another one holds it."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalError(
                f"A local run (process {lock.read().strip() or 'unknown'}) already uses "
                f"{shown(root)}: stop it with Ctrl-C in its terminal first, or give this one "
                "other data with ORDERFLOW_DATA=FOLDER and other ports."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def orderflow() -> str:
    """The path of the `orderflow` command of this Python."""
    return str(Path(sys.executable).with_name("orderflow"))


def shown(path: Path) -> str:
    """A path as a person reads it: from the current folder where it lies below that."""
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def require_kafka(servers: str) -> None:
    """Raises LocalError when none of the `host:port,host:port` accepts a connection."""
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if port.isdecimal() and _reachable(host, int(port)):
            return
    raise LocalError(
        f"Kafka does not answer at {servers}: start one with `make backends` or `make run`, or "
        "set KAFKA_BOOTSTRAP_SERVERS to where it is."
    )


def require_database(url: str) -> None:
    """Raises LocalError when nothing accepts a connection at a database URL's host and port."""
    parts = urlsplit(url)
    # Without a host the URL means a socket file, or names it in its query: the client will tell.
    if parts.hostname and not _reachable(parts.hostname, parts.port or 5432):
        raise LocalError(
            f"PostgreSQL does not answer at {parts.hostname}:{parts.port or 5432}: start one with "
            "`make backends` or `make run`, or set DATABASE_URL to where it is."
        )


def _reachable(host: str, port: int) -> bool:
    try:
        socket.create_connection((host.strip("[]"), port), timeout=3).close()
    except OSError:
        return False
    return True


def run_one(name: str) -> None:
    """Becomes one service, on the Kafka and PostgreSQL that already run. Does not return."""
    child = next(child for child in CHILDREN if child.name == name)
    kafka = f"127.0.0.1:{port_of('KAFKA_PORT', 9092)}"
    database = (
        f"postgresql+psycopg2://orderflow@127.0.0.1:{port_of('POSTGRES_PORT', 5432)}/orderflow"
    )
    env = {
        "HOST": "127.0.0.1",
        **os.environ,
        "PORT": str(child.port),
        "KAFKA_BOOTSTRAP_SERVERS": os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or kafka,
        "DATABASE_URL": os.environ.get("DATABASE_URL") or database,
    }
    require_kafka(env["KAFKA_BOOTSTRAP_SERVERS"])
    require_database(env["DATABASE_URL"])
    require_free_port(child.port, child.name, child.variable)
    print(f"{name} on http://localhost:{child.port}, Ctrl-C stops it", flush=True)
    os.execve(orderflow(), ["orderflow", *child.arguments], env)


def reset() -> None:
    """Deletes the local data; raises LocalError while a run uses it."""
    root = data_root()
    with only_one(root):
        for path in root.iterdir():
            if path.name not in KEPT_BY_RESET:
                try:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                except PermissionError as error:
                    raise LocalError(
                        f"{error.filename} belongs to another user: let that user run this."
                    ) from error
    print(f"The local data in {shown(root)} is deleted.")
    for variable in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"):
        if os.environ.get(variable):
            print(f"{variable} is set: what is there was not touched.")


def main() -> int:
    """Does what the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--backends", action="store_true")
    what.add_argument("--only", metavar="SERVICE", choices=[child.name for child in CHILDREN])
    what.add_argument("--reset", action="store_true")
    options = parser.parse_args()
    os.chdir(CHECKOUT)
    try:
        if options.reset:
            reset()
        elif options.only:
            run_one(options.only)
        else:
            return Run(() if options.backends else CHILDREN).go()
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
