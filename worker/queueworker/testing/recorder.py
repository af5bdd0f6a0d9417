"""Writes down each call of a handler, from outside of all that the worker puts around it. `worker` wraps it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from queueworker.handlers.batches import failures_of, finish_batch, finish_batch_async
from queueworker.handlers.handler import (
    BatchFunction,
    BatchHandler,
    Handler,
    is_coroutine_batch_function,
    is_coroutine_function,
)
from queueworker.handlers.returned import finish, finish_async
from queueworker.model import InterruptedWorkError, Message
from queueworker.testing.clock import Clock
from queueworker.testing.queue import Queue
from queueworker.testing.result import Attempt
from queueworker.testing.turns import EndOfRun


class Recorder:
    """The attempts at the messages of a run's queues."""

    def __init__(self, queues: Mapping[str, Queue], clock: Clock) -> None:
        self._queues, self._clock = queues, clock
        self.attempts: list[Attempt] = []

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that does the same, and of which each call is recorded."""
        if isinstance(handler, BatchHandler):
            return BatchHandler(self._wrap_batch(handler.function))
        if is_coroutine_function(handler):

            async def recorded_coroutine(message: Message) -> None:
                with self._attempt(message):
                    await finish_async(handler(message))

            return recorded_coroutine

        def recorded(message: Message) -> None:
            with self._attempt(message):
                finish(handler(message))

        return recorded

    def _wrap_batch(self, function: BatchFunction) -> BatchFunction:
        if is_coroutine_batch_function(function):

            async def recorded_coroutine(messages: Sequence[Message]) -> None:
                with self._attempts(messages):
                    await finish_batch_async(function(messages), messages)

            return recorded_coroutine

        def recorded(messages: Sequence[Message]) -> None:
            with self._attempts(messages):
                finish_batch(function(messages), messages)

        return recorded

    def _attempt(self, message: Message) -> AbstractContextManager[None]:
        return self._attempts([message])

    @contextmanager
    def _attempts(self, messages: Sequence[Message]) -> Iterator[None]:
        attempts = [self._begin(message) for message in messages]
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
            with self._clock.queue_changed:
                self._end(attempts, error)
                self._clock.queue_changed.notify_all()

    def _begin(self, message: Message) -> Attempt:
        receipt = self._queues[message.queue_url].receipt_of(message.receipt_handle)
        receipt.handled = True
        attempt = Attempt(message=message, started_at=self._clock.now, receipt=receipt)
        self.attempts.append(attempt)
        return attempt

    def _end(self, attempts: Sequence[Attempt], error: BaseException | None) -> None:
        failures = failures_of([attempt.message for attempt in attempts], error)
        for attempt, failure in zip(attempts, failures, strict=True):
            attempt.end(self._clock.now, failure)
