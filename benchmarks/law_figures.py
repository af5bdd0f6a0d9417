"""What `law` found, load by load and policy by policy, and the figures of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean

BETTER = 0.99
"""A rival is better in cost, or in p99 wait, where it needs at most so much of ours: less is chance."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one policy on one load.

    Args:
        cost: Pod-seconds.
        clairvoyant: Those of a scaler that knows the load in advance, at the same p99 wait.
        at_the_promise: The same at the wait that the pool promises.
        p99: Seconds that 99 % of the messages waited at most.
        kills: Busy workers that were stopped.
        unhandled: Messages that were left.
    """

    cost: float
    clairvoyant: float
    at_the_promise: float
    p99: float
    kills: int
    unhandled: int


@dataclass(frozen=True, slots=True)
class OnLoad:
    """The judgements of the seeds of one load."""

    seeds: Sequence[Judgement]

    @property
    def cost(self) -> float:
        """Pod-seconds of all seeds."""
        return sum(each.cost for each in self.seeds)

    @property
    def clairvoyant(self) -> float:
        """Those of the clairvoyant."""
        return sum(each.clairvoyant for each in self.seeds)

    @property
    def ratio(self) -> float:
        """The one over the other."""
        return self.cost / self.clairvoyant

    @property
    def ratio_at_the_promise(self) -> float:
        """The cost over that of a clairvoyant at the promise."""
        return self.cost / sum(each.at_the_promise for each in self.seeds)

    @property
    def p99(self) -> float:
        """The mean of the seeds."""
        return fmean(each.p99 for each in self.seeds)

    @property
    def kills(self) -> float:
        """The mean of the seeds."""
        return fmean(each.kills for each in self.seeds)

    @property
    def unhandled(self) -> int:
        """Messages that were left, of all seeds."""
        return sum(each.unhandled for each in self.seeds)

    def beats(self, ours: "OnLoad") -> bool:
        """Return whether this is better in both: cost and wait, of the seeds that both have."""
        both = min(len(self.seeds), len(ours.seeds))
        this, other = OnLoad(self.seeds[:both]), OnLoad(ours.seeds[:both])
        return not this.unhandled and this.cost < BETTER * other.cost and this.p99 < BETTER * other.p99


@dataclass(frozen=True, slots=True)
class Summary:
    """A policy on all loads.

    Args:
        mean: The geometric mean of its ratios.
        summed: All of its pod-seconds over all of the clairvoyant's.
        worst: Its highest ratio.
        mean_at_the_promise: The geometric mean of the ratios to a clairvoyant at the promise.
        p99: The mean of its p99 waits.
        late: Loads on which its p99 wait is longer than the promise.
        kills: Busy workers that it stopped, per run.
        beats_pool: Loads on which it is better than our pool in both, cost and wait.
    """

    mean: float
    summed: float
    worst: float
    mean_at_the_promise: float
    p99: float
    late: int
    kills: float
    beats_pool: int


Found = Mapping[str, Mapping[str, OnLoad]]
"""By policy, and then by load."""


def summary(found: Found, policy: str, pool: str, promise_seconds: float) -> Summary:
    """Return the figures of a policy, beside those of our pool."""
    loads = found[policy]
    ratios = [each.ratio for each in loads.values()]
    return Summary(
        mean=geometric_mean(ratios),
        summed=sum(each.cost for each in loads.values()) / sum(each.clairvoyant for each in loads.values()),
        worst=max(ratios),
        mean_at_the_promise=geometric_mean([each.ratio_at_the_promise for each in loads.values()]),
        p99=fmean(each.p99 for each in loads.values()),
        late=sum(each.p99 > promise_seconds for each in loads.values()),
        kills=fmean(each.kills for each in loads.values()),
        beats_pool=sum(each.beats(found[pool][load]) for load, each in loads.items()),
    )
