"""One control plane, one node and one Kafka for all tests of the operator."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kube.control_plane import ControlPlane
from tests.kube.kubelet import Kubelet
from tests.operator.world import CRDS, HOME, RBAC, ROOT, STAND_IN, Cell, World
from tests.system import System


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with our kinds and what operator/rbac.yaml says."""
    plane = ControlPlane(tmp_path_factory.mktemp("plane"))
    plane.start(CRDS)
    try:
        plane.kubectl("create", "namespace", HOME)
        plane.kubectl("apply", "-f", RBAC)
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def world(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With a node, whose pods run a stand-in for the engine, and a Kafka."""
    root = tmp_path_factory.mktemp("world")
    system = System(root / "system")
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    kubelet = Kubelet(plane, root / "pods", env=env, commands=lambda _: STAND_IN)
    try:
        system.kafka.start()
        system.run("topics")
        kubelet.start()
        yield World(root, plane, kubelet, system)
    finally:
        kubelet.stop()
        system.postgres.stop()  # only some tests start it
        system.kafka.stop()


@pytest.fixture
def cell(world: World) -> Iterator[Cell]:
    """A namespace of the test's own."""
    with world.cell() as found:
        yield found
    world.kubelet.release()
