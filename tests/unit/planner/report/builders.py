"""Runs that were never run, and what the report is made of."""

import math
from array import array
from collections.abc import Sequence

from queueplanner.outcome import Terms, outcome
from queueplanner.play import Candidate, Played
from queueplanner.results import Comparison, Result
from queueplanner.simulation import Policy, Run, Sizes
from queueplanner.work import Work
from tests.unit.planner.builders import Fixed

NEVER = math.nan


def run(
    arrivals: Sequence[float],
    begun: Sequence[float],
    *,
    seconds: float = 100.0,
    sizes: Sequence[tuple[float, int, int]] = ((0, 1, 1),),
) -> Run:
    """Return a run in which each message took a second, and sizes were asked for and ready at these times."""
    times, asked, ready = ([row[column] for row in sizes] for column in range(3))
    return Run(
        arrivals=arrivals,
        begun=begun,
        done=[time + 1 for time in begun],
        pod_seconds=seconds,
        wasted_seconds=0.0,
        repeated=0,
        failed=0,
        dead_lettered=0,
        lost=0,
        receives=len(arrivals),
        empty_receives=0,
        scale_writes=len(sizes),
        reads=0,
        seconds=seconds,
        sizes=Sizes(array("d", times), array("l", map(int, asked)), array("l", map(int, ready))),
    )


def played(run: Run, name: str = "fixed") -> Played:
    """Return what came of a policy of that name."""
    return Played(Candidate(name, begin), run, outcome(name, run, Terms(slo_seconds=10.0)))


def comparison(shown: Sequence[Played], *notes: str) -> Comparison:
    """Return what is said of one run of each policy."""
    results = [Result(each.candidate.name, [each.outcome], each.candidate.unchecked) for each in shown]
    return Comparison("a load", 100.0, range(7, 8), results, notes)


def begin(_: Work) -> Policy:
    """Begin a policy that nobody lets play."""
    return Fixed((0, 1))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
