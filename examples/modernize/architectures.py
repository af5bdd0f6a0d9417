"""The five architectures of the example, what they have to do, and what goes wrong on their day.

A node has one worker here, and a worker one job at a time, so that the architectures differ in nothing but who hands
out the work and who decides on the number of nodes. But for B they are the planner's presets.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from queueplanner.outcome import Prices
from queueplanner.play import Candidate, Scenario, unchanged
from queueplanner.policies.ec2 import AutoScalingGroup
from queueplanner.policies.pools import PlannedPool
from queueplanner.presets import RIVALS
from queueplanner.presets.primaries import sized_for_all_nodes
from queueplanner.recorded import parse_csv
from queueplanner.simulation import Policy, Primary
from queueplanner.work import Constant, Deaths, Lognormal, Work
from queueworkerpool.model import PoolSpec
from queueworkerpool.validate import validate

HERE = Path(__file__).parent
DAY, POOL = HERE / "day.csv", HERE / "pool.yaml"
HOUR = 3600.0
MOST, FIXED = 30, 20
SLO_SECONDS = 300.0
BATCH, CAMPAIGN = (3 * HOUR, 3 * HOUR + 600), (20 * HOUR, 21 * HOUR)
OUTAGE = (15 * HOUR + 1200, 15 * HOUR + 2400)
NODE_LOST_AT = 11 * HOUR
PRICES = Prices(pod_hour=0.05)
WORK = Work(
    service=Lognormal(30.0, spread=1.0),
    startup=Constant(60.0),
    visibility_seconds=60.0,
    grace_seconds=30.0,
    deaths=Deaths(nodes_lost_at=(NODE_LOST_AT,), pods_per_node=1),
)
PRIMARY = replace(sized_for_all_nodes(WORK, MOST), failures=(OUTAGE,))


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
        """Whether a server hands out the work."""
        return self.candidate.primary is not None


def scenario(seed: int = 1, work: Work = WORK) -> Scenario:
    """Return the day."""
    return Scenario(parse_csv(DAY.read_text()), work, seed, slo_seconds=SLO_SECONDS, prices=PRICES)


def architectures() -> tuple[Architecture, ...]:
    """Return the five: the primary that there is, and what may take its place."""
    by_load = preset("primary-by-its-load")
    return (
        Architecture("P", f"primary, {FIXED} nodes", preset("primary", FIXED)),
        Architecture("A", "queue, scaled by the clock", preset("ec2-scheduled")),
        Architecture("B", "queue, scaled by its size", Candidate("B", partial(_pool, spec()), most=MOST)),
        Architecture(
            "C", "primary, scaled by its load", replace(by_load, begin=partial(_as_set_for_the_day, by_load.begin))
        ),
        Architecture("D", "primary, scaled by the nodes' load", preset("primary-by-node-load")),
    )


def preset(name: str, most: int = MOST) -> Candidate:
    """Return a preset for the nodes of the example, which all begin after the same time, and for its primary."""
    rival = RIVALS[name]
    return replace(rival, adapt=unchanged, primary=rival.primary and _primary)(WORK, most, None)


def forgetful(architecture: Architecture) -> Architecture:
    """Return one whose primary holds its jobs in memory only."""
    primary = replace(PRIMARY, keeps_jobs=False)
    return replace(architecture, candidate=replace(architecture.candidate, primary=primary))


def sparing(architecture: Architecture) -> Architecture:
    """Return one whose busy nodes are protected from scale-in."""
    begin = partial(_protecting, architecture.candidate.begin)
    return replace(architecture, candidate=replace(architecture.candidate, begin=begin))


def spec() -> PoolSpec:
    """Return the pool of B."""
    [verdict] = validate(POOL.read_text(), datetime(2026, 1, 1, tzinfo=UTC))
    if verdict.spec is None:
        raise ValueError(f"{POOL.name}: {verdict.errors}")
    return verdict.spec


def _pool(spec: PoolSpec, work: Work) -> PlannedPool:
    return PlannedPool("B", spec, work.concurrency)


def _primary(_: Work, __: int) -> Primary:
    return PRIMARY


def _as_set_for_the_day(begin: Callable[[Work], Policy], _: Work) -> Policy:
    """Return a policy whose steps were set for the jobs of the day, whatever jobs come."""
    return begin(WORK)


def _protecting(begin: Callable[[Work], Policy], work: Work) -> Policy:
    policy = begin(work)
    if isinstance(policy, AutoScalingGroup):
        policy.protects = True
    return policy
