"""What came of a run, in the figures by which policies are compared. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from queueplanner.simulation import Run


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds, of all messages: what half of them, 95 and 99 percent stay within, and the longest."""

    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one policy.

    Args:
        policy: Its name.
        messages: Messages that were sent.
        unhandled: Those that were not handled by the end.
        pod_hours: What was paid for pods.
        wait: From sent to begun; None when nothing was begun.
        total: From sent to done; None when nothing was done.
        repeated: Messages that were begun again, because their pod was stopped.
        wasted_hours: Work that was cut off.
        scale_writes: Changes of the size.
        reads: Readings of the queue.
    """

    policy: str
    messages: int
    unhandled: int
    pod_hours: float
    wait: Spread | None
    total: Spread | None
    repeated: int
    wasted_hours: float
    scale_writes: int
    reads: int


def outcome(policy: str, run: Run) -> Outcome:
    """Return the figures of a run."""
    return Outcome(
        policy=policy,
        messages=len(run.arrivals),
        unhandled=sum(math.isnan(done) for done in run.done),
        pod_hours=run.pod_seconds / 3600,
        wait=_spread(run.arrivals, run.begun),
        total=_spread(run.arrivals, run.done),
        repeated=run.repeated,
        wasted_hours=run.wasted_seconds / 3600,
        scale_writes=run.scale_writes,
        reads=run.reads,
    )


def _spread(arrivals: Sequence[float], moments: Sequence[float]) -> Spread | None:
    seconds = sorted(
        moment - arrival for arrival, moment in zip(arrivals, moments, strict=True) if not math.isnan(moment)
    )
    if not seconds:
        return None
    return Spread(*(seconds[min(int(share * len(seconds)), len(seconds) - 1)] for share in (0.5, 0.95, 0.99, 1.0)))
