"""Write what follows from the CRD of OrderReplay: the template of the scheduled one, and the docs.

``python operator/generate.py`` writes both; with ``--check`` it ends with 1 where they differ.
"""

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CRDS = HERE.parent / "helm" / "orderflow" / "files" / "crds"
REPLAY = CRDS / "orderreplays.yaml"
SCHEDULED = CRDS / "scheduledorderreplays.yaml"
EXAMPLES = [
    HERE.parent / "examples" / name
    for name in ("orderreplay.yaml", "black-friday.yaml", "every-morning.yaml")
]
PAGE = HERE.parent / "docs" / "orderreplay.md"

Schema = dict[str, Any]

HEADER = """\
# The parts below spec.template.spec and status.conditions are those of orderreplays.yaml:
# `python operator/generate.py` writes them anew.
"""
TOP = """\
# OrderReplay

A replay of stored order events to a topic of your own: which events, where to, how fast. Apply \
one and watch it:

```sh
kubectl apply -f replay.yaml
kubectl get orderreplays -w            # or: kubectl get orp
kubectl wait --for=condition=Complete orp/last-month --timeout=1h
```

This page is written from the custom resource definitions by `operator/generate.py`.
"""


class _Plain(yaml.SafeDumper):
    """Lists are indented, and nothing is an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def increase_indent(
        self,
        flow: bool = False,
        indentless: bool = False,  # noqa: ARG002
    ) -> None:
        super().increase_indent(flow, False)


def schema_of(crd: dict[str, Any]) -> Schema:
    """The schema of a CRD's only version."""
    schema: Schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _without_transitions(schema: Any) -> Any:
    """A schema without the rules that compare with what was there before."""
    if isinstance(schema, list):
        return [_without_transitions(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _without_transitions(each) for name, each in schema.items()}
    rules = found.get("x-kubernetes-validations")
    if isinstance(rules, list):
        rules = [rule for rule in rules if "oldSelf" not in rule["rule"]]
        found["x-kubernetes-validations"] = rules
        if not rules:
            del found["x-kubernetes-validations"]
    return found


def scheduled() -> str:
    """The CRD of ScheduledOrderReplay, with what it has from OrderReplay."""
    replay, crd = (yaml.safe_load(path.read_text()) for path in (REPLAY, SCHEDULED))
    theirs, ours = schema_of(replay)["properties"], schema_of(crd)["properties"]
    ours["spec"]["properties"]["template"]["properties"]["spec"] = _without_transitions(
        theirs["spec"]
    )
    ours["status"]["properties"]["conditions"]["items"] = copy.deepcopy(
        theirs["status"]["properties"]["conditions"]["items"]
    )
    text: str = yaml.dump(crd, Dumper=_Plain, sort_keys=False, width=100, allow_unicode=True)
    return HEADER + text


def fields(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every field below a schema with its path: ``filter.customerIds``, ``conditions[].type``."""
    for name, each in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, each
        if each.get("type") == "array":
            yield from fields(each["items"], f"{here}[]")
        else:
            yield from fields(each, here)


def _type(schema: Schema) -> str:
    if schema.get("type") == "array":
        kind = {"set": "set", "map": "list"}.get(schema.get("x-kubernetes-list-type", ""), "list")
        return f"{kind} of {_type(schema['items'])}"
    if isinstance(each := schema.get("additionalProperties"), dict):
        return f"map to {_type(each)}"
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    return {"date-time": "time"}.get(schema.get("format", ""), str(schema["type"]))


def _bounds(schema: Schema) -> str:
    items = schema.get("items", {})
    found = []
    if low := schema.get("minimum", schema.get("minLength", schema.get("minItems"))):
        found.append(f"from {low:,}")
    elif schema.get("exclusiveMinimum"):
        found.append("above 0")
    elif "minimum" in schema:
        found.append("from 0")
    high = schema.get("maximum", schema.get("maxLength", schema.get("maxItems")))
    if high is not None:
        what = " characters" if "maxLength" in schema else " items" if "maxItems" in schema else ""
        found.append(f"to {high:,}{what}")
    if "maxLength" in items:
        found.append(f"of 1 to {items['maxLength']} characters")
    if names := schema.get("enum", items.get("enum")):
        found.append("of " + ", ".join(f"`{name}`" for name in names))
    return " ".join(found)


def _default(schema: Schema) -> str:
    if "default" not in schema:
        return ""
    return f"`{yaml.safe_dump(schema['default'], default_flow_style=True).split(chr(10))[0]}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


def _spec_table(schema: Schema) -> list[str]:
    required = set(schema.get("required", []))
    rows = ["| field | type | bounds | default | |", "|---|---|---|---|---|"]
    for path, each in fields(schema):
        if path.startswith("template.spec"):
            continue
        must = " **Required.**" if path in required else ""
        cells = (f"`{path}`", _type(each), _bounds(each), _default(each), each["description"])
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + must + " |")
    return rows


def _status_table(schema: Schema) -> list[str]:
    rows = ["| field | type | |", "|---|---|---|"]
    for path, each in fields(schema):
        names = f" One of {', '.join(each['enum'])}." if "enum" in each else ""
        rows.append(f"| `{path}` | {_type(each)} | {_cell(each['description'])}{names} |")
    return rows


def _rules(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", []):
        yield path, rule["message"]
    for name, each in schema.get("properties", {}).items():
        if f"{path}.{name}" != "spec.template.spec":
            yield from _rules(each, f"{path}.{name}".lstrip("."))


def _columns(crd: dict[str, Any]) -> list[str]:
    rows = ["| column | | |", "|---|---|---|"]
    for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]:
        wide = "with `-o wide`" if column.get("priority") else ""
        told = column.get("description", "Since when it is there.")
        rows.append(f"| {column['name'].upper()} | {told} | {wide} |")
    return rows


def _resource(path: Path) -> list[str]:
    crd = yaml.safe_load(path.read_text())
    names, schema = crd["spec"]["names"], schema_of(crd)
    parts = schema["properties"]
    rules: dict[str, list[str]] = {}
    for where, message in _rules(schema, ""):
        rules.setdefault(message, []).append(f"`{where}`" if where else "the whole")
    return [
        f"## {names['kind']}",
        "",
        f"{schema['description']} `{crd['spec']['group']}/v1alpha1`, namespaced; short name "
        f"`{names['shortNames'][0]}`, category `{names['categories'][0]}`.",
        "",
        "### spec",
        "",
        *_spec_table(parts["spec"]),
        *(
            ["", "`template.spec` is the [spec of an OrderReplay](#spec)."]
            if "template" in parts["spec"]["properties"]
            else []
        ),
        "",
        "### Rules",
        "",
        "The API server refuses what breaks one, with the message that stands here. Fields that "
        "it does not know are refused too, where the client asks for strict validation, as "
        "`kubectl` does. A null is as good as left out.",
        "",
        "| message | where |",
        "|---|---|",
        *(f"| {_cell(message)} | {', '.join(where)} |" for message, where in rules.items()),
        "",
        "### status",
        "",
        *_status_table(parts["status"]),
        "",
        "### Columns",
        "",
        *_columns(crd),
        "",
    ]


def page() -> str:
    """docs/orderreplay.md."""
    lines = [TOP, "## Examples", ""]
    for path in EXAMPLES:
        comment, _, rest = path.read_text().partition("\n")
        lines += [comment.lstrip("# "), "", "```yaml", rest.strip(), "```", ""]
    for each in (REPLAY, SCHEDULED):
        lines += _resource(each)
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write both, or say with ``--check`` which of them differ."""
    stale = []
    for path, make in ((SCHEDULED, scheduled), (PAGE, page)):
        text = make()
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if stale and "--check" in sys.argv:
        sys.exit(f"{', '.join(stale)}: run python operator/generate.py")


if __name__ == "__main__":
    main()
