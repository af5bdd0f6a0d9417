"""A few stretches of a load that stand for all of it, so that most settings need not be played on the whole. Pure.

The load is cut into slots. Each is like one of a few: in what was sent in it and just before it, and in how densely.
Which few is found by farthest-first traversal (Gonzalez, 1985): the busiest one, then always the one that is least like
those that were taken, which are the quietest, the steepest rise and so on. Each counts as often as there are others
that it is most like. Simulations of processors are shortened in the same way (SimPoint: Sherwood and others, 2002).

A slot is played after a warm-up, which is not judged: it begins with the pods that the time before it needed, and fills
the pool's memory. It shows nothing that takes a pool hours: see `space`. What it says is an estimate, good enough to
choose what is worth a run of the whole.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

from queueplanner.outcome import Outcome, Spread
from queueplanner.play import Scenario, beginning

SECONDS = 1_200.0
WARM_UP_SECONDS = 300.0
DENSE_SECONDS = 300.0
MOST = 5
FEWEST_SLOTS = 18
"""A load that has fewer is played whole."""
PRECISION_SECONDS = 0.01

_Features = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a load, with its times as they were drawn."""

    drawn: tuple[float, ...]
    seconds: float
    began: datetime
    notes: Sequence[str] = ()

    def times(self, _: Random) -> Sequence[float]:
        """Return when each message is sent, in order."""
        return self.drawn


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch of a scenario, and how many of the whole's it stands for."""

    scenario: Scenario
    weight: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a setting does on the whole, as far as excerpts tell. The fields are those of `Outcome`."""

    messages: float
    unhandled: float
    lost: float
    wait: Spread | None
    cost: float


def excerpts(scenario: Scenario) -> list[Excerpt]:
    """Return the stretches that stand for a scenario's load; none: it is short enough to be played whole."""
    slots = math.ceil(scenario.load.seconds / SECONDS)
    if slots < FEWEST_SLOTS:
        return []
    times = scenario.load.times(scenario.random())
    features = _features(times, slots)
    chosen = _farthest_first(features)
    weights = Counter(min(chosen, key=lambda slot: math.dist(features[slot], each)) for each in features)
    return [Excerpt(_stretch(scenario, times, slot), weights[slot]) for slot in sorted(chosen)]


def estimate(several: Sequence[Excerpt], outcomes: Sequence[Outcome]) -> Estimate:
    """Return what the outcomes of a setting on the excerpts say of the whole."""
    weighted = [(each.weight, outcome) for each, outcome in zip(several, outcomes, strict=True)]
    return Estimate(
        messages=sum(weight * outcome.messages for weight, outcome in weighted),
        unhandled=sum(weight * outcome.unhandled for weight, outcome in weighted),
        lost=sum(weight * outcome.lost for weight, outcome in weighted),
        wait=_mixed([(weight * outcome.messages, outcome.wait) for weight, outcome in weighted if outcome.wait]),
        cost=sum(weight * outcome.cost for weight, outcome in weighted),
    )


def _features(times: Sequence[float], slots: int) -> list[_Features]:
    """Return of each slot: messages before it, in it, and if all of it were as its densest minutes.

    Of each the square root, for chance spreads a count by its root.
    """
    sent = Counter(int(time // SECONDS) for time in times)
    parts = Counter(int(time // DENSE_SECONDS) for time in times)
    in_slot = round(SECONDS / DENSE_SECONDS)
    densest = [max(parts[slot * in_slot + part] for part in range(in_slot)) * in_slot for slot in range(slots)]
    return [(math.sqrt(sent[slot - 1]), math.sqrt(sent[slot]), math.sqrt(dense)) for slot, dense in enumerate(densest)]


def _farthest_first(features: Sequence[_Features]) -> list[int]:
    slots = range(len(features))
    chosen = [max(slots, key=lambda slot: features[slot][1])]
    while len(chosen) < MOST:
        distances = [min(math.dist(features[slot], features[taken]) for taken in chosen) for slot in slots]
        if not max(distances):
            break
        chosen.append(distances.index(max(distances)))
    return chosen


def _stretch(scenario: Scenario, times: Sequence[float], slot: int) -> Scenario:
    """Return what is played of a slot: it, and a warm-up that begins with the pods that the time before it needed."""
    begin, warm_up = slot * SECONDS, min(WARM_UP_SECONDS, slot * SECONDS)
    start = begin - warm_up
    before, first, last = (bisect_left(times, time) for time in (start - SECONDS, start, begin + SECONDS))
    began = beginning(scenario.load) + timedelta(seconds=start)
    load = Stretch(tuple(time - start for time in times[first:last]), warm_up + SECONDS, began)
    work = scenario.work
    needed = (first - before) * work.service.mean_seconds / work.concurrency / SECONDS
    return replace(scenario, load=load, replicas=max(round(needed), scenario.replicas), warm_up_seconds=warm_up)


def _mixed(several: Sequence[tuple[float, Spread]]) -> Spread | None:
    """Return the spread of several counts of messages together; between the shares that are known, lines are drawn."""
    if not several:
        return None
    total, longest = sum(count for count, _ in several), max(spread.longest for _, spread in several)
    steps = range(math.ceil(longest / PRECISION_SECONDS))

    def within(step: int) -> float:
        return sum(count * _share(spread, step * PRECISION_SECONDS) for count, spread in several) / total

    def below(share: float) -> float:
        return min(bisect_left(steps, share, key=within) * PRECISION_SECONDS, longest)

    return Spread(below(0.5), below(0.95), below(0.99), longest)


def _share(spread: Spread, seconds: float) -> float:
    """Return the share of messages that waited no longer."""
    known = [(0.0, 0.0), (spread.p50, 0.5), (spread.p95, 0.95), (spread.p99, 0.99), (spread.longest, 1.0)]
    for (low, share), (high, more) in pairwise(known):
        if seconds < high:
            return share + (more - share) * (seconds - low) / (high - low)
    return 1.0
