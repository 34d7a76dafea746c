"""The custom resource and the model of the API and the command say the same."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from services.events import EventType, OrderStatus
from services.orderreplay.checkpoint import Checkpoint, Plan, ShardPhase
from services.orderreplay.spec import ReplaySpec
from services.orderreplay.status import summary

ROOT = Path(__file__).parents[2]
CRDS = sorted((ROOT / "helm" / "orderflow" / "files" / "crds").glob("*.yaml"))
# What concerns only the operator.
ITS_OWN = {
    *("suspend", "cancel", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"),
    "resources",
}


def schema(part: str) -> dict[str, Any]:
    """The schema of an OrderReplay's spec or status."""
    crd = yaml.safe_load(
        (ROOT / "helm" / "orderflow" / "files" / "crds" / "orderreplays.yaml").read_text()
    )
    found = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part]
    return dict(found)


def model() -> dict[str, Any]:
    """The same of the model, with references resolved and what may be left out unwrapped."""
    whole = ReplaySpec.model_json_schema(by_alias=True)

    def plain(each: Any) -> Any:
        if isinstance(each, list):
            return [plain(one) for one in each]
        if not isinstance(each, dict):
            return each
        if "$ref" in each:
            name = each["$ref"].rpartition("/")[2]
            rest = {key: value for key, value in each.items() if key != "$ref"}
            return plain(whole["$defs"][name] | rest)
        if "anyOf" in each:
            one = next(option for option in each["anyOf"] if option != {"type": "null"})
            rest = {key: value for key, value in each.items() if key not in ("anyOf", "default")}
            return plain(one | rest)
        return {key: plain(value) for key, value in each.items() if key != "$defs"}

    return dict(plain(whole))


def test_the_fields_are_the_same() -> None:
    ours, theirs = schema("spec")["properties"], model()["properties"]
    assert ours.keys() - ITS_OWN == theirs.keys()
    assert ours["filter"]["properties"].keys() == theirs["filter"]["properties"].keys()


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (("days",), ("type", "minimum", "maximum")),
        (("partitions",), ("type", "minimum", "maximum", "default")),
        (("parallelism",), ("type", "minimum", "maximum", "default")),
        (("dryRun",), ("type", "default")),
        (("topic",), ("type", "default")),
        (("eventTypes",), ("type", "minItems", "maxItems", "default")),
        (("filter", "statuses"), ("type", "minItems", "maxItems")),
        (("filter", "customerIds"), ("type", "minItems", "maxItems")),
        (("filter", "productIds"), ("type", "minItems", "maxItems")),
        (("filter", "customerIds", "items"), ("minLength", "maxLength", "pattern")),
        (("filter", "productIds", "items"), ("minLength", "maxLength", "pattern")),
    ],
)
def test_types_bounds_and_defaults_are_the_same(
    path: tuple[str, ...], names: tuple[str, ...]
) -> None:
    ours, theirs = schema("spec"), model()
    for name in path:
        ours = ours[name] if name == "items" else ours["properties"][name]
        theirs = theirs[name] if name == "items" else theirs["properties"][name]
    assert {name: ours.get(name) for name in names} == {name: theirs.get(name) for name in names}


@pytest.mark.parametrize("name", ["eventsPerSecond", "speed", "maxGapSeconds"])
def test_a_number_has_the_same_bounds(name: str) -> None:
    """pydantic leaves those of a number that may be left out out of its schema."""
    ours = schema("spec")["properties"][name]
    more = {"speed": 1} if name == "maxGapSeconds" else {}

    def taken(value: float) -> bool:
        try:
            ReplaySpec.model_validate({"days": 1, name: value} | more)
        except ValidationError:
            return False
        return True

    assert taken(ours["maximum"])
    assert not taken(ours["maximum"] + 1)
    assert taken(ours["minimum"]) == (not ours.get("exclusiveMinimum"))
    assert taken(ours["minimum"] + 0.001)
    assert not taken(ours["minimum"] - 1)


def test_what_can_be_named_is_what_there_is() -> None:
    ours = schema("spec")["properties"]
    assert ours["eventTypes"]["items"]["enum"] == list(EventType)
    assert ours["filter"]["properties"]["statuses"]["items"]["enum"] == list(OrderStatus)


def test_every_field_is_described() -> None:
    def undescribed(schema: dict[str, Any], path: str) -> Iterator[str]:
        for name, each in schema.get("properties", {}).items():
            if path or name != "metadata":
                if not each.get("description"):
                    yield f"{path}.{name}"
                yield from undescribed(each, f"{path}.{name}")
                yield from undescribed(each.get("items", {}), f"{path}.{name}[]")

    for crd in CRDS:
        whole = yaml.safe_load(crd.read_text())["spec"]["versions"][0]
        assert list(undescribed(whole["schema"]["openAPIV3Schema"], "")) == []


def test_the_status_has_a_place_for_all_that_a_summary_says() -> None:
    status = schema("status")["properties"]
    now = datetime.now(UTC)
    shard = Checkpoint(
        replay_id="r",
        phase=ShardPhase.COMPLETE,
        requested_at=now,
        snapshot_at=now,
        from_=now,
        to=now,
        started_at=now,
        completed_at=now,
        plan=Plan(events=1, orders=1, bytes=1, first_time=now, last_time=now),
    )
    told = summary([shard], 1, running=True)
    for part in ("plan", "progress", "report"):
        assert told[part].keys() == status[part]["properties"].keys()
    shards = status["progress"]["properties"]["shards"]["items"]
    assert told["progress"]["shards"][0].keys() == shards["properties"].keys()
    rest = told.keys() - {"complete", "refused"}
    assert rest <= status.keys()


def test_what_is_generated_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "operator" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
