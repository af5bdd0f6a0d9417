"""The surroundings of a run in memory: queues, a clock, and signals that the run itself sends. `worker` makes them."""

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


class Allowance:
    """How many messages a run may still receive, of all its queues together."""

    def __init__(self, receives: float) -> None:
        self.left = receives


class LimitedQueue:
    """A queue in memory, of which no more messages are received than the run may."""

    def __init__(self, queue: Queue, allowance: Allowance) -> None:
        self._queue = queue
        self._allowance = allowance
        self._received: list[str] = []  # receipt handles
        self.delete = queue.delete
        self.change_visibility = queue.change_visibility

    @property
    def is_done(self) -> bool:
        """Whether the queue is empty, or the work on all messages that may be received is over."""
        over = all(self._queue.receipt_of(handle).over for handle in self._received)
        return not self._queue.messages or (self._allowance.left == 0 and over)

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive as `Queue` does, and nothing once there were as many as may be."""
        if self._allowance.left == 0:
            self._queue.clock.advance(wait_seconds)
            return []
        found = self._queue.receive(int(min(limit, self._allowance.left)), wait_seconds, visibility_seconds)
        if math.isfinite(self._allowance.left):
            self._allowance.left -= len(found)
            self._received += [message.receipt_handle for message in found]
        return found


class RejectedMessages:
    """The dead-letter queue of queues in memory."""

    def __init__(self, queues: Mapping[str, Queue]) -> None:
        self._queues = queues

    def send(self, message: Message, reason: str) -> None:
        """Take a rejected message."""
        self._queues[message.queue_url].reject(message, reason)


class InMemory:
    """The surroundings of a run in memory."""

    def __init__(self, queues: Mapping[str, Queue], clock: Clock, receives: float) -> None:
        """Take the queues by their URLs, their clock, and how many messages may be received."""
        allowance = Allowance(receives)
        self._queues, self._clock = queues, clock
        self._limited = {url: LimitedQueue(queue, allowance) for url, queue in queues.items()}
        self.sent_signals = SentSignals(clock)
        self.signals: Signals = self.sent_signals
        self.primitives: Primitives = clock

    def now(self) -> float:
        """Return the time of the run's clock, in seconds."""
        return self._clock.now

    def jitter(self) -> float:
        """Return the number with which delays have their full length."""
        return 0.0

    def queue(self, url: str, senders: int) -> WorkerQueue:  # noqa: ARG002 -- its requests take no time
        """Return a queue."""
        return self._limited[url]

    def dead_letter_queue(self, url: str) -> DeadLetterQueue:  # noqa: ARG002 -- each queue keeps its own
        """Return where rejected messages go."""
        return RejectedMessages(self._queues)

    def payload_store(self) -> PayloadStore:
        """Raise UsageError: there is none."""
        raise UsageError(f"--envelope {NAME} reads from S3, which is not there in memory: give the bodies themselves")

    def serve(self, endpoints: Endpoints) -> Mapping[str, object]:  # noqa: ARG002 -- nobody asks
        """Serve nothing."""
        return {}

    def started(self) -> None:
        """Begin to look when the run is over."""
        self._clock.start("end of the run", self._end_when_done)

    def _end_when_done(self) -> None:
        with self._clock.queue_changed:
            self._clock.queue_changed.wait_for(lambda: all(queue.is_done for queue in self._limited.values()))
        self.sent_signals.send(signal.SIGTERM)
