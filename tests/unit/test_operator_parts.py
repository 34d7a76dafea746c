"""The queue, the watch over the watches, health, the settings."""

import threading
from pathlib import Path

import pytest
from replay_operator.health import Health, Watches
from replay_operator.settings import OperatorSettings
from replay_operator.workqueue import WorkQueue

A, B = ("orderreplays", "ns", "a"), ("orderreplays", "ns", "b")
EVER = 1000.0


class Clock:
    """A time that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_key_that_is_added_twice_is_worked_on_once() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(A)
    assert queue.take() == A
    queue.done(A)
    assert len(queue) == 0


def test_a_key_that_is_added_while_it_is_worked_on_comes_again_and_not_beside_it() -> None:
    queue = WorkQueue()
    queue.add(A)
    assert queue.take() == A
    queue.add(A)
    queue.add(B)
    assert queue.take() == B
    queue.done(A)
    assert queue.take() == A


def test_the_earlier_of_two_times_counts() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add(A, 10)
    queue.add(A, 20)
    queue.add(A, 5)
    clock.now = 5
    assert queue.take() == A


def test_after_each_failure_the_pause_is_longer_and_after_a_success_short_again() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add(A)
    pauses = []
    for _ in range(9):
        assert queue.take() == A
        queue.done(A, failed=True)
        (due,) = queue._due.values()
        pauses.append(due - clock.now)
        clock.now = due
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert queue.take() == A
    queue.done(A)
    queue.add(A)
    assert queue.take() == A
    queue.done(A, failed=True)
    (due,) = queue._due.values()
    assert due - clock.now == 0.5


def test_a_worker_that_waits_is_woken_by_a_key_and_ended_by_stop() -> None:
    queue = WorkQueue()
    taken, one = [], threading.Event()

    def work() -> None:
        while key := queue.take():
            taken.append(key)
            queue.done(key)
            one.set()

    worker = threading.Thread(target=work)
    worker.start()
    queue.add(A)
    assert one.wait(5)
    queue.stop()
    worker.join(5)
    assert not worker.is_alive()
    assert taken == [A]


def thing(uid: str, version: int) -> dict[str, dict[str, str]]:
    """A resource, as far as it matters here."""
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}}


def test_a_change_that_two_lists_show_and_no_watch_has_told_means_a_silent_watch() -> None:
    watches = Watches()
    watches.tell(thing("a", 1))
    assert not watches.compare([thing("a", 1)])
    assert not watches.compare([thing("a", 2)])  # the watch may tell of it any moment
    assert watches.compare([thing("a", 2)])
    watches.tell(thing("a", 2))
    assert not watches.compare([thing("a", 2)])


def test_a_watch_that_is_ahead_of_a_list_is_not_silent() -> None:
    watches = Watches()
    watches.tell(thing("a", 9))
    assert not watches.compare([thing("a", 8)])
    assert not watches.compare([thing("a", 8)])


def test_a_new_resource_that_no_watch_tells_of_is_noticed_and_a_deleted_one_forgotten() -> None:
    watches = Watches()
    assert not watches.compare([thing("new", 5)])
    assert watches.compare([thing("new", 5)])
    watches.tell(thing("new", 5))
    watches.tell(thing("new", 6), gone=True)
    assert not watches.compare([])


def test_a_part_that_stands_still_is_a_fault() -> None:
    health = Health()
    assert health.faults() == []
    health.beat("a loop")
    assert health.faults() == []
    assert health.faults(longest=-1)[0].startswith("a loop has stood still for")
    health.silent = True
    assert health.faults() == ["a watch is silent"]


def test_the_namespaces_are_read_from_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCH_NAMESPACES", raising=False)
    assert OperatorSettings().namespaces == []
    monkeypatch.setenv("WATCH_NAMESPACES", "shop, fraud,")
    assert OperatorSettings().namespaces == ["shop", "fraud"]


def test_the_template_that_comes_with_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOB_TEMPLATE", raising=False)
    assert OperatorSettings().job_template.samefile(
        Path(__file__).parents[2] / "operator" / "job-template.yaml"
    )
