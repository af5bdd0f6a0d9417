"""How long things take, what workers are, and what goes wrong: drawn by a generator that is given. Pure.

Every class here can be pickled: runs are played in several processes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Protocol


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
        return math.exp(random.gauss(mean, deviation))


@cache
def _of_logarithm(mean: float, spread: float) -> tuple[float, float]:
    """Return the mean and the standard deviation of the logarithm of lognormal times."""
    variance = math.log(1 + spread**2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


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
