"""What a handler returned: it is waited for, or its message fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from queueworker.handlers.returned import HandlerReturnedError, finish, finish_async


class Done:
    """Whether the work was done."""

    def __init__(self) -> None:
        self.done = False

    async def work(self) -> None:
        await asyncio.sleep(0)
        self.done = True

    async def work_later(self) -> Any:
        return self.work()

    def __await__(self) -> Generator[Any, None, None]:
        return self.work().__await__()


AWAITABLES: dict[str, Callable[[Done], object]] = {
    "a coroutine, as of an async function behind a plain decorator": Done.work,
    "an object that can be awaited": lambda done: done,
    "a coroutine that returns a coroutine": Done.work_later,
}


def iterate() -> Iterator[None]:
    yield


async def iterate_async() -> AsyncIterator[None]:
    yield


SURPRISES: dict[str, tuple[Callable[[], object], str]] = {
    "a generator": (iterate, "a generator, of which nothing has run"),
    "an asynchronous generator": (iterate_async, "a generator, of which nothing has run"),
    "an iterator": (lambda: map(print, ()), "an object of type map"),
    "a function": (lambda: iterate, "an object of type function"),
    "a future of a thread": (Future, "an object of type Future"),
    "the failures of a batch": (lambda: {"batchItemFailures": []}, "an object of type dict"),
    "false": (lambda: False, "an object of type bool"),
}


@pytest.mark.parametrize("make", AWAITABLES.values(), ids=AWAITABLES)
def test_what_can_be_awaited_is_awaited(make: Callable[[Done], object]) -> None:
    done = Done()
    finish(make(done))
    assert done.done


@pytest.mark.parametrize("make", AWAITABLES.values(), ids=AWAITABLES)
async def test_what_can_be_awaited_is_awaited_on_the_running_loop(make: Callable[[Done], object]) -> None:
    done = Done()
    await finish_async(make(done))
    assert done.done


@pytest.mark.parametrize(("make", "expected"), SURPRISES.values(), ids=SURPRISES)
def test_anything_else_is_a_failure(make: Callable[[], object], expected: str) -> None:
    with pytest.raises(HandlerReturnedError, match=expected):
        finish(make())


def test_nothing_is_success() -> None:
    finish(None)


def test_what_an_awaitable_raises_is_raised() -> None:
    async def fail() -> None:
        raise RuntimeError("out of paper")

    with pytest.raises(RuntimeError, match="out of paper"):
        finish(fail())
