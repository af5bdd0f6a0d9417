"""The recorded series: loads in pods' worth, one per sync, and the behavior that the HPA and we have in common.

A sync comes every two seconds and a little more, so windows and periods are odd numbers of seconds: no sync falls on
the edge of one, where a millisecond would decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SYNC_SECONDS = 2
PER_POD = 20
"""Messages per pod: fine enough for loads that are twentieths of a pod apart."""

FLAG_WINDOW_SECONDS = 15
FLAG_TOLERANCE = 0.1
"""The flags of the controller manager: the defaults of a behavior."""


class Difference(StrEnum):
    """How we differ from the HPA on purpose (ADR 0005)."""

    SLOWER_DOWN = "one highest recommendation is remembered, not a list: fewer pods come later, never sooner"
    SLOWER_UP = "one lowest recommendation is remembered, not a list: more pods come later, never sooner"
    BOUND_FIRST = "a size outside the bounds goes to the recommendation at once: the HPA goes to the bound first"
    FORGOTTEN_CHANGE = "the HPA forgets changes by the longest period of their own direction, we by that of both"
    EXACT_PERCENT = "percentages are exact: the HPA's floating point is off by one pod"


@dataclass(frozen=True)
class Series:
    """One series; `differs` are the differences that it may show, `kind` is the target's type."""

    loads: tuple[float, ...]
    behavior: Mapping[str, Any] | None
    start: int = 10
    least: int = 1
    most: int = 60
    differs: frozenset[Difference] = frozenset()
    kind: str = "AverageValue"

    @property
    def messages(self) -> list[int]:
        """The loads in messages."""
        return [round(load * PER_POD) for load in self.loads]


def pods(value: int, seconds: int) -> dict[str, Any]:
    """Return a policy of so many pods in a period."""
    return {"type": "Pods", "value": value, "periodSeconds": seconds}


def percent(value: int, seconds: int) -> dict[str, Any]:
    """Return a policy of so many percent in a period."""
    return {"type": "Percent", "value": value, "periodSeconds": seconds}


def rules(*policies: Mapping[str, Any], seconds: int = 0, select: str = "Max", tolerance: str = "0") -> dict[str, Any]:
    """One direction. Without policies: the HPA has no "no limit", so one that limits nothing."""
    return {
        "stabilizationWindowSeconds": seconds,
        "selectPolicy": select,
        "policies": policies or [pods(1000, 1)],
        "tolerance": tolerance,
    }


