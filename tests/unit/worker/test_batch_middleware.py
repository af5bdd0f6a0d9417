"""What middleware sees of the messages of a batch, and what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from queueworker import Message, PartialFailure, Retry
from queueworker.errors import UsageError
from queueworker.handlers.batch_middleware import wrap_batch
from queueworker.handlers.batches import failures_of, finish_batch
from queueworker.handlers.handler import BatchHandler, is_coroutine_batch_function
from queueworker.handlers.middleware import MiddlewareError
from queueworker.hooks import Middleware
from tests.unit.worker.test_middleware import Journal

MESSAGES = [Message(f"m-{number}", "", "receipt") for number in range(3)]
M0, M1, M2 = MESSAGES

Handle = Callable[[Sequence[Message]], object]


def plain(handle: Handle) -> BatchHandler:
    return BatchHandler(handle)


def coroutine(handle: Handle) -> BatchHandler:
    async def handle_async(messages: Sequence[Message]) -> object:
        await asyncio.sleep(0)
        return handle(messages)

    return BatchHandler(handle_async)


KINDS: dict[str, tuple[Callable[[Handle], BatchHandler], Callable[[Journal, str], Middleware]]] = {
    "plain around plain": (plain, Journal.middleware),
    "plain around a coroutine": (coroutine, Journal.middleware),
    "async around a coroutine": (coroutine, Journal.async_middleware),
}
kinds = pytest.mark.parametrize(("kind", "middleware"), KINDS.values(), ids=KINDS)


def fared(handler: BatchHandler) -> Sequence[BaseException | None]:
    """Return how each message fares."""
    try:
        finish_batch(handler.function(MESSAGES), MESSAGES)
    except BaseException as error:
        return failures_of(MESSAGES, error)
    return failures_of(MESSAGES, None)


@kinds
def test_it_begins_for_each_message_in_order_and_ends_for_each_in_reverse_as_that_fares(
    kind: Callable[[Handle], BatchHandler], middleware: Callable[[Journal, str], Middleware]
) -> None:
    journal, broken = Journal(), ValueError("broken")

    def handle(messages: Sequence[Message]) -> None:
        journal.events.append(f"handle {len(messages)}")
        raise PartialFailure({M0: broken})

    wrapped = wrap_batch(kind(handle), [middleware(journal, "a"), middleware(journal, "b")])
    assert is_coroutine_batch_function(wrapped.function) is (kind is coroutine)
    assert fared(wrapped) == [broken, None, None]
    begun = [f"{name} begins m-{number}" for number in range(3) for name in "ab"]
    ended = ["b ends", "a ends", "b ends", "a ends", "b sees ValueError", "a sees ValueError"]
    assert journal.events == [*begun, "handle 3", *ended]


@kinds
def test_what_all_raise_each_sees(
    kind: Callable[[Handle], BatchHandler], middleware: Callable[[Journal, str], Middleware]
) -> None:
    journal, retry = Journal(), Retry(60)

    def handle(_: Sequence[Message]) -> None:
        raise retry

    assert fared(wrap_batch(kind(handle), [middleware(journal, "a")])) == [retry, retry, retry]
    assert journal.events[3:] == ["a sees Retry"] * 3


def refusing(message: Message) -> Iterator[None]:
    if message is M1:
        raise PermissionError(message.id)
    yield


def swallowing(_: Message) -> Iterator[None]:
    with suppress(ValueError):
        yield


def never_yielding(message: Message) -> Iterator[None]:
    if message is not M2:
        yield


def replacing(_: Message) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise Retry(5) from error


async def refusing_async(message: Message) -> AsyncIterator[None]:
    if message is M1:
        raise PermissionError(message.id)
    yield


DEEDS: dict[str, tuple[Any, list[type[BaseException] | None], int]] = {
    "it refuses one": (refusing, [ValueError, PermissionError, None], 2),
    "it swallows a failure": (swallowing, [None, None, None], 3),
    "it replaces a failure": (replacing, [Retry, None, None], 3),
    "it does not yield": (never_yielding, [ValueError, None, MiddlewareError], 2),
}


@pytest.mark.parametrize("kind", [plain, coroutine])
@pytest.mark.parametrize(("middleware", "expected", "handled"), DEEDS.values(), ids=DEEDS)
def test_each_message_has_middleware_of_its_own(
    kind: Callable[[Handle], BatchHandler],
    middleware: Middleware,
    expected: list[type[BaseException] | None],
    handled: int,
) -> None:
    seen: list[Message] = []

    def handle(messages: Sequence[Message]) -> None:
        seen.extend(messages)
        raise PartialFailure({M0: ValueError("broken")})

    failures = fared(wrap_batch(kind(handle), [middleware]))
    assert [None if failure is None else type(failure) for failure in failures] == expected
    assert len(seen) == handled


def test_async_middleware_refuses_one_as_well() -> None:
    failures = fared(wrap_batch(coroutine(lambda _: None), [refusing_async]))
    assert [None if failure is None else type(failure) for failure in failures] == [None, PermissionError, None]


def test_async_middleware_around_a_plain_function_is_refused() -> None:
    with pytest.raises(UsageError, match=r"middleware .*refusing_async is async, and handler .* is not"):
        wrap_batch(plain(lambda _: None), [refusing_async])


def test_without_middleware_a_handler_stays_as_it_is() -> None:
    handler = plain(lambda _: None)
    assert wrap_batch(handler, []) is handler
