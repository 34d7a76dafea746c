"""The documents under ``contracts/``, and validation against any schema in them."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

CONTRACTS = Path(__file__).parents[2] / "contracts"
METHODS = ("get", "put", "post", "delete", "patch")
_BASE = "https://orderflow.dev/contracts/"

Operation = tuple[str, str]  # a method and a path, such as ("get", "/api/orders")


@cache
def document(name: str) -> dict[str, Any]:
    """``openapi.yaml``, ``asyncapi.yaml`` or a JSON Schema, by its path in the folder."""
    text = (CONTRACTS / name).read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text) if name.endswith(".yaml") else json.loads(text)
    return found


@cache
def _registry() -> Registry[Any]:
    names = ["openapi.yaml", "asyncapi.yaml"]
    names += [str(path.relative_to(CONTRACTS)) for path in CONTRACTS.rglob("*.schema.json")]
    resources = [
        (_BASE + name, Resource.from_contents(document(name), DRAFT202012)) for name in names
    ]
    return Registry[Any]().with_resources(resources).crawl()


def faults(reference: str, instance: Any) -> list[str]:
    """What is wrong with ``instance`` by the schema at ``reference``, ``openapi.yaml#/…``."""
    validator = Draft202012Validator(
        {"$ref": _BASE + reference}, registry=_registry(), format_checker=FormatChecker()
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]


def operations() -> dict[Operation, dict[str, Any]]:
    """Every operation of ``openapi.yaml``."""
    return {
        (method, path): item[method]
        for path, item in document("openapi.yaml")["paths"].items()
        for method in METHODS
        if method in item
    }


def resolve(name: str, pointer: str) -> tuple[str, Any]:
    """What stands at ``pointer`` in a document, after its references to the same document.

    Returns the pointer to it, too.
    """
    value: Any = document(name)
    for part in pointer.removeprefix("#/").split("/"):
        value = value[part.replace("~1", "/").replace("~0", "~")]
    if isinstance(value, dict) and str(value.get("$ref", "")).startswith("#/"):
        return resolve(name, value["$ref"])
    return pointer, value


def escape(part: str) -> str:
    """``part`` as a part of a JSON pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def references(value: Any) -> Iterator[str]:
    """Every ``$ref`` in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
