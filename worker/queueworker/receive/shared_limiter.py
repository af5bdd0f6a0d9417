"""One capacity for the messages of several queues: each queue has a limiter, and what one may take depends on all.

`runtime` makes them for a worker of several queues; a worker of one has a plain `CapacityLimiter`. How slots are shared
is up to `sharing`, which is pure.
"""

import threading
from collections.abc import Sequence

from queueworker.primitives import SYSTEM, Primitives
from queueworker.receive.limiter import CapacityLimiter
from queueworker.receive.sharing import SharedSlots


def shared_limiters(total: int, weights: Sequence[int], primitives: Primitives = SYSTEM) -> tuple["SharedLimiter", ...]:
    """Return a limiter for each queue; together they have `total` slots, at least one for each."""
    return tuple(_SharedCapacity(total, weights, primitives).limiters)


class _SharedCapacity:
    """The slots with their lock. Each limiter has a condition of its own: waking a thread in vain is expensive."""

    def __init__(self, total: int, weights: Sequence[int], primitives: Primitives) -> None:
        self.primitives = primitives
        self.slots = SharedSlots(total, weights)
        self.lock = threading.RLock()
        self.limiters = [SharedLimiter(self, queue) for queue in range(len(weights))]

    def changed(self) -> None:
        """Let each queue that waits know what it may take now. Called with the lock, after each change of the slots."""
        for limiter in self.limiters:
            if limiter.waiting:
                limiter.refresh()


class SharedLimiter(CapacityLimiter):
    """The capacity of one queue, of slots that it shares with others. Closing one closes all."""

    shared = True

    def __init__(self, capacity: _SharedCapacity, queue: int) -> None:
        super().__init__(capacity.slots.most)
        self._changed = capacity.primitives.condition(capacity.lock)
        self._capacity, self._slots, self._queue = capacity, capacity.slots, queue
        self.waiting = 0
        """How many threads wait for capacity."""
        self._backlogged = self._wants = False

    @property
    def backlogged(self) -> bool:
        """Whether the last poll brought messages."""
        return self._backlogged

    @backlogged.setter
    def backlogged(self, backlogged: bool) -> None:
        with self._changed:
            self._backlogged = backlogged
            self._wants_changed()

    def acquire(self, limit: int) -> int:
        """Wait for capacity and acquire it; see `CapacityLimiter`. Who waits wants its share."""
        with self._changed:
            self.waiting += 1
            self._wants_changed()
            self.refresh()
            try:
                # Not to wait for a batch that cannot become full while other queues want their shares.
                return super().acquire(min(limit, max(1, self._slots.within_reach(self._queue))))
            finally:
                self.waiting -= 1
                self._wants_changed()

    def release(self, number: int = 1) -> None:
        """Release the capacity of `number` messages: for this queue, or for another one that waits."""
        if number:
            with self._changed:
                self._take(-number)

    def close(self) -> None:
        """Close the limiters of all queues for good and wake all that wait."""
        for limiter in self._capacity.limiters:
            super(SharedLimiter, limiter).close()

    def refresh(self) -> None:
        """Look how many slots this queue may take now, and wake who waits if these are enough. Called with the lock."""
        before, self._available = self._available, self._slots.available(self._queue)
        if before < self._available and (before == 0 or self._available >= self._requested):
            self._changed.notify_all()

    def _take(self, number: int) -> None:
        self._slots.hold(self._queue, number)
        self._capacity.changed()

    def _wants_changed(self) -> None:
        wants = self._backlogged or self.waiting > 0
        if wants is not self._wants:
            self._wants = wants
            self._slots.set_wants(self._queue, wants=wants)
            self._capacity.changed()
