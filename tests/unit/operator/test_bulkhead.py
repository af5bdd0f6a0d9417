"""The bulkhead: calls that do not return delay no quick ones, and count as slow the next time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from queueworkerpool.queues.sqs import bulkhead
from queueworkerpool.queues.sqs.bulkhead import SLOW_PER_QUICK, Bulkhead

PATIENCE_SECONDS = 60.0

T = TypeVar("T")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count a call as slow sooner than in production."""
    monkeypatch.setattr(bulkhead, "SLOW_SECONDS", 0.05)


@pytest.fixture
def two() -> Iterator[Bulkhead]:
    made = Bulkhead(quick=2)
    yield made
    made.close()


async def run(where: Bulkhead, key: str, call: Callable[[], T]) -> T:
    """Make a call that blocks, in a thread, in a place of the bulkhead."""
    return await where.hold(key, lambda: where.in_thread(call))


@asynccontextmanager
async def black_holes(where: Bulkhead, count: int) -> AsyncIterator[list["asyncio.Task[bool]"]]:
    """Calls that do not come back while the body runs."""
    end = threading.Event()
    tasks = [asyncio.create_task(run(where, f"hole {number}", end.wait)) for number in range(count)]
    try:
        yield tasks
    finally:
        end.set()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_SECONDS)


async def full(where: Bulkhead) -> None:
    """Return when all slow places are taken."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not where._slow.locked():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


async def answered(where: Bulkhead, about: str = "healthy") -> str:
    return await asyncio.wait_for(run(where, about, lambda: "answer"), PATIENCE_SECONDS)


@pytest.mark.parametrize("holes", [1, 2, 2 * SLOW_PER_QUICK])
async def test_quick_calls_return_however_many_do_not(two: Bulkhead, holes: int) -> None:
    async with black_holes(two, holes):
        assert [await answered(two, f"healthy {number}") for number in range(5)] == ["answer"] * 5


async def test_what_was_slow_last_time_takes_no_quick_place_even_when_the_slow_ones_are_full(two: Bulkhead) -> None:
    async with black_holes(two, 2 * SLOW_PER_QUICK):
        await full(two)
    async with black_holes(two, 2 * SLOW_PER_QUICK):
        await full(two)
        waiting = asyncio.create_task(answered(two, "hole 0"))
        assert await answered(two) == "answer"
        assert not waiting.done()
    assert await waiting == "answer"


async def test_what_is_quick_again_counts_as_quick_again(two: Bulkhead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkhead, "SLOW_SECONDS", 1.0)  # a call is not quick on a busy machine
    async with black_holes(two, 1) as tasks:
        await asyncio.wait(tasks, timeout=2 * bulkhead.SLOW_SECONDS)
    assert list(two._slow_before) == ["hole 0"]
    assert await answered(two, "hole 0") == "answer"
    assert two._slow_before == {}


async def test_what_a_call_raises_is_raised(two: Bulkhead) -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await run(two, "broken", fail)


async def test_a_cancelled_call_frees_its_place(two: Bulkhead) -> None:
    async with black_holes(two, 2 * SLOW_PER_QUICK + 2) as tasks:
        for task in tasks[-4:]:
            task.cancel()
        await asyncio.wait(tasks[-4:])
        del tasks[-4:]
        assert await answered(two) == "answer"
