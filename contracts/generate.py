"""Write the JSON Schema of every event and of a checkpoint, from the models in ``services``.

Run it after a change of one: ``python contracts/generate.py``. With ``--check`` nothing is written,
and the exit status is 1 where a file differs from the code.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from services.eventkit.event import Envelope
from services.events import LANGUAGE, MEANING, STATUS, EventType
from services.orderreplay.checkpoint import Checkpoint

FOLDER = Path(__file__).parent
_BASE = "https://orderflow.dev/schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ORDER = ("$schema", "$id", "title", "description", "type", "const", "format", "properties")
_LAST = ("required", "$defs")


class _Generator(GenerateJsonSchema):
    """JSON Schema as a reader wants it: money as it is sent, and no title that repeats a name."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        places = schema.get("decimal_places", 2)
        digits = schema.get("max_digits", 12) - places
        return {
            "type": "string",
            "description": "Money, as a decimal string: no reader takes it for a float.",
            "pattern": rf"^[0-9]{{1,{digits}}}\.[0-9]{{{places}}}$",
        }

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str):
            return {**inner, "type": [inner["type"], "null"]}
        return {"anyOf": [inner, {"type": "null"}]}

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default", ...) is None:
            del found["default"]
        return found


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its file: one an event type, the envelope by itself, and the checkpoint."""
    found = {
        "events/envelope": _schema(Envelope, "envelope", _sentences(Envelope)),
        "replay-checkpoint": _schema(Checkpoint, "replay-checkpoint", _sentences(Checkpoint)),
    }
    for type in EventType:
        payload = LANGUAGE.payloads[type]
        model = create_model(
            type.value,
            __base__=Envelope,
            eventType=(Literal[type.value], ...),  # type: ignore[arg-type]
            payload=(payload, ...),
        )
        told = [MEANING[type], f"Topic {LANGUAGE.topics[type]}, keyed by payload.orderId."]
        if type in STATUS:
            told.append(f"The order's status is then at least {STATUS[type]}.")
        found[f"events/{type.value}"] = _schema(model, type.value, " ".join(told))
    return {f"{name}.schema.json": schema for name, schema in found.items()}


def render(schema: dict[str, Any]) -> str:
    """The text of a schema's file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def differing(folder: Path = FOLDER) -> list[str]:
    """The names of the files that are missing, differ from the code or should not be there."""
    wanted = {name: render(schema) for name, schema in schemas().items()}
    there = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*.schema.json")
    }
    return sorted(n for n in wanted.keys() | there.keys() if wanted.get(n) != there.get(n))


def write(folder: Path = FOLDER) -> list[str]:
    """Bring the files up to date. Returns the names of those that changed."""
    (folder / "events").mkdir(parents=True, exist_ok=True)
    changed, wanted = differing(folder), schemas()
    for name in changed:
        if name in wanted:
            (folder / name).write_text(render(wanted[name]), "utf-8")
        else:
            (folder / name).unlink()
    return changed


def _schema(model: type[BaseModel], name: str, description: str) -> dict[str, Any]:
    generated = model.model_json_schema(schema_generator=_Generator)
    found: dict[str, Any] = _sorted(
        generated
        | {
            "$schema": _DIALECT,
            "$id": f"{_BASE}/{name}.json",
            "title": name,
            "description": description,
        }
    )
    return found


def _sentences(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _sorted(value: Any) -> Any:
    """Keywords in the order of a reader's questions; properties as the models have them."""
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if not isinstance(value, dict):
        return value
    middle = sorted(value.keys() - {*_ORDER, *_LAST})
    keys = [k for k in (*_ORDER, *middle, *_LAST) if k in value]
    named = ("properties", "$defs")
    return {
        k: {n: _sorted(v) for n, v in value[k].items()} if k in named else _sorted(value[k])
        for k in keys
    }


def main() -> int:
    """Write or check the files; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only tell which files differ")
    if not parser.parse_args().check:
        print("\n".join(f"wrote contracts/{n}" for n in write()) or "Nothing has changed.")
    elif names := differing():
        print(f"Differ from the code: {', '.join(names)}. Run python contracts/generate.py.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
