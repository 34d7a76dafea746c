"""Where the programs of a Kubernetes control plane are found, or how they are built once with Go.

``python -m tests.kube.binaries`` builds what is missing, before tests that have an end to keep.
"""

import fcntl
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.children import LocalError, data_root, end, exit_reason, fresh_log, spawn, tail

MODULE = Path(__file__).parent
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}


def version() -> str:
    """The version of Kubernetes that go.mod names: ``v1.34.4``."""
    found = re.search(r"k8s\.io/kubernetes (v\S+)", (MODULE / "go.mod").read_text())
    assert found
    return found[1]


def binary(name: str) -> Path:
    """A program of PACKAGES: of the folder KUBEBUILDER_ASSETS, of PATH, or built into the cache.

    What is found is taken in whatever version it has. Raises LocalError when it is nowhere and
    cannot be built.
    """
    cache = data_root() / "cache" / f"kube-{version()}"
    built = cache / name
    if found := _found(name) or (built if built.exists() else None):
        return found
    go = shutil.which("go")
    if go is None:
        raise LocalError(
            f"There is no {name}, and no Go to build it with: install Go 1.24 or newer, or set "
            f"KUBEBUILDER_ASSETS to a folder with {', '.join(PACKAGES)}."
        )
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "lock", name):
        if not built.exists():
            _build(go, name, built)
    return built


def _found(name: str) -> Path | None:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    found = (shutil.which(name, path=assets) if assets else None) or shutil.which(name)
    return Path(found).absolute() if found else None


@contextmanager
def _alone(lock: Path, name: str) -> Iterator[None]:
    """Two test runs do not build the same at the same time."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"waiting for another run that builds {name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(go: str, name: str, built: Path) -> None:
    _say(f"building {name} of Kubernetes {version()}; this takes minutes, once")
    major, minor = version().removeprefix("v").split(".")[:2]
    stamps = {"gitVersion": version(), "gitMajor": major, "gitMinor": minor}
    # Without its version the server takes itself for v0.0.0, and turns features on by that.
    flags = ["-s", "-w"] + [f"-X k8s.io/component-base/version.{k}={v}" for k, v in stamps.items()]
    half = built.with_name(f"{name}.{os.getpid()}")
    log = built.with_name(f"{name}.log")
    fresh_log(log)
    process = spawn(
        [
            *(go, "-C", MODULE, "build", "-trimpath", f"-ldflags={' '.join(flags)}"),
            *("-o", half, PACKAGES[name]),
        ],
        log,
        {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
    )
    try:
        process.wait()
    finally:
        end(process, (signal.SIGTERM, 5), group=True)
        if process.returncode:
            half.unlink(missing_ok=True)
    if process.returncode:
        raise LocalError(f"{name} could not be built, {exit_reason(process)}.\n{tail(log)}")
    half.replace(built)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        for each in PACKAGES:
            print(binary(each))
    except LocalError as error:
        sys.exit(str(error))
