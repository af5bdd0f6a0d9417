"""How many messages were sent, inferred from what was in a queue and what its workers deleted. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise


def inferred(totals: Sequence[float | None], deleted: Sequence[float | None]) -> list[int | None]:
    """Return how many messages were sent in each step; None where that is not known.

    What was ever sent is what is in the queue and what was deleted before. SQS's counts are approximate, so that this
    sum may seem to fall: the course that never falls and is closest to it (least squares) is taken for it.

    Args:
        totals: Messages in the queue, in any state, at the end of each step.
        deleted: Messages that were deleted in each step.
    """
    sent: list[int | None] = [None] * len(totals)
    for known in _stretches(totals, deleted):
        course, gone = [], 0.0
        for step in known:
            gone += 0.0 if step == known.start else deleted[step] or 0.0
            course.append((totals[step] or 0.0) + gone)
        rounded = [round(value) for value in never_falling(course)]
        for step, (before, after) in zip(known[1:], pairwise(rounded), strict=True):
            sent[step] = after - before
    return sent


def _stretches(totals: Sequence[float | None], deleted: Sequence[float | None]) -> Iterator[range]:
    """Yield the steps that follow each other and of which everything is known; of the first, the total alone."""
    begin: int | None = None
    for step, total in enumerate(totals):
        if begin is not None and (total is None or deleted[step] is None):
            yield range(begin, step)
            begin = None
        if begin is None and total is not None:
            begin = step
    if begin is not None:
        yield range(begin, len(totals))


def never_falling(values: Sequence[float]) -> list[float]:
    """Return the closest values that never fall.

    Source: the pool-adjacent-violators algorithm (Barlow, Bartholomew, Bremner, Brunk, 1972).
    """
    pools: list[tuple[float, int]] = []  # mean and number of values that have become one
    for value in values:
        mean, number = value, 1
        while pools and pools[-1][0] >= mean:
            before, size = pools.pop()
            mean, number = (before * size + mean * number) / (size + number), size + number
        pools.append((mean, number))
    return [mean for mean, number in pools for _ in range(number)]
