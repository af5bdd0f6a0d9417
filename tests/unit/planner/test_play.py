"""A candidate is played in a scenario, and paid for as its units are."""

from collections.abc import Callable
from typing import Any

import pytest

from queueplanner.loads import Burst
from queueplanner.outcome import Prices
from queueplanner.play import Candidate, Scenario, play
from queueplanner.policies.ec2 import AutoScalingGroup, ScheduledAction
from queueplanner.policies.pools import PlannedPool
from queueplanner.recorded import parse_csv
from queueplanner.simulation import Policy, Run
from queueplanner.work import Work
from tests.unit.planner.builders import Fixed, pool, work

SCENARIO = Scenario(Burst(10, 0.0, 3600.0), work(36.0), prices=Prices(million_requests=0.0))


def two(_: Work) -> Fixed:
    return Fixed((0, 2))


def while_they_work(run: Run, work: Work) -> float:
    return run.receives * work.service.mean_seconds


PAID = {"from creation to end": ({}, 2.0), "while they work": ({"paid_seconds": while_they_work}, 0.1)}


@pytest.mark.parametrize(("fields", "hours"), PAID.values(), ids=PAID)
def test_units_are_paid_as_the_candidate_says(fields: dict[str, Any], hours: float) -> None:
    made = play(Candidate("two", two, pod_hour=1.0, **fields), SCENARIO)
    assert made.outcome.pod_hours == pytest.approx(hours)
    assert made.outcome.cost == pytest.approx(hours)


def morning(_: Work) -> PlannedPool:
    return pool(schedules=[{"name": "morning", "cron": "0 9 * * *", "durationSeconds": 3600, "minReplicas": 4}])


def scheduled(_: Work) -> AutoScalingGroup:
    return AutoScalingGroup("group", 0, 10, schedule=(ScheduledAction(9 * 3600.0, 4), ScheduledAction(18 * 3600.0, 0)))


BEGINNINGS = {
    "a date": ("time,messages\n2026-11-26T08:00:00Z,0\n2026-11-26T10:00:00Z,0\n", 3600.0),
    "no date: midnight": ("time,messages\n0,0\n36000,0\n", 9 * 3600.0),
}


@pytest.mark.parametrize("begin", [morning, scheduled])
@pytest.mark.parametrize(("csv", "at"), BEGINNINGS.values(), ids=BEGINNINGS)
def test_schedules_go_by_the_dates_of_a_recorded_load(csv: str, at: float, begin: Callable[[Work], Policy]) -> None:
    run = play(Candidate("scheduled", begin), Scenario(parse_csv(csv), work())).run
    first = next(time for time, asked in zip(run.sizes.times, run.sizes.asked, strict=True) if asked == 4)
    assert at <= first < at + 120


def test_units_that_are_always_there_are_there_at_the_start() -> None:
    waits = [
        play(
            Candidate("two", two, replicas=replicas), Scenario(Burst(2, 0.0, 3600.0), work(36.0, startup=20.0))
        ).outcome.wait
        for replicas in (0, 2)
    ]
    assert [wait and wait.longest for wait in waits] == [20.0, 0.0]
