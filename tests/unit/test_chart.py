"""What of the chart can be told without Helm: its written parts, and its rights."""

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "orderflow"


def test_the_schema_the_reference_and_the_topics_are_of_now() -> None:
    script = ROOT / "helm" / "generate.py"
    subprocess.run([sys.executable, script, "--check"], check=True)


def test_the_rights_in_the_chart_are_those_that_the_operator_is_tested_with() -> None:
    for name, file in (("operator", "rbac.yaml"), ("gateway", "rbac-gateway.yaml")):
        tested = {
            each["metadata"]["name"]: each["rules"]
            for each in yaml.safe_load_all((ROOT / "operator" / file).read_text())
            if "rules" in each
        }
        chart = yaml.safe_load((CHART / "files" / f"{name}-rules.yaml").read_text())
        assert chart == tested[f"orderflow-{name}"]
