"""Several events of the live feed in a message."""

import orjson

from services.analytics.feed import TOGETHER, together


def test_events_are_put_together_in_their_order_up_to_a_size_in_bytes() -> None:
    events = [{"eventId": str(n), "data": "価" * 500} for n in range(50)]
    messages = list(together(orjson.dumps(event).decode() for event in events))
    told = [orjson.loads(message) for message in messages]
    assert [event for each in told for event in each["events"]] == events
    assert {each["type"] for each in told} == {"EVENTS"}
    sizes = [len(message.encode()) for message in messages]
    assert max(sizes) < TOGETHER + 100
    assert min(sizes[:-1]) > TOGETHER - 2 * 1600


def test_an_event_that_is_larger_than_a_message_has_one_for_itself() -> None:
    large = orjson.dumps({"data": "x" * 2 * TOGETHER}).decode()
    assert [len(orjson.loads(m)["events"]) for m in together(['{"a":1}', large, "{}"])] == [1, 1, 1]
