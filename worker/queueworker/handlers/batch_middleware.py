"""Wraps a handler of batches in middleware, which takes one message: it begins for each, and ends as that one fares.

`loading` calls it, once. The handler runs when the middleware of all its messages has begun.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from inspect import isasyncgenfunction

from queueworker.handlers.batches import failures_of, finish_batch, finish_batch_async
from queueworker.handlers.handler import (
    BatchFunction,
    BatchHandler,
    CoroutineBatchFunction,
    is_coroutine_batch_function,
)
from queueworker.handlers.middleware import Around, AsyncAround, refuse_async
from queueworker.hooks import Middleware
from queueworker.model import Message, PartialFailure


def wrap_batch(handler: BatchHandler, middleware: Sequence[Middleware]) -> BatchHandler:
    """Return the handler with middleware around each of its messages; without any, the handler itself.

    Raises:
        UsageError: middleware is async, and the handler is not.
    """
    if not middleware:
        return handler
    if is_coroutine_batch_function(handler.function):
        return BatchHandler(_around_coroutine(handler.function, middleware))
    refuse_async(handler.function, middleware)
    return BatchHandler(_around(handler.function, middleware))


def _around(function: BatchFunction, middleware: Sequence[Middleware]) -> BatchFunction:
    def call(messages: Sequence[Message]) -> None:
        begun: dict[Message, ExitStack] = {}
        failures: dict[Message, BaseException] = {}
        for message in messages:
            try:
                with ExitStack() as stack:
                    for each in middleware:
                        stack.enter_context(Around(each, message))
                    begun[message] = stack.pop_all()
            except BaseException as error:  # as a handler's: it fails the message
                failures[message] = error
        raised = _error_of(function, list(begun))
        for message, failure in _in_reverse(begun, raised):
            try:
                with begun[message]:
                    _raise(failure)
            except BaseException as final:
                failures[message] = final
        _raise_failures(failures)

    return call


def _around_coroutine(function: CoroutineBatchFunction, middleware: Sequence[Middleware]) -> CoroutineBatchFunction:
    async def call(messages: Sequence[Message]) -> None:
        begun: dict[Message, AsyncExitStack] = {}
        failures: dict[Message, BaseException] = {}
        for message in messages:
            try:
                _stop_if_cancelled()
                async with AsyncExitStack() as stack:
                    for each in middleware:
                        if isasyncgenfunction(each):
                            await stack.enter_async_context(AsyncAround(each, message))
                        else:
                            stack.enter_context(Around(each, message))
                    begun[message] = stack.pop_all()
            except BaseException as error:
                failures[message] = error
        raised = await _async_error_of(function, list(begun))
        for message, failure in _in_reverse(begun, raised):
            try:
                async with begun[message]:
                    _raise(failure)
            except BaseException as final:
                failures[message] = final
        _raise_failures(failures)

    return call


def _error_of(function: BatchFunction, messages: Sequence[Message]) -> BaseException | None:
    try:
        if messages:
            finish_batch(function(messages), messages)
    except BaseException as error:
        return error
    return None


async def _async_error_of(function: CoroutineBatchFunction, messages: Sequence[Message]) -> BaseException | None:
    try:
        _stop_if_cancelled()
        if messages:
            await finish_batch_async(function(messages), messages)
    except BaseException as error:
        return error
    return None


def _stop_if_cancelled() -> None:
    """Raise CancelledError once the batch is cancelled: the one that was raised is one message's failure."""
    import asyncio  # noqa: PLC0415 -- as in `batches`: most workers need not load it

    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _in_reverse(
    begun: dict[Message, ExitStack] | dict[Message, AsyncExitStack], error: BaseException | None
) -> list[tuple[Message, BaseException | None]]:
    messages = list(begun)
    return list(zip(messages, failures_of(messages, error), strict=True))[::-1]


def _raise(failure: BaseException | None) -> None:
    if failure is not None:
        raise failure


def _raise_failures(failures: dict[Message, BaseException]) -> None:
    if failures:
        raise PartialFailure(failures)
