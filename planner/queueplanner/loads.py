"""What comes into the queue: the times at which messages are sent. Pure; the same seed gives the same times."""

import math
from collections.abc import Callable, Iterator
from random import Random

DAY_SECONDS = 86_400.0


def steady(per_second: float, seconds: float, random: Random) -> list[float]:
    """Return the times of a Poisson process."""
    return varying(lambda _: per_second, per_second, seconds, random)


def burst(messages: int, at: float = 0.0) -> list[float]:
    """Return the times of messages that are all sent at once."""
    return [at] * messages


def daily(mean_per_second: float, swing: float, seconds: float, random: Random) -> list[float]:
    """Return the times of a load that follows the day: least at midnight, most at noon.

    Args:
        mean_per_second: Over a whole day.
        swing: 0: steady; 1: nothing at midnight, twice the mean at noon.
        seconds: How long the load lasts.
        random: Draws the times.
    """
    most = mean_per_second * (1 + swing)
    return varying(
        lambda time: mean_per_second * (1 - swing * math.cos(2 * math.pi * time / DAY_SECONDS)), most, seconds, random
    )


def varying(rate: Callable[[float], float], most: float, seconds: float, random: Random) -> list[float]:
    """Return the times of a Poisson process whose rate changes.

    Source: thinning (Lewis and Shedler, 1979).

    Args:
        rate: Messages per second at a time.
        most: What the rate never exceeds.
        seconds: How long the load lasts.
        random: Draws the times.
    """
    return list(_thinned(rate, most, seconds, random)) if most > 0 else []


def _thinned(rate: Callable[[float], float], most: float, seconds: float, random: Random) -> Iterator[float]:
    time = random.expovariate(most)
    while time < seconds:
        if random.random() * most < rate(time):
            yield time
        time += random.expovariate(most)
