"""Loads of senders that are busy and silent in turn. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from queueplanner.loads.load import DAY_SECONDS, MINUTE_SECONDS, MadeUp, Unit, duration, parameter
from queueplanner.loads.poisson import Steady


@dataclass(frozen=True, slots=True)
class OnOff(MadeUp):
    """Phases with messages and phases without, of lengths without memory (an interrupted Poisson process)."""

    per_second: float = parameter(5.0, Unit.RATE, "how many are sent in a busy phase")
    on: float = parameter(10 * MINUTE_SECONDS, Unit.SECONDS, "how long a busy phase lasts, on average", lowest=0.001)
    off: float = parameter(50 * MINUTE_SECONDS, Unit.SECONDS, "how long a silent one lasts, on average", lowest=0.001)
    seconds: float = duration(DAY_SECONDS)
    notes: Sequence[str] = ()

    @property
    def amounts(self) -> Mapping[str, float]:
        """The messages, were it always busy, and the phases."""
        return {"messages": self.per_second * self.seconds, "phases": 2 * self.seconds / (self.on + self.off)}

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        return [time for phase in self._busy(random) for time in _sent(phase, self.per_second, random)]

    def _busy(self, random: Random) -> Iterator[tuple[float, float]]:
        """Yield the beginning and the end of each busy phase."""
        busy = random.random() < self.on / (self.on + self.off)
        time = 0.0
        while time < self.seconds:
            end = time + random.expovariate(1 / (self.on if busy else self.off))
            if busy:
                yield time, min(end, self.seconds)
            busy, time = not busy, end


@dataclass(frozen=True, slots=True)
class SelfSimilar(MadeUp):
    """A load that varies as much over hours as over seconds: many senders, whose phases are Pareto distributed.

    Source: Willinger, Taqqu, Sherman, Wilson, "Self-similarity through high-variability" (1997): the sum of senders
    whose phases have the tail exponent a is self-similar with a Hurst exponent of (3 - a) / 2.
    """

    mean_per_second: float = parameter(1.0, Unit.RATE, "how many are sent, over very long")
    hurst: float = parameter(
        0.8, Unit.SHARE, "the Hurst exponent: 0.5 would be independent messages", lowest=0.55, highest=0.95
    )
    senders: int = parameter(20, Unit.COUNT, "how many senders there are: fewer make it burstier", lowest=1)
    shortest: float = parameter(10.0, Unit.SECONDS, "how long a phase lasts at least", lowest=0.001)
    seconds: float = duration(DAY_SECONDS)
    notes: Sequence[str] = ()

    @property
    def amounts(self) -> Mapping[str, float]:
        """The messages, and the phases, were all as short as they may be."""
        return {
            "messages": self.mean_per_second * self.seconds,
            "phases": self.senders * (1 + self.seconds / self.shortest),
        }

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        rate = 2 * self.mean_per_second / self.senders  # a sender is busy half of the time
        phases = (phase for _ in range(self.senders) for phase in self._busy(random))
        return sorted(time for phase in phases for time in _sent(phase, rate, random))

    def _busy(self, random: Random) -> Iterator[tuple[float, float]]:
        """Yield the beginning and the end of each busy phase of one sender, which has been sending for ever."""
        busy = random.random() < 1 / 2
        time, end = 0.0, self._remainder(random)
        while time < self.seconds:
            if busy:
                yield time, min(end, self.seconds)
            busy, time = not busy, end
            end += self.shortest * random.paretovariate(self._tail)

    @property
    def _tail(self) -> float:
        return 3 - 2 * self.hurst

    def _remainder(self, random: Random) -> float:
        """Draw what is left of a phase that began at some time before (the equilibrium distribution of Pareto)."""
        if random.random() < (self._tail - 1) / self._tail:
            return self.shortest * random.random()
        return self.shortest * random.paretovariate(self._tail - 1)


def _sent(phase: tuple[float, float], rate: float, random: Random) -> Iterator[float]:
    begin, end = phase
    return (begin + time for time in Steady(rate, end - begin).times(random))
