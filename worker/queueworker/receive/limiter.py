"""Limits how many messages may be received: back-pressure while open, nothing once closed.

The receiver acquires capacity, the end of each message's work releases it, and shutdown closes the limiter.
"""

from queueworker.primitives import SYSTEM, Primitives

FULL_BATCH_TIMEOUT_SECONDS = 0.005
"""How long to wait for a full batch once some capacity is free: a request costs the same for ten messages as for one.
"""


class CapacityLimiter:
    """Capacity for as many messages as this worker may have received and not finished at the same time."""

    shared = False
    """Whether other queues use the capacity, too: a poll that waits must then hold little of it."""
    backlogged = False
    """Whether the last poll brought messages. The receiver sets it."""

    def __init__(self, total: int, primitives: Primitives = SYSTEM) -> None:
        self.total = total
        self._available = total
        self._requested = 1  # as much as a receiver waits for
        self._changed = primitives.condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether no message may be received or started any more."""
        return self._closed

    def acquire(self, limit: int) -> int:
        """Wait for capacity and acquire it for up to `limit` messages; return for how many, 0 once closed."""
        requested = min(limit, self.total)
        with self._changed:
            self._requested = requested
            while not self._closed:
                self._changed.wait_for(lambda: self._closed or self._available > 0)
                if self._available < requested:
                    self._changed.wait_for(
                        lambda: self._closed or self._available >= requested, FULL_BATCH_TIMEOUT_SECONDS
                    )
                acquired = min(requested, self._available)  # none, when another receiver was faster
                if acquired and not self._closed:
                    self._take(acquired)
                    return acquired
            return 0

    def _take(self, number: int) -> None:
        self._available -= number

    def release(self, number: int = 1) -> None:
        """Release the capacity of `number` messages.

        Waking a thread is expensive: receivers are woken for the first message, and when there is room for a batch.
        """
        with self._changed:
            first = self._available == 0
            self._available += number
            if first or self._available >= self._requested:
                self._changed.notify_all()

    def wait_closed(self, timeout_seconds: float) -> None:
        """Wait until the limiter is closed, at most for the timeout; a timeout of zero or less does not wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, max(0.0, timeout_seconds))

    def close(self) -> None:
        """Close the limiter for good and wake all that wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
