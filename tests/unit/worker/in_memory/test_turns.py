"""How time passes at once: threads take turns, and the clock jumps when all of them wait."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

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
    with clock.run(60):
        started(clock, journal, "a", 3, 3)
        started(clock, journal, "b", 2, 2, 2, 2)
        clock.advance(7)
    assert journal == [(2, "b"), (3, "a"), (4, "b"), (6, "a"), (6, "b")]


def test_a_run_leaves_no_thread(clock: Clock) -> None:
    before = set(threading.enumerate())
    with clock.run(60):
        started(clock, [], "ends later than the run", 3600)
        clock.start("waits for ever", lambda: waits_for_nothing(clock))
        clock.advance(1)
    assert set(threading.enumerate()) <= before, "threads of other tests may end meanwhile"


def test_time_passes_between_runs_too(clock: Clock) -> None:
    clock.advance(5)
    with clock.run(60):
        clock.advance(2)
    clock.advance(1)
    assert clock.now == 8


def test_half_a_second_takes_no_real_time_however_often(clock: Clock) -> None:
    with clock.run(60):
        for _ in range(10_000):
            clock.advance(0.5)
    assert clock.now == 5000


def foreign_thread(clock: Clock, seconds: float | None) -> Future[bool]:
    """Return what becomes of a thread that a handler has started itself, and that waits now, for so many seconds."""
    changed, begun = clock.condition(), threading.Event()

    def work() -> bool:
        with changed:
            begun.set()
            return changed.wait(seconds)

    pool = ThreadPoolExecutor(thread_name_prefix="foreign")
    future = pool.submit(work)
    pool.shutdown(wait=False)
    begun.wait()
    with changed:  # free as soon as it waits: it must not hold the lock until it has its turn, which is ours
        return future


def waits_for_nothing(clock: Clock) -> None:
    clock.event().wait()


def waits_with_a_foreign_thread(clock: Clock) -> None:
    foreign_thread(clock, None)
    clock.event().wait()


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        pytest.param(waits_for_nothing, "nothing can happen any more", id="all wait for what nobody does"),
        pytest.param(waits_with_a_foreign_thread, "foreign_0:\n(.|\n)*changed.wait", id="a foreign thread waits too"),
    ],
)
def test_a_run_in_which_nothing_can_happen_says_so(clock: Clock, work: Callable[[Clock], None], sentence: str) -> None:
    with pytest.raises(StuckError, match=sentence), clock.run(60):
        work(clock)


def one_blocks(clock: Clock) -> None:
    released = threading.Event()

    def block() -> None:
        released.wait(60)

    clock.start("handler-1", block)
    try:
        clock.advance(1)
    finally:
        released.set()


def stuck_after(clock: Clock, timeout_seconds: float, work: Callable[[Clock], None]) -> str:
    """Return what a run says that gives up after so long."""
    with pytest.raises(StuckError) as stuck, clock.run(timeout_seconds):
        work(clock)
    return str(stuck.value)


def test_a_run_that_takes_too_long_shows_what_blocks(clock: Clock) -> None:
    """It is given more time where other programs leave the thread none to get so far."""
    assert any("released.wait" in stuck_after(clock, seconds, one_blocks) for seconds in (0.2, 2, 20))


def test_a_thread_that_has_not_begun_when_the_run_ends_never_does(clock: Clock) -> None:
    begun = threading.Event()
    with clock.run(60):
        clock.start("late", begun.set)
    assert not begun.is_set()


def test_a_second_run_of_a_clock_is_refused(clock: Clock) -> None:
    with clock.run(60), pytest.raises(RuntimeError, match="a run already"), clock.run(60):
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

    with clock.run(60):
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

    with clock.run(60):
        for name in "abc":
            clock.start(name, lambda name=name: wait(name))  # type: ignore[misc]  # mypy knows no default of a lambda
        clock.advance(1)
        with changed:
            changed.notify(2)
        clock.advance(1)
        assert woken == ["a", "b"]


def test_a_semaphore_lets_in_as_many_as_it_has(clock: Clock) -> None:
    places = clock.semaphore(1)
    with clock.run(60):
        assert places.acquire()
        assert not places.acquire(blocking=False)
        assert not places.acquire(timeout=2)
        clock.start("other", places.release)
        assert places.acquire()
        assert clock.now == pytest.approx(2)


def test_an_event_is_waited_for(clock: Clock) -> None:
    ready = clock.event()
    with clock.run(60):
        assert not ready.wait(2)
        clock.start("other", ready.set)
        assert ready.wait()
        assert ready.is_set()


def test_a_thread_that_a_handler_starts_may_wait_as_well(clock: Clock) -> None:
    with clock.run(60):
        future = foreign_thread(clock, 5)
        clock.advance(60)
        assert future.result() is False, "nobody has notified it"


def test_a_foreign_thread_that_waits_when_the_run_ends_is_ended_too(clock: Clock) -> None:
    with clock.run(60):
        future = foreign_thread(clock, None)
        clock.advance(60)
    assert "the run is over" in str(future.exception())


def test_a_thread_that_is_started_after_the_run_can_be_joined(clock: Clock) -> None:
    released, started = threading.Event(), Future[threading.Thread]()

    def blocks() -> None:
        released.wait(60)
        started.set_result(clock.start("late", lambda: None))

    with pytest.raises(StuckError), clock.run(5):
        clock.start("blocks in real time", blocks).join()
    released.set()
    late = started.result(60)
    late.join()
    assert late not in threading.enumerate()


COLLECTS_GARBAGE_ALL_THE_TIME = """
import _thread, gc
from queueworker.testing import Clock, StuckError

clock = Clock()
gc.callbacks.append(lambda *_: _thread.start_new_thread(int, ()))
try:
    with clock.run(100):
        for number in range(3):
            clock.start(f"thread {number}", lambda: clock.event().wait())
        gc.set_threshold(1)
        clock.event().wait()
except StuckError:
    gc.disable()
    print("stuck")
"""
"""Garbage is collected at each allocation, and a thread started meanwhile, as a finalizer could."""


def test_a_collection_of_garbage_while_threads_are_looked_at_does_not_freeze_the_process() -> None:
    command = [sys.executable, "-c", COLLECTS_GARBAGE_ALL_THE_TIME]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output(command, env=environment, text=True, timeout=200) == "stuck\n"
