"""Which faults of the database pass by themselves, so that the same is tried again."""

import psycopg2
import pytest
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    TimeoutError,
)

from services.eventkit.database import is_transient
from services.eventkit.event import InvalidMessage


def fault(state: str | None, kind: type[psycopg2.Error] = psycopg2.Error) -> DBAPIError:
    """A fault that PostgreSQL gave a state for, as SQLAlchemy raises it."""
    named = type("Named", (kind,), {"pgcode": state})
    return DBAPIError("SELECT 1", {}, named("fault"))


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ("08006", "connection failure"),
        ("25006", "read-only transaction, as after a failover"),
        ("25P03", "idle in transaction too long"),
        ("40001", "serialization failure"),
        ("40P01", "deadlock"),
        ("53300", "too many connections"),
        ("53100", "disk full"),
        ("55P03", "lock not available"),
        ("57P01", "shutdown"),
        ("57P03", "starting up"),
        ("57014", "statement timeout"),
        ("58030", "input/output error"),
    ],
)
def test_what_the_server_gets_over_is_tried_again(state: str, what: str) -> None:
    assert is_transient(fault(state)), what


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ("22P05", "a NUL in jsonb"),
        ("22003", "a number out of range"),
        ("22P02", "text that is no uuid"),
        ("23505", "a row that is there already"),
        ("23514", "a check that does not hold"),
        ("42P01", "no such table"),
        ("42501", "not permitted"),
    ],
)
def test_what_is_wrong_with_the_request_is_not(state: str, what: str) -> None:
    assert not is_transient(fault(state)), what


@pytest.mark.parametrize(
    "error", [psycopg2.OperationalError("gone"), psycopg2.InterfaceError("shut")]
)
def test_a_lost_connection_is_tried_again(error: psycopg2.Error) -> None:
    assert is_transient(error)
    assert is_transient(OperationalError("SELECT 1", {}, error))
    assert is_transient(DBAPIError("SELECT 1", {}, psycopg2.Error(), connection_invalidated=True))


def test_waiting_in_vain_for_a_connection_of_the_pool_is_tried_again() -> None:
    assert is_transient(TimeoutError("no connection is free"))
    assert is_transient(DisconnectionError("stale"))


@pytest.mark.parametrize(
    "error",
    [
        InvalidMessage("nonsense"),
        ValueError("nonsense"),
        KeyError("nonsense"),
        psycopg2.DataError("nonsense"),
        IntegrityError("INSERT", {}, psycopg2.IntegrityError("twice")),
        ProgrammingError("SELEKT", {}, psycopg2.ProgrammingError("what?")),
    ],
)
def test_what_no_retry_mends_is_not_tried_again(error: Exception) -> None:
    assert not is_transient(error)
