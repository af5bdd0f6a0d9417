"""The surroundings of a run in memory: a queue, a clock, and signals that the run itself sends. `worker` makes them."""

import math
import signal
from collections import deque
from collections.abc import Mapping

from queueworker.envelopes.s3_pointers import NAME, PayloadStore
from queueworker.errors import UsageError
from queueworker.handlers.dead_letters import DeadLetterQueue
from queueworker.model import Message
from queueworker.primitives import Primitives
from queueworker.server import Endpoints
from queueworker.signals import CRASH
from queueworker.surroundings import Signals, WorkerQueue
from queueworker.testing.clock import Clock
from queueworker.testing.queue import Queue


class SentSignals:
    """The signals so far, in order, and whether a thread of the worker crashed."""

    def __init__(self, clock: Clock) -> None:
        self._events: deque[int] = deque()
        self._changed = clock.condition()

    def send(self, event: int) -> None:
        """Wake the worker's main thread."""
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def write_crash(self) -> None:
        """Say that a thread of the worker crashed."""
        self.send(CRASH)

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Return the next event, or None after the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._events, timeout_seconds)
            return self._events.popleft() if self._events else None


class LimitedQueue:
    """A queue in memory, of which only so many messages may be received."""

    def __init__(self, queue: Queue, receives: float) -> None:
        self._queue = queue
        self._left = receives
        self._received: list[str] = []  # receipt handles
        self.delete = queue.delete
        self.change_visibility = queue.change_visibility

    @property
    def is_done(self) -> bool:
        """Whether the queue is empty, or the work on all messages that may be received is over."""
        over = all(self._queue.receipt_of(handle).over for handle in self._received)
        return not self._queue.messages or (self._left == 0 and over)

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive as `Queue` does, and nothing once there were as many as may be."""
        if self._left == 0:
            self._queue.clock.advance(wait_seconds)
            return []
        found = self._queue.receive(int(min(limit, self._left)), wait_seconds, visibility_seconds)
        self._left -= len(found)
        self._received += [message.receipt_handle for message in found if math.isfinite(self._left)]
        return found


class RejectedMessages:
    """The dead-letter queue of a queue in memory."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send(self, message: Message, reason: str) -> None:
        """Take a rejected message."""
        self._queue.reject(message, reason)


class InMemory:
    """The surroundings of a run in memory."""

    def __init__(self, queue: Queue, receives: float) -> None:
        self._queue = queue
        self.limited_queue = LimitedQueue(queue, receives)
        self.sent_signals = SentSignals(queue.clock)
        self.signals: Signals = self.sent_signals
        self.primitives: Primitives = queue.clock

    def now(self) -> float:
        """Return the time of the queue's clock, in seconds."""
        return self._queue.clock.now

    def jitter(self) -> float:
        """Return the number with which delays have their full length."""
        return 0.0

    def queue(self, url: str, senders: int) -> WorkerQueue:  # noqa: ARG002 -- there is one queue, whose requests take no time
        """Return the queue."""
        return self.limited_queue

    def dead_letter_queue(self, url: str) -> DeadLetterQueue:  # noqa: ARG002 -- as above
        """Return where rejected messages go."""
        return RejectedMessages(self._queue)

    def payload_store(self) -> PayloadStore:
        """Raise UsageError: there is none."""
        raise UsageError(f"--envelope {NAME} reads from S3, which is not there in memory: give the bodies themselves")

    def serve(self, endpoints: Endpoints) -> Mapping[str, object]:  # noqa: ARG002 -- nobody asks
        """Serve nothing."""
        return {}

    def started(self) -> None:
        """Begin to look when the run is over."""
        self._queue.clock.start("end of the run", self._end_when_done)

    def _end_when_done(self) -> None:
        while not self.limited_queue.is_done:
            self._queue.wait_for_change()
        self.sent_signals.send(signal.SIGTERM)
