"""A pool that knows that nothing can change sizes as one that decides at each tick."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from queueplanner.policies.pools import PlannedPool
from queueplanner.simulation import Move, System, View, simulate
from queueplanner.work import Constant, Exponential, Work
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
