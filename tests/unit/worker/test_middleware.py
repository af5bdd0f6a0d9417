"""What middleware sees of a handler, and what becomes of the message."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import wraps
from typing import Any

import pytest

from queueworker.errors import UsageError
from queueworker.handlers.handler import Handler, is_coroutine_function
from queueworker.handlers.middleware import MiddlewareError, wrap
from queueworker.handlers.returned import HandlerReturnedError, finish
from queueworker.hooks import Middleware
from queueworker.model import InterruptedWorkError, Message, Reject, Retry

MESSAGE = Message("m-1", "body", "receipt")


class Journal:
    """Handlers and middleware that write down what happens, in both kinds."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def handler(self, error: BaseException | None = None, returned: object = None) -> Handler:
        def handle(message: Message) -> object:
            self.events.append(f"handle {message.id}")
            if error is not None:
                raise error
            return returned

        return handle

    def coroutine_handler(self, error: BaseException | None = None, returned: object = None) -> Handler:
        plain = self.handler(error, returned)

        async def handle(message: Message) -> object:
            await asyncio.sleep(0)
            return plain(message)

        return handle

    def middleware(self, name: str) -> Middleware:
        def around(message: Message) -> Iterator[None]:
            self.events.append(f"{name} begins {message.id}")
            try:
                yield
            except BaseException as error:
                self.events.append(f"{name} sees {type(error).__name__}")
                raise
            self.events.append(f"{name} ends")

        return around

    def async_middleware(self, name: str) -> Middleware:
        plain = self.middleware(name)

        async def around(message: Message) -> AsyncIterator[None]:
            generator: Any = plain(message)
            next(generator)
            await asyncio.sleep(0)
            try:
                yield
            except BaseException as error:
                generator.throw(error)
                raise
            next(generator, None)

        return around


KINDS: dict[str, tuple[Callable[..., Handler], Callable[[Journal, str], Middleware]]] = {
    "plain around plain": (Journal.handler, Journal.middleware),
    "plain around a coroutine": (Journal.coroutine_handler, Journal.middleware),
    "async around a coroutine": (Journal.coroutine_handler, Journal.async_middleware),
}
kinds = pytest.mark.parametrize(("handler", "middleware"), KINDS.values(), ids=KINDS)


def test_without_middleware_a_handler_stays_as_it_is() -> None:
    handler = Journal().handler()
    assert wrap(handler, []) is handler


@kinds
def test_the_first_middleware_is_outermost(
    handler: Callable[..., Handler], middleware: Callable[[Journal, str], Middleware]
) -> None:
    journal = Journal()
    wrapped = wrap(handler(journal), [middleware(journal, "a"), middleware(journal, "b")])
    assert is_coroutine_function(wrapped) is (handler is Journal.coroutine_handler)
    finish(wrapped(MESSAGE))
    assert journal.events == ["a begins m-1", "b begins m-1", "handle m-1", "b ends", "a ends"]


@kinds
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("out of paper"),
        Retry(60),
        Reject("no such order"),
        InterruptedWorkError(),
        SystemExit(3),
        asyncio.CancelledError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_handler_raises_is_raised_at_the_yield_and_goes_on(
    handler: Callable[..., Handler], middleware: Callable[[Journal, str], Middleware], error: BaseException
) -> None:
    journal = Journal()
    wrapped = wrap(handler(journal, error), [middleware(journal, "a"), middleware(journal, "b")])
    with pytest.raises(type(error)) as raised:
        finish(wrapped(MESSAGE))
    assert raised.value is error or isinstance(error, asyncio.CancelledError)  # the loop makes another of these
    assert journal.events[2:] == ["handle m-1", f"b sees {type(error).__name__}", f"a sees {type(error).__name__}"]


@pytest.mark.parametrize("handler", [Journal.handler, Journal.coroutine_handler])
@pytest.mark.parametrize("error", [StopIteration(), StopAsyncIteration()])
def test_a_handler_that_raises_what_ends_iterations_has_failed(
    handler: Callable[..., Handler], error: Exception
) -> None:
    journal = Journal()
    with pytest.raises((StopAsyncIteration, RuntimeError)):
        finish(wrap(handler(journal, error), [journal.middleware("a")])(MESSAGE))


@kinds
def test_what_the_handler_returns_is_judged_within_the_middleware(
    handler: Callable[..., Handler], middleware: Callable[[Journal, str], Middleware]
) -> None:
    journal = Journal()
    with pytest.raises(HandlerReturnedError, match="of type int"):
        finish(wrap(handler(journal, returned=7), [middleware(journal, "a")])(MESSAGE))
    assert journal.events[-1] == "a sees HandlerReturnedError"