def both(up: Mapping[str, Any] | None = None, down: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a behavior of both directions."""
    return {"scaleUp": up or rules(), "scaleDown": down or rules()}


RAMP = tuple(float(pods) for pods in range(10, 50, 2)) + (50.0,) * 5
BURST = (10.0,) * 3 + (50.0,) * 14 + (3.0,) * 14
SAWTOOTH = (5.0, 15.3, 25.6, 35.9, 46.2) * 6
NOISE = (10.0, 10.4, 9.6, 11.0, 9.0, 11.05, 8.95, 10.9, 9.1, 12.0, 8.0, 10.0, 11.0, 9.0, 10.5, 9.5)
STAIRS = (20.0,) * 2 + (16.0,) * 4 + (12.0,) * 4 + (8.0,) * 4 + (4.0,) * 16

SERIES = {
    "a ramp up, with the defaults": Series(RAMP, {"scaleDown": {"selectPolicy": "Max"}}),
    "a burst, all at once": Series(BURST, both()),
    "a burst, by pods": Series(BURST, both(rules(pods(4, 5)), rules(pods(3, 7)))),
    "a burst, by percent": Series(BURST, both(rules(percent(50, 5)), rules(percent(25, 7)))),
    "a sawtooth, by the larger of two policies": Series(
        SAWTOOTH, both(rules(pods(4, 5), percent(50, 9)), rules(pods(3, 5), percent(25, 9)))
    ),
    "a sawtooth, by the smaller of two policies": Series(
        SAWTOOTH, both(rules(pods(4, 9), percent(50, 5), select="Min"), rules(pods(6, 5), percent(25, 9), select="Min"))
    ),
    "a sawtooth within bounds": Series(SAWTOOTH, both(), least=8, most=30),
    "a burst that may not scale in": Series(BURST, both(down=rules(select="Disabled"))),
    "a burst that may not scale out": Series(BURST, both(up=rules(select="Disabled"))),
    "noise around a tolerance of a tenth": Series(NOISE * 2, both(rules(tolerance="0.1"), rules(tolerance="0.1"))),
    "noise, with a tolerance for each direction": Series(
        NOISE * 2, both(rules(tolerance="0.05"), rules(tolerance="0.15"))
    ),
    "noise, with a tolerance and a window": Series(
        ((40.0,) * 3 + (37.0,) * 9 + (20.0,) * 14),
        both(down=rules(seconds=9, tolerance="0.1")),
        start=40,
        differs=frozenset({Difference.SLOWER_DOWN}),
    ),
    "low loads shorter than the window": Series(((20.0,) + (4.0,) * 5) * 5, both(down=rules(seconds=15)), start=20),
    "a long low load": Series(
        (20.0,) * 3 + (4.0,) * 20,
        both(down=rules(seconds=15)),
        start=20,
        differs=frozenset({Difference.SLOWER_DOWN}),
    ),
    "a load that is low from the start": Series((4.0,) * 16, both(down=rules(seconds=15)), start=20),
    "a load that falls in stairs": Series(
        STAIRS, both(down=rules(seconds=9)), start=20, differs=frozenset({Difference.SLOWER_DOWN})
    ),
    "a drop to low, by pods and after a window": Series(
        (20.0,) * 3 + (4.0,) * 26,
        both(down=rules(pods(3, 5), seconds=9)),
        start=20,
        differs=frozenset({Difference.SLOWER_DOWN}),
    ),
    "a burst, with windows in both directions": Series(
        BURST,
        both(rules(pods(9, 5), seconds=5), rules(percent(25, 5), seconds=9)),
        differs=frozenset({Difference.SLOWER_UP, Difference.SLOWER_DOWN}),
    ),
    "peaks shorter than the window": Series(
        ((10.0,) + (30.0,) * 3) * 5, both(up=rules(seconds=9), down=rules(seconds=9))
    ),
    "a size above the bounds": Series(
        (8.0,) * 6, both(), start=30, most=20, differs=frozenset({Difference.BOUND_FIRST})
    ),
    "a size below the bounds": Series(
        (30.0,) * 6, both(), start=2, least=5, differs=frozenset({Difference.BOUND_FIRST})
    ),
    "a size above the bounds, which no rate or window keeps there": Series(
        (8.0,) * 4, both(down=rules(pods(2, 5), seconds=15)), start=30, most=20
    ),
    "a size below the bounds, which no rate keeps there": Series(
        (30.0,) * 12, both(up=rules(pods(2, 5))), start=2, least=5
    ),
    "steps up that count against a slow way down": Series(
        (10.0, 12.0, 14.0) + (5.0,) * 3,
        both(down=rules(pods(1, 15))),
        differs=frozenset({Difference.FORGOTTEN_CHANGE}),
    ),
    "percent that floating point cannot hold": Series(
        (50.0,) * 2 + (90.0,) * 8 + (50.0,) * 2,
        both(up=rules(percent(10, 5))),
        start=50,
        most=100,
        differs=frozenset({Difference.EXACT_PERCENT}),
    ),
}

SPIKES = (1.0,) * 2 + (60.0,) * 8 + (5.0,) * 3 + (60.0,) * 2 + (0.0,) * 12

FOR_THE_PLANNER = {
    "no behavior, a burst": Series(BURST, None),
    "no behavior, from one pod": Series((100.0,) * 10 + (0.0,) * 10, None, start=1, most=100),
    "no behavior, noise": Series(NOISE * 2, None),
    "no behavior, a sawtooth within bounds": Series(SAWTOOTH, None, least=8, most=30),
    "no behavior, spikes": Series(SPIKES, None, start=1),
    "no behavior, a size below the bounds": Series((30.0,) * 6, None, start=2, least=5),
    "the defaults, from one pod": Series((100.0,) * 10, {"scaleUp": {"selectPolicy": "Max"}}, start=1, most=100),
    "the defaults, spikes": Series(SPIKES, {"scaleUp": {"selectPolicy": "Max"}}, start=1),
    "spikes, with windows and rates in both directions": Series(
        SPIKES, both(rules(percent(100, 5), pods(2, 5), seconds=5), rules(percent(50, 7), seconds=9)), start=1
    ),
    "spikes, by the smaller of two policies": Series(
        SPIKES,
        both(rules(percent(100, 5), pods(2, 5), select="Min"), rules(pods(7, 5), percent(20, 5), select="Min")),
        start=1,
    ),
    "no behavior, a value": Series((1.0, 1.5, 2.0, 1.05, 0.95) * 3 + (0.5,) * 10, None, start=2, most=20, kind="Value"),
    "a value, with a tolerance and rates": Series(
        (1.0, 1.25, 2.0, 0.85, 0.5) * 4,
        both(rules(pods(3, 5), tolerance="0.2"), rules(pods(2, 5), seconds=5, tolerance="0.1")),
        start=4,
        most=20,
        kind="Value",
    ),
}
"""Further series, which the operator is not compared on: without a behavior, and with targets that it has not."""
