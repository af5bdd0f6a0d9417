"""Runs handlers that are coroutine functions, all of them on one event loop in one thread.

`runtime` loads it only where it is needed: asyncio costs 6 ms and 2 MiB at the start.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections import deque
from functools import partial
from threading import Event

from queueworker.context import CURRENT
from queueworker.envelopes.opening import Opener
from queueworker.handlers.cancellation import CANCELLATION_TIMEOUT_SECONDS
from queueworker.handlers.handler import CoroutineHandler
from queueworker.handlers.lifecycle import Hooks, Lifecycle
from queueworker.handlers.loops import wait_on
from queueworker.handlers.returned import finish_async
from queueworker.handlers.work import Work, WorkContext
from queueworker.hooks import Registry
from queueworker.lease.records import Lease
from queueworker.model import InterruptedWorkError, Message
from queueworker.primitives import Primitives


def start_loop(primitives: Primitives) -> AbstractEventLoop:
    """Return an event loop that runs in a thread of its own."""
    loop = primitives.event_loop()
    primitives.start("loop", loop.run_forever)
    return loop


class CoroutineWork(Work):
    """Runs each message's handler as a task of an event loop; that of all queues, because clients live on it."""

    def __init__(self, handler: CoroutineHandler, context: WorkContext, loop: AbstractEventLoop | None = None) -> None:
        super().__init__(context)
        self._handler = handler if context.opener is None else _behind(context.opener, handler)
        self._loop = loop or start_loop(context.primitives)
        self._waiting: deque[Lease] = deque()  # received ahead; like the tasks, touched by the loop's thread only
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

    def _start(self, lease: Lease) -> None:
        self._loop.call_soon_threadsafe(self._create_task, lease)

    def _create_task(self, lease: Lease) -> None:
        if len(self._tasks) >= self._context.concurrency:
            self._waiting.append(lease)
            return
        task = self._loop.create_task(self._run(lease))
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

    async def _run(self, lease: Lease) -> None:
        begun = self._begin(lease)
        if begun is None:
            return
        message, run = begun
        failure: BaseException | None = None
        CURRENT.set(message)  # of this task, and of those that it starts
        try:
            await finish_async(self._handler(message))
        except asyncio.CancelledError as error:  # ours, or the handler's own: a time limit, a library's task
            failure = InterruptedWorkError() if self._stopped else error
        except BaseException as error:  # as in ThreadWork
            failure = error
        self._finish(lease, run, failure)


def _behind(opener: Opener, handler: CoroutineHandler) -> CoroutineHandler:
    """Return a handler that opens its message's envelopes, aside if that blocks, and calls this one with the rest."""

    async def handle(message: Message) -> object:
        inner = await asyncio.to_thread(opener, message) if opener.blocks else opener(message)
        CURRENT.set(inner)
        return None if inner is None else await handler(inner)

    return handle
