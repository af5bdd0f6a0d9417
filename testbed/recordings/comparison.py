"""How much a run differs from a recording of it: of what the planner makes of it, or of another recording. Pure."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from queueplanner.outcome import spread
from queueplanner.simulation import Run
from testbed.recordings.recording import Recording
from testbed.recordings.replay import replay

LEAST_WITHIN_ONE = 0.95
MOST_WAIT_ERROR = 0.15
MOST_POD_ERROR = 0.05
WAIT_FLOOR_SECONDS = 1.0
"""Waits that differ by no more than this do not differ: a readiness probe comes once in a second."""

SEEDS = tuple(range(1, 10))
"""The planner plays each recording so often: which worker gets a message, and which attempt fails, is chance."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is compared of a run.

    Args:
        times: When the size changed.
        sizes: The pods that were asked for from then on.
        wait: What 95 % of the messages waited at most, in seconds.
        pod_seconds: Of all pods, from creation to end.
    """

    times: Sequence[float]
    sizes: Sequence[int]
    wait: float
    pod_seconds: float

    def size(self, time: float) -> int:
        """Return the pods that were asked for at a time."""
        row = bisect_right(self.times, time)
        return self.sizes[row - 1] if row else 0


@dataclass(frozen=True, slots=True)
class Difference:
    """How much a run differs from the recording.

    Args:
        within_one: Share of the seconds in which as many pods are asked for, give or take one.
        wait: By what share the wait differs; 0 below the floor.
        pods: By what share the pod-seconds differ.
    """

    within_one: float
    wait: float
    pods: float

    @property
    def is_small(self) -> bool:
        """Whether it is within what was promised."""
        return (
            self.within_one >= LEAST_WITHIN_ONE
            and abs(self.wait) <= MOST_WAIT_ERROR
            and abs(self.pods) <= MOST_POD_ERROR
        )


def recorded(recording: Recording) -> Observed:
    """Return what was recorded."""
    times, sizes = zip(*recording.asked, strict=True)
    begun = [math.nan if moment is None else moment for moment in recording.messages.begun]
    return Observed(times, sizes, _wait(recording.messages.sent, begun), _pod_seconds(recording))


def planned(recording: Recording) -> tuple[Observed, Difference]:
    """Return what the planner makes of a recording, and by how much that differs: the median of some seeds each."""
    runs = [_observed(replay(recording, seed)) for seed in SEEDS]
    found = [difference(recording, run) for run in runs]
    middle = Observed(
        runs[0].times, runs[0].sizes, median(run.wait for run in runs), median(run.pod_seconds for run in runs)
    )
    return middle, Difference(
        within_one=median(each.within_one for each in found),
        wait=median(each.wait for each in found),
        pods=median(each.pods for each in found),
    )


def difference(recording: Recording, other: Observed) -> Difference:
    """Return by how much a run differs from a recording."""
    mine = recorded(recording)
    seconds = range(int(recording.seconds))
    near = sum(abs(mine.size(second) - other.size(second)) <= 1 for second in seconds)
    is_below = abs(other.wait - mine.wait) <= WAIT_FLOOR_SECONDS
    return Difference(
        within_one=near / len(seconds),
        wait=0.0 if is_below else other.wait / mine.wait - 1,
        pods=other.pod_seconds / mine.pod_seconds - 1,
    )


def _observed(run: Run) -> Observed:
    return Observed(run.sizes.times, run.sizes.asked, _wait(run.arrivals, run.begun), run.pod_seconds)


def _wait(sent: Sequence[float], begun: Sequence[float]) -> float:
    waits = spread(sent, begun)
    return waits.p95 if waits else math.nan


def _pod_seconds(recording: Recording) -> float:
    end = recording.seconds
    return sum(min(end if pod.gone is None else pod.gone, end) - pod.created for pod in recording.pods)
