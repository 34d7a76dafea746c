from collections.abc import Mapping
from pathlib import Path

import pytest

from local import dashboard
from local.children import LocalError
from local.dashboard import Dashboard


class Npm:
    """Stands in for npm and Vite: does what they leave behind, and remembers that it did."""

    def __init__(self, sources: Path, *, fails: bool = False) -> None:
        self.packages, self.fails = sources / "node_modules", fails
        self.ran: list[str] = []

    def __call__(
        self, command: list[str], log: Path, env: Mapping[str, str], seconds: float
    ) -> int:
        self.ran.append("install" if "install" in command else "build")
        if self.fails:
            log.write_text("npm error code E403\n")
            return 1
        self.packages.mkdir(exist_ok=True)
        if "build" in command:
            site = Path(env["DASHBOARD_SITE"])
            site.mkdir(parents=True, exist_ok=True)
            (site / "index.html").touch()
        return 0


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "frontend"
    (folder / "src").mkdir(parents=True)
    (folder / "public").mkdir()
    (folder / "package-lock.json").write_text("{}")
    (folder / "src" / "main.tsx").write_text("one")
    monkeypatch.setattr(dashboard, "SOURCES", folder)
    monkeypatch.setattr(dashboard, "PACKAGES", folder / "node_modules")
    return folder


def test_the_dashboard_is_built_again_only_when_its_sources_changed(
    sources: Path, tmp_path: Path
) -> None:
    built, npm = Dashboard(tmp_path / "built", tmp_path / "log"), Npm(sources)
    built.prepare(npm)
    built.prepare(npm)
    assert npm.ran == ["install", "build"]

    (sources / "src" / "main.tsx").write_text("two")
    built.prepare(npm)
    assert npm.ran == ["install", "build", "build"]

    (sources / "package-lock.json").write_text("{ }")
    built.prepare(npm)
    assert npm.ran[3:] == ["install", "build"]


def test_packages_that_cannot_be_installed_say_why_and_what_to_do(
    sources: Path, tmp_path: Path
) -> None:
    built, npm = Dashboard(tmp_path / "built", tmp_path / "log"), Npm(sources, fails=True)
    with pytest.raises(LocalError, match=r"(?s)E403.*Check the network, and the registry"):
        built.prepare(npm)
    npm.fails = False
    built.prepare(npm)
    assert npm.ran == ["install", "install", "build"]
