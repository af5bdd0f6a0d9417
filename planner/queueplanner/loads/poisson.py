"""Loads whose messages are sent independently of each other, at a rate that may change (Poisson processes). Pure."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from queueplanner.loads.load import DAY_SECONDS, HOUR_SECONDS, WEEK_SECONDS, MadeUp, Unit, duration, parameter

_WEEKDAYS, _WEEKEND = 5, 2


class Poisson(MadeUp):
    """A load of independent messages."""

    __slots__ = ()

    @abstractmethod
    def rate(self, time: float) -> float:
        """Return the messages per second at a time."""

    @property
    @abstractmethod
    def highest_rate(self) -> float:
        """Messages per second that are never exceeded."""

    @property
    def amounts(self) -> Mapping[str, float]:
        """The messages, were the rate always the highest."""
        return {"messages": self.highest_rate * self.seconds}

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        return list(self._thinned(random))

    def _thinned(self, random: Random) -> Iterator[float]:
        """Draw times at the highest rate and keep of each as many as the rate is of it.

        Source: thinning (Lewis and Shedler, 1979).
        """
        highest = self.highest_rate
        if highest <= 0:
            return
        time = random.expovariate(highest)
        while time < self.seconds:
            if random.random() * highest < self.rate(time):
                yield time
            time += random.expovariate(highest)


@dataclass(frozen=True, slots=True)
class Steady(Poisson):
    """The same rate all the time."""

    per_second: float = parameter(1.0, Unit.RATE, "how many are sent")
    seconds: float = duration(DAY_SECONDS)
    notes: Sequence[str] = ()

    @property
    def highest_rate(self) -> float:
        """The rate."""
        return self.per_second

    def rate(self, _: float) -> float:
        """Return the messages per second at a time."""
        return self.per_second


@dataclass(frozen=True, slots=True)
class Ramp(Poisson):
    """A rate that grows or falls evenly, from the first moment to the last."""

    from_per_second: float = parameter(0.0, Unit.RATE, "how many are sent at the start")
    to_per_second: float = parameter(10.0, Unit.RATE, "how many are sent at the end")
    seconds: float = duration(HOUR_SECONDS)
    notes: Sequence[str] = ()

    @property
    def highest_rate(self) -> float:
        """The higher of the rate's ends."""
        return max(self.from_per_second, self.to_per_second)

    def rate(self, time: float) -> float:
        """Return the messages per second at a time."""
        return self.from_per_second + (self.to_per_second - self.from_per_second) * time / self.seconds


@dataclass(frozen=True, slots=True)
class Daily(Poisson):
    """A rate that follows the day: least at midnight, most at noon."""

    mean_per_second: float = parameter(1.0, Unit.RATE, "how many are sent, over a whole day")
    swing: float = parameter(
        0.8, Unit.SHARE, "how far noon is above the mean: 1 is twice the mean, and nothing at midnight", highest=1.0
    )
    seconds: float = duration(DAY_SECONDS)
    notes: Sequence[str] = ()

    @property
    def highest_rate(self) -> float:
        """That of noon."""
        return self.mean_per_second * (1 + self.swing)

    def rate(self, time: float) -> float:
        """Return the messages per second at a time."""
        return self.mean_per_second * _of_the_day(time, self.swing)


@dataclass(frozen=True, slots=True)
class Weekly(Poisson):
    """Days that are busiest at noon: five busy ones, from Monday on, and two quiet ones."""

    mean_per_second: float = parameter(1.0, Unit.RATE, "how many are sent, over a whole week")
    swing: float = parameter(0.8, Unit.SHARE, "how far noon is above the day's mean", highest=1.0)
    weekend: float = parameter(0.2, Unit.SHARE, "what a day of the weekend is of one before it", highest=1.0)
    seconds: float = duration(WEEK_SECONDS)
    notes: Sequence[str] = ()

    @property
    def highest_rate(self) -> float:
        """That of noon on a weekday."""
        return self._weekday * (1 + self.swing)

    @property
    def _weekday(self) -> float:
        return self.mean_per_second * (_WEEKDAYS + _WEEKEND) / (_WEEKDAYS + _WEEKEND * self.weekend)

    def rate(self, time: float) -> float:
        """Return the messages per second at a time."""
        busy = time % WEEK_SECONDS < _WEEKDAYS * DAY_SECONDS
        return self._weekday * (1.0 if busy else self.weekend) * _of_the_day(time, self.swing)


def _of_the_day(time: float, swing: float) -> float:
    """Return what the rate is of the day's mean."""
    return 1 - swing * math.cos(2 * math.pi * time / DAY_SECONDS)
