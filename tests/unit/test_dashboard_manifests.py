"""The YAML that the dashboard shows is what the command prints, and what the resource takes.

Its own tests write ``dashboard-manifests.yaml`` and hold the dashboard to it.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from services.cli_replay import _manifest
from services.orderreplay.spec import ReplaySpec

ROOT = Path(__file__).parents[2]
TEXTS = (Path(__file__).parent / "dashboard-manifests.yaml").read_text().split("---\n")


def schema() -> dict[str, Any]:
    """Of an OrderReplay, where what is not described is refused, as Kubernetes does for kubectl."""
    crd = yaml.safe_load(
        (ROOT / "helm" / "orderflow" / "files" / "crds" / "orderreplays.yaml").read_text()
    )
    found = dict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    spec = found["properties"]["spec"]
    for part in (spec, spec["properties"]["filter"]):
        part["additionalProperties"] = False
    return found


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_dashboard_shows_what_the_command_prints(text: str) -> None:
    shown = yaml.safe_load(text)
    spec = ReplaySpec.model_validate(shown["spec"])
    printed = _manifest(spec.model_dump(mode="json", by_alias=True, exclude_unset=True))
    named = printed.replace(yaml.safe_load(printed)["metadata"]["name"], shown["metadata"]["name"])
    assert text.rstrip() == named


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_dashboard_shows_a_valid_resource(text: str) -> None:
    shown = yaml.safe_load(text)
    assert [error.message for error in Draft4Validator(schema()).iter_errors(shown)] == []
    assert len(shown["metadata"]["name"]) <= 253
