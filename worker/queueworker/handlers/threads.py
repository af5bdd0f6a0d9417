"""Runs handlers that block, each message in a thread: Python functions, commands, functions in child processes.

`runtime` chooses it for every handler that is not a coroutine function.
"""

from functools import partial

from queueworker.context import CURRENT
from queueworker.envelopes.opening import Opener
from queueworker.handlers.cancellation import as_interruption
from queueworker.handlers.handler import Handler, InterruptibleHandler
from queueworker.handlers.lifecycle import Hooks, Lifecycle
from queueworker.handlers.loops import LoopThread
from queueworker.handlers.returned import finish
from queueworker.handlers.work import Work, WorkContext
from queueworker.hooks import Registry
from queueworker.lease.records import Lease
from queueworker.model import Message
from queueworker.threadpool import ThreadPool


class ThreadWork(Work):
    """Runs each message's handler in a thread, of a pool that the work on other queues may share."""

    def __init__(self, handler: Handler, context: WorkContext, thread_pool: ThreadPool | None = None) -> None:
        super().__init__(context)
        self._handler = handler if context.opener is None else _behind(context.opener, handler)
        self._maybe_interruptible: object = handler  # a second name: mypy takes no callable for an InterruptibleHandler
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


def _behind(opener: Opener, handler: Handler) -> Handler:
    """Return a handler that opens its message's envelopes, and calls this one with what is in them."""

    def handle(message: Message) -> object:
        inner = opener(message)
        CURRENT.set(inner)
        return None if inner is None else handler(inner)

    return handle
