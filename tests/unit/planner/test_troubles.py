"""Each trouble by itself, computed by hand: what fails, dies, is down or is old, and what comes of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from queueplanner.outcome import Terms, outcome
from queueplanner.simulation import Counts, Move, Policy, Primary, Run, System, View, simulate
from queueplanner.work import Constant, Deaths, Failures, Work
from tests.unit.planner.builders import Always, Fixed, work

NEVER = math.nan
NODE_LOST = Deaths(nodes_lost_at=(4.0,), pods_per_node=2)
OUTAGE = ((1.0, 3.0),)


@dataclass(frozen=True)
class Case:
    """A run of 100 seconds, unless it says something else."""

    arrivals: Sequence[float]
    work: Work
    replicas: int = 1
    primary: Primary | None = None
    policy: Policy | None = None
    expect: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Run:
        system = System(self.work, 100.0, replicas=self.replicas, primary=self.primary)
        return simulate(self.policy or Always(self.replicas), self.arrivals, system, Random(1))


def failing(service: float = 2.0, **failures: Any) -> Work:
    return work(service, failures=Failures(**failures))


def dying(service: float = 10.0, startup: float = 3.0, deaths: Deaths = NODE_LOST, **fields: Any) -> Work:
    return work(service, startup, visibility_seconds=30.0, deaths=deaths, **fields)


FAILURES = {
    "what ends in an outage is tried again": Case(
        [0.0],
        failing(outages=OUTAGE, retry_seconds=5.0),
        expect={"begun": [0.0], "done": [9.0], "failed": 1, "receives": 2, "repeated": 0, "wasted_seconds": 0.0},
    ),
    "at once, where nothing hides it": Case([0.0], failing(outages=OUTAGE), expect={"done": [4.0], "failed": 1}),
    "another message goes first": Case(
        [0.0, 0.0], failing(outages=OUTAGE, retry_seconds=1.0), expect={"done": [6.0, 4.0], "failed": 1}
    ),
    "what was received too often goes to the dead-letter queue": Case(
        [0.0],
        failing(poison_share=1.0, attempts=3, retry_seconds=1.0),
        expect={"done": [NEVER], "failed": 3, "receives": 3, "dead_lettered": 1, "seconds": 100.0},
    ),
    "only when it would be received once more": Case(
        [0.0],
        failing(poison_share=1.0, attempts=1, retry_seconds=5.0),
        policy=Fixed((0, 1), (4, 0)),
        expect={"failed": 1, "dead_lettered": 0},
    ),
    "without such a queue it is tried for ever": Case(
        [0.0],
        failing(5.0, share=1.0, retry_seconds=5.0),
        expect={"done": [NEVER], "failed": 20, "receives": 21, "dead_lettered": 0, "seconds": 200.0},
    ),
    "receives of workers that were lost count as well": Case(
        [0.0], dying(failures=Failures(attempts=1)), expect={"done": [NEVER], "dead_lettered": 1, "failed": 0}
    ),
}

DEATHS = {
    "a node is lost with its pods": Case(
        [0.0, 0.0],
        dying(),
        2,
        expect={
            "done": [44.0, 44.0],
            "repeated": 2,
            "wasted_seconds": 8.0,
            "pod_seconds": 200.0,
            "scale_writes": 0,
            "sizes": [(0.0, 2, 2), (4.0, 2, 0), (7.0, 2, 2)],
        },
    ),
    "others go on": Case(
        [0.0] * 3, dying(deaths=replace(NODE_LOST, pods_per_node=1)), 3, expect={"repeated": 1, "wasted_seconds": 4.0}
    ),
    "who is lost cannot release": Case([0.0], dying(releases=True), expect={"done": [44.0], "repeated": 1}),
    "a pod that was about to end is not replaced": Case(
        [0.0],
        dying(),
        policy=Fixed((0, 1), (2, 0)),
        expect={"done": [NEVER], "wasted_seconds": 4.0, "pod_seconds": 4.0, "sizes": [(0.0, 1, 1), (2.0, 0, 0)]},
    ),
    "a pod that starts begins anew": Case(
        [0.0], dying(startup=5.0), 0, policy=Always(1), expect={"begun": [9.0], "repeated": 0, "pod_seconds": 100.0}
    ),
    "of no pods none is lost": Case([0.0], dying(), 0, expect={"pod_seconds": 0.0, "sizes": []}),
}

PRIMARIES = {
    "it assigns in even steps": Case(
        [0.0] * 3, work(10.0), 3, Primary(0.5), expect={"begun": [0.0, 2.0, 4.0], "receives": 0, "empty_receives": 0}
    ),
    "while it is down what is sent waits at the senders": Case(
        [0.0, 1.0, 6.0],
        work(3.0),
        primary=Primary(failures=((5.0, 20.0),)),
        expect={"begun": [0.0, 3.0, 20.0], "done": [3.0, 6.0, 23.0], "lost": 0},
    ),
    "it keeps its jobs": Case(
        [0.0, 1.0, 6.0],
        work(3.0),
        primary=Primary(failures=((2.0, 20.0),)),
        expect={"done": [3.0, 23.0, 26.0], "lost": 0},
    ),
    "or it loses them, but for those in hand": Case(
        [0.0, 1.0, 6.0],
        work(3.0),
        primary=Primary(failures=((2.0, 20.0),), keeps_jobs=False),
        expect={"done": [3.0, NEVER, 23.0], "lost": 1, "seconds": 100.0},
    ),
    "failures that overlap are one": Case(
        [6.0],
        work(3.0),
        primary=Primary(failures=((2.0, 9.0), (5.0, 20.0), (12.0, 13.0)), keeps_jobs=False),
        expect={"begun": [20.0], "lost": 0},
    ),
    "a lost worker is noticed by its heartbeat": Case(
        [0.0], dying(), primary=Primary(heartbeat_seconds=7.0), expect={"done": [21.0], "repeated": 1}
    ),
    "a lost worker's jobs that it forgot are lost": Case(
        [0.0],
        dying(),
        primary=Primary(heartbeat_seconds=7.0, failures=((2.0, 3.0),), keeps_jobs=False),
        expect={"done": [NEVER], "lost": 1},
    ),
    "a job that fails is assigned again": Case(
        [0.0, 0.0],
        failing(outages=((1.0, 5.0),), retry_seconds=1.0),
        primary=Primary(),
        expect={"failed": 2, "done": [6.0, 8.0]},
    ),
}

RECEIVES = {
    "an idle worker polls for 20 seconds, again and again": Case([], work(), expect={"empty_receives": 5}),
    "from when it is ready": Case([], work(startup=3.0), 0, policy=Always(1), expect={"empty_receives": 4}),
    "until it is stopped": Case([], work(), policy=Fixed((0, 1), (50, 0)), expect={"empty_receives": 2}),
    "a message ends a poll": Case([50.0], work(10.0), expect={"empty_receives": 4, "receives": 1}),
    "a busy worker does not poll": Case([0.0], work(100.0), expect={"empty_receives": 0, "receives": 1}),
    "one with room does": Case([30.0], work(10.0, concurrency=2), expect={"empty_receives": 4, "receives": 1}),
    "queueworker's first polls are short": Case([], work(longest_poll_seconds=20.0), expect={"empty_receives": 8}),
    "and short again after a message": Case(
        [31.0], work(38.0, longest_poll_seconds=20.0), expect={"empty_receives": 5 + 5, "receives": 1}
    ),
    "until it is lost": Case([], dying(deaths=replace(NODE_LOST, nodes_lost_at=(39.0,))), expect={"empty_receives": 3}),
}

CASES = {**FAILURES, **DEATHS, **PRIMARIES, **RECEIVES}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_trouble_does_what_it_should(case: Case) -> None:
    made = case.run()
    sizes = list(zip(made.sizes.times, made.sizes.asked, made.sizes.ready, strict=True))
    found = {"sizes": sizes, "begun": list(made.begun), "done": list(made.done)}
    for name, expected in case.expect.items():
        value = found.get(name, getattr(made, name))
        assert value == (expected if name == "sizes" else pytest.approx(expected, nan_ok=True)), name


def test_a_primary_costs_no_requests_of_a_queue() -> None:
    made = Case([0.0] * 30, work(), primary=Primary()).run()
    assert outcome("primary", made).requests == made.reads == 1


BATCHES = {1: 60, 4: 16, 10: 6, 100: 6}


@pytest.mark.parametrize(("concurrency", "requests"), BATCHES.items())
def test_a_pod_receives_and_deletes_no_more_at_once_than_it_has_room_for(concurrency: int, requests: int) -> None:
    made = Case([0.0] * 30, work()).run()
    assert made.receives == 30
    said = outcome("pool", made, Terms(concurrency=concurrency)).requests
    assert said - made.reads - made.empty_receives == requests


class Sparing:
    """Sizes over time, as instances that are protected from scale-in while they work."""

    name = "sparing"

    def __init__(self, *sizes: tuple[float, int]) -> None:
        self._fixed = Fixed(*sizes)

    def decide(self, view: View) -> Move:
        return replace(self._fixed.decide(view), spares_busy=True, victims=tuple(pod.name for pod in view.pods))


SPARED = {
    "a pod goes when it is idle": (Sparing((0, 2), (5, 1)), 110.0, 1),
    "all of them do": (Sparing((0, 2), (5, 0)), 20.0, 1),
    "none goes when as many are asked for again": (Sparing((0, 2), (5, 1), (7, 2)), 200.0, 2),
    "and no other one is created": (Sparing((0, 2), (5, 0), (7, 1)), 110.0, 2),
}


@pytest.mark.parametrize(("policy", "pod_seconds", "writes"), SPARED.values(), ids=SPARED)
def test_busy_pods_are_spared(policy: Policy, pod_seconds: float, writes: int) -> None:
    made = simulate(policy, [0.0, 0.0], System(work(10.0, grace_seconds=0.0), 100.0, replicas=2), Random(1))
    assert list(made.done) == [10.0, 10.0]
    assert (made.pod_seconds, made.scale_writes, made.repeated) == (pod_seconds, writes, 0)


def test_pods_die_after_their_mean_life() -> None:
    """A thousand lives of 36 seconds; the spread of their number is its root."""
    mine = Work(Constant(1.0), Constant(1.0), deaths=Deaths(pod_hours=0.01))
    made = simulate(Always(1), [], System(mine, 36_000.0, replicas=1), Random(1))
    deaths = sum(after < before for before, after in pairwise(made.sizes.ready))
    assert deaths == pytest.approx(1000, abs=4 * math.sqrt(1000))
    assert made.pod_seconds == pytest.approx(36_000.0)


def test_counts_are_as_old_as_they_may_be() -> None:
    """Of readings that are up to ten seconds old half see, after five, what has come since."""
    seen: list[tuple[float, Counts]] = []

    class Watching:
        name = "watching"

        def decide(self, view: View) -> Move:
            seen.append((view.now, view.counts))
            return Move(0, 0.02)

    simulate(Watching(), [50.0] * 7, System(work(), 100.0, counts_age_seconds=10.0), Random(1))
    assert {counts for now, counts in seen if now < 50.0} == {Counts(0, 0)}
    assert {counts for now, counts in seen if now > 60.0} == {Counts(7, 0)}
    between = [counts.visible / 7 for now, counts in seen if 50.0 < now < 60.0]
    assert sum(between) / len(between) == pytest.approx(0.5, abs=0.07)  # four times the spread of 500 tosses
    assert set(between) == {0.0, 1.0}


def test_counts_are_as_they_are_where_nobody_says_how_old() -> None:
    seen: list[Counts] = []

    class Watching:
        name = "watching"

        def decide(self, view: View) -> Move:
            seen.append(view.counts)
            return Move(view.replicas, 10.0)

    simulate(Watching(), [0.0, 0.0, 0.0], System(work(15.0), 30.0, replicas=1), Random(1))
    assert seen[:4] == [Counts(2, 1), Counts(2, 1), Counts(1, 1), Counts(0, 1)]
