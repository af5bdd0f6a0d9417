"""How wrong the planner is: a pool's own past, replayed, beside what really happened. Pure.

`qwp simulate --from-prometheus` prints it before it says what another policy would do.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from queueplanner.outcome import SECONDS_PER_HOUR, spread
from queueplanner.play import Candidate, Scenario, play
from queueplanner.simulation import Run
from queueplanner.sources.past import PoolPast

_EVENLY = "when in a step of {:g} s a message was sent is not known: it is drawn evenly"
_ALONE = "nodes that were full or lost, rollouts and other writers of the replicas are not in what is replayed"


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of the replay, and what was recorded; None is what nobody knows."""

    planned: float | None
    recorded: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What the planner says of a pool's past, beside what was recorded.

    Args:
        samples: Times at which the replicas are compared.
        within_one: Share of them at which the planned replicas are the recorded ones, or one more or fewer.
        by_chance: Share of them at which two replays are so close to each other, which differ by chance alone: about
            the best that is possible.
        pod_hours: Of pods asked for, at these times.
        backlog: Messages in the queue, in any state; their mean over time.
        wait_p95: Seconds from sent to begun that 95 % of messages stay within, planned.
        recorded_wait_p95: Between which bounds of the workers' histogram it was; None: unknown.
        unchecked: What could not be checked, in sentences.
    """

    samples: int
    within_one: float
    by_chance: float
    pod_hours: Pair
    backlog: Pair
    wait_p95: float | None
    recorded_wait_p95: tuple[float, float] | None
    unchecked: Sequence[str]

    @property
    def sentences(self) -> list[str]:
        """What people read: how far the planner is off. What nobody could check is apart."""
        return [
            f"replicas: within ±1 of the recorded in {self.within_one:.1%} of {self.samples:,} samples",
            f"of two replays that differ by chance alone, in {self.by_chance:.1%}: about the best that is possible",
            f"pods asked for: {_beside(self.pod_hours, 'pod-hours')}",
            f"messages in the queue, on average: {_beside(self.backlog, 'messages')}",
            _waits(self.wait_p95, self.recorded_wait_p95),
        ]

    def document(self) -> dict[str, Any]:
        """Return it as JSON; null is what is not known."""
        low, high = self.recorded_wait_p95 or (None, None)
        return {
            "samples": self.samples,
            "replicasWithinOne": self.within_one if self.samples else None,
            "replicasWithinOneByChance": self.by_chance if self.samples else None,
            "podHours": asdict(self.pod_hours),
            "backlog": asdict(self.backlog),
            "waitP95": {"planned": self.wait_p95, "above": low, "upTo": None if high == math.inf else high},
            "unchecked": list(self.unchecked),
        }


def accuracy(candidate: Candidate, past: PoolPast, scenario: Scenario) -> Accuracy:
    """Replay a pool's past, from the pods that there were, and compare.

    Args:
        candidate: Of the pool's own manifest, as it was then.
        past: What is known of it.
        scenario: What its messages and workers are like; the load and the pods at the start are those of the past.
    """
    replayed = replace(scenario, load=past.load, replicas=past.replicas)
    run, again = (play(candidate, replace(replayed, seed=scenario.seed + more)).run for more in (0, 1))
    return compared(run, again, past, (*candidate.unchecked, *past.load.notes, *past.notes))


def compared(run: Run, again: Run, past: PoolPast, unchecked: Sequence[str]) -> Accuracy:
    """Compare a replay with what was recorded, and with another one that differs by chance."""
    times = [time for time in past.asked if time <= past.load.seconds]
    planned, another = ({time: _size(each, time) for time in times} for each in (run, again))
    hours = past.step_seconds / SECONDS_PER_HOUR
    wait = spread(run.arrivals, run.begun)
    assumed = (_EVENLY.format(past.step_seconds), _ALONE)
    return Accuracy(
        samples=len(planned),
        within_one=_near(planned, past.asked),
        by_chance=_near(planned, another),
        pod_hours=Pair(sum(planned.values()) * hours, sum(past.asked[time] for time in planned) * hours),
        backlog=_backlogs(run, past.backlog),
        wait_p95=wait.p95 if wait else None,
        recorded_wait_p95=past.waits.quantile(0.95) if past.waits else None,
        unchecked=tuple(dict.fromkeys((*unchecked, *assumed))),
    )


def _near(sizes: Mapping[float, int], others: Mapping[float, int]) -> float:
    """Return the share of the times at which two sizes are the same, or differ by one."""
    near = [abs(size - others[time]) <= 1 for time, size in sizes.items()]
    return sum(near) / len(near) if near else math.nan


def _size(run: Run, time: float) -> int:
    """Return the pods that were asked for at a time."""
    index = bisect_right(run.sizes.times, time) - 1
    return run.sizes.asked[index] if index >= 0 else 0


def _backlogs(run: Run, recorded: Mapping[float, int]) -> Pair:
    times = [time for time in recorded if time <= run.seconds]
    if not times:
        return Pair(None, None)
    done = sorted(time for time in run.done if not math.isnan(time))
    planned = fmean(bisect_right(run.arrivals, time) - bisect_right(done, time) for time in times)
    each = run.sample.every if run.sample else 1
    return Pair(planned * each, fmean(recorded[time] for time in times))


def _beside(pair: Pair, unit: str) -> str:
    if pair.planned is None or pair.recorded is None:
        return "not recorded"
    text = f"{pair.planned:,.2f} {unit} planned, {pair.recorded:,.2f} recorded"
    return f"{text} ({pair.planned / pair.recorded - 1:+.1%})" if pair.recorded else text


def _waits(planned: float | None, recorded: tuple[float, float] | None) -> str:
    if planned is None or recorded is None:
        return "wait until begun: not recorded: the workers are not scraped"
    low, high = recorded
    side = "within" if low <= planned <= high else "longer than" if planned > high else "shorter than"
    bounds = f"over {low:g} s" if high == math.inf else f"{low:g} to {high:g} s"
    return f"wait until begun: 95 % within {planned:,.1f} s planned, {side} the recorded {bounds}"
