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
    """Who holds how many slots, and how many more each queue may take now. Not safe between threads without a lock.

    Args:
        total: the slots of all queues together, at least one for each.
        weights: of each queue.
    """

    def __init__(self, total: int, weights: Sequence[int]) -> None:
        self.total = total
        self.shares = shares(total, weights)
        self.held = [0] * len(weights)
        """The slots that each queue holds."""
        self.wants = [False] * len(weights)
        """Whether each queue would use more of its share at once: it waits for a slot, or has messages waiting."""

    @property
    def most(self) -> int:
        """How many slots one queue can hold: all but the reserved ones of the others."""
        return self.total - len(self.held) + 1

    def available(self) -> list[int]:
        """Return for each queue how many slots it may take now."""
        free = self.total - sum(self.held)
        reserved = [max(0, 1 - held) for held in self.held]
        claimed = [self._missing(i) if wants else reserved[i] for i, wants in enumerate(self.wants)]
        all_reserved, all_claimed = sum(reserved), sum(claimed)
        return [
            max(
                0,
                min(self._missing(i), free - all_reserved + reserved[i]),  # of its share
                free - all_claimed + claimed[i],  # of what nobody else claims
            )
            for i in range(len(self.held))
        ]

    def _missing(self, queue: int) -> int:
        """Return how many slots of its share a queue does not hold."""
        return max(0, self.shares[queue] - self.held[queue])
