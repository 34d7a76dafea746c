"""Write what follows from the chart's values.yaml, its schema and reference, and its topics.

``python helm/generate.py`` writes them; with ``--check`` it ends with 1 where they differ.
"""

import copy
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from services.events import Topic
from services.topics import wanted

CHART = Path(__file__).parent / "orderflow"
TOPICS_FILE = CHART / "files" / "topics.yaml"
VALUES, SCHEMA, README = CHART / "values.yaml", CHART / "values.schema.json", CHART / "README.md"
BEGIN, END = "<!-- values: written by helm/generate.py -->\n", "<!-- end of values -->"

Schema = dict[str, Any]

COUNT: Schema = {"type": "integer", "minimum": 0}
SOME: Schema = {"type": "integer", "minimum": 1}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
STRINGS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
LABELS: Schema = {
    "type": "object",
    # Those by which pods are found are the chart's own.
    "propertyNames": {
        "pattern": "^[A-Za-z0-9./_-]+$",
        "not": {"pattern": "^app.kubernetes.io/(name|instance|component)$"},
    },
    "additionalProperties": {
        "type": "string",
        "pattern": "^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$",
    },
}
SETTINGS: Schema = {
    "type": "object",
    # What the chart says itself, with other values of its own.
    "propertyNames": {
        "pattern": "^[A-Z][A-Z0-9_]*$",
        "not": {
            "pattern": "^(PORT|PG.*|REPLAYS|DATABASE_(URL|ROLE.*)|KAFKA_(BOOTSTRAP|SASL|SE|SSL).*)$"
        },
    },
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
OBJECT: Schema = {"type": "object"}
ENV: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "value": {"type": "string"},
            "valueFrom": {"type": "object"},
        },
    },
}
HOSTS: Schema = {
    "type": "array",
    "items": {"type": "string", "pattern": r"^((\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$"},
}
QUANTITY: Schema = {
    "type": ["string", "integer", "number"],
    "pattern": "^[0-9]+([.][0-9]+)?(m|[kMGTPE]|[KMGTPE]i)?$",
}
RESOURCES: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "requests": {"type": "object", "additionalProperties": QUANTITY},
        "limits": {"type": "object", "additionalProperties": QUANTITY},
        "claims": OBJECTS,
    },
}
TOPIC: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "partitions": SOME,
        "config": {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
    },
}
# Names a schema and a role in PostgreSQL, and resources here, of which some are taken.
OWN_NAME: Schema = {
    "pattern": "^[a-z][a-z0-9]{0,19}$",
    "not": {
        "enum": [
            *("check", "dashboard", "history", "http", "kafka", "operator", "orderflow", "pods"),
            *("postgresql", "public", "roles", "setup", "topics"),
        ]
    },
}

# What of the defaults holds for these two as well.
_PODS = (
    *("podLabels", "podAnnotations", "nodeSelector", "tolerations", "affinity"),
    *("topologySpreadConstraints", "priorityClassName", "podDisruptionBudget"),
)
SHARED = {
    "dashboard": (*_PODS, "preStopSeconds"),
    "operator": (*_PODS, "extraEnv", "extraEnvFrom"),
}

BROKER = r"([\w.-]+|\[[0-9a-fA-F:.]+\]):\d+"

