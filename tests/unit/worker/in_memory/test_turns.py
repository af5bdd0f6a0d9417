"""How time passes at once: threads take turns, and the clock jumps when all of them wait."""

import threading
from collections.abc import Callable

import pytest

from queueworker.testing import Clock, StuckError


@pytest.fixture
def clock() -> Clock:
    return Clock()


def started(clock: Clock, journal: list[tuple[float, str]], name: str, *seconds: float) -> None:
    """Start a thread that lets time pass again and again, and writes down when it went on."""

    def work() -> None:
        for each in seconds:
            clock.advance(each)
            journal.append((round(clock.now, 3), name))

    clock.start(name, work)


def test_who_waits_for_the_earliest_moment_goes_on_first(clock: Clock) -> None:
    journal: list[tuple[float, str]] = []
    with clock.run(10):
        started(clock, journal, "a", 3, 3)
        started(clock, journal, "b", 2, 2, 2, 2)
        clock.advance(7)
    assert journal == [(2, "b"), (3, "a"), (4, "b"), (6, "a"), (6, "b")]


def test_a_run_leaves_no_thread(clock: Clock) -> None:
    before = set(threading.enumerate())
    with clock.run(10):
        started(clock, [], "ends later than the run", 3600)
        clock.start("waits for ever", lambda: waits_for_nothing(clock))
        clock.advance(1)
    assert set(threading.enumerate()) == before


def test_time_passes_between_runs_too(clock: Clock) -> None:
    clock.advance(5)
    with clock.run(10):
        clock.advance(2)
    clock.advance(1)
    assert clock.now == 8


def test_half_a_second_takes_no_real_time_however_often(clock: Clock) -> None:
    with clock.run(10):
        for _ in range(10_000):
            clock.advance(0.5)
    assert clock.now == 5000


def waits_for_nothing(clock: Clock) -> None:
    clock.event().wait()


def blocks(clock: Clock) -> None:
    released = threading.Event()

    def block() -> None:
        released.wait(5)

    clock.start("handler-1", block)
    try:
        clock.advance(1)
    finally:
        released.set()


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        pytest.param(waits_for_nothing, "nothing can happen any more", id="all wait for what nobody does"),
        pytest.param(blocks, "handler-1:\n(.|\n)*released.wait", id="one blocks in real time, and is shown"),
    ],
)
def test_a_run_that_cannot_go_on_says_why(clock: Clock, work: Callable[[Clock], None], sentence: str) -> None:
    with pytest.raises(StuckError, match=sentence), clock.run(0.2):
        work(clock)


def test_a_second_run_of_a_clock_is_refused(clock: Clock) -> None:
    with clock.run(10), pytest.raises(RuntimeError, match="a run already"), clock.run(10):
        pass


@pytest.mark.parametrize(("timeout", "woken"), [(None, True), (3, True), (2, False)])
def test_a_condition_waits_until_it_is_notified_or_for_its_timeout(
    clock: Clock, timeout: float | None, *, woken: bool
) -> None:
    changed = clock.condition()

    def notify() -> None:
        clock.advance(2.5)
        with changed:
            changed.notify()

    with clock.run(10):
        clock.start("notifier", notify)
        with changed:
            assert changed.wait(timeout) == woken
        assert clock.now == pytest.approx(2.5 if woken else timeout)


def test_a_notification_wakes_as_many_as_it_says(clock: Clock) -> None:
    changed, woken = clock.condition(), []

    def wait(name: str) -> None:
        with changed:
            changed.wait()
        woken.append(name)

    with clock.run(10):
        for name in "abc":
            clock.start(name, lambda name=name: wait(name))  # type: ignore[misc]  # mypy knows no default of a lambda
        clock.advance(1)
        with changed:
            changed.notify(2)
        clock.advance(1)
        assert woken == ["a", "b"]


def test_a_semaphore_lets_in_as_many_as_it_has(clock: Clock) -> None:
    places = clock.semaphore(1)
    with clock.run(10):
        assert places.acquire()
        assert not places.acquire(blocking=False)
        assert not places.acquire(timeout=2)
        clock.start("other", places.release)
        assert places.acquire()
        assert clock.now == pytest.approx(2)


def test_an_event_is_waited_for(clock: Clock) -> None:
    ready = clock.event()
    with clock.run(10):
        assert not ready.wait(2)
        clock.start("other", ready.set)
        assert ready.wait()
        assert ready.is_set()


def test_a_thread_that_a_handler_starts_may_wait_as_well(clock: Clock) -> None:
    """It has no turn of its own, and takes one."""
    begun, done = threading.Event(), clock.event()
    with clock.run(10):

        def work() -> None:
            begun.set()
            clock.advance(5)
            done.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert begun.wait(5)
        done.wait(60)
        thread.join()
    assert done.is_set()
