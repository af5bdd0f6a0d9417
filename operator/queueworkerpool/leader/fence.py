"""The fence that every write must pass: open only while this process certainly holds the Lease.

The elector opens it at each renewal. `cluster` checks it right before a write is sent, in the sending thread, so a
process that was frozen finds it closed as soon as it wakes up. It holds a time and a count, and knows nothing of
Leases.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from queueworkerpool.errors import NotLeadingError


class WriteFence(Protocol):
    """What stands before the writes of a connection: a `Fence`, or one of several."""

    def check(self) -> None:
        """Raise NotLeadingError when a write would not pass now."""

    def passage(self) -> AbstractContextManager[None]:
        """Wrap one write. Raises NotLeadingError."""


class Fence:
    """A fence that lets writes pass until a time, and counts those under way. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float], within: "Fence | None" = None) -> None:
        """Create a closed fence.

        Args:
            clock: A monotonic clock, in seconds.
            within: Another fence, which has to be open for this one to be.
        """
        self._clock = clock
        self._within = within
        self._until = -math.inf
        self._under_way = 0
        self._ended = threading.Condition()

    @property
    def is_open(self) -> bool:
        """Whether a write would pass now."""
        return self._clock() < self._until and (self._within is None or self._within.is_open)

    def check(self) -> None:
        """Raise NotLeadingError when a write would not pass now."""
        if not self.is_open:
            raise NotLeadingError("this process does not hold the Lease")

    def open_until(self, time: float) -> None:
        """Let writes pass that are sent before this time of the clock."""
        self._until = time

    def close(self) -> None:
        """Let no further write pass; those under way are not cancelled."""
        self._until = -math.inf

    def is_quiet(self, within_seconds: float) -> bool:
        """Wait at most this long until no write is under way; return whether that is so. Blocks."""
        with self._ended:
            return self._ended.wait_for(lambda: self._under_way == 0, within_seconds)

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Wrap one write, from before it is sent until it is answered or given up. Raises NotLeadingError."""
        with self._ended:
            # Counted first, so that a fence that is closed and then found quiet has counted this write.
            self._under_way += 1
        try:
            self.check()
            yield
        finally:
            with self._ended:
                self._under_way -= 1
                self._ended.notify_all()


def no_fence() -> Fence:
    """Return a fence that is always open, for a process that is the only one, or that only reads."""
    fence = Fence(lambda: 0.0)
    fence.open_until(math.inf)
    return fence
