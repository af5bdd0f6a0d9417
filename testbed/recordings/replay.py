"""Lets the planner play what was recorded. Pure.

The planner is given what it cannot know: when messages were sent, how long each took, how long pods took to start, and
at which moment of its interval the pool was looked at. What it has to find by itself are sizes, waits and pods.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise
from random import Random

from queueplanner.policies.pools import PlannedPool, Ticks, by_chance
from queueplanner.simulation import Run, System, simulate
from queueplanner.simulation.workers import POLL_SECONDS
from queueplanner.work import Failures, Work
from queueworkerpool.model import PoolSpec
from testbed.recordings.recording import Recording

MOST_SECONDS_TO_CREATE = 10.0
"""A pod that came later after a raise was made in the place of another one."""

DELETION_SECONDS = 0.065
"""From the end of a handler until the queue server has deleted the message, measured: by counts above those at work."""

MOST_LATE_SECONDS = 0.3
"""A tick that was further from its due time was another one."""


class InTurn:
    """Draws recorded seconds, one after the other, and then again from the first."""

    def __init__(self, seconds: Sequence[float]) -> None:
        """Begin with the first of them."""
        self.mean_seconds = sum(seconds) / len(seconds)
        self._left: Iterator[float] = cycle(seconds)

    def __call__(self, _: Random, /) -> float:
        """Return the next."""
        return next(self._left)


def replay(recording: Recording, seed: int = 1) -> Run:
    """Play a recording's messages to the pool of the planner."""
    spec = PoolSpec.parse(recording.spec)
    policy = PlannedPool(f"{recording.name}-{seed}", spec, recording.concurrency, _ticks(recording, spec.poll_seconds))
    messages = recording.messages
    system = System(_work(recording), recording.seconds, began=recording.began)
    return simulate(policy, messages.sent, system, Random(seed))


def _work(recording: Recording) -> Work:
    return Work(
        service=InTurn(recording.messages.seconds),
        startup=InTurn(list(_startups(recording))),
        concurrency=recording.concurrency,
        visibility_seconds=recording.visibility_seconds,
        grace_seconds=recording.grace_seconds,
        releases=True,
        longest_poll_seconds=POLL_SECONDS,
        deletion_seconds=DELETION_SECONDS,
        failures=Failures(share=recording.failing, retry_seconds=0.75 * recording.retry_seconds),
    )


def _startups(recording: Recording) -> Iterator[float]:
    """Yield how long each pod took from when it was asked for, in the order of their creation."""
    raises = [at for (_, before), (at, after) in pairwise([(0.0, 0), *recording.asked]) if after > before]
    for pod in recording.pods:
        if pod.loaded is not None:
            asked = raises[max(bisect_right(raises, pod.created) - 1, 0)]
            yield pod.loaded - (asked if pod.created - asked < MOST_SECONDS_TO_CREATE else pod.created)


def _ticks(recording: Recording, interval: float) -> Ticks:
    """Return when the pool was looked at, to the millisecond: by it a window has just ended, or not."""
    moments = [each % interval for each in recording.ticks]
    phase = min(moments, key=lambda moment: sum(abs(_between(each, moment, interval)) for each in moments))
    return Ticks(phase, _Lateness(recording.ticks))


def _between(later: float, earlier: float, interval: float) -> float:
    """Return the seconds between two moments of an interval that comes again and again: those that are fewer."""
    return (later - earlier + interval / 2) % interval - interval / 2


class _Lateness:
    """How late each tick was, as recorded; by chance where there was none."""

    def __init__(self, ticks: Sequence[float]) -> None:
        self._ticks = ticks

    def __call__(self, due: float, random: Random) -> float:
        row = bisect_left(self._ticks, due - MOST_LATE_SECONDS)
        late = self._ticks[row] - due if row < len(self._ticks) else math.inf
        return late if late <= MOST_LATE_SECONDS else by_chance(due, random)
