"""A pool that nobody told how long its messages take learns it from its workers, whether that is 0.1 or 600 seconds."""

from random import Random

import pytest

from queueplanner.loads import Steady
from queueplanner.simulation import System, simulate
from queueplanner.work import Constant, Lognormal, Work
from tests.unit.planner.builders import pool

SERVICES = [0.1, 1.0, 10.0, 60.0, 300.0, 600.0]
PODS_AT_WORK = 8


@pytest.mark.parametrize("protection", ["Protect", "Drain"])
@pytest.mark.parametrize("seconds", SERVICES)
def test_the_service_time_is_within_a_tenth_after_some_hundred_messages(seconds: float, protection: str) -> None:
    """A little too long at most: messages in hand that have run for longer than the mean count as well."""
    policy = pool(target={"latencySeconds": 60}, scaleIn={"busyWorkers": protection})
    lasts = max(3600.0, 60 * seconds)
    work = Work(Lognormal(seconds, 0.5), Constant(20.0), grace_seconds=3600.0)
    arrivals = Steady(min(PODS_AT_WORK / seconds, 2.0), lasts).times(Random(1))
    simulate(policy, arrivals, System(work, lasts, counts_age_seconds=10.0), Random(2))
    assert policy.workers.service_seconds == pytest.approx(seconds, rel=0.1)
