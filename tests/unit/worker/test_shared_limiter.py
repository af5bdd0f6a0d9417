"""The limiters of several queues between threads: one queue's wait ends with what another releases."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from queueworker.receive.shared_limiter import SharedLimiter, shared_limiters


@pytest.fixture
def apart() -> Callable[[SharedLimiter, int], "Future[int]"]:
    """Acquire in a thread of its own; returns once that waits."""

    def acquire(limiter: SharedLimiter, limit: int) -> "Future[int]":
        result: Future[int] = Future()
        threading.Thread(target=lambda: result.set_result(limiter.acquire(limit)), daemon=True).start()
        deadline = time.monotonic() + 60
        while not limiter.waiting:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return result

    return acquire


def test_a_queue_takes_all_but_the_reserved_slots_of_others() -> None:
    first, second, third = shared_limiters(10, (1, 1, 1))
    assert (first.total, second.total, third.total) == (8, 8, 8)
    assert first.acquire(10) == 8
    assert (second.acquire(10), third.acquire(10)) == (1, 1)


def test_a_queue_that_waits_gets_what_another_releases(apart: Callable[[SharedLimiter, int], "Future[int]"]) -> None:
    first, second = shared_limiters(4, (1, 1))
    assert (first.acquire(10), second.acquire(1)) == (3, 1)
    above_its_share, below_its_share = apart(first, 1), apart(second, 1)
    first.release()
    assert below_its_share.result(60) == 1
    assert not above_its_share.done()
    first.release()
    assert above_its_share.result(60) == 1, "nobody else wants it"


def test_a_backlog_keeps_the_queues_share_free_of_others() -> None:
    first, second = shared_limiters(4, (1, 1))
    second.backlogged = True
    assert first.acquire(10) == 2
    second.backlogged = False
    assert first.acquire(10) == 1


def test_what_was_not_acquired_wakes_nobody_and_what_was_is_free_again(
    apart: Callable[[SharedLimiter, int], "Future[int]"],
) -> None:
    first, second = shared_limiters(2, (1, 1))
    assert (first.acquire(1), second.acquire(1)) == (1, 1)
    waiting = apart(first, 1)
    first.release(0)
    second.release()
    assert not waiting.done(), "the slot is reserved for the second queue"
    assert second.acquire(1) == 1
    first.release()
    assert waiting.result(60) == 1


def test_closing_one_closes_all_and_ends_their_waits(apart: Callable[[SharedLimiter, int], "Future[int]"]) -> None:
    first, second = shared_limiters(2, (1, 1))
    assert (first.acquire(1), second.acquire(1)) == (1, 1)
    waiting = [apart(first, 1), apart(second, 1)]
    second.close()
    assert [each.result(60) for each in waiting] == [0, 0]
    assert (first.closed, second.closed) == (True, True)


def test_receivers_of_several_queues_that_compete_hold_no_more_than_there_is() -> None:
    limiters, lock, turns = shared_limiters(7, (4, 2, 1)), threading.Lock(), 400
    held, most = [0], [0]

    def receive(limiter: SharedLimiter) -> None:
        for turn in range(turns):
            acquired = limiter.acquire(1 + turn % 10)
            with lock:
                held[0] += acquired
                most[0] = max(most[0], held[0])
            limiter.backlogged = turn % 3 == 0
            with lock:
                held[0] -= acquired
            for _ in range(acquired):
                limiter.release()
        limiter.backlogged = False

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(receive, limiter) for limiter in (*limiters, *limiters)]:
            done.result(60)
    assert 1 < most[0] <= 7
    assert [limiter.acquire(10) for limiter in limiters] == [5, 1, 1], "everything is free again"
