"""What comes into the queue: how many messages are sent, and when. Pure; the same seed gives the same times.

`play` asks a load for its times; `recorded` has the loads that were measured. Every load can be pickled.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

DAY_SECONDS = 86_400.0


class Load(Protocol):
    """What is sent to a queue. Times are seconds from the start of the load."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""

    @property
    def notes(self) -> Sequence[str]:
        """What is not known of it, in sentences: such as gaps of a recording."""

    def times(self, random: Random) -> Sequence[float]:
        """Return when each message is sent, in order."""


@dataclass(frozen=True, slots=True)
class Steady:
    """Messages that are sent independently of each other (a Poisson process)."""

    per_second: float
    seconds: float
    notes: Sequence[str] = ()

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        return list(_thinned(self, self.per_second, random))

    def rate(self, _: float) -> float:
        """Return the messages per second at a time."""
        return self.per_second


@dataclass(frozen=True, slots=True)
class Burst:
    """Messages that are all sent at once."""

    messages: int
    at: float
    seconds: float
    notes: Sequence[str] = ()

    def times(self, _: Random) -> list[float]:
        """Return when each message is sent, in order."""
        return [self.at] * self.messages


@dataclass(frozen=True, slots=True)
class Daily:
    """A load that follows the day: least at midnight, most at noon.

    Args:
        mean_per_second: Over a whole day.
        swing: 0: steady; 1: nothing at midnight, twice the mean at noon.
        seconds: How long the load lasts.
        notes: As of every load.
    """

    mean_per_second: float
    swing: float
    seconds: float
    notes: Sequence[str] = ()

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        return list(_thinned(self, self.mean_per_second * (1 + self.swing), random))

    def rate(self, time: float) -> float:
        """Return the messages per second at a time."""
        return self.mean_per_second * (1 - self.swing * math.cos(2 * math.pi * time / DAY_SECONDS))


class _Varying(Protocol):
    @property
    def seconds(self) -> float: ...

    def rate(self, time: float) -> float: ...


def _thinned(load: _Varying, most: float, random: Random) -> Iterator[float]:
    """Draw the times of a Poisson process whose rate changes and never exceeds `most`.

    Source: thinning (Lewis and Shedler, 1979).
    """
    if most <= 0:
        return
    time = random.expovariate(most)
    while time < load.seconds:
        if random.random() * most < load.rate(time):
            yield time
        time += random.expovariate(most)
