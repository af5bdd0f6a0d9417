"""What a pool of the planner leaves out, because it changes nothing, changes nothing."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueplanner.policies.limits import of_pool
from queueplanner.policies.pools import PlannedPool
from queueplanner.simulation import Move, System, View, simulate
from queueplanner.work import Constant, Exponential, Work
from queueworkerpool.decide import LIMITS, Limit, limits
from queueworkerpool.model import PoolSpec
from tests.unit.planner.builders import pool


class Restless(PlannedPool):
    """A pool that decides anew at each tick, whatever it knows."""

    def decide(self, view: View) -> Move:
        """Decide, and forget that nothing can change."""
        move = super().decide(view)
        self._rests = False
        return move


spells = st.lists(st.floats(0, 1_000), max_size=5).map(sorted)
settings_of_pools = st.fixed_dictionaries(
    {
        "target": st.sampled_from([{"latencySeconds": 60}, {"messagesPerPod": 5}]),
        "activationMessages": st.sampled_from([0, 3]),
        "scaleToZeroAfterSeconds": st.sampled_from([0, 120]),
        "behavior": st.sampled_from(
            [{}, {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}]
        ),
        "schedules": st.sampled_from(
            [
                [],
                [{"name": "soon", "cron": "7 0 * * *", "durationSeconds": 120, "timeZone": "UTC", "minReplicas": 2}],
            ]
        ),
        "minReplicas": st.sampled_from([0, 0, 1]),
        "idlePollSeconds": st.sampled_from([5, 60, 300]),
        "pausedUntil": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-05T00:05:00Z"]),
    }
)


@settings(max_examples=15)
@given(spells, settings_of_pools, st.integers(0, 99))
def test_a_pool_that_rests_decides_as_one_that_looks_anew(
    arrivals: list[float], spec: dict[str, Any], seed: int
) -> None:
    rests = pool(**spec)
    looks = Restless(rests.name, rests._pool.spec, 1)
    system = System(Work(Exponential(20.0), Constant(10.0)), 1_200.0)
    runs = [repr(simulate(each, arrivals, system, Random(seed))) for each in (rests, looks)]  # NaN is not NaN
    assert runs[0] == runs[1]


SOON = {"name": "soon", "cron": "2 0 * * *", "durationSeconds": 120, "timeZone": "UTC", "minReplicas": 30}
AT_ONCE = {"stabilizationWindowSeconds": 0}
ONE_AT_A_TIME = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}

NEEDED: dict[str, tuple[Limit, dict[str, Any]]] = {
    "a tolerance upwards": (limits.tolerate, {"behavior": {"scaleUp": {"tolerance": 0.5}}}),
    "a tolerance downwards": (
        limits.tolerate,
        {"scaleIn": {"busyWorkers": "Drain"}, "behavior": {"scaleDown": {"tolerance": 0.5, **AT_ONCE}}},
    ),
    "messages in flight that hold pods": (
        limits.keep_busy_pods,
        {"count": {"inFlight": "Hold"}, "scaleIn": {"busyWorkers": "Drain"}, "behavior": {"scaleDown": AT_ONCE}},
    ),
    "a window of scaling out": (
        limits.stabilise_scale_up,
        {"behavior": {"scaleUp": {"stabilizationWindowSeconds": 30}}},
    ),
    "a rate upwards": (limits.respect_rates, {"behavior": {"scaleUp": ONE_AT_A_TIME}}),
    "a rate downwards": (limits.respect_rates, {"behavior": {"scaleDown": ONE_AT_A_TIME}}),
    "no scaling out": (limits.respect_rates, {"minReplicas": 1, "behavior": {"scaleUp": {"selectPolicy": "Disabled"}}}),
    "no scaling in": (limits.respect_rates, {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}),
    "a minimum while active": (limits.respect_active_minimum, {"activeMinReplicas": 4}),
}
"""Specs, and the limit that each of them needs."""

SPECS: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "a schedule, which changes the reason alone: the bounds are the same": {"schedules": [SOON]},
    **{name: spec for name, (_, spec) in NEEDED.items()},
}


class Limited(PlannedPool):
    """A pool that asks these limits at each decision."""

    def __init__(self, spec: PoolSpec, several: Sequence[Limit]) -> None:
        """Begin as any, but with these."""
        super().__init__("pool", spec, 1)
        self._limits = several


def crowd(policy: PlannedPool) -> str:
    """Return what comes of a crowd of messages, and of the few that follow it."""
    random = Random(1)
    arrivals = sorted([60 * random.random() for _ in range(60)] + [600 * random.random() for _ in range(30)])
    return repr(simulate(policy, arrivals, System(Work(Exponential(20.0), Constant(10.0)), 900.0), Random(2)))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_pool_leaves_out_only_limits_that_would_change_nothing(spec: dict[str, Any]) -> None:
    mine = pool(**spec)
    assert len(of_pool(mine._pool.spec)) < len(LIMITS)
    assert crowd(mine) == crowd(Limited(mine._pool.spec, LIMITS))


@pytest.mark.parametrize(("limit", "spec"), NEEDED.values(), ids=NEEDED)
def test_a_pool_asks_a_limit_that_changes_something(limit: Limit, spec: dict[str, Any]) -> None:
    mine = pool(**spec)
    without = [each for each in of_pool(mine._pool.spec) if each is not limit]
    assert crowd(mine) != crowd(Limited(mine._pool.spec, without))
