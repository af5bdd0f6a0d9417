"""Parts of a load, and a load that is larger or smaller: what it is chosen on, and what it is judged on. Pure."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from queueplanner.loads import DAY_SECONDS, Load
from queueplanner.play import Scenario, beginning
from queueplanner.recorded import Recorded

MOST_SEED = 2**31


@dataclass(frozen=True, slots=True)
class Days:
    """Some days of a load, one after the other, each from midnight to midnight.

    Args:
        load: The whole.
        numbers: Which days, from 0.
        seed: The load is drawn by it and not by the run's own, so that two parts are of one load.
    """

    load: Load
    numbers: tuple[int, ...]
    seed: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.numbers) * DAY_SECONDS

    @property
    def began(self) -> datetime:
        """When the first of them began."""
        return beginning(self.load) + timedelta(days=self.numbers[0])

    @property
    def notes(self) -> Sequence[str]:
        """What is not known of the load."""
        return self.load.notes

    def times(self, _: Random) -> list[float]:
        """Return when each message is sent, in order."""
        times = self.load.times(Random(self.seed))  # noqa: S311 -- chance in a simulation
        return [time for place, number in enumerate(self.numbers) for time in _moved(times, number, place)]


def _moved(times: Sequence[float], number: int, place: int) -> Iterator[float]:
    first, last = (bisect_left(times, day * DAY_SECONDS) for day in (number, number + 1))
    return (time + (place - number) * DAY_SECONDS for time in times[first:last])


@dataclass(frozen=True, slots=True)
class SinceMidnight:
    """A recorded load from the midnight before it on: until it begins, nothing is sent.

    Args:
        load: What was recorded.
        began: That midnight, in UTC.
    """

    load: Load
    began: datetime

    @property
    def seconds(self) -> float:
        """How long it lasts, from midnight on."""
        return self._idle_seconds + self.load.seconds

    @property
    def notes(self) -> Sequence[str]:
        """What is not known of the load."""
        return self.load.notes

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order."""
        return [self._idle_seconds + time for time in self.load.times(random)]

    @property
    def _idle_seconds(self) -> float:
        return (beginning(self.load) - self.began).total_seconds()


@dataclass(frozen=True, slots=True)
class Multiplied:
    """A load with more or fewer messages at the same times of the day.

    Args:
        load: What it was.
        factor: How many times as many messages there are.
    """

    load: Load
    factor: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.load.seconds

    @property
    def began(self) -> datetime:
        """When it began."""
        return beginning(self.load)

    @property
    def notes(self) -> Sequence[str]:
        """What is not known of the load."""
        return self.load.notes

    def times(self, random: Random) -> list[float]:
        """Return when each message is sent, in order: one that is added comes before the next that was there."""
        times = self.load.times(random)
        whole, rest = divmod(self.factor, 1)
        made: list[float] = []
        for time, following in pairwise([*times, self.seconds]):
            more = int(whole) + (random.random() < rest)
            made += [time] * min(more, 1)
            made += sorted(time + random.random() * (following - time) for _ in range(more - 1))
        return made


@dataclass(frozen=True, slots=True)
class Parts:
    """A scenario, divided.

    Args:
        choose: What is chosen on.
        judge: What was not looked at meanwhile.
        how: How it was divided, in a sentence.
    """

    choose: Scenario
    judge: Scenario
    how: str


def knows_its_day(load: Load) -> bool:
    """Return whether it is known at what time of the day a load begins; one that is made up begins at midnight."""
    return not isinstance(load, Recorded) or load.began is not None


def at_its_time(load: Load) -> Load:
    """Return a load of days as it is from midnight on."""
    if not isinstance(load, Recorded) or load.began is None or load.seconds < DAY_SECONDS:
        return load
    began = load.began.astimezone(UTC)
    return SinceMidnight(load, began.replace(hour=0, minute=0, second=0, microsecond=0))


def divided(scenario: Scenario) -> Parts:
    """Divide a scenario: by days where it has several whole ones, else by chance."""
    whole_days = range(isinstance(scenario.load, SinceMidnight), int(scenario.load.seconds // DAY_SECONDS))
    anew = replace(scenario, seed=(scenario.seed + 1_000_003) % MOST_SEED)
    if len(whole_days) < 2:  # noqa: PLR2004 -- one to choose on, one to judge on
        how = "chosen on one draw of the load, judged on another: what another day is like, it does not know"
        return Parts(scenario, anew, how)

    def part(where: Scenario, numbers: Sequence[int]) -> Scenario:
        return replace(where, load=Days(scenario.load, tuple(numbers), scenario.seed))

    odd, even = whole_days[::2], whole_days[1::2]
    how = f"chosen on {len(odd)} of its days, every other one from the first on, judged on the {len(even)} between them"
    return Parts(part(scenario, odd), part(anew, even), how)
