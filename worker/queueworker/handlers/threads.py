"""Runs handlers that block, each message in a thread: Python functions, commands, functions in child processes.

`runtime` chooses it for every handler that is not a coroutine function.
"""

from collections.abc import Sequence
from functools import partial

from queueworker.context import CURRENT
from queueworker.envelopes.opening import Opener
from queueworker.handlers.batches import OpenedBatch, finish_batch
from queueworker.handlers.batching import BatchWork
from queueworker.handlers.cancellation import as_interruption
from queueworker.handlers.handler import BatchFunction, Handler, InterruptibleHandler
from queueworker.handlers.lifecycle import Hooks, Lifecycle
from queueworker.handlers.loops import LoopThread
from queueworker.handlers.returned import finish
from queueworker.handlers.work import Work, WorkContext
from queueworker.hooks import Registry
from queueworker.lease.records import Lease
from queueworker.model import Message
from queueworker.threadpool import ThreadPool


class _InThreads(Work):
    """Runs handlers in threads, of a pool that the work on other queues may share."""

    def __init__(self, handler: object, context: WorkContext, thread_pool: ThreadPool | None) -> None:
        super().__init__(context)
        self._maybe_interruptible = handler
        self._thread_pool = thread_pool or ThreadPool("handler", context.concurrency, context.primitives)

    def stop(self) -> None:
        """End the handlers that are processes. A Python function cannot be interrupted."""
        if isinstance(self._maybe_interruptible, InterruptibleHandler):
            self._maybe_interruptible.stop()

    def lifecycle(self, registry: Registry) -> Lifecycle:
        """Return the handler itself if it has child processes, else what is registered in this process."""
        if isinstance(self._maybe_interruptible, Lifecycle):
            return self._maybe_interruptible
        return Hooks(registry, LoopThread(self._context.primitives).wait)


class ThreadWork(_InThreads):
    """Runs each message's handler in a thread."""

    def __init__(self, handler: Handler, context: WorkContext, thread_pool: ThreadPool | None = None) -> None:
        super().__init__(handler, context, thread_pool)
        self._handler = handler if context.opener is None else _behind(context.opener, handler)

    def _start(self, lease: Lease) -> None:
        self._thread_pool.submit(partial(self._run, lease))

    def _run(self, lease: Lease) -> None:
        begun = self._begin(lease)
        if begun is None:
            return
        message, run = begun
        failure: BaseException | None = None
        CURRENT.set(message)
        try:
            finish(self._handler(message))
        except BaseException as error:  # a handler that calls sys.exit() has failed, the thread continues
            failure = as_interruption(error, message)
        CURRENT.set(None)
        self._finish(lease, run, failure)


class ThreadBatchWork(_InThreads, BatchWork):
    """Runs the handler of each batch in a thread."""

    def __init__(self, function: BatchFunction, context: WorkContext, thread_pool: ThreadPool | None = None) -> None:
        super().__init__(function, context, thread_pool)
        self._function = function if context.opener is None else _batch_behind(context.opener, function)

    def _launch(self, batch: Sequence[Lease]) -> None:
        self._thread_pool.submit(partial(self._run_batch, batch))

    def _run_batch(self, batch: Sequence[Lease]) -> None:
        begun = self._begin_batch(batch)
        messages = [message for _, message, _ in begun]
        failure: BaseException | None = None
        try:
            if messages:
                finish_batch(self._function(messages), messages)
        except BaseException as error:  # as above
            failure = error
        self._finish_batch(batch, begun, failure)


def _behind(opener: Opener, handler: Handler) -> Handler:
    """Return a handler that opens its message's envelopes, and calls this one with what is in them."""

    def handle(message: Message) -> object:
        inner = opener(message)
        CURRENT.set(inner)
        return None if inner is None else handler(inner)

    return handle


def _batch_behind(opener: Opener, function: BatchFunction) -> BatchFunction:
    """Return a handler of batches that opens each message's envelopes, and calls this one with what is in them."""

    def handle(messages: Sequence[Message]) -> None:
        batch = OpenedBatch()
        batch.open(messages, opener)
        try:
            if batch.inner:
                finish_batch(function(batch.inner), batch.inner)
        except BaseException as error:
            batch.fail(error)
        batch.raise_failures()

    return handle
