"""What the API server takes as an OrderReplay, and what it says of what it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml

from services.events import Topic
from services.orderreplay.spec import refuse_topic
from tests.kube.control_plane import ControlPlane
from tests.operator.world import CRDS, ROOT, Cell, Object, cell, replay, schedule

ONE_WINDOW = "give either days (the last so many) or from (and to); exactly one of them"
NO_TIME = "this is no time; write it with its zone, as in 2026-11-01T00:00:00Z"
NO_AMOUNT = 'this is no amount of money; write it as in "79.99"'
NO_NAME = "Kafka takes no such name: use 1 to 249 letters, digits, dots, underscores and hyphens"
LIVE = "this is a live topic, which services act on; name another, such as orders-replay"
BESIDE = "this is a retry or dead-letter topic of a live one; name another"
OWN = "this is a topic of the system's own; name another, such as orders-replay"
FIXED = "this cannot be changed; make another OrderReplay"
FIXED_ALL = (
    "only suspend, cancel, eventsPerSecond, speed, maxGapSeconds and ttlSecondsAfterFinished can"
    " be changed; make another OrderReplay for the rest"
)
FOREVER = "a cancelled replay cannot be taken up again; make another OrderReplay"
NO_SCHEDULE = (
    'this is no schedule; write five fields as in "0 6 * * *": minute (0-59), hour (0-23), day of'
    " the month (1-31), month (1-12), day of the week (0-7), or @hourly, @daily, @weekly,"
    " @monthly, @yearly; the zone goes into timeZone"
)
NO_ZONE = "this is no time zone; name one of the IANA database, such as Europe/Berlin"
LONG_NAME = (
    "metadata.name has more than 52 characters; choose a shorter one, as the time is added to it"
    " to name the OrderReplays"
)

A, B = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00+01:00"

# A spec that is refused, the field that is named, and the message, whole.
REFUSED: list[tuple[Object, str, str]] = [
    ({}, "spec", ONE_WINDOW),
    ({"days": 1, "from": A}, "spec", ONE_WINDOW),
    ({"to": B}, "spec", ONE_WINDOW),
    ({"days": 1, "to": B}, "spec", "to is given without from; give from too"),
    ({"from": B, "to": A}, "spec", "from is not before to; swap them"),
    ({"from": A, "to": A}, "spec", "from is not before to; swap them"),
    ({"from": A, "to": "2026-11-01T01:00:00+01:00"}, "spec", "from is not before to; swap them"),
    (
        {"days": 1, "eventsPerSecond": 5, "speed": 1},
        "spec",
        "give eventsPerSecond or speed, not both",
    ),
    (
        {"days": 1, "maxGapSeconds": 5},
        "spec",
        "maxGapSeconds cuts the pauses of speed; give speed too",
    ),
    *(
        ({"from": bad}, "spec.from", NO_TIME)
        for bad in (
            *("yesterday", "2026-11-01", "2026-11-01T00:00:00", "2026-13-01T00:00:00Z", "1"),
            *("2026-11-31T00:00:00Z", "2026-11-01T24:00:00Z", "2026-11-01 00:00:00Z"),
        )
    ),
    ({"from": A, "to": "tomorrow"}, "spec.to", NO_TIME),
    *(
        ({"days": 1, "filter": {"minTotal": bad}}, "spec.filter.minTotal", NO_AMOUNT)
        for bad in ("ten", "-1", "1.234", "1.", "12345678901", "1e3", "1,00")
    ),
    ({"days": 1, "filter": {"maxTotal": "x"}}, "spec.filter.maxTotal", NO_AMOUNT),
    (
        {"days": 1, "filter": {"minTotal": "10.01", "maxTotal": "10.00"}},
        "spec.filter",
        "minTotal is above maxTotal; swap them",
    ),
    *(
        ({"days": 1, "topic": bad}, "spec.topic", NO_NAME)
        for bad in ("", ".", "..", "a b", "a/b", "größe", "a,b")
    ),
    *(
        ({"days": 1, "topic": bad}, "spec.topic", LIVE)
        for bad in ("orders", "payments", "inventory", "shipping")
    ),
    *(
        ({"days": 1, "topic": bad}, "spec.topic", BESIDE)
        for bad in (
            "orders.dlq",
            "payments-retry-5s",
            "shipping_dead-letters",
            "orders.eu.dlt",
        )
    ),
    *(
        ({"days": 1, "topic": bad}, "spec.topic", OWN)
        for bad in ("dead-letters", "replay-checkpoints", "__consumer_offsets", "__mine")
    ),
]

# What the schema itself refuses: the field and a part of what is said.
OUT_OF_BOUNDS: list[tuple[Object, str, str]] = [
    ({"days": 0}, "spec.days", "should be greater than or equal to 1"),
    ({"days": -1}, "spec.days", "should be greater than or equal to 1"),
    ({"days": 3651}, "spec.days", "should be less than or equal to 3650"),
    ({"days": 10**9}, "spec.days", "should be less than or equal to 3650"),
    ({"days": "x"}, "spec.days", "must be of type integer"),
    ({"days": 1.5}, "spec.days", "must be of type integer"),
    ({"days": 1, "topic": "x" * 300}, "spec.topic", "may not be more than 249"),
    ({"days": 1, "topic": 5}, "spec.topic", "must be of type string"),
    ({"days": 1, "eventTypes": []}, "spec.eventTypes", "should have at least 1 items"),
    ({"days": 1, "eventTypes": ["ORDER_LOST"]}, "spec.eventTypes[0]", "supported values"),
    (
        {"days": 1, "eventTypes": ["ORDER_CREATED", "ORDER_CREATED"]},
        "spec.eventTypes[1]",
        "Duplicate value",
    ),
    ({"days": 1, "filter": {"statuses": ["lost"]}}, "spec.filter.statuses[0]", "supported values"),
    (
        {"days": 1, "filter": {"customerIds": [""]}},
        "spec.filter.customerIds[0]",
        "should be at least 1 chars long",
    ),
    (
        {"days": 1, "filter": {"productIds": [str(n) for n in range(1001)]}},
        "spec.filter.productIds",
        "must have at most 1000 items",
    ),
    (
        {"days": 1, "filter": {"customerIds": [f"{n:0250}" for n in range(250)]}},
        "spec.filter",
        "the ids are too many to hand to a process, over 60,000 bytes; name fewer",
    ),
    ({"days": 1, "filter": {"minTotal": 10}}, "spec.filter.minTotal", "must be of type string"),
    ({"days": 1, "partitions": 0}, "spec.partitions", "greater than or equal to 1"),
    ({"days": 1, "partitions": 101}, "spec.partitions", "less than or equal to 100"),
    ({"days": 1, "parallelism": 17}, "spec.parallelism", "less than or equal to 16"),
    (
        {"days": 1, "eventsPerSecond": 0},
        "spec.eventsPerSecond",
        "should be greater than 0",
    ),
    ({"days": 1, "eventsPerSecond": 10**7}, "spec.eventsPerSecond", "less than or equal to"),
    ({"days": 1, "speed": 0}, "spec.speed", "should be greater than 0"),
    ({"days": 1, "speed": 0.0001}, "spec.speed", "give 0.001 or more"),
    ({"days": 1, "eventsPerSecond": 1e-9}, "spec.eventsPerSecond", "give 0.001 or more"),
    ({"days": 1, "speed": 10_001}, "spec.speed", "less than or equal to 10000"),
    (
        {"days": 1, "speed": 1, "maxGapSeconds": 86_401},
        "spec.maxGapSeconds",
        "less than or equal to 86400",
    ),
    ({"days": 1, "backoffLimit": -1}, "spec.backoffLimit", "greater than or equal to 0"),
    ({"days": 1, "activeDeadlineSeconds": 0}, "spec.activeDeadlineSeconds", "equal to 1"),
    ({"days": 1, "ttlSecondsAfterFinished": -1}, "spec.ttlSecondsAfterFinished", "equal to 0"),
    (
        {"days": 1, "resources": {"limits": {"memory": "much"}}},
        "spec.resources.limits.memory",
        "should match",
    ),
]

WHOLE: Object = {
    "from": A,
    "to": B,
    "eventTypes": ["ORDER_CREATED", "PAYMENT_FAILED"],
    "filter": {
        "customerIds": ["CUST-001", "CUST-002"],
        "productIds": ["PROD-001"],
        "statuses": ["failed"],
        "minTotal": "9.99",
        "maxTotal": "10",
    },
    "topic": "fraud-test",
    "partitions": 3,
    "speed": 0.5,
    "maxGapSeconds": 0,
    "parallelism": 2,
    "dryRun": True,
    "suspend": True,
    "cancel": False,
    "backoffLimit": 0,
    "activeDeadlineSeconds": 60,
    "ttlSecondsAfterFinished": 0,
    "resources": {"requests": {"cpu": 1, "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
}

# A change to WHOLE that is refused, the field that is named, and the message.
UNCHANGEABLE: list[tuple[Object, str, str]] = [
    ({"from": "2026-10-01T00:00:00Z"}, "spec.from", FIXED),
    ({"to": "2026-12-01T00:00:00Z"}, "spec.to", FIXED),
    ({"to": None}, "spec", FIXED_ALL),
    ({"from": None, "to": None, "days": 3}, "spec", FIXED_ALL),
    ({"eventTypes": ["ORDER_CREATED"]}, "spec.eventTypes", FIXED),
    ({"filter": None}, "spec", FIXED_ALL),
    ({"filter": {"customerIds": ["CUST-001"]}}, "spec.filter.customerIds", FIXED),
    ({"filter": {"customerIds": None}}, "spec.filter", FIXED),
    ({"filter": {"productIds": ["PROD-002"]}}, "spec.filter.productIds", FIXED),
    ({"filter": {"statuses": ["paid"]}}, "spec.filter.statuses", FIXED),
    ({"filter": {"minTotal": "1"}}, "spec.filter.minTotal", FIXED),
    ({"filter": {"maxTotal": "11"}}, "spec.filter.maxTotal", FIXED),
    ({"topic": "another"}, "spec.topic", FIXED),
    ({"topic": None}, "spec.topic", FIXED),
    ({"partitions": 4}, "spec.partitions", FIXED),
    ({"parallelism": 1}, "spec.parallelism", FIXED),
    ({"dryRun": False}, "spec.dryRun", FIXED),
    ({"backoffLimit": 1}, "spec.backoffLimit", FIXED),
    ({"activeDeadlineSeconds": 61}, "spec.activeDeadlineSeconds", FIXED),
    ({"activeDeadlineSeconds": None}, "spec", FIXED_ALL),
    ({"resources": {"limits": {"memory": "2Gi"}}}, "spec.resources", FIXED),
    ({"resources": None}, "spec", FIXED_ALL),
]

BAD_SCHEDULES: list[tuple[Object, str, str]] = [
    *(
        ({"schedule": bad}, "spec.schedule", NO_SCHEDULE)
        for bad in (
            *("hourly", "@often", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *"),
            *(
                "* * 0 * *",
                "* * * 13 * ",
                "* * * * 8",
                "123 * * * *",
                "TZ=UTC * * * * *",
                "1, * * * *",
            ),
        )
    ),
    *(
        ({"timeZone": bad}, "spec.timeZone", NO_ZONE)
        for bad in ("Local", "Europe/", "../etc/passwd", "+02:00", "Europe Berlin")
    ),
]


@pytest.fixture(scope="module")
def ns(plane: ControlPlane) -> Iterator[Cell]:
    """A namespace for this module; no operator is there."""
    with cell(plane) as found:
        yield found


def causes(answer: requests.Response) -> list[tuple[str, str]]:
    """The fields that a refusal names, and what it says of each."""
    assert answer.status_code == 422, answer.text
    return [(c["field"], c["message"]) for c in answer.json()["details"]["causes"]]


def refused(answer: requests.Response, field: str, message: str) -> None:
    """Assert that exactly this is said of a field, and of no other."""
    found = causes(answer)
    assert any(where == field and said.endswith(f": {message}") for where, said in found), found


@pytest.mark.parametrize(("spec", "field", "message"), REFUSED)
def test_a_rule_refuses_with_a_message_that_says_what_to_do(
    ns: Cell, spec: Object, field: str, message: str
) -> None:
    made = replay("refused")
    refused(ns.try_create(made | {"spec": spec}), field, message)
    assert ns.get("refused") is None


@pytest.mark.parametrize(("spec", "field", "part"), OUT_OF_BOUNDS)
def test_the_schema_refuses_what_is_out_of_bounds(
    ns: Cell, spec: Object, field: str, part: str
) -> None:
    found = causes(ns.try_create(replay("refused") | {"spec": spec}))
    assert any(where == field and part in said for where, said in found), found
    assert ns.get("refused") is None


@pytest.mark.parametrize(("change", "field", "message"), UNCHANGEABLE)
def test_what_a_replay_selects_cannot_be_changed(
    ns: Cell, change: Object, field: str, message: str
) -> None:
    if ns.get("whole") is None:
        ns.create(replay("whole", **WHOLE))
    before = ns.the("whole")
    refused(ns.try_patch("whole", {"spec": change}), field, message)
    assert ns.the("whole") == before


def test_a_field_that_was_left_out_cannot_be_added(ns: Cell) -> None:
    ns.create(replay("bare"))
    fields: list[Object] = [{"filter": {}}, {"activeDeadlineSeconds": 5}, {"resources": {}}]
    for field in fields:
        refused(ns.try_patch("bare", {"spec": field}), "spec", FIXED_ALL)
    ns.create(replay("filtered", filter={"statuses": ["paid"]}))
    added = {"spec": {"filter": {"minTotal": "1"}}}
    refused(ns.try_patch("filtered", added), "spec.filter", FIXED)


def test_pace_suspension_and_ttl_can_be_changed_and_a_cancel_once(ns: Cell) -> None:
    ns.create(replay("changing"))
    ns.patch("changing", suspend=True)
    ns.patch("changing", suspend=False, ttlSecondsAfterFinished=60)
    ns.patch("changing", ttlSecondsAfterFinished=None)
    ns.patch("changing", eventsPerSecond=10)
    ns.patch("changing", eventsPerSecond=None, speed=2, maxGapSeconds=1)
    ns.patch("changing", speed=None, maxGapSeconds=None)
    ns.patch("changing", cancel=True)
    for undone in (False, None):
        refused(ns.try_patch("changing", {"spec": {"cancel": undone}}), "spec", FOREVER)


def test_the_same_set_in_another_order_is_no_change(ns: Cell) -> None:
    ns.create(replay("ordered", filter={"customerIds": ["a", "b"]}))
    ns.patch("ordered", filter={"customerIds": ["b", "a"]})


def test_all_that_can_be_given_is_kept_as_it_was_given(ns: Cell) -> None:
    assert ns.create(replay("all", **WHOLE))["spec"] == WHOLE


def test_what_is_left_out_gets_its_default(ns: Cell) -> None:
    assert ns.create(replay("defaults"))["spec"] == {
        "days": 1,
        "eventTypes": ["ORDER_CREATED"],
        "topic": "orders-replay",
        "partitions": 6,
        "parallelism": 1,
        "dryRun": False,
        "suspend": False,
        "cancel": False,
        "backoffLimit": 6,
    }


def test_a_field_that_is_not_known_is_refused(ns: Cell, plane: ControlPlane) -> None:
    wrong = replay("unknown", dayz=7)
    answer = ns.try_create(wrong)
    assert answer.status_code == 400
    assert 'unknown field "spec.dayz"' in answer.json()["message"]
    # kubectl asks for that by itself.
    done = plane.kubectl(
        "apply", "-n", ns.name, "-f", "-", stdin=yaml.safe_dump(wrong), check=False
    )
    assert done.returncode
    assert 'unknown field "spec.dayz"' in done.stderr
    assert ns.get("unknown") is None


def test_a_null_is_as_good_as_left_out(ns: Cell) -> None:
    """The API server drops it before any schema or rule is asked, so it cannot be refused."""
    refused(ns.try_create(replay("nothing", days=None)), "spec", ONE_WINDOW)
    made = ns.create(replay("nothing", topic=None, speed=None, filter=None))
    assert made["spec"]["topic"] == "orders-replay"
    assert not {"speed", "filter"} & made["spec"].keys()


@pytest.mark.parametrize(("spec", "field", "message"), BAD_SCHEDULES)
def test_a_schedule_that_cannot_be_is_refused(
    ns: Cell, spec: Object, field: str, message: str
) -> None:
    refused(ns.try_create(schedule("refused", **spec)), field, message)


@pytest.mark.parametrize(
    "expression",
    [
        *("0 6 * * *", "*/15 8-18 * * mon-fri", "5,35 0 1 JAN,jul 0", "@hourly", "@annually"),
        *("0 0 * * 7", "59 23 31 12 6", "0  6   * * *", "0-30/5 * * * *"),
    ],
)
def test_a_schedule_that_can_be_is_taken(ns: Cell, expression: str) -> None:
    made = schedule("taken", schedule=expression, timeZone="America/Argentina/Buenos_Aires")
    ns.create(made)
    ns.delete("taken", "scheduledorderreplays")


def test_a_schedule_has_a_name_that_leaves_room_for_the_time(ns: Cell) -> None:
    refused(ns.try_create(schedule("x" * 53)), "<nil>", LONG_NAME)
    ns.create(schedule("x" * 52))


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [each for each in REFUSED if each[1] != "spec.to"][:12] + REFUSED[-4:],
)
def test_the_template_of_a_schedule_is_held_to_the_same_rules(
    ns: Cell, spec: Object, field: str, message: str
) -> None:
    answer = ns.try_create(schedule("refused", template={"spec": spec}))
    refused(answer, field.replace("spec", "spec.template.spec", 1), message)


def test_the_template_of_a_schedule_can_be_changed(ns: Cell) -> None:
    ns.create(schedule("mutable"))
    ns.patch("mutable", "scheduledorderreplays", template={"spec": {"days": 2}})
    made = ns.the("mutable", "scheduledorderreplays")
    assert made["spec"]["template"]["spec"]["days"] == 2
    assert made["spec"]["template"]["spec"]["topic"] == "orders-replay"


def test_a_topic_is_refused_here_exactly_where_the_api_and_the_command_refuse_it(
    ns: Cell,
) -> None:
    ends = ("", ".retry", "-dlq", "_dlt.1", ".eu.dead-letter", "-deadletters", "-new", ".retry-x")
    names = [f"{topic}{end}" for topic in (*Topic, "fraud", "Orders") for end in ends]
    names += ["orders-replay", "orders-replay.dlq", "ordersretry", "orders--retry", "x" * 249]
    names += ["dead-letters", "replay-checkpoints", "__x", "_x", ".", "..", "...", "a b", "é", "-"]
    for name in names:
        path = f"{ns.path('orderreplays')}?dryRun=All"
        answer = ns.plane.call("POST", path, replay("tried", topic=name))
        assert answer.ok == (refuse_topic(name) is None), (name, answer.text)


def rules(schema: Any) -> Iterator[str]:
    """The messages of all rules of a schema."""
    if isinstance(schema, dict):
        for rule in schema.get("x-kubernetes-validations", []):
            yield rule["message"]
        for each in schema.values():
            yield from rules(each)


def test_every_rule_is_shown_here_to_refuse_something() -> None:
    shown = {message for _, _, message in [*REFUSED, *UNCHANGEABLE, *BAD_SCHEDULES]}
    shown |= {FOREVER, LONG_NAME}
    for path in CRDS.glob("*.yaml"):
        assert set(rules(yaml.safe_load(path.read_text()))) <= shown


def test_the_examples_are_accepted(ns: Cell, plane: ControlPlane) -> None:
    plane.kubectl("apply", "-n", ns.name, "-f", ROOT / "examples")


def test_what_the_dashboard_shows_to_copy_is_accepted(ns: Cell, plane: ControlPlane) -> None:
    shown = ROOT / "tests" / "unit" / "dashboard-manifests.yaml"
    plane.kubectl("apply", "-n", ns.name, "--validate=strict", "-f", shown)


def test_there_are_short_names_a_category_and_columns(ns: Cell, plane: ControlPlane) -> None:
    ns.create(replay("seen"))
    for name in ("orp", "sorp", "orderflow"):
        plane.kubectl("get", name, "-n", ns.name)
    shown = plane.kubectl("get", "orp", "seen", "-n", ns.name).stdout.split("\n")[0].split()
    assert shown == ["NAME", "PHASE", "PROGRESS", "REPLAYED", "RATE", "ETA", "TOPIC", "AGE"]
    explained = plane.kubectl("explain", "orderreplay.spec.eventsPerSecond").stdout
    assert "Not faster than this, all shards together" in explained


def test_a_status_is_kept_whole(ns: Cell) -> None:
    """Field by field, so that nothing of it is ever pruned."""
    ns.create(replay("kept"))
    crd = yaml.safe_load((CRDS / "orderreplays.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]

    def sample(schema: Object) -> Any:
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("format") == "date-time":
            return "2026-11-01T00:00:00Z"
        kind = schema["type"]
        if kind == "array":
            return [sample(schema["items"])]
        if kind == "object" and "properties" in schema:
            return {name: sample(each) for name, each in schema["properties"].items()}
        if kind == "object":
            return {"2026-11-01": sample(schema["additionalProperties"])}
        return {"string": "x", "integer": 1, "number": 0.5, "boolean": True}[kind]

    status = sample(schema)
    ns.set_status("kept", status, "orderreplays")
    assert ns.status("kept") == status
