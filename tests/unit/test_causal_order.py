"""The events of an order are shown each after what led to it, whatever the clocks say."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.reading import in_causal_order

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVICES = ("gateway", "payment", "inventory", "shipping")


@dataclass(frozen=True)
class Row:
    """What is stored of an event, as far as its place matters."""

    id: str
    causation_id: str | None
    service_name: str
    created_at: datetime


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Events as services make them, each by its own clock, in any order of arrival."""
    skews = {service: draw(st.integers(-5, 5)) for service in SERVICES}
    rows: list[Row] = []
    for number in range(draw(st.integers(0, 12))):
        service = draw(st.sampled_from(SERVICES))
        cause = draw(st.none() | st.sampled_from(rows)) if rows else None
        clock = 10 + number + skews[service]
        rows.append(
            Row(
                f"{clock:04}-{number:04}",
                cause.id if cause else None,
                service,
                NOON + timedelta(seconds=clock),
            )
        )
    return draw(st.permutations(rows))


@given(histories())
def test_no_event_comes_before_its_cause(rows: list[Row]) -> None:
    shown = [row.id for row in in_causal_order(rows)]
    for row in rows:
        if row.causation_id:
            assert shown.index(row.causation_id) < shown.index(row.id)


@given(histories())
def test_the_events_of_a_service_stay_in_the_order_in_which_it_made_them(rows: list[Row]) -> None:
    shown = in_causal_order(rows)
    for service in SERVICES:
        ids = [row.id for row in shown if row.service_name == service]
        assert ids == sorted(ids)


@given(histories())
def test_every_event_is_shown_once(rows: list[Row]) -> None:
    assert sorted(row.id for row in in_causal_order(rows)) == sorted(row.id for row in rows)


@given(histories(), st.randoms())
def test_the_order_of_arrival_does_not_matter(rows: list[Row], chance: Random) -> None:
    again = list(rows)
    chance.shuffle(again)
    assert in_causal_order(again) == in_causal_order(rows)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(SERVICES)), max_size=6))
def test_forged_events_that_cause_each_other_are_shown_all_the_same(
    forged: list[tuple[int, str]],
) -> None:
    rows = [
        Row(str(number), str(cause), service, NOON)
        for number, (cause, service) in enumerate(forged)
    ]
    assert sorted(row.id for row in in_causal_order(rows)) == [row.id for row in rows]


def test_a_cause_that_is_not_there_is_not_waited_for() -> None:
    row = Row("1", "never seen", "payment", NOON)
    assert in_causal_order([row]) == [row]


def test_time_decides_where_nothing_else_does() -> None:
    late = Row("1", None, "payment", NOON + timedelta(seconds=1))
    early = Row("2", None, "inventory", NOON)
    assert in_causal_order([late, early]) == [early, late]