# What the default of a value does not tell, by the end of its path; the first that fits.
RULES: list[tuple[str, Schema]] = [
    (r"image\.digest", {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"}),
    (r"image\.tag", {"type": "string", "pattern": r"^[\w.-]{0,128}$"}),
    (r"pullPolicy", {"enum": ["Always", "IfNotPresent", "Never"]}),
    (r"(^|\.)settings", SETTINGS),
    (r"resources", RESOURCES),
    (r"(common|pod)Labels", LABELS),
    (r"(common|pod)Annotations|annotations|nodeSelector", STRINGS),
    (r"extraEnv", ENV),
    (r"(name|fullname)Override", {"type": "string", "pattern": "^([a-z]([a-z0-9.-]*[a-z0-9])?)?$"}),
    (r"image\.registry", {"type": "string", "pattern": r"^([\w.-]+(:\d+)?(/[\w.-]+)*/?)?$"}),
    (r"external\.host", {"type": "string", "pattern": r"^([\w.-]*|\[[0-9a-fA-F:.]+\])$"}),
    (r"(preStop|drain)Seconds", {"type": "integer", "minimum": 0, "maximum": 3600}),
    (
        r"ingress\.tls",
        {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"secretName": {"type": "string"}, "hosts": HOSTS},
            },
        },
    ),
    (r"affinity|cnpg\.backup|extraEnvFrom\[\]", OBJECT),
    (
        r"imagePullSecrets|extra\w+|tolerations|topologySpreadConstraints|ingressFrom|metricsFrom|kafkaFrom|extraEgress"
        r"|apiServer\.to|parentRefs|cnpg\.plugins",
        OBJECTS,
    ),
    (r"service\.type", {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]}),
    (r"service\.nodePort", {"type": ["integer", "null"], "minimum": 1, "maximum": 65535}),
    (r"apiServer\.ports", {"type": "array", "minItems": 1, "items": PORT}),
    (r"port", PORT),
    (r"kafka\.mode", {"enum": ["internal", "external", "strimzi"]}),
    (r"postgresql\.mode", {"enum": ["internal", "external", "cnpg"]}),
    (r"kafka\.topics\.partitions", {"type": "integer", "minimum": 1, "maximum": 1000}),
    (r"replicationFactor", {"type": "integer", "minimum": 1, "maximum": 15}),
    (r"retentionDays", {"type": "number", "exclusiveMinimum": 0}),
    (
        r"kafka\.topics\.overrides",
        {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(wanted(), TOPIC),
        },
    ),
    (r"bootstrapServers", {"type": "string", "pattern": f"^({BROKER}(,{BROKER})*)?$"}),
    (r"securityProtocol", {"enum": ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]}),
    (r"mechanism", {"enum": ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]}),
    (r"sslmode", {"enum": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]}),
    (r"parameters", {"type": "object", "additionalProperties": {"type": ["string", "number"]}}),
    (r"strimzi\.(storage|config)|cnpg\.storage", OBJECT),
    (r"postgresql\.database", {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"}),
    (r"heap", {"type": "string", "pattern": "^[0-9]+[kmg]$"}),
    (r"persistence\.size", {"type": "string", "pattern": "^[0-9.]+([KMGTPE]i?)?$"}),
    (
        r"maxUnavailable",
        {"type": ["integer", "string"], "minimum": 0, "pattern": "^([0-9]{1,2}|100)%$"},
    ),
    (r"autoscaling\.minReplicas", SOME),
    (r"targetCPUUtilizationPercentage", {"type": "integer", "minimum": 1, "maximum": 100}),
    (r"maxReplicas|lagThreshold|pollingInterval", SOME),
    (r"operator\.replicas|services\.auditor\.replicas", {"type": "integer", "minimum": 0}),
    (r"hosts|hostnames", HOSTS),
    (r"watchNamespaces", {"type": "array", "items": {"type": "string"}}),
]


def schema(values: dict[str, Any]) -> Schema:
    """The JSON Schema of the values: what is not named in them is refused."""
    whole = _schema(values, "")
    parts = whole["properties"]
    own = copy.deepcopy(parts["defaults"]["properties"])
    for service in parts["services"]["properties"].values():
        service["properties"] = {**copy.deepcopy(own), **service["properties"]}
    for name, more in SHARED.items():
        parts[name]["properties"] |= {key: copy.deepcopy(own[key]) for key in more}
    parts["global"] = {"type": "object"}  # Helm's own, where this chart is a part of another
    services = parts["services"]["properties"]
    same = services["gateway"]
    parts["services"] |= {
        "properties": {
            name: {"$ref": "#/definitions/service"} if service == same else service
            for name, service in services.items()
        },
        "propertyNames": OWN_NAME,
        "additionalProperties": {"$ref": "#/definitions/ownService"},
    }
    own_image = copy.deepcopy(parts["dashboard"]["properties"]["image"])
    own_image |= {"required": ["repository"]}
    own_service = copy.deepcopy(same)
    own_service["properties"] |= {
        "file": {"type": "string", "pattern": r"^/.+\.py$"},
        "port": PORT,
        "image": own_image,
        "enabled": {"type": "boolean"},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "orderflow",
        "definitions": {"service": same, "ownService": own_service},
        **whole,
    }


def _schema(value: Any, path: str) -> Schema:
    for pattern, rule in RULES:
        if path and re.search(rf"({pattern})$", path):
            return copy.deepcopy(rule)
    if isinstance(value, dict):
        # Whoever unsets one of these by null is told so, and not by a template that stumbles.
        required = [k for k, v in value.items() if isinstance(v, dict) and v]
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {k: _schema(v, f"{path}.{k}".lstrip(".")) for k, v in value.items()},
            **({"required": required} if required else {}),
        }
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return copy.deepcopy(COUNT)
    if isinstance(value, str):
        return {"type": "string"}
    raise ValueError(f"{path}: add a rule that says what may stand here")


def reference(text: str) -> str:
    """A table of every value with its default and what it is for, from the comments."""
    lines = ["| value | default | |", "|---|---|---|"]
    lines += [f"| `{path}` | {default} | {said} |" for path, default, said in _entries(text)]
    return "\n".join(lines) + "\n"


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    values = yaml.safe_load(text)
    path: list[str] = []
    said = ""
    for line in text.splitlines():
        if comment := re.fullmatch(r"\s*# -- (.*)", line):
            said = comment[1]
        elif key := re.match(r"( *)([\w-]+):", line):
            path = [*path[: len(key[1]) // 2], key[2]]
            found = values
            for part in path:
                found = found[part]
            whole = ("resources", "parameters", "storage")
            if not set(path[:-1]) & set(whole):
                leaf = not isinstance(found, dict) or not found or path[-1] in whole
                default = f"`{json.dumps(found)}`" if leaf else ""
                if leaf or said:
                    yield ".".join(path), *(t.replace("|", "\\|") for t in (default, said))
            said = ""


def topics() -> str:
    """The topics whose configuration is not a matter of values, and the names of the others."""
    plain = wanted()[Topic.ORDERS]
    found = {
        name: {"partitions": topic.partitions, "config": dict(topic.config)}
        if topic != plain
        else {}
        for name, topic in wanted().items()
    }
    return "# Written by helm/generate.py. {}: as kafka.topics says.\n" + yaml.safe_dump(found)


def written() -> dict[Path, str]:
    """What each file should hold."""
    text = VALUES.read_text()
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        TOPICS_FILE: topics(),
        SCHEMA: json.dumps(schema(yaml.safe_load(text)), indent=2) + "\n",
        README: f"{before}{BEGIN}{reference(text)}{END}{after}",
    }


def main() -> int:
    """Write the files, or compare them. Returns the exit code."""
    for path, text in written().items():
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                print(f"{path.name} is not of now: run `python helm/generate.py`", file=sys.stderr)
                return 1
        else:
            path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
