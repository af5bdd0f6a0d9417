"""A queue in memory does what a queue, its pods and their workers do: nothing appears, and nothing is lost."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueplanner import loads
from queueplanner.outcome import outcome
from queueplanner.simulation import Move, Run, System, View, simulate
from queueplanner.work import Constant, Exponential, Lognormal, Work
from tests.unit.planner.builders import Fixed, pool, work


def run(policy: Fixed, arrivals: list[float], work: Work, seconds: float = 100.0, seed: int = 1) -> Run:
    return simulate(policy, arrivals, System(work, seconds), Random(seed))


def test_one_worker_handles_messages_one_after_the_other() -> None:
    made = run(Fixed((0, 1)), [0.0, 0.0, 10.0], work(2.0, startup=3.0))
    assert list(made.begun) == [3.0, 5.0, 10.0]
    assert list(made.done) == [5.0, 7.0, 12.0]
    assert (made.pod_seconds, made.repeated, made.scale_writes) == (100.0, 0, 1)


def test_a_worker_handles_as_many_messages_at_once_as_its_concurrency() -> None:
    made = run(Fixed((0, 1)), [0.0] * 5, work(2.0, concurrency=2))
    assert sorted(made.done) == [2.0, 2.0, 4.0, 4.0, 6.0]


def test_a_pod_that_is_told_to_end_finishes_what_it_has_in_hand() -> None:
    made = run(Fixed((0, 1), (1, 0)), [0.0, 0.0], work(20.0, grace_seconds=30.0))
    assert list(made.done[:1]) == [20.0]
    assert math.isnan(made.done[1]), "it takes no other one"
    assert (made.pod_seconds, made.wasted_seconds) == (20.0, 0.0)


CUT_OFF = {"a worker that releases": (True, 42.0), "a worker that is just gone": (False, 72.0)}


@pytest.mark.parametrize(("releases", "done"), CUT_OFF.values(), ids=CUT_OFF)
def test_what_is_cut_off_comes_again(releases: bool, done: float) -> None:
    policy = Fixed((0, 1), (2, 0), (3, 1))
    made = run(policy, [0.0], work(30.0, grace_seconds=10.0, visibility_seconds=30.0, releases=releases))
    assert list(made.done) == [done]
    assert (made.repeated, made.wasted_seconds, outcome("", made).unhandled) == (1, 12.0, 0)


def test_of_pods_the_ones_that_are_not_ready_go_first() -> None:
    made = run(Fixed((0, 1), (10, 3), (12, 1)), [0.0], work(50.0, startup=5.0, grace_seconds=1.0))
    assert list(made.done) == [55.0]
    assert made.repeated == 0


def test_a_policy_sees_how_many_messages_were_sent_and_received() -> None:
    policy = Watching()
    simulate(policy, [0.0, 0.0, 10.5], System(work(2.0, startup=3.0), 12.0), Random(1))
    assert policy.seen == {0: (2, 0), 4: (2, 1), 6: (2, 2), 11: (3, 3)}


class Watching:
    """One pod, and at some times what was sent and received."""

    name = "watching"

    def __init__(self) -> None:
        self.seen: dict[float, tuple[int, int]] = {}

    def decide(self, view: View) -> Move:
        if view.now in {0, 4, 6, 11}:
            self.seen[view.now] = (view.sent, view.received)
        return Move(1, 1.0)


times = st.lists(st.floats(0, 50), max_size=60).map(sorted)
sizes = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 6)), max_size=6).map(sorted)


@given(times, sizes, st.integers(1, 3), st.floats(0.1, 20), st.booleans())
def test_every_message_is_handled_once_or_waits(
    arrivals: list[float], changes: list[tuple[int, int]], concurrency: int, grace: float, releases: bool
) -> None:
    policy = Fixed((0, 1), *changes, (90, 3))
    mine = Work(Exponential(3.0), Constant(2.0), concurrency, 20.0, grace, releases)
    made = run(policy, arrivals, mine, seconds=2_000.0)
    for sent, begun, done in zip(arrivals, made.begun, made.done, strict=True):
        assert sent <= begun <= done
    assert outcome("", made).unhandled == 0
    assert made.pod_seconds >= made.wasted_seconds / concurrency


def test_the_same_seed_gives_the_same_run() -> None:
    def made() -> Run:
        random = Random(7)
        arrivals = loads.Steady(2.0, 600).times(random)
        return simulate(pool(), arrivals, System(Work(Lognormal(1.0, 2.0), Constant(5.0)), 600.0), random)

    assert made() == made()


def test_a_queue_with_one_server_waits_as_theory_says() -> None:
    """M/M/1 at a load of 0.7: the mean wait is 0.7 / (1 - 0.7) service times (Pollaczek-Khinchine)."""
    random = Random(3)
    arrivals = loads.Steady(0.7, 400_000).times(random)
    made = simulate(Fixed((0, 1)), arrivals, System(Work(Exponential(1.0), Constant(0.0)), 400_000), random)
    waits = [begun - sent for sent, begun in zip(arrivals, made.begun, strict=True)]
    assert sum(waits) / len(waits) == pytest.approx(0.7 / 0.3, rel=0.05)


def test_a_queue_with_a_heavy_tail_waits_as_theory_says() -> None:
    """M/G/1: rho / (1 - rho) * (1 + c^2) / 2 service times, with the spread c."""
    random = Random(5)
    arrivals = loads.Steady(0.5, 400_000).times(random)
    made = simulate(Fixed((0, 1)), arrivals, System(Work(Lognormal(1.0, 2.0), Constant(0.0)), 400_000), random)
    waits = [begun - sent for sent, begun in zip(arrivals, made.begun, strict=True)]
    assert sum(waits) / len(waits) == pytest.approx(0.5 / 0.5 * (1 + 4) / 2, rel=0.1)


@given(st.integers(1, 8), st.integers(0, 1000))
def test_more_pods_never_wait_longer(pods: int, seed: int) -> None:
    arrivals = loads.Steady(1.0, 200).times(Random(seed))
    waits = []
    for count in (pods, pods + 1):
        made = run(Fixed((0, count)), arrivals, work(2.0), seconds=1_000.0)
        waits.append(sum(made.begun) - sum(arrivals))
    assert waits[1] <= waits[0] + 1e-6
