"""A queue in memory does what a queue, its pods and their workers do: nothing appears, and nothing is lost."""

import math
from random import Random
from typing import Any

import pytest

from queueplanner import loads
from queueplanner.outcome import outcome
from queueplanner.simulation import EndlessError, Move, PolicyError, Run, System, View, simulate
from queueplanner.simulation.workers import polls
from queueplanner.work import Constant, Exponential, Failures, Lognormal, Work
from tests.unit.planner.builders import Always, Fixed, pool, work


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


def test_a_message_is_in_flight_until_it_is_deleted_while_its_worker_handles_another() -> None:
    made = run(Fixed((0, 1)), [0.0, 0.0], work(2.0, deletion_seconds=0.5))
    assert (list(made.begun), list(made.done)) == ([0.0, 2.0], [2.5, 4.5])


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


POLLS = {
    "the first": (0.0, 20.0, 0, 1.0),
    "the second": (1.0, 20.0, 1, 2.0),
    "the third": (4.0, 20.0, 2, 3.0),
    "one of the longest": (100.0, 20.0, 8, 11.0),
    "one of two seconds at most": (5.5, 2.0, 3, 1.5),
}


@pytest.mark.parametrize(("idle", "longest", "ended", "left"), POLLS.values(), ids=POLLS)
def test_polls_get_longer_the_longer_a_worker_is_idle(idle: float, longest: float, ended: int, left: float) -> None:
    assert polls(idle, 1.0, longest) == (ended, left)


ENDS = {
    "an idle one, after its poll": ([0.0], {}, 2.0 + 15.0),
    "an idle one, when a message comes": ([0.0, 12.0], {}, 12.0),
    "one with room and a message in hand, after that, when another comes": ([9.5, 10.5], {"concurrency": 2}, 11.5),
    "one whose grace is shorter than a poll": ([0.0], {"grace_seconds": 3.0}, 2.0 + 9.0),
    "a busy one, after its message": ([9.0], {}, 11.0),
    "one with room, after its message": ([9.5], {"concurrency": 2}, 11.5),
    "one with room, after its poll": ([8.5], {"concurrency": 2}, 8.5 + 3.0),
    "one that starts, at once": ([0.0], {"startup": 20.0}, 10.0),
    "one that cuts off its poll": ([0.0], {"longest_poll_seconds": 0.0}, 10.0),
}


@pytest.mark.parametrize(("arrivals", "fields", "seconds"), ENDS.values(), ids=ENDS)
def test_a_worker_that_is_told_to_end_cuts_off_no_poll(
    arrivals: list[float], fields: dict[str, Any], seconds: float
) -> None:
    """It is told after ten seconds; a message takes two."""
    made = run(Fixed((0, 1), (10, 0)), arrivals, work(2.0, **{"longest_poll_seconds": 20.0, **fields}))
    assert made.pod_seconds == seconds


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


def test_the_same_seed_gives_the_same_run() -> None:
    def made() -> Run:
        random = Random(7)
        arrivals = loads.Steady(2.0, 600).times(random)
        return simulate(pool(), arrivals, System(Work(Lognormal(1.0, 2.0), Constant(5.0)), 600.0), random)

    assert made() == made()


def test_what_is_drawn_for_a_message_does_not_depend_on_the_policy() -> None:
    """So that candidates are compared by what they do, not by their luck."""
    mine = System(Work(Lognormal(5.0, 1.0), Constant(0.0), failures=Failures(poison_share=0.3, attempts=1)), 1e6)
    arrivals = [10.0 * each for each in range(100)]
    services = [
        [done - begun for begun, done in zip(made.begun, made.done, strict=True)]
        for made in (simulate(Always(pods), arrivals, mine, Random(1)) for pods in (2, 50))
    ]
    assert services[0] == pytest.approx(services[1], nan_ok=True)


def test_how_long_pods_start_does_not_depend_on_the_load() -> None:
    mine = System(Work(Exponential(1.0), Exponential(5.0)), 100.0)
    runs = [simulate(Always(9), arrivals, mine, Random(1)) for arrivals in ([], [0.0] * 9)]
    assert runs[0].sizes == runs[1].sizes


BROKEN = {
    "less than no pods": (Move(-1, 1.0), "asked for -1 pods at 0 s"),
    "no number": (Move(1, math.nan), "wanted to decide again in nan s at 0 s"),
    "in the past": (Move(1, -1.0), "wanted to decide again in -1.0 s at 0 s"),
    "at once, for ever": (Move(1, 0.0), "wanted to decide more than 100 times in a second at 0 s"),
    "all the time": (Move(1, 1e-9), "wanted to decide more than 100 times in a second at"),
}


@pytest.mark.parametrize(("move", "sentence"), BROKEN.values(), ids=BROKEN)
def test_an_answer_that_makes_no_sense_is_refused(move: Move, sentence: str) -> None:
    class Broken:
        name = "broken"

        def decide(self, _: View) -> Move:
            return move

    with pytest.raises(PolicyError, match=f"^broken {sentence}"):
        simulate(Broken(), [0.0], System(work(), 100.0), Random(1))


def test_a_message_that_would_fail_for_ever_at_one_moment_is_refused() -> None:
    with pytest.raises(EndlessError, match="set retry_seconds"):
        simulate(Always(1), [0.0], System(work(0.0, failures=Failures(share=1.0)), 100.0), Random(1))
