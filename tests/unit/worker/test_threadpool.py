"""Threads for small jobs: all that block are under way together, and no more threads than needed are made."""

import threading

import pytest

from queueworker.threadpool import Crew

PATIENCE_SECONDS = 20.0


@pytest.mark.parametrize(("size", "rounds"), [(1, 3), (3, 1), (3, 4), (8, 1)])
def test_jobs_that_block_are_under_way_together(size: int, rounds: int) -> None:
    meeting = threading.Barrier(size, timeout=PATIENCE_SECONDS)
    done = threading.Semaphore(0)

    def job() -> None:
        meeting.wait()
        done.release()

    Crew("test", size).submit(*[job] * size * rounds)
    for _ in range(size * rounds):
        assert done.acquire(timeout=PATIENCE_SECONDS), "not all jobs were begun at the same time"


def test_a_job_that_fails_costs_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    crew, done = Crew("test", 1), threading.Event()

    def job() -> None:
        raise ValueError

    crew.submit(job)
    crew.submit(done.set)
    assert done.wait(PATIENCE_SECONDS)
    assert [record.message for record in caplog.records] == ["a job of the worker itself failed"]


def test_jobs_given_one_by_one_while_all_sleep_are_all_done() -> None:
    crew, done = Crew("test", 4), threading.Semaphore(0)
    for _ in range(500):
        crew.submit(done.release)
        assert done.acquire(timeout=PATIENCE_SECONDS)


def test_one_thread_is_enough_for_jobs_that_end_before_the_next_is_given() -> None:
    crew, names, done = Crew("test", 8), set[str](), threading.Semaphore(0)

    def job() -> None:
        names.add(threading.current_thread().name)
        done.release()

    for _ in range(50):
        crew.submit(job)
        assert done.acquire(timeout=PATIENCE_SECONDS)
    assert len(names) <= 2  # the first may not have lain down yet when the second job comes
