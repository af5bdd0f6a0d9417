"""Processes that handle messages are used again, replaced when they are lost, and not started in a hot loop."""

import subprocess
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from devcluster.processes import wait_until
from queueworker.errors import UsageError
from queueworker.handlers import process_pool
from queueworker.handlers.process_pool import HandlerFailedError, HandlerProcess, PooledHandler, ProcessLostError
from queueworker.model import InterruptedWorkError, Message

MESSAGE = Message("id", "body", "handle")


class FakeProcess:
    """A process that handles messages as the test says."""

    process: subprocess.Popen[bytes]
    """One that has ended, for all."""

    def __init__(self, handle: Callable[[], None], *, starts: bool) -> None:
        self._handle, self._starts, self.closed = handle, starts, False
        self.takes_batches = False

    def wait_until_loaded(self) -> None:
        pass

    def wait_until_ready(self) -> None:
        if not self._starts:
            raise ProcessLostError("no database")

    def usable(self) -> bool:
        return not self.closed

    def handle(self, _: Message, /) -> None:
        try:
            self._handle()
        except ProcessLostError:
            self.closed = True
            raise

    def cancel(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


class Started:
    """A pool, its processes, and when each was started."""

    def __init__(self, handle: Callable[[], None]) -> None:
        self.processes: list[FakeProcess] = []
        self.at: list[float] = []
        self._handle = handle
        self.failing_starts = 0
        self.refused: list[Exception] = []
        """What further starts raise before there is a process, the last one first."""
        self.pool = PooledHandler(self._start, jitter=lambda: 0.0)
        assert self.pool.start_up()

    def _start(self) -> HandlerProcess:
        if self.refused:
            self.at.append(time.monotonic())
            raise self.refused.pop()
        self.processes.append(FakeProcess(self._handle, starts=not self.failing_starts))
        self.failing_starts = max(0, self.failing_starts - 1)
        self.at.append(time.monotonic())
        return self.processes[-1]


@pytest.fixture(scope="module", autouse=True)
def _ended() -> None:
    FakeProcess.process = subprocess.Popen(["true"])
    FakeProcess.process.wait()


def lose() -> None:
    raise ProcessLostError("gone")


def test_an_idle_process_takes_the_next_message_and_another_is_started_only_while_it_is_busy() -> None:
    together = threading.Barrier(2)

    def meet() -> None:
        together.wait(60)

    started = Started(meet)
    threads = [threading.Thread(target=started.pool, args=(MESSAGE,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started.processes) == 2
    started = Started(lambda: None)
    for _ in range(5):
        started.pool(MESSAGE)
    assert len(started.processes) == 1


def test_an_idle_process_that_has_ended_gets_no_message() -> None:
    started = Started(lambda: None)
    started.processes[0].closed = True
    started.pool(MESSAGE)
    assert len(started.processes) == 2


def test_a_process_that_is_lost_alone_is_replaced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the message's fault."""
    monkeypatch.setattr(process_pool, "RESTART_BASE_SECONDS", 60.0)
    monkeypatch.setattr(process_pool, "RESTART_LIMIT_SECONDS", 60.0)
    started = Started(lose)
    for _ in range(2):
        with pytest.raises(ProcessLostError):
            started.pool(MESSAGE)
    first, second = started.at
    assert second - first < process_pool.RESTART_BASE_SECONDS


def test_processes_that_are_lost_one_after_the_other_are_started_more_and_more_slowly() -> None:
    started = Started(lose)
    for _ in range(3):
        with pytest.raises(ProcessLostError):
            started.pool(MESSAGE)
    _, second, third = started.at
    assert third - second >= process_pool.RESTART_BASE_SECONDS


def test_the_wait_before_a_restart_ends_with_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "RESTART_BASE_SECONDS", 60.0)
    monkeypatch.setattr(process_pool, "RESTART_LIMIT_SECONDS", 60.0)
    started = Started(lose)
    for _ in range(2):
        with pytest.raises(ProcessLostError):
            started.pool(MESSAGE)
    stopping = threading.Timer(0.1, started.pool.stop)
    stopping.start()
    with pytest.raises(InterruptedWorkError):
        started.pool(MESSAGE)
    stopping.join()
    assert len(started.processes) == 2


def test_a_handler_that_fails_loses_no_process() -> None:
    def fail() -> None:
        raise HandlerFailedError("out of paper")

    started = Started(fail)
    for _ in range(5):
        with pytest.raises(HandlerFailedError):
            started.pool(MESSAGE)
    assert len(started.processes) == 1


def test_a_process_that_does_not_start_is_not_the_fault_of_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "RESTART_BASE_SECONDS", 0.05)
    started = Started(lambda: None)
    started.processes[0].closed = True
    started.failing_starts = 3
    started.pool(MESSAGE)
    assert len(started.processes) == 5
    gaps = [later - earlier for earlier, later in pairwise(started.at[1:])]
    assert gaps[1] >= 0.05, "the first may be tried again at once"
    assert gaps[2] >= 0.1


@pytest.mark.parametrize("error", [UsageError("the program is gone"), OSError("no more processes")])
def test_what_cannot_be_started_is_tried_again_more_and_more_slowly(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(process_pool, "RESTART_BASE_SECONDS", 0.05)
    started = Started(lambda: None)
    started.processes[0].closed = True
    started.refused = [error] * 3
    started.pool(MESSAGE)
    assert len(started.processes) == 2
    gaps = [later - earlier for earlier, later in pairwise(started.at[1:])]
    assert gaps[1] >= 0.05, "the first may be tried again at once"
    assert gaps[2] >= 0.1


def test_a_message_that_waits_for_a_process_takes_one_that_has_become_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "RESTART_BASE_SECONDS", 60.0)
    monkeypatch.setattr(process_pool, "RESTART_LIMIT_SECONDS", 60.0)
    busy, proceed = threading.Event(), threading.Event()

    def work() -> None:
        if not busy.is_set():
            busy.set()
            assert proceed.wait(60)

    started = Started(work)
    first = threading.Thread(target=started.pool, args=(MESSAGE,))
    first.start()
    assert busy.wait(60)
    started.failing_starts = 2
    second = threading.Thread(target=started.pool, args=(MESSAGE,))
    second.start()
    wait_until(lambda: bool(started.pool._changed._waiters), 60, "the second does not wait")  # type: ignore[attr-defined]
    proceed.set()
    for thread in (first, second):
        thread.join(60)
        assert not thread.is_alive()
    assert len(started.processes) == 3
