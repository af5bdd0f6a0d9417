"""What every write has to pass: it is open only while this process surely holds the Lease.

The elector opens it at each renewal, `cluster` checks it right before a write is sent, in whatever thread that is; so a
process that was frozen finds it closed when it wakes up, before it has run a line of its event loop. It holds a time
and a count, and knows nothing of Leases.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from queueworkerpool.errors import NotLeadingError


class Fence:
    """Lets writes pass until a time, and counts those that are on their way. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Create a closed fence on a monotonic clock, in seconds."""
        self._clock = clock
        self._until = -math.inf
        self._on_their_way = 0
        self._ended = threading.Condition()

    @property
    def is_open(self) -> bool:
        """Whether a write would pass now."""
        return self._clock() < self._until

    def check(self) -> None:
        """Raise NotLeadingError when a write would not pass now."""
        if not self.is_open:
            raise NotLeadingError("this process does not hold the Lease")

    def open_until(self, time: float) -> None:
        """Let writes pass that are sent before this time of the clock."""
        self._until = time

    def close(self) -> None:
        """Let no write pass any more; those on their way are not called back."""
        self._until = -math.inf

    def is_quiet(self, within_seconds: float) -> bool:
        """Return whether no write is on its way any more; wait so long for that at most. Blocks."""
        with self._ended:
            return self._ended.wait_for(lambda: self._on_their_way == 0, within_seconds)

    @contextmanager
    def passage(self) -> Iterator[None]:
        """One write, from before it is sent until its answer has come or is given up. Raises NotLeadingError."""
        with self._ended:
            # Counted first, so that whoever closes the fence and then finds it quiet has seen this write.
            self._on_their_way += 1
        try:
            self.check()
            yield
        finally:
            with self._ended:
                self._on_their_way -= 1
                self._ended.notify_all()


def no_fence() -> Fence:
    """Return a fence that is always open, for a process that is the only one, or that only reads."""
    fence = Fence(lambda: 0.0)
    fence.open_until(math.inf)
    return fence
