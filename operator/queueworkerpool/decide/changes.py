"""Keeps what is remembered of our own changes small, where the rate policies can hardly tell them apart. Pure.

`remember` calls it. Two changes in the same direction become one that knows when the first and the last of them was.
`rates` counts such a change so that it never allows more than the policies would: too long against its own direction,
too short in favour of the other one. What that costs is that the next step comes later, by what lies between the two.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from queueworkerpool.model import Change

MOST_CHANGES = 24
"""The changes that are remembered at most, about 2 kB of the status."""


def merged(changes: Sequence[Change], periods: Sequence[int], now: datetime) -> tuple[Change, ...]:
    """Return at most MOST_CHANGES changes that stand for these, in order; `periods` are those of the policies."""
    if len(changes) <= MOST_CHANGES:
        return tuple(changes)
    found: list[Change] = []
    for direction in (True, False):
        own = sorted((change for change in changes if (change.by > 0) is direction), key=lambda change: change.time)
        found += _reduced(own, MOST_CHANGES // 2, sorted(periods), now)
    return tuple(sorted(found, key=lambda change: change.time))


def _reduced(changes: list[Change], most: int, periods: Sequence[int], now: datetime) -> list[Change]:
    while len(changes) > most:
        pairs = sorted(range(len(changes) - 1), key=lambda first: _cost(changes, first, periods, now))
        # A few at a time: what is dear to join at first shall stay apart as long as anything is cheaper.
        chosen = set(_apart(pairs, max(1, (len(changes) - most) // 4)))
        changes = [
            _joined(change, changes[index + 1]) if index in chosen else change
            for index, change in enumerate(changes)
            if index - 1 not in chosen
        ]
    return changes


def _cost(changes: Sequence[Change], first: int, periods: Sequence[int], now: datetime) -> float:
    """Return how much later the next step may come if this change and the one after it become one, as a share."""
    last = changes[first + 1]
    age = (now - last.time).total_seconds()
    period = next((period for period in periods if period > age), periods[-1])
    return (last.time - changes[first].begun).total_seconds() / period


def _apart(pairs: Sequence[int], most: int) -> Iterator[int]:
    """Yield the first of these pairs that have no change in common, at most so many."""
    taken: set[int] = set()
    for first in pairs:
        if len(taken) < most and not {first - 1, first + 1} & taken:
            taken.add(first)
            yield first


def _joined(first: Change, last: Change) -> Change:
    return Change(last.time, first.by + last.by, min(first.begun, last.begun))
