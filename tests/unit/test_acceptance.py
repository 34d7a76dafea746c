"""An order as a client sends it: what is read, and what is refused and why."""

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from services.eventkit.http import check
from services.eventkit.problems import Problem
from services.gateway.acceptance import OrderRequest, fingerprint

MISSING = object()
LINE = {"productId": "PROD-001", "quantity": 2}
ORDER: dict[str, Any] = {
    "customerId": "CUST-001",
    "customerEmail": "ada@example.com",
    "items": [LINE],
}


def order(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (ORDER | changes).items() if value is not MISSING}


def line(**changes: Any) -> dict[str, Any]:
    whole = LINE | changes
    return order(items=[{name: value for name, value in whole.items() if value is not MISSING}])


def refusal(value: Any) -> str:
    """What is said of an order that is refused."""
    with Flask(__name__).test_request_context("/api/orders"), pytest.raises(Problem) as refused:
        check(OrderRequest, value)
    assert (refused.value.status, refused.value.code) == (400, "invalid-request")
    return refused.value.detail


@pytest.mark.parametrize(
    ("quantity", "advice"),
    [
        (0, "greater than or equal to 1"),
        (-3, "greater than or equal to 1"),
        (10**9, "less than or equal to 1000"),
        (10**4000, "less than or equal to 1000"),
        (Decimal("1.5"), "Send a whole number, without a fraction or quotes"),
        (Decimal("1E+9"), "Send a whole number, without a fraction or quotes"),
        ("2", "Send a whole number, without a fraction or quotes"),
        (True, "Send a whole number, without a fraction or quotes"),
        (None, "Send a whole number, without a fraction or quotes"),
        ([], "Send a whole number, without a fraction or quotes"),
        (MISSING, "Send it; it is missing"),
    ],
)
def test_a_quantity_is_a_whole_number_from_1_to_1000(quantity: Any, advice: str) -> None:
    said = refusal(line(quantity=quantity))
    assert said.startswith("items[0].quantity: ")
    assert advice in said


@pytest.mark.parametrize(
    ("price", "advice"),
    [
        (Decimal("-0.01"), "greater than or equal to 0"),
        (-5, "greater than or equal to 0"),
        ("79.99", "Send a number, such as 79.99, or leave it out"),
        (True, "Send a number"),
        ([], "Send a number"),
        ({}, "Send a number"),
        (float("nan"), "Send a number"),
        (float("inf"), "Send a number"),
        (Decimal("NaN"), "finite"),
        (Decimal("Infinity"), "finite"),
    ],
)
def test_a_price_is_a_number_that_is_not_negative(price: Any, advice: str) -> None:
    said = refusal(line(price=price))
    assert said.startswith("items[0].price: ")
    assert advice in said


@pytest.mark.parametrize("price", [Decimal("79.99"), 80, Decimal("1E+9"), 10**4000, None, MISSING])
def test_a_price_that_may_be_right_is_for_the_catalogue_to_judge(price: Any) -> None:
    read = check(OrderRequest, line(price=price)).items[0].price
    assert read == (None if price in (None, MISSING) else price)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@@example.com",
        "ada@example..com",
        "ada@.com",
        "ada@example.com.",
        "ada lovelace@example.com",
        "ada@exa mple.com",
        "ada@example.com\n",
        "ada@example.com\nbcc: eve@example.com",
        "ada\0@example.com",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 250}.com",
    ],
)
def test_a_bad_email_address_is_refused(email: str) -> None:
    assert refusal(order(customerEmail=email)).startswith("customerEmail: ")


@pytest.mark.parametrize("email", [None, 1, [], MISSING, "\ud800@example.com"])
def test_an_email_address_is_text(email: Any) -> None:
    assert refusal(order(customerEmail=email)).startswith("customerEmail: ")


@pytest.mark.parametrize("email", ["a@b.co", "ada+shop@mail.example.com", "jürgen@bücher.example"])
def test_a_good_email_address_is_taken_as_it_is(email: str) -> None:
    assert check(OrderRequest, order(customerEmail=email)).customer_email == email


@pytest.mark.parametrize("where", ["customerId", "productId"])
@pytest.mark.parametrize(
    "id", ["", "  ", "x" * 256, "x" * 300, "A\0B", "\ud800", 7, None, [], MISSING]
)
def test_an_id_is_text_of_1_to_255_characters(where: str, id: Any) -> None:
    value = order(customerId=id) if where == "customerId" else line(productId=id)
    assert f"{where}: " in refusal(value)


def test_space_around_an_id_is_cut_off() -> None:
    assert check(OrderRequest, order(customerId=" CUST-001 ")).customer_id == "CUST-001"


@pytest.mark.parametrize(
    "items", [[], None, {}, "PROD-001", 1, MISSING, [None], ["PROD-001"], [[]], [LINE] * 1000]
)
def test_items_are_a_list_of_1_to_100_lines(items: Any) -> None:
    assert refusal(order(items=items)).startswith("items")


def test_a_thousand_lines_are_told_the_limit() -> None:
    assert "at most 100" in refusal(order(items=[LINE] * 1000))


@pytest.mark.parametrize("name", ["Wire\0less", "\ud800", 7, []])
def test_a_name_is_text_that_can_be_stored(name: Any) -> None:
    assert refusal(line(name=name)).startswith("items[0].name: ")


def test_every_fault_of_an_order_is_told_at_once() -> None:
    with pytest.raises(Problem) as refused:
        check(OrderRequest, {"items": [{"quantity": 0}, {"productId": "", "quantity": 1}]})
    fields = {fault["field"] for fault in refused.value.more["errors"]}
    assert fields == {
        "customerId",
        "customerEmail",
        "items[0].productId",
        "items[0].quantity",
        "items[1].productId",
    }


def test_fields_that_we_do_not_know_are_ignored() -> None:
    assert check(OrderRequest, order(coupon="X")) == check(OrderRequest, ORDER)


def test_a_repeated_order_is_known_by_what_it_means_and_another_is_not() -> None:
    def print_of(value: dict[str, Any]) -> str:
        return fingerprint(check(OrderRequest, value))

    turned = dict(reversed(order(coupon="X").items()))
    assert print_of(turned) == print_of(ORDER)
    others = [order(customerId="CUST-002"), line(quantity=3), line(price=Decimal("79.99"))]
    assert len({print_of(value) for value in [ORDER, *others]}) == 4


def test_the_same_price_written_otherwise_is_the_same_order() -> None:
    same = {fingerprint(check(OrderRequest, line(price=Decimal(p)))) for p in ("80", "80.0", "8E1")}
    assert len(same) == 1
