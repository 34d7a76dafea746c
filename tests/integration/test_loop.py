"""Background loops on a real PostgreSQL."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine

from services.eventkit import loop
from services.eventkit.loop import Loop
from tests.system import eventually


def test_a_wake_up_that_comes_during_the_leaders_round_is_heard_after_it(
    handler_database: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LONGEST_WAIT", 600.0)  # so that only the wake-up can end the wait
    engine, rounds = handler_database("payment"), []
    entered, go_on = threading.Event(), threading.Event()

    def work(db: Connection) -> None:
        with db.begin():
            db.exec_driver_sql("SELECT 1")
            entered.set()
            assert go_on.wait(30)
        rounds.append(1)

    leader = Loop("test", "bell", work, engine)
    leader.start()
    try:
        assert entered.wait(30)
        with engine.begin() as another:
            another.exec_driver_sql("NOTIFY orderflow_test_bell")
        go_on.set()
        eventually(lambda: len(rounds) >= 2)
    finally:
        go_on.set()
        leader.stop()
        leader.join(30)
