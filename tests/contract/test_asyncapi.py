"""``asyncapi.yaml`` says who sends what to whom as the code does it."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from services.eventkit import deadletter
from services.events import LANGUAGE, EventType, Topic
from services.orderreplay.spec import CHECKPOINTS, TOPIC
from services.registry import NAMES, load
from tests.contract.documents import CONTRACTS, document, faults, references, resolve

ASYNCAPI = document("asyncapi.yaml")
# The official schema, cut down to the protocols that we speak; its first line says what was cut.
OFFICIAL = json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text("utf-8"))
SERVICES = Path(__file__).parents[2] / "services"
FEED = ("CONNECTED", "EVENT", "EVENTS", "STATS_UPDATE", "GAP", "HEARTBEAT")


def name(reference: dict[str, str]) -> str:
    """The last part of a reference."""
    return reference["$ref"].rpartition("/")[2]


def operations(action: str) -> dict[tuple[str, str], set[str]]:
    """The messages of the operations of an action, by who does it and the channel."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for operation in ASYNCAPI["operations"].values():
        if operation["action"] == action:
            key = operation["tags"][0]["name"], name(operation["channel"])
            found[key] |= {name(message) for message in operation["messages"]}
    return found


def test_the_document_is_valid_asyncapi_3_0() -> None:
    errors = Draft7Validator(OFFICIAL).iter_errors(ASYNCAPI)
    assert [f"{error.json_path}: {error.message}"[:300] for error in errors] == []


def test_the_schema_that_it_is_checked_by_does_refuse() -> None:
    channel = {"address": "orders", "mesages": {}}
    broken = ASYNCAPI | {"channels": ASYNCAPI["channels"] | {"orders": channel}}
    assert not Draft7Validator(OFFICIAL).is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(ASYNCAPI)):
        file, _, pointer = reference.partition("#")
        if file and not pointer:
            assert (CONTRACTS / file).is_file(), reference
        else:
            resolve(file or "asyncapi.yaml", f"#{pointer}")


def test_the_channels_are_the_topics_of_the_code_and_the_feed() -> None:
    addresses = {channel["address"] for channel in ASYNCAPI["channels"].values()}
    assert addresses == {*Topic, TOPIC, CHECKPOINTS, deadletter.TOPIC, "/ws"}


@pytest.mark.parametrize("topic", Topic)
def test_a_topic_carries_the_event_types_of_the_code(topic: Topic) -> None:
    described = set(ASYNCAPI["channels"][topic]["messages"])
    assert described == {type for type in EventType if LANGUAGE.topics[type] == topic}


def test_the_replay_topic_may_carry_any_event() -> None:
    assert set(ASYNCAPI["channels"][TOPIC]["messages"]) == {"Replayed"}
    events = set(references(ASYNCAPI["components"]["schemas"]["Replayed"]))
    assert events == {f"events/{each}.schema.json" for each in ("envelope", *EventType)}


def test_the_live_topics_that_events_are_replayed_from_are_those_of_the_code() -> None:
    described = ASYNCAPI["components"]["schemas"]["Replayed"]["properties"]["replay"]
    assert described["properties"]["originalTopic"]["enum"] == list(Topic)


@pytest.mark.parametrize("type", EventType)
def test_each_event_has_its_schema_its_headers_and_its_key(type: EventType) -> None:
    message = ASYNCAPI["components"]["messages"][type]
    assert message["name"] == type
    assert message["payload"] == {"$ref": f"events/{type}.schema.json"}
    assert message["traits"] == [{"$ref": "#/components/messageTraits/event"}]


@pytest.mark.parametrize("service", NAMES)
def test_a_service_receives_what_its_handlers_are_for(service: str) -> None:
    handled: dict[tuple[str, str], set[str]] = defaultdict(set)
    for type in load(service).handlers:
        handled[service, LANGUAGE.topics[type]].add(type)
    described = {key: value for key, value in operations("receive").items() if key[0] == service}
    assert described == handled


@pytest.mark.parametrize("service", NAMES)
def test_a_service_consumes_in_a_group_of_its_own_name(service: str) -> None:
    for operation in ASYNCAPI["operations"].values():
        if operation["action"] == "receive" and operation["tags"][0]["name"] == service:
            assert operation["bindings"]["kafka"]["groupId"]["const"] == service


@pytest.mark.parametrize("topic", Topic)
def test_a_topic_is_written_by_one_service_whose_code_names_its_events(topic: Topic) -> None:
    [(service, sent)] = [(k[0], v) for k, v in operations("send").items() if k[1] == topic]
    assert sent == set(ASYNCAPI["channels"][topic]["messages"])
    code = "".join(file.read_text("utf-8") for file in (SERVICES / service).glob("*.py"))
    assert [type for type in sent if f"EventType.{type}" not in code] == []


@pytest.mark.parametrize("key", ASYNCAPI["components"]["messages"])
def test_the_examples_fit_the_schemas(key: str) -> None:
    message = ASYNCAPI["components"]["messages"][key]
    own = f"asyncapi.yaml#/components/messages/{key}/payload"
    for example in message.get("examples", []):
        payload: Any = example["payload"]
        assert faults(own, payload) == []
        if headers := example.get("headers"):
            assert faults("asyncapi.yaml#/components/schemas/EventHeaders", headers) == []
            assert headers["event-id"] == payload["eventId"]
            assert headers["correlation-id"] == payload["metadata"]["correlationId"]
            source = payload["metadata"]["source"]
            if key == "Replayed":
                assert faults("asyncapi.yaml#/components/schemas/ReplayHeaders", headers) == []
                assert headers["replay-id"] == payload["replay"]["id"]
            else:
                assert key in operations("send")[source, LANGUAGE.topics[key]]
    assert message.get("examples") or key in ("DeadLetter", "RedriveNote")


def test_the_feed_is_where_the_analytics_service_serves_it() -> None:
    feed = ASYNCAPI["channels"]["feed"]
    service = load("analytics")
    assert ASYNCAPI["servers"]["feed"]["host"] == f"localhost:{service.port}"
    assert feed["address"] in {rule.rule for rule in service.create_app().url_map.iter_rules()}
    assert tuple(feed["messages"]) == FEED


def test_the_messages_of_the_feed_are_those_of_the_code() -> None:
    code = "".join(
        (SERVICES / "analytics" / file).read_text("utf-8") for file in ("feed.py", "routes.py")
    )
    for type in FEED:
        assert re.search(f'"type": ?"{type}"', code), type


def test_the_headers_of_a_dead_letter_are_those_of_the_code() -> None:
    code = (SERVICES / "eventkit" / "deadletter.py").read_text("utf-8")
    schemas = ASYNCAPI["components"]["schemas"]
    for header in (
        *schemas["DeadLetterHeaders"]["required"],
        *schemas["RedriveNoteHeaders"]["required"],
    ):
        assert f'"{header}"' in code
    assert deadletter.REDRIVE_TO in schemas["EventHeaders"]["properties"]
