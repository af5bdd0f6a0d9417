"""How many messages were sent, inferred from what was in a queue and what its workers deleted. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise


def inferred(totals: Sequence[float | None], deleted: Sequence[float | None]) -> list[int | None]:
    """Return how many messages were sent in each step; None where that is not known.

    What was ever sent is what is in the queue and what was deleted before. SQS's counts are approximate, and older than
    what the workers say, so that this sum may seem to fall: the course that never falls and is closest to it is taken
    for it. Closest by least absolute deviations: one count that is far off moves nothing.

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
    """Return values that never fall, with the smallest sum of distances to these.

    Source: the pool-adjacent-violators algorithm (Barlow, Bartholomew, Bremner, Brunk, 1972), with medians in place of
    means (Robertson and Wright, 1980). Of two medians the lower is taken.
    """
    pools: list[list[float]] = []  # the sorted values that have become one
    for value in values:
        pool = [value]
        while pools and _median(pools[-1]) >= _median(pool):
            pool = sorted(pools.pop() + pool)
        pools.append(pool)
    return [_median(pool) for pool in pools for _ in pool]


def _median(ordered: Sequence[float]) -> float:
    return ordered[(len(ordered) - 1) // 2]
