"""What people use instead is there by name, set as its users set it."""

import pickle
from array import array

import pytest

from queueplanner.loads import Burst, Steady
from queueplanner.play import Scenario, play
from queueplanner.presets import RIVALS
from queueplanner.presets.rival import Request
from tests.unit.planner.builders import work

WORK = work(2.0, startup=20.0)


@pytest.mark.parametrize("name", RIVALS)
def test_each_preset_can_be_pickled_and_handles_a_burst(name: str) -> None:
    candidate = pickle.loads(pickle.dumps(RIVALS[name](WORK, 30, 60.0)))  # noqa: S301 -- made here
    made = play(candidate, Scenario(Burst(200, 60.0, 3600.0), WORK))
    assert (candidate.name, made.outcome.unhandled) == (name, 0)
    assert candidate.most is not None
    assert max(made.run.sizes.asked) <= candidate.most


RECIPES = {
    "nobody said how long": (None, 1, 5, 5),
    "as many as are handled in time": (60.0, 1, 30, 20),
    "of each slot": (60.0, 4, 120, 80),
    "an expert leaves no time to start where there is none": (20.0, 1, 10, 10),
    "never fewer than a pod handles at once": (1.0, 4, 4, 4),
}


@pytest.mark.parametrize(("slo", "concurrency", "usual", "experts"), RECIPES.values(), ids=RECIPES)
def test_the_target_follows_from_how_long_a_message_may_wait(
    slo: float | None, concurrency: int, usual: int, experts: int
) -> None:
    mine = work(2.0, startup=20.0, concurrency=concurrency)
    request = Request("", 10, slo)
    assert (request.per_pod(mine), request.expert_per_pod(mine)) == (usual, experts)


FROM_ZERO = {"nobody said how long": (None, 0), "in time": (320.0, 0), "the alarms take longer": (319.0, 1)}


@pytest.mark.parametrize(("slo", "least"), FROM_ZERO.values(), ids=FROM_ZERO)
def test_an_expert_of_ec2_goes_to_zero_where_the_promise_leaves_time_to_return(slo: float | None, least: int) -> None:
    """Three alarms of a minute, the minute until there is a value, and 60 + 20 s until an instance receives."""
    candidate = RIVALS["ec2-target-tracking-expert"](WORK, 30, slo)
    assert play(candidate, Scenario(Burst(0, 0.0, 3600.0), WORK)).run.sizes.asked[-1:] == array("l", [1] * least)


def test_a_primary_fails_and_its_machine_is_paid() -> None:
    """What is sent while it is down begins when it is repaired; 30 nodes and its machine run for 15 hours."""
    load = Burst(100, 12 * 3600.0 + 60.0, 15 * 3600.0)
    made = play(RIVALS["primary"](WORK, 30, 60.0), Scenario(load, WORK))
    assert min(made.run.begun) == 12 * 3600.0 + 1200.0
    assert made.outcome.pod_hours == 31 * 15


def test_nodes_by_the_load_of_a_primary_are_what_that_much_work_needs() -> None:
    """30 nodes can do 15 jobs a second of 2 s. A third of it: 18 nodes by its step, 13 by the one below."""
    load = Steady(5.0, 7200.0)
    made = play(RIVALS["primary-by-its-load"](WORK, 30, None), Scenario(load, WORK))
    late = [size for time, size in zip(made.run.sizes.times, made.run.sizes.asked, strict=True) if time > 3600.0]
    assert {13, 18}.issuperset(late)
    assert made.outcome.unhandled == 0
