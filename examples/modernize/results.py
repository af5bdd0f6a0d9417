"""Plays the architectures, as they are and where one thing is otherwise. `page` says what came of it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from examples.modernize import architectures as example
from examples.modernize.architectures import Architecture
from queueplanner.outcome import Outcome, Spread
from queueplanner.play import Played, play
from queueplanner.presets import RIVALS
from queueplanner.work import Lognormal, Work

OTHERS = ("keda", "keda-expert", "ec2-target-tracking-protected", "ec2-step-protected")
"""Presets that size by the queue, too."""
LONGER = replace(example.WORK, service=Lognormal(60.0, spread=1.0))
NOTHING = Spread(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an architecture on the day."""

    architecture: Architecture
    played: Played

    @property
    def outcome(self) -> Outcome:
        """Its figures."""
        return self.played.outcome

    @property
    def wait(self) -> Spread:
        """How long the jobs waited."""
        return self.outcome.wait or NOTHING

    @property
    def work_hours(self) -> float:
        """From each job's begin to its end, together."""
        run = self.played.run
        return sum(done - begun for begun, done in zip(run.begun, run.done, strict=True)) / example.HOUR

    def longest_wait(self, part: tuple[float, float]) -> float:
        """Return how long the jobs waited at most that were sent in a part of the day."""
        run = self.played.run
        jobs = slice(*(bisect_left(run.arrivals, time) for time in part))
        return max(begun - sent for sent, begun in zip(run.arrivals[jobs], run.begun[jobs], strict=True))


def result(architecture: Architecture, seed: int = 1, work: Work = example.WORK) -> Result:
    """Play an architecture."""
    return Result(architecture, play(architecture.candidate, example.scenario(seed, work)))


def others() -> Sequence[Result]:
    """Play what else sizes by the queue, set for as many jobs per node as the pool of B."""
    return [result(Architecture(name, "", RIVALS[name](example.WORK, example.MOST, None))) for name in OTHERS]
