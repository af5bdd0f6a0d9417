"""A candidate is played in a scenario, and paid for as its units are."""

from typing import Any

import pytest

from queueplanner.loads import Burst
from queueplanner.outcome import Prices
from queueplanner.play import Candidate, Scenario, play
from queueplanner.simulation import Run
from queueplanner.work import Work
from tests.unit.planner.builders import Fixed, work

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