def test_a_coroutine_behind_a_plain_decorator_is_awaited_within_the_middleware() -> None:
    journal = Journal()
    coroutine_handler = journal.coroutine_handler(RuntimeError("out of paper"))

    @wraps(coroutine_handler)
    def decorated(message: Message) -> object:
        return coroutine_handler(message)

    with pytest.raises(RuntimeError, match="out of paper"):
        finish(wrap(decorated, [journal.middleware("a")])(MESSAGE))
    assert journal.events == ["a begins m-1", "handle m-1", "a sees RuntimeError"]


def swallow(_: Message) -> Iterator[None]:
    try:
        yield
    except RuntimeError:
        return


async def swallow_async(_: Message) -> AsyncIterator[None]:
    try:
        yield
    except RuntimeError:
        return


def replace(_: Message) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise Retry(60) from error


async def replace_async(_: Message) -> AsyncIterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise Retry(60) from error


def yield_never(message: Message) -> Iterator[None]:
    if message.body == "another":
        yield


async def yield_never_async(message: Message) -> AsyncIterator[None]:
    if message.body == "another":
        yield


def yield_twice(_: Message) -> Iterator[None]:
    yield
    yield


async def yield_twice_async(_: Message) -> AsyncIterator[None]:
    yield
    yield


def yield_again(_: Message) -> Iterator[None]:
    try:
        yield
    except RuntimeError:
        yield


async def yield_again_async(_: Message) -> AsyncIterator[None]:
    try:
        yield
    except RuntimeError:
        yield


def in_each_kind(*pairs: tuple[Middleware, Middleware]) -> pytest.MarkDecorator:
    rows = [
        pytest.param(middleware, handler, id=f"{getattr(middleware, '__name__', '')} around {handler.__name__}")
        for plain, asynchronous in pairs
        for middleware, handler in (
            (plain, Journal.handler),
            (plain, Journal.coroutine_handler),
            (asynchronous, Journal.coroutine_handler),
        )
    ]
    return pytest.mark.parametrize(("middleware", "handler"), rows)


@in_each_kind((swallow, swallow_async))
def test_a_failure_that_the_middleware_swallows_is_none(
    middleware: Middleware, handler: Callable[..., Handler]
) -> None:
    journal = Journal()
    wrapped = wrap(handler(journal, RuntimeError("out of paper")), [journal.middleware("a"), middleware])
    finish(wrapped(MESSAGE))
    assert journal.events == ["a begins m-1", "handle m-1", "a ends"]


@in_each_kind((replace, replace_async))
def test_what_the_middleware_raises_replaces_the_failure(
    middleware: Middleware, handler: Callable[..., Handler]
) -> None:
    with pytest.raises(Retry):
        finish(wrap(handler(Journal(), RuntimeError("out of paper")), [middleware])(MESSAGE))


@in_each_kind((yield_never, yield_never_async))
def test_without_a_yield_the_handler_is_not_called_and_the_message_fails(
    middleware: Middleware, handler: Callable[..., Handler]
) -> None:
    journal = Journal()
    with pytest.raises(MiddlewareError, match=r"test_middleware\.yield_never.* did not yield, so the handler was not"):
        finish(wrap(handler(journal), [middleware])(MESSAGE))
    assert journal.events == []


@in_each_kind((yield_twice, yield_twice_async))
def test_a_second_yield_after_success_is_a_failure(middleware: Middleware, handler: Callable[..., Handler]) -> None:
    with pytest.raises(MiddlewareError, match=r"test_middleware\.yield_twice.* yielded twice: it must yield once"):
        finish(wrap(handler(Journal()), [middleware])(MESSAGE))


@in_each_kind((yield_again, yield_again_async))
def test_a_second_yield_after_a_failure_is_a_failure(middleware: Middleware, handler: Callable[..., Handler]) -> None:
    with pytest.raises(MiddlewareError, match="yielded twice"):
        finish(wrap(handler(Journal(), RuntimeError("out of paper")), [middleware])(MESSAGE))


def test_async_middleware_around_a_plain_function_is_refused() -> None:
    with pytest.raises(UsageError, match=r"middleware .*swallow_async is async, and handler .*handle is not: make the"):
        wrap(Journal().handler(), [swallow, swallow_async])
