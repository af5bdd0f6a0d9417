"""The five architectures of the example, what they have to do, and what goes wrong on their day.

A node has one worker here, and a worker one job at a time, so that the architectures differ in nothing but who hands
out the work and who decides on the number of nodes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from queueplanner.outcome import Prices
from queueplanner.play import Candidate, Scenario
from queueplanner.policies.ec2 import (
    Adjustment,
    AutoScalingGroup,
    PrimaryLoad,
    ScheduledAction,
    Step,
    StepScaling,
    TargetTracking,
    Utilization,
)
from queueplanner.policies.pools import PlannedPool
from queueplanner.recorded import parse_csv
from queueplanner.simulation import Policy, Primary
from queueplanner.work import Constant, Deaths, Lognormal, Work
from queueworkerpool.model import PoolSpec
from queueworkerpool.validate import validate

HERE = Path(__file__).parent
DAY, POOL = HERE / "day.csv", HERE / "pool.yaml"
HOUR = 3600.0
GROUPS = ("A", "C", "D")
"""Those that are Auto Scaling groups whose size changes."""
LEAST, MOST, FIXED = 2, 30, 20
SLO_SECONDS = 300.0
OUTAGE = (15 * HOUR + 1200, 15 * HOUR + 2400)
NODE_LOST_AT = 11 * HOUR
BATCH, CAMPAIGN = (3 * HOUR, 3 * HOUR + 600), (20 * HOUR, 21 * HOUR)
PRICES = Prices(pod_hour=0.05)
PRIMARY = Primary(assignments_per_second=2.0, heartbeat_seconds=30.0, failures=(OUTAGE,))
WORK = Work(
    service=Lognormal(30.0, spread=1.0),
    startup=Constant(60.0),
    visibility_seconds=60.0,
    grace_seconds=30.0,
    deaths=Deaths(nodes_lost_at=(NODE_LOST_AT,), pods_per_node=1),
)


@dataclass(frozen=True, slots=True)
class Architecture:
    """One of the five.

    Args:
        letter: What the page calls it.
        what: What it is.
        candidate: What is played.
    """

    letter: str
    what: str
    candidate: Candidate

    @property
    def has_primary(self) -> bool:
        """Whether a server hands out the work, which is a machine more."""
        return self.candidate.primary is not None


def scenario(seed: int = 1, work: Work = WORK) -> Scenario:
    """Return the day."""
    return Scenario(parse_csv(DAY.read_text()), work, seed, slo_seconds=SLO_SECONDS, prices=PRICES)


def architectures() -> tuple[Architecture, ...]:
    """Return the five: the primary that there is, and what may take its place."""
    return (
        _architecture("P", f"primary, {FIXED} nodes", _fixed, PRIMARY),
        _architecture("A", "queue, scaled by the clock", _by_the_clock),
        _architecture("B", "queue, scaled by its size", partial(_by_the_queue, spec())),
        _architecture("C", "primary, scaled by its load", _by_the_primary, PRIMARY),
        _architecture("D", "primary, scaled by the nodes' load", _by_the_nodes, PRIMARY),
    )


def forgetful(architecture: Architecture) -> Architecture:
    """Return one whose primary holds its jobs in memory only."""
    primary = replace(PRIMARY, keeps_jobs=False)
    return replace(architecture, candidate=replace(architecture.candidate, primary=primary))


def protected(architecture: Architecture) -> Architecture:
    """Return a group whose busy nodes are protected from scale-in."""
    begin = partial(_protecting, architecture.candidate.begin)
    return replace(architecture, candidate=replace(architecture.candidate, begin=begin))


def spec() -> PoolSpec:
    """Return the pool of B."""
    [verdict] = validate(POOL.read_text(), datetime(2026, 1, 1, tzinfo=UTC))
    if verdict.spec is None:
        raise ValueError(f"{POOL.name}: {verdict.errors}")
    return verdict.spec


def _architecture(
    letter: str, what: str, begin: Callable[[Work], Policy], primary: Primary | None = None
) -> Architecture:
    return Architecture(letter, what, Candidate(letter, begin, primary=primary, most=MOST))


def _fixed(_: Work) -> AutoScalingGroup:
    return AutoScalingGroup("P", FIXED, FIXED)


def _by_the_clock(_: Work) -> AutoScalingGroup:
    return AutoScalingGroup("A", LEAST, MOST, schedule=(ScheduledAction(9 * HOUR, 10), ScheduledAction(18 * HOUR, 2)))


def _by_the_queue(spec: PoolSpec, work: Work) -> PlannedPool:
    return PlannedPool("B", spec, work.concurrency)


def _by_the_primary(_: Work) -> AutoScalingGroup:
    """Return a group by the primary's load. An expert has set its steps to this day: 10 % are 12 jobs a minute."""
    nodes = (Step(0, 6), Step(0.05, 10), Step(0.10, 16), Step(0.175, 30))
    busy = StepScaling(0.025, nodes, periods=3, adjustment=Adjustment.EXACT_CAPACITY)
    calm = StepScaling(0.025, (Step(0, LEAST),), above=False, periods=15, adjustment=Adjustment.EXACT_CAPACITY)
    return AutoScalingGroup("C", LEAST, MOST, PrimaryLoad(PRIMARY), (busy, calm), warmup_seconds=120.0)


def _by_the_nodes(work: Work) -> AutoScalingGroup:
    """Return a group that keeps its nodes busy for 60 percent of the time."""
    policies = (TargetTracking(0.6),)
    return AutoScalingGroup("D", LEAST, MOST, Utilization(work.concurrency), policies, warmup_seconds=120.0)


def _protecting(begin: Callable[[Work], Policy], work: Work) -> Policy:
    policy = begin(work)
    if isinstance(policy, AutoScalingGroup):
        policy.protects = True
    return policy
