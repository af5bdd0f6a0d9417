"""What happened in a run, interval by interval: what pictures and page draw. Pure.

An interval keeps the least and the greatest of what changed in it, so no peak is lost, however long the run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from queueplanner.play import Played
from queueplanner.simulation import Run

Floats: TypeAlias = NDArray[np.float64]

WIDTHS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200)
"""Seconds that an interval may last, so that intervals begin at full minutes and hours; beyond them, whole days."""
DAY_SECONDS = 86_400.0
SHORTEST_WAIT = 0.1
"""The first wait of a distribution: what is shorter nobody notices."""
TAIL_POINTS = 200


@dataclass(frozen=True, slots=True)
class Series:
    """What happened in a run, a number for each interval; NaN where there is none.

    Args:
        name: Of the policy.
        waiting: The most messages that waited at once: sent, and not yet begun.
        asked: Pods that were asked for, on average.
        ready: Pods that were ready, on average.
        least_ready: The fewest of them.
        most_ready: The most of them.
        wait: The longest wait, in seconds, of the messages that were sent in the interval. What was never begun counts
            until the end of the run.
    """

    name: str
    waiting: Sequence[float]
    asked: Sequence[float]
    ready: Sequence[float]
    least_ready: Sequence[float]
    most_ready: Sequence[float]
    wait: Sequence[float]


@dataclass(frozen=True, slots=True)
class Tail:
    """How many waited long: `shares` of all messages waited longer than `seconds`."""

    seconds: Sequence[float]
    shares: Sequence[float]


@dataclass(frozen=True, slots=True)
class _Steps:
    """A number that stays the same until the next time."""

    times: Floats
    values: Floats


def width(played: Sequence[Played], most: int) -> float:
    """Return how many seconds each of at most so many intervals lasts, which together hold all of the runs."""
    seconds = max((each.run.seconds for each in played), default=0.0)
    days = DAY_SECONDS * math.ceil(seconds / DAY_SECONDS / most)
    return next((width for width in WIDTHS if seconds <= width * most), days)


def series(played: Sequence[Played], width: float) -> list[Series]:
    """Return what happened in each run, in intervals of so many seconds."""
    return [_series(each, width) for each in played]


def tail(run: Run) -> Tail:
    """Return how many messages waited long. What was never begun waited longer than any time."""
    waits = np.asarray(run.begun, float) - np.asarray(run.arrivals, float)
    known = np.sort(waits[np.isfinite(waits)])
    longest = max(known[-1], SHORTEST_WAIT) if len(known) else SHORTEST_WAIT
    limits = np.geomspace(SHORTEST_WAIT, longest, TAIL_POINTS)
    shares = 1 - np.searchsorted(known, limits, side="right") / max(len(waits), 1)
    return Tail(limits.tolist(), shares.tolist())


def _series(played: Played, width: float) -> Series:
    run = played.run
    edges = np.append(np.arange(math.ceil(run.seconds / width)) * width, run.seconds)
    arrivals, begun = np.asarray(run.arrivals, float), np.asarray(run.begun, float)
    times = np.asarray(run.sizes.times, float)
    _, _, waiting = _over(_waiting(arrivals, begun, run.sample.every if run.sample else 1), edges)
    _, asked, _ = _over(_Steps(times, np.asarray(run.sizes.asked, float)), edges)
    least, ready, most = _over(_Steps(times, np.asarray(run.sizes.ready, float)), edges)
    waits = np.where(np.isnan(begun), run.seconds, begun) - arrivals
    wait = _longest(arrivals, waits, edges)
    return Series(played.candidate.name, *(each.tolist() for each in (waiting, asked, ready, least, most, wait)))


def _waiting(arrivals: Floats, begun: Floats, every: int) -> _Steps:
    """Return the number of messages that wait, where each that has a row stands for so many."""
    begun = np.sort(begun[np.isfinite(begun)])
    times = np.sort(np.concatenate((arrivals, begun)))
    sent_by, begun_by = (np.searchsorted(moments, times, side="right") for moments in (arrivals, begun))
    return _Steps(times, every * (sent_by - begun_by).astype(float))


def _over(steps: _Steps, edges: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the least, the mean and the greatest value from each edge until the next; 0 before the first step."""
    before, by = (np.searchsorted(steps.times, edges, side=side) for side in ("left", "right"))
    times = np.insert(steps.times, before, edges)
    values = np.insert(steps.values, before, np.append(0.0, steps.values)[by])
    starts = (before + np.arange(len(edges)))[:-1]
    within = slice(None, before[-1] + len(edges) - 1)
    sums = np.add.reduceat((values[:-1] * np.diff(times))[within], starts)
    least, greatest = (of.reduceat(values[within], starts) for of in (np.minimum, np.maximum))
    return least, sums / np.diff(edges), greatest


def _longest(arrivals: Floats, waits: Floats, edges: Floats) -> Floats:
    """Return the longest wait of what was sent from each edge until the next."""
    longest = np.full(len(edges) - 1, np.nan)
    starts = np.searchsorted(arrivals, edges)
    sent = np.flatnonzero(np.diff(starts))
    if len(sent):
        longest[sent] = np.maximum.reduceat(waits, starts[sent])
    return longest
