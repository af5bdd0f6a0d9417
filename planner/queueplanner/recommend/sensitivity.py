"""What if an assumption is wrong: each is changed alone, and the recommended manifest stays. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from queueplanner.outcome import Outcome
from queueplanner.play import Scenario
from queueplanner.recommend.parts import Multiplied
from queueplanner.recommend.slo import Slo
from queueplanner.work import Draw, Lognormal

SAMPLES = 1_000
LEAST_SPREAD = 0.5
SHORT = 0.1
"""Of the promise; a wait that stays below it changes no answer."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Times that are so many times as long."""

    draw: Draw
    factor: float

    @property
    def mean_seconds(self) -> float:
        """Their mean."""
        return self.draw.mean_seconds * self.factor

    def __call__(self, random: Random, /) -> float:
        """Draw one."""
        return self.draw(random) * self.factor


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that may be otherwise: in words ("messages take …"), and the scenario then."""

    otherwise: str
    change: Callable[[Scenario], Scenario]


@dataclass(frozen=True, slots=True)
class Effect:
    """What the recommended manifest does when an assumption is wrong.

    Args:
        otherwise: How it is then, in words.
        outcome: What comes of it.
        waited: The wait that the SLO is about, in seconds.
        kept: Whether the SLO is kept.
        waits: How many times as long messages wait, where that is long for the SLO.
        costs: How many times as much it costs.
    """

    otherwise: str
    outcome: Outcome
    waited: float
    kept: bool
    waits: float
    costs: float

    @property
    def weight(self) -> tuple[bool, float]:
        """How much it changes the answer: a promise that breaks counts most, then wait and cost alike."""
        return (not self.kept, max(abs(math.log(each)) for each in (self.waits, self.costs)))


def assumptions(scenario: Scenario) -> list[Assumption]:
    """Return what may be otherwise in a scenario."""
    spread = max(2 * _spread(scenario.work.service), LEAST_SPREAD)
    several = [
        Assumption("messages take a quarter longer", partial(_service, 1.25)),
        Assumption("messages take a fifth less time", partial(_service, 0.8)),
        Assumption(
            f"service times spread more (standard deviation {spread:.2g} of the mean)", partial(_spreading, spread)
        ),
        Assumption("pods take twice as long to start", partial(_startup, 2.0)),
        Assumption("pods take half as long to start", partial(_startup, 0.5)),
        Assumption("a fifth more messages are sent", partial(_load, 1.2)),
        Assumption("a fifth fewer messages are sent", partial(_load, 0.8)),
        Assumption("the queue's counts are 30 s older", partial(_counts, 30.0)),
        Assumption("one more attempt in twenty fails", partial(_failing, 0.05)),
    ]
    if scenario.work.concurrency > 1:
        several.append(Assumption("pods manage half as many messages at a time", partial(_concurrency, 0.5)))
    return several


def effect(assumption: Assumption, slo: Slo, before: Outcome, after: Outcome) -> Effect:
    """Compare what happens with what was expected."""
    least = SHORT * slo.seconds
    waits = max(slo.waited(after), least) / max(slo.waited(before), least)
    return Effect(
        assumption.otherwise,
        after,
        slo.waited(after),
        slo.is_kept(after),
        1.0 if math.isnan(waits) else waits,
        after.cost / before.cost,
    )


def worst(effects: Sequence[Effect]) -> Effect:
    """Return the one that changes the answer most."""
    return max(effects, key=lambda each: each.weight)


def _service(factor: float, scenario: Scenario) -> Scenario:
    work = scenario.work
    return replace(scenario, work=replace(work, service=Scaled(work.service, factor)))


def _spreading(spread: float, scenario: Scenario) -> Scenario:
    work = scenario.work
    return replace(scenario, work=replace(work, service=Lognormal(work.service.mean_seconds, spread)))


def _startup(factor: float, scenario: Scenario) -> Scenario:
    work = scenario.work
    return replace(scenario, work=replace(work, startup=Scaled(work.startup, factor)))


def _concurrency(factor: float, scenario: Scenario) -> Scenario:
    work = scenario.work
    return replace(scenario, work=replace(work, concurrency=max(int(work.concurrency * factor), 1)))


def _failing(share: float, scenario: Scenario) -> Scenario:
    work, failures = scenario.work, scenario.work.failures
    return replace(scenario, work=replace(work, failures=replace(failures, share=min(failures.share + share, 1.0))))


def _load(factor: float, scenario: Scenario) -> Scenario:
    return replace(scenario, load=Multiplied(scenario.load, factor))


def _counts(seconds: float, scenario: Scenario) -> Scenario:
    return replace(scenario, counts_age_seconds=scenario.counts_age_seconds + seconds)


def _spread(draw: Draw) -> float:
    """Return the standard deviation of times over their mean."""
    if not draw.mean_seconds:
        return 0.0
    random = Random(0)  # noqa: S311 -- chance in a simulation
    times = [draw(random) for _ in range(SAMPLES)]
    variance = sum((time - draw.mean_seconds) ** 2 for time in times) / SAMPLES
    return math.sqrt(variance) / draw.mean_seconds
