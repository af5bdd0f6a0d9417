"""Runs handlers that are coroutine functions, all of them on one event loop in one thread.

`runtime` loads it only where it is needed: asyncio costs 6 ms and 2 MiB at the start.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from functools import partial
from threading import Event
from typing import Any, TypeVar

from queueworker.context import CURRENT
from queueworker.envelopes.opening import Opener
from queueworker.handlers.batches import OpenedBatch, finish_batch_async
from queueworker.handlers.batching import BatchWork
from queueworker.handlers.cancellation import CANCELLATION_TIMEOUT_SECONDS, as_interruption
from queueworker.handlers.handler import CoroutineBatchFunction, CoroutineHandler
from queueworker.handlers.lifecycle import Hooks, Lifecycle
from queueworker.handlers.loops import run_for_ever, wait_on
from queueworker.handlers.returned import finish_async
from queueworker.handlers.work import Work, WorkContext
from queueworker.hooks import Registry
from queueworker.lease.records import Lease
from queueworker.model import InterruptedWorkError, Message
from queueworker.primitives import Primitives


def start_loop(primitives: Primitives) -> AbstractEventLoop:
    """Return an event loop that runs in a thread of its own."""
    loop = primitives.event_loop()
    primitives.start("loop", partial(run_for_ever, loop))
    return loop


Returned = TypeVar("Returned")
Run = Callable[[], Coroutine[Any, Any, None]]
"""Makes the coroutine that handles a message, or a batch."""


class _OnLoop(Work):
    """Runs handlers as tasks of an event loop; that of all queues, because clients live on it."""

    def __init__(self, context: WorkContext, loop: AbstractEventLoop | None = None) -> None:
        super().__init__(context)
        self._loop = loop or start_loop(context.primitives)
        self._waiting: deque[Run] = deque()  # received ahead; like the tasks, touched by the loop's thread only
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Cancel the running coroutines."""
        ended = self._context.primitives.event()
        self._loop.call_soon_threadsafe(self._cancel_all, ended)
        ended.wait(CANCELLATION_TIMEOUT_SECONDS)

    def lifecycle(self, registry: Registry) -> Lifecycle:
        """Return what is registered, to be called on the handlers' own event loop where it is async."""
        return Hooks(registry, partial(wait_on, self._loop, self._context.primitives))

    def _create_task(self, run: Run) -> None:
        if len(self._tasks) >= self._context.concurrency:
            self._waiting.append(run)
            return
        # A context of its own: it may be the end of another handler that makes room for this one.
        task = self._loop.create_task(run(), context=Context())
        self._tasks.add(task)  # the loop itself references tasks only weakly
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._waiting:
            self._create_task(self._waiting.popleft())

    def _cancel_all(self, ended: Event) -> None:
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        waiting = self._loop.create_task(self._wait_for(set(self._tasks)))
        waiting.add_done_callback(lambda _: ended.set())

    async def _wait_for(self, tasks: set[asyncio.Task[None]]) -> None:
        if tasks:
            await asyncio.wait(tasks)

    def _as_interruption(self, error: asyncio.CancelledError) -> BaseException:
        """Return a cancellation as what it means: it is ours, or the handler's own (a time limit, a library's task)."""
        return InterruptedWorkError() if self._stopped else error


class CoroutineWork(_OnLoop):
    """Runs each message's handler as a task of one event loop."""

    def __init__(self, handler: CoroutineHandler, context: WorkContext, loop: AbstractEventLoop | None = None) -> None:
        super().__init__(context, loop)
        self._handler = handler if context.opener is None else _behind(context.opener, handler)

    def _start(self, lease: Lease) -> None:
        self._loop.call_soon_threadsafe(self._create_task, partial(self._run, lease))

    async def _run(self, lease: Lease) -> None:
        begun = self._begin(lease)
        if begun is None:
            return
        message, run = begun
        failure: BaseException | None = None
        CURRENT.set(message)  # of this task, and of those that it starts
        try:
            await finish_async(self._handler(message))
        except asyncio.CancelledError as error:
            failure = as_interruption(self._as_interruption(error), message)
        except BaseException as error:  # as in ThreadWork
            failure = as_interruption(error, message)
        self._finish(lease, run, failure)


class CoroutineBatchWork(_OnLoop, BatchWork):
    """Runs the handler of each batch as a task of one event loop."""

    def __init__(
        self, function: CoroutineBatchFunction, context: WorkContext, loop: AbstractEventLoop | None = None
    ) -> None:
        super().__init__(context, loop)
        self._function = function if context.opener is None else _batch_behind(context.opener, function)

    def _launch(self, batch: Sequence[Lease]) -> None:
        self._loop.call_soon_threadsafe(self._create_task, partial(self._run_batch, batch))

    async def _run_batch(self, batch: Sequence[Lease]) -> None:
        begun = self._begin_batch(batch)
        messages = [message for _, message, _ in begun]
        failure: BaseException | None = None
        try:
            if messages:
                await finish_batch_async(self._function(messages), messages)
        except asyncio.CancelledError as error:
            failure = self._as_interruption(error)
        except BaseException as error:  # as in ThreadWork
            failure = error
        self._finish_batch(batch, begun, failure)


def _behind(opener: Opener, handler: CoroutineHandler) -> CoroutineHandler:
    """Return a handler that opens its message's envelopes, aside if that blocks, and calls this one with the rest."""

    async def handle(message: Message) -> object:
        inner = await _aside(opener, opener, message)
        CURRENT.set(inner)
        return None if inner is None else await handler(inner)

    return handle


async def _aside(opener: Opener, function: Callable[..., Returned], *arguments: object) -> Returned:
    """Call a function that opens envelopes, in a thread of the opener's if that may wait for the network.

    Not in asyncio's own threads: they are few, and the handler's.
    """
    if opener.readers is None:
        return function(*arguments)
    return await asyncio.get_running_loop().run_in_executor(opener.readers, function, *arguments)


def _batch_behind(opener: Opener, function: CoroutineBatchFunction) -> CoroutineBatchFunction:
    """Return a handler of batches that opens each message's envelopes, and calls this one with what is in them."""

    async def handle(messages: Sequence[Message]) -> None:
        batch = OpenedBatch()
        await _aside(opener, batch.open, messages, opener)
        try:
            if batch.inner:
                await finish_batch_async(function(batch.inner), batch.inner)
        except BaseException as error:
            batch.fail(error)
        batch.raise_failures()

    return handle
