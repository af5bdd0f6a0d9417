"""Runs a handler over messages in memory, with the parts of which a worker consists.

Tests call `consume`, or make a `Worker`, which can be told to end while it works.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

from queueworker.handlers.loading import load, prepare
from queueworker.model import Message
from queueworker.settings import Settings
from queueworker.testing.messages import Body
from queueworker.testing.parts import Parts, Surroundings
from queueworker.testing.queue import Queue
from queueworker.testing.recorder import Recorder
from queueworker.testing.result import Result

TIMEOUT_SECONDS: Final = 60.0
"""How long a run may take in real time."""

CHECK_SECONDS: Final = 1.0
"""How often to look, by the run's clock, whether the last messages are settled."""


def consume(
    handler: str | Callable[..., object],
    messages: Queue | Iterable[Body],
    *,
    receives: float = math.inf,
    **settings: Any,
) -> Result:
    """Handle messages until the queue is empty, as a worker would; return what came of it.

    Args:
        handler: the function, or its name as `--handler` takes it.
        messages: a queue, or the messages of one.
        receives: end once this many messages have been received and are done.
        settings: those of `Worker`.
    """
    return Worker(handler, messages if isinstance(messages, Queue) else _queue_of(messages), **settings).run(receives)


def _queue_of(messages: Iterable[Body]) -> Queue:
    queue = Queue()
    for message in messages:
        queue.send(message)
    return queue


class Worker:
    """A worker in memory.

    Args:
        handler: the function, or its name as `--handler` takes it.
        queue: what it consumes.
        dead_letter_queue: rejected messages go to the queue's `dead_letters`; else they fail like others.
        timeout_seconds: how long a run may take in real time.
        settings: others of `queueworker run`, such as `concurrency=2`, with its defaults. Waits that are spread at
            random have their full length.
    """

    def __init__(
        self,
        handler: str | Callable[..., object],
        queue: Queue,
        *,
        dead_letter_queue: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        **settings: Any,
    ) -> None:
        self._queue = queue
        self._recorder = Recorder(queue)
        self._handler = self._recorder.wrap(load(handler) if isinstance(handler, str) else prepare(handler))
        self._dead_letter_queue = DeadLetterQueue(queue) if dead_letter_queue else None
        self._timeout_seconds = timeout_seconds
        self._settings = Settings(queue=queue.url, handler="in_memory:handler", **settings)
        self._terminations = 0
        self._terminate_after: float | None = None

    def terminate(self) -> None:
        """Let the worker end as by SIGTERM: now, when a handler calls it, else as soon as it runs."""
        self._terminations += 1
        self._queue.notify_change()

    def terminate_after(self, seconds: float) -> None:
        """Let the worker end as by SIGTERM when it has run for so many seconds."""
        self._terminate_after = seconds

    def run(self, receives: float = math.inf) -> Result:
        """Work until the queue is empty, or so many messages have been received and are done, or `terminate`.

        Raises:
            StuckError: the handler blocks for too long in real time.
        """
        clock, allowance = self._queue.clock, Allowance(self._queue, receives)
        with clock.run(self._timeout_seconds):
            parts = Parts(self._settings, self._handler, self._surroundings(allowance))
            receiver_thread = parts.start()
            clock.start("signal", self._terminate_later)
            while not self._terminations and not allowance.is_done(in_hand=len(parts.lease_manager)):
                self._queue.wait_for_change(CHECK_SECONDS if allowance.left == 0 else None)
            left_in_flight = parts.drain(receiver_thread)
        return Result(self._queue, self._recorder.attempts, exit_code=1 if left_in_flight else 0)

    def _surroundings(self, allowance: "Allowance") -> Surroundings:
        return Surroundings(
            queue=allowance,
            in_order=self._queue.fifo,
            dead_letter_queue=self._dead_letter_queue,
            clock=self._queue.clock,
            terminations=lambda: self._terminations,
        )

    def _terminate_later(self) -> None:
        if self._terminate_after is not None:
            self._queue.clock.advance(self._terminate_after)
            self.terminate()


class Allowance:
    """A queue of which only so many messages may be received."""

    def __init__(self, queue: Queue, receives: float) -> None:
        self._queue = queue
        self.left = receives
        self.delete = queue.delete
        self.change_visibility = queue.change_visibility

    def is_done(self, *, in_hand: int) -> bool:
        """Return whether nothing remains to be done, with so many messages that are not settled."""
        return not self._queue.messages or (self.left == 0 and not in_hand)

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive as `Queue` does, and nothing once the allowance is used up."""
        if self.left == 0:
            self._queue.clock.advance(wait_seconds)
            return []
        found = self._queue.receive(int(min(limit, self.left)), wait_seconds, visibility_seconds)
        self.left -= len(found)
        return found


class DeadLetterQueue:
    """A dead-letter queue in memory."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send(self, message: Message, reason: str) -> None:
        """Take a rejected message."""
        self._queue.reject(message, reason)
