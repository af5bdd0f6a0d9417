"""What a preset is, and for what it is made. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from queueplanner.play import Candidate, unchanged, whole_life
from queueplanner.simulation import Policy, Primary, Run
from queueplanner.work import Work

USUAL_TARGET = 5
"""Messages per pod where nobody said how long a message may wait: KEDA's default."""


@dataclass(frozen=True, slots=True)
class Request:
    """For what a preset is made.

    Args:
        name: What people call it.
        most: The most units.
        slo_seconds: How long a message may wait; None: nobody said.
        primary: What assigns the messages, where there is no queue.
    """

    name: str
    most: int
    slo_seconds: float | None
    primary: Primary | None = None

    def per_pod(self, work: Work) -> int:
        """Return the messages per pod by the usual recipe: how long a message may wait, over how long one takes."""
        return self._messages(work, 0.0)

    def expert_per_pod(self, work: Work) -> int:
        """Return the messages per pod by the recipe that leaves pods the time to start, where that leaves any."""
        lost = work.startup.mean_seconds
        return self._messages(work, lost if self.slo_seconds is not None and lost < self.slo_seconds else 0.0)

    def _messages(self, work: Work, lost_seconds: float) -> int:
        if self.slo_seconds is None:
            return USUAL_TARGET
        each = (self.slo_seconds - lost_seconds) / work.service.mean_seconds
        return max(work.concurrency, math.floor(work.concurrency * each))


def pods(_: Work, most: int) -> int:
    """Return as many units as there may be pods."""
    return most


@dataclass(frozen=True, slots=True)
class Rival:
    """A preset.

    Args:
        name: As `--rival` takes it.
        what: What it is.
        source: Where its rules are from.
        begin: Returns its policy at its start.
        adapt: What its workers are like.
        units: Returns the most of its units, for some work and the most pods.
        pod_hour: What a unit costs in an hour; None: as a pod does.
        paid_seconds: Returns the seconds of its units that are paid.
        primary: Returns what assigns the messages, for some work and the most units; None: a queue does.
        unchecked: Assumptions of its model that nobody could check, in sentences.
    """

    name: str
    what: str
    source: str
    begin: Callable[[Request, Work], Policy]
    adapt: Callable[[Work], Work] = unchanged
    units: Callable[[Work, int], int] = pods
    pod_hour: float | None = None
    paid_seconds: Callable[[Run, Work], float] = whole_life
    primary: Callable[[Work, int], Primary] | None = None
    unchecked: tuple[str, ...] = ()

    def __call__(self, work: Work, most: int, slo_seconds: float | None) -> Candidate:
        """Return the candidate for some work, the most pods, and how long a message may wait (None: nobody said)."""
        units = self.units(work, most)
        primary = self.primary and self.primary(work, units)
        return Candidate(
            self.name,
            partial(self.begin, Request(self.name, units, slo_seconds, primary)),
            self.adapt,
            primary,
            pod_hour=self.pod_hour,
            most=units,
            paid_seconds=self.paid_seconds,
            unchecked=self.unchecked,
        )
