"""Child processes of a local run: starting them, finding their ports, reading their logs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Progress = Callable[[str], None]
"""Told in a few words what is being done now ("fetching Kafka 4.4.0")."""

CHECKOUT = Path(__file__).resolve().parent.parent

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

# Linux ends a child when the *thread* that started it ends, not only its process. All children
# are therefore started by one thread that lives as long as the interpreter.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_spawned: list[subprocess.Popen[bytes]] = []
_closed = False


class LocalError(Exception):
    """Something that a local run cannot go on with; its text says what to do about it."""


def data_root() -> Path:
    """The folder of all local data: ORDERFLOW_DATA, or `.orderflow` in the checkout."""
    return Path(os.environ.get("ORDERFLOW_DATA") or CHECKOUT / ".orderflow").absolute()


def behind_the_gateway(name: str) -> tuple[str, ...]:
    """What a service is started with where all share one machine: customers wait, events can."""
    return () if name == "gateway" else ("nice", "-n", "10")


def silent(_: str) -> None:
    """A Progress that tells nobody."""


def spawn(
    args: Sequence[str | Path],
    log: Path,
    env: Mapping[str, str] | None = None,
    *,
    end_with_us: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Starts a program in a session of its own, its output going to the end of `log`.

    On Linux it is sent `end_with_us` when this process ends, however that happens; elsewhere a
    SIGKILL of this process leaves it running. Raises OSError when it cannot be started, LocalError
    after end_all().
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, end_with_us)
            if os.getppid() != parent:
                os._exit(1)

    def start() -> subprocess.Popen[bytes]:
        if _closed:
            raise LocalError("Stopping: nothing is started any more.")
        _spawned[:] = [process for process in _spawned if process.poll() is None]
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(arg) for arg in args],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                # A Ctrl-C in the terminal must reach us alone: we stop the children in order.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        _spawned.append(process)
        return process

    return _spawner.submit(start).result()


def end_all() -> None:
    """Ends, by SIGKILL of its group, each process that spawn() started, and lets it start no more.

    The last resort before this process ends: whoever started one should have stopped it.
    """

    def close() -> None:
        global _closed
        _closed = True

    _spawner.submit(close).result()
    for process in reversed(_spawned):
        if process.poll() is None:
            end(process, group=True)


def fresh_log(log: Path) -> None:
    """Makes `log` an empty file; the one of the run before is kept beside it as `NAME.1`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    log.touch()


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented for an error message; says so when it is empty."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 200 * lines))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        text = ""
    last = [f"    {line}" for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join([f"The last lines of {log}:", *last]) if last else f"{log} is empty."


def exit_reason(process: subprocess.Popen[bytes]) -> str:
    """How an ended process ended: "exit code 1" or "killed by SIGKILL"."""
    code = process.returncode
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def until(seconds: float, step: float = 0.05) -> Iterator[float]:
    """Yields the seconds passed, every `step` seconds, until `seconds` have passed."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        yield passed
        time.sleep(step)


def end(
    process: subprocess.Popen[bytes],
    *steps: tuple[signal.Signals, float],
    group: bool = False,
) -> None:
    """Ends a process: each signal in turn, waiting so many seconds after it, at last SIGKILL.

    With `group`, the SIGKILL goes to all of its process group, even when it ended by itself, so
    that nothing it started is left.
    """
    for signum, seconds in steps:
        if process.poll() is None:
            process.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
    if group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free_port(port: int, name: str, variable: str, *, patience: float = 1.0) -> None:
    """Raises LocalError, naming the holder and what to do, when a TCP port is in use.

    `variable` is the environment variable that moves `name` to another port. Waits `patience`
    seconds for the port: a run that was just killed may still be letting go of it.
    """
    for _ in until(patience, 0.1):
        if not _taken(port):
            return
    holder = port_holder(port)
    by = f" by {holder[1]} (process {holder[0]})" if holder else ""
    how = f"`kill {holder[0]}`" if holder else f"`lsof -i :{port}` may tell what it is"
    other = port + 1000 if port < 64000 else port - 1000
    raise LocalError(
        f"Port {port} of {name} is in use{by}: stop it ({how}), or choose another port with "
        f"{variable}={other}."
    )


def _taken(port: int) -> bool:
    if answers(port):  # BSD lets one bind beside a listener on all addresses: ask first
        return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def port_holder(port: int) -> tuple[int, str] | None:
    """The process id and command that listen on a TCP port, when that can be told."""
    if sys.platform == "linux":
        return _linux_port_holder(port)
    try:
        found = subprocess.run(
            ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"^p(\d+)\nc(.*)$", found.stdout, re.MULTILINE)
    return (int(match[1]), match[2]) if match else None


def _linux_port_holder(port: int) -> tuple[int, str] | None:
    listening = "0A"
    sockets = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                field = line.split()
                if field[3] == listening and int(field[1].rpartition(":")[2], 16) == port:
                    sockets.add(f"socket:[{field[9]}]")
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(fd.readlink()) in sockets:
                pid = int(fd.parts[2])
                return pid, Path("/proc", str(pid), "comm").read_text().strip()
    return None


def command_of(pid: int) -> tuple[str, int] | None:
    """The command name and the parent's id of a running process; None when there is none."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if sys.platform == "linux":
            stat = Path("/proc", str(pid), "stat").read_text()
            name, _, rest = stat.partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            return None if state == "Z" else (name, int(parent))
        found = subprocess.run(
            ["ps", "-o", "ppid=,comm=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        ).stdout.split(None, 1)
        return (Path(found[1].strip()).name, int(found[0])) if len(found) == 2 else None
    return None
