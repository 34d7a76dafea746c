"""Events of a batch are put together by handler without changing the order within a key."""

from collections.abc import Callable
from itertools import groupby
from uuid import uuid4

from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import Connection, create_engine

from services.eventkit.consumer import Consumer, grouped
from services.eventkit.event import Event, new_event
from services.eventkit.settings import Settings
from services.events import LANGUAGE


def handler() -> Callable[[Connection, list[Event]], list[Event]]:
    """A handler that is equal to no other."""
    return lambda _db, _events: []


A, B, C = handler(), handler(), handler()
HANDLERS = {"a": A, "a too": A, "b": B, "c": C}


class Nothing(BaseModel):
    """A payload that says nothing."""


def event(key: str, type: str) -> Event:
    return new_event(type, key, Nothing(), correlation_id=str(uuid4()))


batches = st.lists(st.builds(event, st.sampled_from("1234"), st.sampled_from(sorted(HANDLERS))))


@given(batches)
def test_no_event_is_lost_or_doubled_and_each_is_with_its_handler(batch: list[Event]) -> None:
    groups = grouped(batch, HANDLERS)
    assert all(HANDLERS[e.type] is handler for handler, group in groups for e in group)
    assert sorted(e.id for _, group in groups for e in group) == sorted(e.id for e in batch)


@given(batches)
def test_the_order_within_each_key_is_kept(batch: list[Event]) -> None:
    after = [e for _, group in grouped(batch, HANDLERS) for e in group]
    for key in {e.key for e in batch}:
        assert [e.id for e in after if e.key == key] == [e.id for e in batch if e.key == key]


@given(st.lists(st.sampled_from(sorted(HANDLERS))))
def test_events_of_different_keys_make_one_group_a_handler(types: list[str]) -> None:
    batch = [event(str(number), type) for number, type in enumerate(types)]
    groups = grouped(batch, HANDLERS)
    assert len(groups) == len({id(HANDLERS[type]) for type in types})


@given(st.lists(st.sampled_from(sorted(HANDLERS))))
def test_events_of_one_key_make_a_group_wherever_the_handler_changes(types: list[str]) -> None:
    batch = [event("1", type) for type in types]
    runs = [key for key, _ in groupby(HANDLERS[type] for type in types)]
    assert [handler for handler, _ in grouped(batch, HANDLERS)] == runs


def test_a_header_without_a_value_does_not_end_the_consumer() -> None:
    consumer = Consumer(
        "payment",
        {},
        language=LANGUAGE,
        settings=Settings(),
        engine=create_engine("postgresql+psycopg2://"),
        committed=lambda _: None,
    )
    for name in ("event-type", "is-replay", "redrive-to"):
        message = Message(topic="orders", value=b"{}", headers=[(name, None)])
        assert consumer._is_ours(message) in (True, False)
