"""Writes down each call of a handler, from outside of all that the worker puts around it. `worker` wraps it."""

from collections.abc import Iterator
from contextlib import contextmanager

from queueworker.handlers.handler import Handler, is_coroutine_function
from queueworker.handlers.returned import finish, finish_async
from queueworker.model import InterruptedWorkError, Message
from queueworker.testing.queue import Queue
from queueworker.testing.result import Attempt
from queueworker.testing.turns import EndOfRun


class Recorder:
    """The attempts at the messages of a queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.attempts: list[Attempt] = []

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that does the same, and of which each call is recorded."""
        if is_coroutine_function(handler):

            async def recorded_coroutine(message: Message) -> None:
                with self._attempt(message):
                    await finish_async(handler(message))

            return recorded_coroutine

        def recorded(message: Message) -> None:
            with self._attempt(message):
                finish(handler(message))

        return recorded

    @contextmanager
    def _attempt(self, message: Message) -> Iterator[None]:
        clock, receipt = self._queue.clock, self._queue.receipt_of(message.receipt_handle)
        receipt.handled = True
        attempt = Attempt(message=message, started_at=clock.now, receipt=receipt)
        self.attempts.append(attempt)
        error: BaseException | None = None
        try:
            yield
        except EndOfRun:  # it let time pass, and has none left: the process ends
            error = InterruptedWorkError()
            raise error from None
        except BaseException as raised:
            error = raised
            raise
        finally:
            attempt.end(clock.now, error)
            self._queue.notify_change()
