"""Divides the capacity of a worker among its queues, by their weights. Pure: no threads, no clock.

`shared_limiter` calls it. A slot is the capacity for one message. Every queue has a share, which it may use as far as
slots are free; one slot of it is reserved for it always, so that messages of other queues never stop it, however long
they take. Beyond its share a queue may use what nobody else wants.
"""

from collections.abc import Sequence


def shares(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide `total` slots by the weights (largest remainder), with at least one for each; `total` is enough for that.

    Each has the one slot; the others are divided so that the shares come as close to the weights as that allows.
    """
    ideal = [total * weight / sum(weights) for weight in weights]
    divided = [max(1, int(each)) for each in ideal]
    while (missing := total - sum(divided)) != 0:
        step = 1 if missing > 0 else -1
        movable = [i for i, share in enumerate(divided) if step > 0 or share > 1]
        divided[max(movable, key=lambda i: step * (ideal[i] - divided[i]))] += step
    return tuple(divided)


class SharedSlots:
    """Who holds how many slots, and how many more a queue may take now. Not safe between threads without a lock.

    The sums are kept, because this is on the path of every message.

    Args:
        total: the slots of all queues together, at least one for each.
        weights: of each queue.
    """

    def __init__(self, total: int, weights: Sequence[int]) -> None:
        self.shares = shares(total, weights)
        self.held = [0] * len(weights)
        """The slots that each queue holds."""
        self.most = total - len(weights) + 1
        """How many slots one queue can hold: all but the reserved ones of the others."""
        self._wants = [False] * len(weights)
        self._free = total
        self._reserved = self._claimed = len(weights)

    def hold(self, queue: int, number: int) -> None:
        """Let a queue hold so many slots more; fewer, when the number is negative."""
        self._count(queue, -1)
        self.held[queue] += number
        self._free -= number
        self._count(queue, +1)

    def set_wants(self, queue: int, *, wants: bool) -> None:
        """Record whether a queue would use more of its share at once: it waits for a slot, or has messages waiting."""
        self._count(queue, -1)
        self._wants[queue] = wants
        self._count(queue, +1)

    def available(self, queue: int) -> int:
        """Return how many slots a queue may take now: of its share, and of what nobody else claims."""
        unreserved = self._free - self._reserved + self._reserved_for(queue)
        unclaimed = self._free - self._claimed + self._claimed_for(queue)
        return max(0, unclaimed, min(self._missing(queue), unreserved))

    def within_reach(self, queue: int) -> int:
        """Return how many slots a queue may take as its own messages end, if nothing else changes."""
        return self.held[queue] + self.available(queue)

    def _count(self, queue: int, sign: int) -> None:
        self._reserved += sign * self._reserved_for(queue)
        self._claimed += sign * self._claimed_for(queue)

    def _reserved_for(self, queue: int) -> int:
        """Return how many slots nobody else may take, whatever happens: one, where the queue holds none."""
        return 0 if self.held[queue] else 1

    def _claimed_for(self, queue: int) -> int:
        """Return how many slots no queue may take beyond its share: those that this one wants of its own, if any."""
        return self._missing(queue) if self._wants[queue] else self._reserved_for(queue)

    def _missing(self, queue: int) -> int:
        """Return how many slots of its share a queue does not hold."""
        return max(0, self.shares[queue] - self.held[queue])
