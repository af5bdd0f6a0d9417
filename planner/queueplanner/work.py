"""How long things take, and what workers are: drawn from distributions, by a generator that is given. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Draw = Callable[[Random], float]
"""Draws a number of seconds."""


def constant(seconds: float) -> Draw:
    """Return a time that is always the same."""
    return lambda _: seconds


def exponential(mean_seconds: float) -> Draw:
    """Return times without memory."""
    return lambda random: random.expovariate(1 / mean_seconds)


def lognormal(mean_seconds: float, spread: float) -> Draw:
    """Return lognormal times.

    Args:
        mean_seconds: Their mean.
        spread: Their standard deviation over their mean; 1 is that of exponential times.
    """
    variance = math.log(1 + spread**2)
    location, deviation = math.log(mean_seconds) - variance / 2, math.sqrt(variance)
    return lambda random: random.lognormvariate(location, deviation)


@dataclass(frozen=True, slots=True)
class Work:
    """What messages and workers are like.

    Args:
        service: How long a worker takes for one message.
        startup: From a pod's creation to its first receive.
        concurrency: Messages that a pod handles at the same time.
        visibility_seconds: How long a message stays hidden after the last sign of life of who received it.
        grace_seconds: How long a pod may go on after it was told to end.
        releases: Whether a worker that is cut off shows its messages again at once, as queueworker does; else they come
            back when their visibility timeout is over.
    """

    service: Draw
    startup: Draw
    concurrency: int = 1
    visibility_seconds: float = 30.0
    grace_seconds: float = 30.0
    releases: bool = False
