"""Loads of which many messages come together: bursts, batches, crowds, storms. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from queueplanner.loads.load import DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS, MadeUp, Unit, duration, parameter
from queueplanner.loads.poisson import Ramp, Steady


@dataclass(frozen=True, slots=True)
class Burst(MadeUp):
    """Messages that are all sent at once."""

    messages: int = parameter(1_000, Unit.COUNT, "how many are sent")
    at: float = parameter(0.0, Unit.MOMENT, "when")
    seconds: float = duration(HOUR_SECONDS)
    notes: Sequence[str] = ()

    @property
    def amounts(self) -> Mapping[str, float]:
        """The messages."""
        return {"messages": self.messages}

    def times(self, _: Random) -> list[float]:
        """Return when each message is sent, in order."""
        return [self.at] * self.messages


@dataclass(frozen=True, slots=True)
class HourlyBatch(MadeUp):
    """A batch in every hour, as a cron job sends it, sent evenly over a few minutes; little in between."""

    messages: int = parameter(1_000, Unit.COUNT, "how many a batch has")
    after: float = parameter(0.0, Unit.SECONDS, "how long after the full hour it begins", highest=HOUR_SECONDS)
    within: float = parameter(2 * MINUTE_SECONDS, Unit.SECONDS, "how long it takes to send it", highest=HOUR_SECONDS)
    per_second: float = parameter(0.0, Unit.RATE, "how many are sent besides")
    seconds: float = duration(DAY_SECONDS)
    notes: Sequence[str] = ()

    @property
    def amounts(self) -> Mapping[str, float]:
        """The messages of all hours, and those besides."""
        return {
            "messages": ceil(max(self.seconds - self.after, 0) / HOUR_SECONDS) * self.messages
            + self.per_second * self.seconds
        }

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        besides = Steady(self.per_second, self.seconds).times(random)
        return _in_order([*besides, *self._batches(random)], self.seconds)

    def _batches(self, random: Random) -> Iterator[float]:
        start = self.after
        while start < self.seconds:
            yield from (start + random.random() * self.within for _ in range(self.messages))
            start += HOUR_SECONDS


@dataclass(frozen=True, slots=True)
class Sparse(MadeUp):
    """Nothing for long, then a few messages, at no certain times."""

    every: float = parameter(HOUR_SECONDS, Unit.SECONDS, "how far they are apart, on average", lowest=0.001)
    messages: int = parameter(1, Unit.COUNT, "how many are sent together", lowest=1)
    seconds: float = duration(DAY_SECONDS)
    notes: Sequence[str] = ()

    @property
    def amounts(self) -> Mapping[str, float]:
        """The messages of all times that are expected."""
        return {"messages": self.seconds / self.every * self.messages}

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        moments = Steady(1 / self.every, self.seconds).times(random)
        return [time for time in moments for _ in range(self.messages)]


@dataclass(frozen=True, slots=True)
class FlashCrowd(MadeUp):
    """A steady load to which, from one moment on, many more come: soon very many, then fewer and fewer."""

    per_second: float = parameter(1.0, Unit.RATE, "how many are sent all the time")
    peak: float = parameter(20.0, Unit.RATE, "how many are sent besides when the crowd is largest")
    at: float = parameter(HOUR_SECONDS, Unit.MOMENT, "when the crowd begins to come")
    growth: float = parameter(MINUTE_SECONDS, Unit.SECONDS, "how long it grows, evenly", lowest=0.001)
    decay: float = parameter(
        10 * MINUTE_SECONDS, Unit.SECONDS, "how long it then takes to fall to 37 %, again and again", lowest=0.001
    )
    seconds: float = duration(6 * HOUR_SECONDS)
    notes: Sequence[str] = ()

    @property
    def amounts(self) -> Mapping[str, float]:
        """The messages that are always sent, and those of the crowd."""
        return {"messages": self.per_second * self.seconds + self.peak * (self.growth + self.decay)}

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        steady = Steady(self.per_second, self.seconds).times(random)
        growing = (self.at + time for time in Ramp(0.0, self.peak, self.growth).times(random))
        return _in_order([*steady, *growing, *self._leaving(random)], self.seconds)

    def _leaving(self, random: Random) -> Iterator[float]:
        """Yield the messages after the peak: as many as are expected, each at a time of its own."""
        top = self.at + self.growth
        yield from (top + random.expovariate(1 / self.decay) for _ in range(round(self.peak * self.decay)))


_STORM = "the senders send again whatever happens: they do not wait for an answer, nor do less when the backlog grows"


@dataclass(frozen=True, slots=True)
class RetryStorm(MadeUp):
    """A steady load whose senders cannot send for a while, and then send all of it again and again.

    What it is not: an outage of what the handlers need. That is `work.Failures.outages`, where messages come back by
    themselves.
    """

    per_second: float = parameter(2.0, Unit.RATE, "how many are meant to be sent")
    at: float = parameter(HOUR_SECONDS, Unit.MOMENT, "when sending begins to fail")
    outage: float = parameter(10 * MINUTE_SECONDS, Unit.SECONDS, "for how long it fails")
    sends: int = parameter(3, Unit.COUNT, "how often each of those messages is then sent", lowest=1)
    within: float = parameter(
        MINUTE_SECONDS, Unit.SECONDS, "until when most are sent again: each is so much later on average", lowest=0.001
    )
    seconds: float = duration(6 * HOUR_SECONDS)
    notes: Sequence[str] = (_STORM,)

    @property
    def amounts(self) -> Mapping[str, float]:
        """The messages, and those of the outage as often as they are sent."""
        return {"messages": self.per_second * (self.seconds + min(self.outage, self.seconds) * self.sends)}

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        meant = Steady(self.per_second, self.seconds).times(random)
        end = self.at + self.outage
        held = sum(self.at <= time < end for time in meant)
        sent = [time for time in meant if not self.at <= time < end]
        again = (end + random.expovariate(1 / self.within) for _ in range(held * self.sends))
        return _in_order([*sent, *again], self.seconds)


def _in_order(times: list[float], seconds: float) -> list[float]:
    """Return the times before the end, in order."""
    return sorted(time for time in times if time < seconds)
