"""How long things take, what workers are, and what goes wrong: drawn by a generator that is given. Pure.

Every class here can be pickled: runs are played in several processes.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, pairwise
from random import Random
from typing import ClassVar, Protocol, Self


class Draw(Protocol):
    """Draws a number of seconds."""

    @property
    def mean_seconds(self) -> float:
        """Their mean."""

    def __call__(self, random: Random, /) -> float:
        """Draw one."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A time that is always the same."""

    mean_seconds: float

    def __call__(self, _: Random, /) -> float:
        """Return it."""
        return self.mean_seconds


@dataclass(frozen=True, slots=True)
class Exponential:
    """Times without memory."""

    mean_seconds: float

    def __call__(self, random: Random, /) -> float:
        """Draw one."""
        return random.expovariate(1 / self.mean_seconds)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Lognormal times.

    Args:
        mean_seconds: Their mean.
        spread: Their standard deviation over their mean; 1 is that of exponential times.
    """

    mean_seconds: float
    spread: float

    def __call__(self, random: Random, /) -> float:
        """Draw one."""
        mean, deviation = _of_logarithm(self.mean_seconds, self.spread)
        return random.lognormvariate(mean, deviation)


@cache
def _of_logarithm(mean: float, spread: float) -> tuple[float, float]:
    """Return the mean and the standard deviation of the logarithm of lognormal times."""
    variance = math.log(1 + spread**2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


@dataclass(frozen=True, slots=True)
class Empirical:
    """Times that were measured, as a histogram; `of` makes it.

    A time lies anywhere in its bucket: of the first evenly, of the others evenly by its logarithm. Nobody knows how
    long those above all bounds took: they lie in one more bucket, which ends at `BEYOND` of the last bound.

    Args:
        edges: Where the buckets begin, in seconds, and where the last one ends.
        cumulative: How many times lie in each bucket and those before it.
        scale: By what a drawn time is multiplied.
    """

    edges: tuple[float, ...]
    cumulative: tuple[float, ...]
    scale: float = 1.0

    BEYOND: ClassVar[float] = 3.0

    @classmethod
    def of(cls, bounds: Sequence[float], counts: Sequence[float], mean_seconds: float | None = None) -> Self:
        """Return the times of a histogram.

        Args:
            bounds: The buckets' upper bounds in seconds, the lowest first, without infinity.
            counts: Times in each bucket alone; one more than bounds: the last are above all of them.
            mean_seconds: The times' mean, if it was measured, too: what is drawn is stretched to it.

        Raises:
            ValueError: it is no histogram of times.
        """
        if len(counts) != len(bounds) + 1 or not bounds or bounds[0] <= 0:
            raise ValueError("a histogram of times has bounds above 0, and one count more than bounds")
        if any(after <= before for before, after in pairwise(bounds)):
            raise ValueError("the bounds of a histogram must grow")
        if min(counts) < 0 or sum(counts) <= 0:
            raise ValueError("a histogram needs counts, none of them below 0")
        raw = cls((0.0, *bounds, bounds[-1] * cls.BEYOND), tuple(accumulate(counts)))
        return raw if mean_seconds is None else replace(raw, scale=mean_seconds / raw.mean_seconds)

    @property
    def mean_seconds(self) -> float:
        """Their mean."""
        counts = (after - before for before, after in pairwise((0.0, *self.cumulative)))
        seconds = sum(count * _mean(*bucket) for count, bucket in zip(counts, pairwise(self.edges), strict=True))
        return self.scale * seconds / self.cumulative[-1]

    def __call__(self, random: Random, /) -> float:
        """Draw one."""
        bucket = bisect_right(self.cumulative, random.random() * self.cumulative[-1], hi=len(self.cumulative) - 1)
        low, high = self.edges[bucket], self.edges[bucket + 1]
        share = random.random()
        return self.scale * (low * (high / low) ** share if low else high * share)


def _mean(low: float, high: float) -> float:
    """Return the mean of times that lie evenly by their logarithm, or from 0 on evenly."""
    return (high - low) / math.log(high / low) if low else high / 2


@dataclass(frozen=True, slots=True)
class Failures:
    """How handlers fail.

    Args:
        share: Of attempts that fail, by chance.
        poison_share: Of messages that fail at each attempt.
        outages: From when to when every attempt that ends fails, as while a database is down.
        attempts: Receives after which a message goes to the dead-letter queue (`maxReceiveCount`); 0: there is none.
        retry_seconds: How long a message that failed stays hidden.
    """

    share: float = 0.0
    poison_share: float = 0.0
    outages: Sequence[tuple[float, float]] = ()
    attempts: int = 0
    retry_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Deaths:
    """How pods end that nobody told to: what they have in hand is shown again when its visibility timeout is over.

    Others are created in their place at once, as when a machine is gone for good; one that only fell silent keeps its
    pods for five minutes.

    Args:
        pod_hours: Mean life of a pod until it dies of itself (exponential); None: none does.
        nodes_lost_at: When a node is lost with all of its pods, whichever it is.
        pods_per_node: Pods of one node: nodes are full but for the last, in the order of their pods' creation.
    """

    pod_hours: float | None = None
    nodes_lost_at: Sequence[float] = ()
    pods_per_node: int = 10


@dataclass(frozen=True, slots=True)
class Work:
    """What messages and workers are like.

    Args:
        service: How long a worker takes for one message, at each attempt.
        startup: From a pod's creation to its first receive.
        concurrency: Messages that a pod handles at the same time.
        visibility_seconds: How long a message stays hidden after the last sign of life of who received it.
        grace_seconds: How long a pod may go on after it was told to end.
        longest_poll_seconds: How long a worker waits for a message at most before it asks again. Told to end, it does
            not cut off the poll under way, since SQS would still serve it: a message that comes ends it, and is
            released at once. 0: a worker that is told to end ends at once.
        deletion_seconds: From the end of a handler until the queue has deleted the message: so long it is in flight,
            while the worker has room for another.
        releases: Whether a worker that is cut off shows its messages again at once, as queueworker does; else they come
            back when their visibility timeout is over.
        failures: How handlers fail.
        deaths: How pods die.
    """

    service: Draw
    startup: Draw
    concurrency: int = 1
    visibility_seconds: float = 30.0
    grace_seconds: float = 30.0
    releases: bool = False
    failures: Failures = Failures()
    deaths: Deaths = Deaths()
    longest_poll_seconds: float = 0.0
    deletion_seconds: float = 0.0
