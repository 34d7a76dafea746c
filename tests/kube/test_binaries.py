"""Where the programs of the control plane come from."""

from pathlib import Path

import pytest

from local.children import LocalError
from tests.kube.binaries import binary, version


def program(folder: Path, name: str = "etcd") -> Path:
    """A program that does nothing."""
    folder.mkdir(parents=True)
    path = folder / name
    path.touch(0o755)
    return path


def test_the_folder_that_is_named_comes_before_path_and_path_before_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, on_path = program(tmp_path / "named"), program(tmp_path / "path")
    cached = program(tmp_path / "cache" / f"kube-{version()}")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(named.parent))
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv("ORDERFLOW_DATA", str(tmp_path))
    assert binary("etcd") == named
    named.unlink()
    assert binary("etcd") == on_path
    on_path.unlink()
    assert binary("etcd") == cached


def test_without_go_it_is_said_what_to_install_or_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ORDERFLOW_DATA", str(tmp_path))
    with pytest.raises(LocalError, match=r"install Go .* or set KUBEBUILDER_ASSETS"):
        binary("kubectl")
