"""How many pods a load needs, by the hour of the day, and the schedules that have them ready in time. Pure.

Pods are learned from the part of the load that is chosen on. `space` calls it.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import median
from typing import Any

from queueplanner.loads import DAY_SECONDS
from queueplanner.play import Scenario
from queueplanner.recommend.manifest import PLANNED

SLOT_SECONDS = 900.0
SLOTS = round(DAY_SECONDS / SLOT_SECONDS)
LEVELS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the highest need, for each of which there may be a schedule."""
SHORTEST_BREAK = 4
"""Slots; a shorter time below a level does not end its schedule."""
MOST_SCHEDULES = 6
"""Of one level: a load that crosses it more often follows no day."""
STEADY = 1.5
"""A load whose need stays within this factor of its mean needs no schedules."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Pods that a load needs.

    Args:
        mean: Over all of its time.
        peak: For the densest window as long as the promise.
        slots: Of each quarter of an hour of the day, the median over days; empty: the load has no whole day.
    """

    mean: float
    peak: float
    slots: tuple[float, ...] = ()


def needs(scenario: Scenario, promise_seconds: float) -> Needs:
    """Return what a scenario's load needs, if a window of messages is handled within a promise."""
    times = scenario.load.times(Random(scenario.seed))  # noqa: S311 -- chance in a simulation
    window = min(max(promise_seconds, 1.0), SLOT_SECONDS)
    pods = scenario.work.service.mean_seconds / scenario.work.concurrency
    windows = Counter(int(time // window) for time in times)
    days = int(scenario.load.seconds // DAY_SECONDS)
    return Needs(
        mean=len(times) * pods / scenario.load.seconds,
        peak=max(windows.values(), default=0) * pods / window,
        slots=_slots(windows, window, days, pods),
    )


def _slots(windows: Counter[int], window: float, days: int, pods: float) -> tuple[float, ...]:
    """Return of each slot of the day the densest window in it, the median over days, in pods."""
    if not days:
        return ()
    densest: Counter[int] = Counter()
    for number, messages in windows.items():
        slot = int(number * window // SLOT_SECONDS)
        densest[slot] = max(densest[slot], messages)
    return tuple(median(densest[day * SLOTS + slot] for day in range(days)) * pods / window for slot in range(SLOTS))


def learned(found: Needs, lead_seconds: float) -> Iterator[list[dict[str, Any]]]:
    """Yield lists of schedules that keep pods ready while the day needs them: one list per level, and all together.

    Args:
        found: The needs.
        lead_seconds: How much sooner pods must be asked for.
    """
    highest = max(found.slots, default=0.0)
    if highest <= STEADY * sum(found.slots) / SLOTS:
        return
    lists = [_schedules(found.slots, level * highest, lead_seconds) for level in LEVELS]
    several = [each for each in lists if 0 < len(each) <= MOST_SCHEDULES]
    yield from several
    if len(several) > 1:
        yield [
            each | {"name": f"{PLANNED}{number}"}
            for number, each in enumerate(sum(several, []), 1)  # noqa: RUF017 -- a few lists
        ]


def _schedules(slots: Sequence[float], level: float, lead_seconds: float) -> list[dict[str, Any]]:
    return [
        _schedule(number, begin, end, level, lead_seconds)
        for number, (begin, end) in enumerate(_spans([need >= level for need in slots]), 1)
    ]


def _schedule(number: int, begin: int, end: int, level: float, lead_seconds: float) -> dict[str, Any]:
    lead = math.ceil(lead_seconds / 60)
    hour, minute = divmod(round(begin * SLOT_SECONDS / 60) - lead, 60)
    return {
        "name": f"{PLANNED}{number}",
        "cron": f"{minute} {hour % 24} * * *",
        "durationSeconds": round((end - begin) * SLOT_SECONDS) + lead * 60,
        "minReplicas": math.ceil(level),
    }


def _spans(busy: Sequence[bool]) -> list[tuple[int, int]]:
    """Return from where to where it is busy, around midnight too; the end may be on the next day."""
    busy_slots = [slot for slot, is_busy in enumerate(busy) if is_busy]
    if not busy_slots:
        return []
    around = [*busy_slots, busy_slots[0] + len(busy)]
    breaks = [(before, after) for before, after in pairwise(around) if after - before > SHORTEST_BREAK]
    if not breaks:
        return []  # it is busy all day
    return [
        (after % len(busy), _end(after % len(busy), following, len(busy)))
        for (_, after), (following, _) in zip(breaks, [*breaks[1:], breaks[0]], strict=True)
    ]


def _end(begin: int, last: int, slots: int) -> int:
    return (last if last >= begin else last + slots) + 1
