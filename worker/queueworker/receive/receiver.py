"""Receives messages, never more than there is capacity for, and passes them on. Ends when the limiter is closed.

`runtime` runs it in a thread. One thread polls; while it gets full batches, additional pollers help: there is enough
work, and each answer takes its time.

What arrives after the limiter was closed is released at once. A poll is never cut off while there is time: AWS serves
it although nobody listens any more, and the message is hidden and its receive count raised for nothing.
"""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from queueworker.backoff import request_delay_seconds
from queueworker.errors import SqsError
from queueworker.lease.manager import LeaseManager
from queueworker.lease.records import BATCH_SIZE, Lease
from queueworker.model import Message
from queueworker.primitives import SYSTEM, Primitives
from queueworker.receive.limiter import CapacityLimiter
from queueworker.stats import Count, Stats
from queueworker.threadpool import ThreadPool

logger = logging.getLogger(__name__)

MAX_ADDITIONAL_POLLERS = 2
"""Polls under way besides the first. With a fourth, the process has nothing left to do meanwhile."""

ERROR_BACKOFF_BASE_SECONDS = 0.5
"""How long to wait after the first failed poll; doubles with each failure in a row."""
ERROR_BACKOFF_LIMIT_SECONDS = 20.0

EMPTY_POLL_INTERVAL_SECONDS = 1.0
"""After an empty answer, the next poll starts at least this long after the last one."""

MAX_UNCONFIRMED = 100
"""How many messages may wait to be deleted or released besides those being worked on; with more, none are received."""

UNCONFIRMED_CHECK_INTERVAL_SECONDS = 0.05

FIRST_POLL_WAIT_SECONDS = 1
"""How long the first poll after a message waits. Each empty one doubles it: a worker that was busy lately can end soon,
and an idle one costs little."""


class ReceiveQueue(Protocol):
    """Where messages come from."""

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive messages; see `SqsQueue`."""


class Consumer(Protocol):
    """Who works on the received messages."""

    def accept(self, leases: Sequence[Lease]) -> None:
        """Start work on messages; see `Work`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveContext:
    """What the receiver works with.

    Args:
        queue: where messages come from.
        consumer: who works on them.
        lease_manager: keeps them hidden until the work on them ends.
        limiter: capacity for messages; the consumer releases it.
        stats: counts received messages and failed requests.
        queue_url: its URL, for the log.
        in_order: the order of messages matters, as in a FIFO queue.
        clock: a monotonic clock, in seconds.
        primitives: its threads, and what they wait with.
    """

    queue: ReceiveQueue
    consumer: Consumer
    lease_manager: LeaseManager
    limiter: CapacityLimiter
    stats: Stats
    clock: Callable[[], float]
    queue_url: str = ""
    in_order: bool = False
    primitives: Primitives = SYSTEM


