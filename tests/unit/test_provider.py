"""The simulated payment provider: what it declines is known beforehand."""

from decimal import Decimal

import pytest

from services.payment.provider import Action, Outcome, Request, Simulator


def simulator(*, decline_rate: float = 0, seed: str = "seed") -> Simulator:
    return Simulator(latency=0, decline_rate=decline_rate, seed=seed)


def request(
    order: int | str = 1,
    action: Action = "authorise",
    *,
    email: str = "ada@example.com",
    transaction: str | None = None,
) -> Request:
    return Request(action, f"order-{order}", Decimal("9.99"), email, transaction)


def declined(provider: Simulator, orders: int) -> set[int]:
    """The numbers of the orders that a provider declines."""
    answers = provider.perform([request(number) for number in range(orders)])
    return {number for number, answer in enumerate(answers) if answer.result == "declined"}


@pytest.mark.parametrize(
    "email", ["decline@example.com", "DECLINE-ada@example.com", "declined@x.y"]
)
def test_an_address_that_begins_with_decline_is_declined(email: str) -> None:
    (answer,) = simulator().perform([request(email=email)])
    assert answer == Outcome("declined", reason="Card declined")


@pytest.mark.parametrize("email", ["ada@example.com", "ada.decline@example.com", "ada@decline.com"])
def test_any_other_address_is_not_declined(email: str) -> None:
    (answer,) = simulator().perform([request(email=email)])
    assert answer.result == "done"
    assert answer.transaction_id


@pytest.mark.parametrize("action", ["capture", "void", "refund"])
def test_only_an_authorisation_is_declined(action: Action) -> None:
    known = request(1, action, email="decline@example.com", transaction="txn_1")
    assert simulator(decline_rate=1).perform([known]) == [Outcome("done", "txn_1")]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_the_share_that_is_declined_is_near_the_rate(rate: float) -> None:
    assert len(declined(simulator(decline_rate=rate), 4000)) == pytest.approx(4000 * rate, abs=80)


def test_the_seed_fixes_which_orders_are_declined() -> None:
    first = declined(simulator(decline_rate=0.3), 500)
    assert declined(simulator(decline_rate=0.3), 500) == first
    assert declined(simulator(decline_rate=0.3, seed="another"), 500) != first


def test_a_higher_rate_declines_the_same_orders_and_more() -> None:
    few, many = (declined(simulator(decline_rate=rate), 500) for rate in (0.1, 0.4))
    assert few < many


def test_a_repeated_request_gets_its_first_answer_again() -> None:
    provider = simulator(decline_rate=0.5)
    requests = [request(number) for number in range(50)]
    first = provider.perform(requests)
    assert provider.perform(requests[::-1]) == first[::-1]
    assert [provider.perform([each])[0] for each in requests] == first


def test_every_try_at_the_same_thing_has_the_same_key_and_no_other_has_it() -> None:
    actions: tuple[Action, ...] = ("authorise", "capture", "void", "refund")
    keys = {request(order, action).idempotency_key for order in (1, 2) for action in actions}
    assert len(keys) == 8
    assert request(1).idempotency_key == request(1, email="new@example.com").idempotency_key


def test_nothing_is_asked_where_there_is_nothing_to_do() -> None:
    assert simulator().perform([]) == []
