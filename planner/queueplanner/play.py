"""Plays candidates over a load: the same messages for each of them. The commands and examples call it.

It may start processes; it prints nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from queueplanner.loads import Load
from queueplanner.outcome import Outcome, Prices, Terms, outcome
from queueplanner.simulation import Policy, Primary, Run, System, simulate
from queueplanner.work import Work


def unchanged(work: Work) -> Work:
    """Return the work as it is."""
    return work


def whole_life(run: Run, _: Work) -> float:
    """Return the seconds from each unit's creation to its end."""
    return run.pod_seconds


@dataclass(frozen=True, slots=True)
class Candidate:
    """What might size a pool: a policy that begins anew for each run, and what it sizes. It can be pickled.

    Args:
        name: What people call it.
        begin: Returns the policy at its start, for this work.
        adapt: What its workers are like: instances start more slowly than pods.
        primary: Assigns the messages, where there is no queue.
        pod_hour: What its unit costs in an hour; None: as the scenario says.
        most: The most units that it may ask for; None: there is no limit.
        paid_seconds: Returns the seconds of its units that are paid: Lambda's are only while they work.
        unchecked: Assumptions of its model that nobody could check, in sentences.
    """

    name: str
    begin: Callable[[Work], Policy]
    adapt: Callable[[Work], Work] = unchanged
    primary: Primary | None = None
    pod_hour: float | None = None
    most: int | None = None
    paid_seconds: Callable[[Run, Work], float] = whole_life
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load and what handles it.

    Args:
        load: What is sent.
        work: What messages and workers are like.
        seed: The same seed gives the same run.
        counts_age_seconds: How old the queue's counts may be when they are read.
        slo_seconds: How long a message may wait; None: nobody said.
        prices: What things cost.
    """

    load: Load
    work: Work
    seed: int = 1
    counts_age_seconds: float = 0.0
    slo_seconds: float | None = None
    prices: Prices = field(default_factory=Prices)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a candidate in a scenario."""

    candidate: Candidate
    run: Run
    outcome: Outcome


def play(candidate: Candidate, scenario: Scenario) -> Played:
    """Let a candidate size its pods for the scenario's load."""
    work = candidate.adapt(scenario.work)
    arrivals = scenario.load.times(Random(scenario.seed))  # noqa: S311 -- chance in a simulation
    system = System(work, scenario.load.seconds, scenario.counts_age_seconds, primary=candidate.primary)
    run = simulate(candidate.begin(work), arrivals, system, Random(scenario.seed + 1))  # noqa: S311 -- the same
    hour = scenario.prices.pod_hour if candidate.pod_hour is None else candidate.pod_hour
    terms = Terms(replace(scenario.prices, pod_hour=hour), work.concurrency, scenario.slo_seconds, candidate.most)
    paid = replace(run, pod_seconds=candidate.paid_seconds(run, work))
    return Played(candidate, run, outcome(candidate.name, paid, terms))
