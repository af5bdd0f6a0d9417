"""Threads for small jobs: all that block run at the same time, and no more threads than needed are started."""

import threading
from collections.abc import Callable

import pytest

from devcluster.processes import wait_until
from queueworker.primitives import Primitives
from queueworker.threadpool import ThreadPool

TIMEOUT_SECONDS = 60.0


@pytest.mark.parametrize(("size", "rounds"), [(1, 3), (3, 1), (3, 4), (8, 1)])
def test_jobs_that_block_run_at_the_same_time(size: int, rounds: int) -> None:
    barrier = threading.Barrier(size, timeout=TIMEOUT_SECONDS)
    done = threading.Semaphore(0)

    def job() -> None:
        barrier.wait()
        done.release()

    ThreadPool("test", size).submit(*[job] * size * rounds)
    for _ in range(size * rounds):
        assert done.acquire(timeout=TIMEOUT_SECONDS), "not all jobs were started at the same time"


def test_a_job_that_fails_does_not_end_its_thread(caplog: pytest.LogCaptureFixture) -> None:
    pool, done = ThreadPool("test", 1), threading.Event()

    def job() -> None:
        raise ValueError

    pool.submit(job)
    pool.submit(done.set)
    assert done.wait(TIMEOUT_SECONDS)
    assert [record.message for record in caplog.records] == ["job in a thread pool failed"]


def test_jobs_submitted_one_by_one_while_all_threads_are_idle_are_all_done() -> None:
    pool, done = ThreadPool("test", 4), threading.Semaphore(0)
    for _ in range(500):
        pool.submit(done.release)
        assert done.acquire(timeout=TIMEOUT_SECONDS)


def test_one_thread_is_enough_for_jobs_that_end_before_the_next_is_submitted() -> None:
    pool, names, done = ThreadPool("test", 8), set[str](), threading.Semaphore(0)

    def job() -> None:
        names.add(threading.current_thread().name)
        done.release()

    for _ in range(20):
        pool.submit(job)
        assert done.acquire(timeout=TIMEOUT_SECONDS)
        wait_until(lambda: pool._idle == 1, TIMEOUT_SECONDS, "the thread waits for no other job")
    assert len(names) == 1


class Crowded(Primitives):
    """A machine that has no room for another thread after so many."""

    def __init__(self, room: int) -> None:
        self._room = room

    def start(self, name: str, target: Callable[[], None]) -> threading.Thread:
        if not self._room:
            raise RuntimeError("can't start new thread")
        self._room -= 1
        return super().start(name, target)


def test_where_no_thread_can_be_started_those_that_run_do_all() -> None:
    busy, go_on, done = threading.Event(), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        busy.set()
        assert go_on.wait(TIMEOUT_SECONDS)
        done.release()

    pool = ThreadPool("crowded", 3, Crowded(room=1))
    pool.submit(work)
    assert busy.wait(TIMEOUT_SECONDS)
    for _ in range(3):
        pool.submit(work)
    go_on.set()
    assert all(done.acquire(timeout=TIMEOUT_SECONDS) for _ in range(4))


def test_without_any_thread_whoever_submits_is_told() -> None:
    with pytest.raises(RuntimeError, match="can't start new thread"):
        ThreadPool("crowded", 3, Crowded(room=0)).submit(lambda: None)
