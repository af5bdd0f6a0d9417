"""What people use instead is there by name, set as its users set it."""

import pickle

import pytest

from queueplanner.loads import Burst
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
