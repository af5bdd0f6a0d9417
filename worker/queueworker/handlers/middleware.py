"""Wraps a handler in the middleware that its module has registered, once, when it is loaded.

`loading` calls it. A handler without middleware stays as it is, so that it costs nothing.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import wraps
from inspect import isasyncgenfunction
from types import TracebackType
from typing import cast

from queueworker.errors import UsageError
from queueworker.handlers.handler import CoroutineHandler, Handler, is_coroutine_function
from queueworker.handlers.returned import finish, finish_async
from queueworker.hooks import Middleware, name_of
from queueworker.model import Message, ReportedError


class MiddlewareError(ReportedError):
    """Middleware did not yield exactly once."""


def wrap(handler: Handler, middleware: Sequence[Middleware]) -> Handler:
    """Return the handler with middleware around it, the first outermost; without any, the handler itself.

    Raises:
        UsageError: middleware is async, and the handler is not.
    """
    if not middleware:
        return handler
    if is_coroutine_function(handler):
        return _wrap_coroutine_function(handler, middleware)
    refuse_async(handler, middleware)
    return _wrap_function(handler, middleware)


def refuse_async(handler: object, middleware: Sequence[Middleware]) -> None:
    """Check that nothing is async around a handler that is not.

    Raises:
        UsageError: something is.
    """
    for each in middleware:
        if isasyncgenfunction(each):
            raise UsageError(
                f"middleware {name_of(each)} is async, and handler {name_of(handler)} is not: make the handler async,"
                " or the middleware a plain generator"
            )


def _wrap_function(handler: Handler, middleware: Sequence[Middleware]) -> Handler:
    @wraps(handler)
    def innermost(message: Message) -> None:
        finish(handler(message))

    wrapped: Callable[[Message], None] = innermost
    for each in reversed(middleware):
        wrapped = _around(each, wrapped)
    return wrapped


def _around(middleware: Middleware, inner: Callable[[Message], None]) -> Callable[[Message], None]:
    @wraps(inner)
    def call(message: Message) -> None:
        with Around(middleware, message):
            inner(message)

    return call


def _wrap_coroutine_function(handler: CoroutineHandler, middleware: Sequence[Middleware]) -> CoroutineHandler:
    @wraps(handler)
    async def innermost(message: Message) -> None:
        await finish_async(handler(message))

    wrapped: CoroutineHandler = innermost
    for each in reversed(middleware):
        wrapped = _async_around(each, wrapped) if isasyncgenfunction(each) else _around_coroutine(each, wrapped)
    return wrapped


def _around_coroutine(middleware: Middleware, inner: CoroutineHandler) -> CoroutineHandler:
    @wraps(inner)
    async def call(message: Message) -> None:
        with Around(middleware, message):
            await inner(message)

    return call


def _async_around(middleware: Middleware, inner: CoroutineHandler) -> CoroutineHandler:
    @wraps(inner)
    async def call(message: Message) -> None:
        async with AsyncAround(middleware, message):
            await inner(message)

    return call


class Around:
    """Runs a generator up to its yield, and on with what the handler raised. As contextlib does, with our sentences."""

    def __init__(self, middleware: Middleware, message: Message) -> None:
        self._middleware = middleware
        self._generator = cast("Generator[None]", middleware(message))

    def __enter__(self) -> None:
        for _ in self._generator:
            return
        raise MiddlewareError(_no_yield(self._middleware))

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> bool:
        try:
            if error is None:
                next(self._generator)
            else:
                self._generator.throw(error)
        except StopIteration:
            return True  # where the handler has raised, the middleware has swallowed it
        self._generator.close()
        raise MiddlewareError(_second_yield(self._middleware))


class AsyncAround:
    """The same with an async generator."""

    def __init__(self, middleware: Middleware, message: Message) -> None:
        self._middleware = middleware
        self._generator = cast("AsyncGenerator[None]", middleware(message))

    async def __aenter__(self) -> None:
        async for _ in self._generator:
            return
        raise MiddlewareError(_no_yield(self._middleware))

    async def __aexit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> bool:
        try:
            if error is None:
                await anext(self._generator)
            else:
                await self._generator.athrow(error)
        except StopAsyncIteration:
            return True
        await self._generator.aclose()
        raise MiddlewareError(_second_yield(self._middleware))


def _no_yield(middleware: Middleware) -> str:
    return f"middleware {name_of(middleware)} did not yield, so the handler was not called"


def _second_yield(middleware: Middleware) -> str:
    return f"middleware {name_of(middleware)} yielded twice: it must yield once, where the handler runs"