class Receiver:
    """Polls a queue from `run` until the limiter is closed."""

    def __init__(self, context: ReceiveContext) -> None:
        self._context = context
        self._limiter = context.limiter
        # One poller more would find no capacity for a whole batch.
        self._additional_pollers = min(MAX_ADDITIONAL_POLLERS, (context.limiter.total - 1) // BATCH_SIZE)
        self._thread_pool = ThreadPool("receiver", self._additional_pollers, context.primitives)
        self._idle_pollers = context.primitives.semaphore(self._additional_pollers)
        self._about = {"queue": context.queue_url}
        self._failures = 0
        self._wait_seconds = 0  # the first answer shows whether the queue can be used; it should not take a long poll
        self.answered = False
        """Whether SQS has ever answered."""

    def run(self, wait_seconds: int, visibility_seconds: int, jitter: Callable[[], float] = random.random) -> None:
        """Poll until the limiter is closed.

        Args:
            wait_seconds: the longest wait of a poll.
            visibility_seconds: how long received messages are hidden.
            jitter: returns a number from 0 to 1, by which waits after failures are spread.
        """
        while capacity := self._limiter.acquire(self._next_limit()):
            requested_at, waited = self._context.clock(), self._next_wait()
            messages = self._poll(capacity, waited, visibility_seconds)
            self._limiter.backlogged = bool(messages)
            if messages:
                self._wait_seconds = min(wait_seconds, FIRST_POLL_WAIT_SECONDS)
                self._start_additional_pollers(messages, visibility_seconds)
            elif self._failures:
                delay = request_delay_seconds(
                    ERROR_BACKOFF_BASE_SECONDS, ERROR_BACKOFF_LIMIT_SECONDS, self._failures, jitter()
                )
                self._limiter.wait_closed(delay)
            else:
                self._wait_seconds = min(wait_seconds, max(FIRST_POLL_WAIT_SECONDS, 2 * waited))
                if waited or not wait_seconds:
                    self._limiter.wait_closed(requested_at + EMPTY_POLL_INTERVAL_SECONDS - self._context.clock())

            self._wait_for_confirmations()
        for _ in range(self._additional_pollers):  # what the additional pollers have received is passed on as well
            self._idle_pollers.acquire()

    def _next_limit(self) -> int:
        """Return for how many messages the next poll asks: where queues share the capacity, for one while it waits."""
        return BATCH_SIZE if self._limiter.backlogged or not self._limiter.shared else 1

    def _next_wait(self) -> int:
        """Return how many seconds the next poll waits: not at all where it holds what other queues may want."""
        return 0 if self._limiter.backlogged and self._limiter.shared else self._wait_seconds

    def _start_additional_pollers(self, messages: Sequence[Message], visibility_seconds: int) -> None:
        # Not where order matters: two answers could overtake each other on their way.
        full_batch = len(messages) == BATCH_SIZE and not self._context.in_order
        while full_batch and self._idle_pollers.acquire(blocking=False):
            self._thread_pool.submit(partial(self._poll_while_full, visibility_seconds))

    def _poll_while_full(self, visibility_seconds: int) -> None:
        """Poll as long as batches are full, without waiting for messages."""
        try:
            while not self._must_wait(MAX_UNCONFIRMED // 2):
                capacity = self._limiter.acquire(BATCH_SIZE)
                if not capacity or len(self._poll(capacity, 0, visibility_seconds)) < BATCH_SIZE:
                    return
        finally:
            self._idle_pollers.release()

    def _poll(self, capacity: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Send one receive request for as many messages as there is capacity for, and pass them on."""
        requested_at, messages = self._context.clock(), []
        try:
            messages = self._receive(capacity, wait_seconds, visibility_seconds)
        finally:
            self._limiter.release(capacity - len(messages))
        if messages:
            self._pass_on(messages, requested_at)
        return messages

    def _receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        logger.debug("polling", extra={**self._about, "limit": limit, "wait_seconds": wait_seconds})
        try:
            messages = self._context.queue.receive(limit, wait_seconds, visibility_seconds)
        except SqsError as error:
            self._failures += 1
            self._context.stats.receive_failed(error.reason)
            logger.warning(
                "receive failed",
                extra={**self._about, **error.log_fields, "consecutive_failures": self._failures},
            )
            return []
        if self._failures or not self.answered:
            logger.info("receiving messages", extra=self._about)
        self._failures = 0
        self.answered = True
        self._context.stats.add(Count.RECEIVED, len(messages))
        return messages

    def _wait_for_confirmations(self) -> None:
        """Wait while SQS does not confirm requests about earlier messages: to have more of them would be in vain."""
        while self._must_wait(MAX_UNCONFIRMED) and not self._limiter.closed:
            self._limiter.backlogged = False
            self._limiter.wait_closed(UNCONFIRMED_CHECK_INTERVAL_SECONDS)

    def _must_wait(self, unconfirmed: int) -> bool:
        """Return whether to receive nothing: so many wait to be settled, or those in hand are not kept hidden."""
        manager = self._context.lease_manager
        return len(manager) >= self._limiter.total + unconfirmed or manager.is_behind()

    def _pass_on(self, messages: Sequence[Message], requested_at: float) -> None:
        # SQS hid them some time between the request and now. To be safe, assume the earlier.
        leases = self._context.lease_manager.add(messages, hidden_since=requested_at)
        self._limiter.release(len(messages) - len(leases))
        self._context.consumer.accept(leases)
