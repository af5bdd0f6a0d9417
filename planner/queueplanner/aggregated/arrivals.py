"""How many messages a load sends in each second. Pure; no list of single messages is made where a rate is known."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from queueplanner.loads import Load
from queueplanner.recorded import Recorded

STEP_SECONDS = 1.0
"""Within so many seconds nobody knows when a message was sent."""

_ROUGHLY = 1_000
"""Moments at which a rate is looked at, to know about how many messages there will be."""

Counts = NDArray[np.int64]


@runtime_checkable
class _Rated(Protocol):
    """A load of independent messages (a Poisson process)."""

    def rate(self, time: float) -> float: ...


def is_counted(load: Load) -> bool:
    """Return whether its messages can be counted without drawing each of them."""
    return isinstance(load, (Recorded, _Rated))


def expected(load: Load, random: Callable[[], Random]) -> float:
    """Return how many messages a load sends, roughly where that is quicker."""
    if isinstance(load, Recorded):
        return sum(each.messages for each in load.intervals)
    if isinstance(load, _Rated):
        return float(_rates(load, load.seconds, _ROUGHLY).mean() * load.seconds)
    return len(load.times(random()))


def counts(load: Load, random: Random) -> list[int]:
    """Return the messages of each of its seconds."""
    steps = int(np.ceil(load.seconds / STEP_SECONDS))
    generator = np.random.default_rng(random.getrandbits(64))
    if isinstance(load, Recorded):
        return _listed(_of_intervals(load, steps, generator))
    if isinstance(load, _Rated):
        lengths = np.diff(np.append(np.arange(steps) * STEP_SECONDS, load.seconds))
        return _listed(generator.poisson(_rates(load, steps * STEP_SECONDS, steps) * lengths))
    return binned(load.times(random), steps)


def binned(times: Sequence[float], steps: int) -> list[int]:
    """Return how many of some times are in each of the first steps; what is later counts for the last."""
    places = np.minimum((np.asarray(times, np.float64) / STEP_SECONDS).astype(np.int64), steps - 1)
    return _listed(np.bincount(places, minlength=steps))


def _listed(found: Counts) -> list[int]:
    plain: list[int] = found.tolist()
    return plain


def _rates(load: _Rated, seconds: float, moments: int) -> NDArray[np.float64]:
    middles = (np.arange(moments) + 0.5) * (seconds / moments)
    return np.fromiter((load.rate(time) for time in middles.tolist()), np.float64, moments)


def _of_intervals(load: Recorded, steps: int, generator: np.random.Generator) -> Counts:
    """Spread the messages of each interval over its seconds, as they would fall by chance."""
    found = np.zeros(steps, np.int64)
    for each in load.intervals:
        first, end = int(each.start / STEP_SECONDS), int(np.ceil((each.start + each.seconds) / STEP_SECONDS))
        edges = np.clip(np.arange(first, end + 1) * STEP_SECONDS, each.start, each.start + each.seconds)
        shares = np.diff(edges) / each.seconds
        found[first:end] += generator.multinomial(each.messages, shares / shares.sum())
    return found
