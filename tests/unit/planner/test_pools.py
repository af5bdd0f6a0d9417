"""The planner looks at a pool when the operator would, and sees what the operator would."""

from collections.abc import Sequence
from itertools import accumulate, takewhile
from random import Random
from statistics import mean
from typing import Any

import pytest

from queueplanner.outcome import Prices, Terms, outcome
from queueplanner.policies.pools import LATEST_SECONDS, READY_SECONDS, Ticks
from queueplanner.simulation import Counts, PodState, SimulatedPod, System, View, simulate
from queueworkerpool.model import FRESH_SHARE
from tests.unit.planner.builders import pool, work

DAY = 86_400.0


def late(_: float, __: object) -> float:
    return LATEST_SECONDS


def view(now: float, visible: int, replicas: int = 0, pods: Sequence[SimulatedPod] = (), in_flight: int = 0) -> View:
    return View(now, Counts(visible, in_flight), replicas, pods)


def ready_pods(count: int, **fields: Any) -> list[SimulatedPod]:
    """Return pods that have been ready for long."""
    return [SimulatedPod(number, 0.0, PodState.READY, ready_at=1.0, **fields) for number in range(count)]


def test_a_tick_keeps_its_phase_whatever_happens_in_between() -> None:
    mine = pool(ticks=Ticks(phase_seconds=2.0))
    counts = {0.0: 0, 2.0: 0, 7.0: 1, 8.5: 1, 12.0: 1}
    nexts = [mine.decide(view(now, visible)).next_seconds for now, visible in counts.items()]
    assert nexts == pytest.approx([2.0, 5.0, 1.5, 3.5, 5.0]), "a count of one at zero is read again after 1.5 s"


def test_until_the_end_of_a_pause_a_pool_keeps_its_size_and_reads_nothing() -> None:
    """The load begins on a Monday at midnight, and the pause is over ten minutes later, between two ticks."""
    mine = pool(pausedUntil="2026-01-05T00:10:02Z", ticks=Ticks(lateness=lambda _, __: 0.0))
    moves = [mine.decide(view(now, 100, replicas=3)) for now in (0.0, 600.0, 602.0)]
    assert [(move.replicas, move.next_seconds, move.reads) for move in moves] == [
        (3, 5.0, 0),
        (3, 2.0, 0),
        (20, 3.0, 1),
    ]


def test_a_reading_serves_once_more_until_it_is_old() -> None:
    mine = pool(ticks=Ticks(lateness=late))
    moves = [mine.decide(view(now, visible)) for now, visible in {0.0: 10, 5 * FRESH_SHARE - 0.1: 50, 5.0: 50}.items()]
    assert [(move.replicas, move.reads) for move in moves] == [(2, 1), (2, 0), (10, 1)]


def test_an_idle_pool_is_read_less_often_until_a_message_is_seen() -> None:
    """Empty from the beginning, so idle after 60 s; then read when its queue is due, and else looked at only."""
    mine = pool(idlePollSeconds=60, ticks=Ticks(lateness=lambda _, __: 0.0))
    reads = [mine.decide(view(5.0 * number, 0)).reads for number in range(12 * 12 + 1)]
    assert sum(reads[:12]) == 12, "the first minute"
    assert [sum(reads[start : start + 12]) for start in range(24, 144, 12)] == [1] * 10
    moves = [mine.decide(view(725.0 + 5 * number, 50)) for number in range(24)]
    seen = [move.replicas for move in moves].index(10)
    assert 0 <= seen < 12
    assert [move.reads for move in moves[:12]] == [0] * seen + [1] * (12 - seen)


def test_a_count_that_may_be_wrong_is_read_again() -> None:
    mine = pool()
    moves = [mine.decide(view(now, 1)) for now in (0.0, 1.5)]
    assert [(move.replicas, move.reads) for move in moves] == [(0, 1), (1, 1)]


def test_what_workers_report_is_known_a_tick_later() -> None:
    """Without a service time a message gets a slot; five workers have said that a message takes a second."""
    mine, pods = pool(target={"latencySeconds": 61}, maxReplicas=1000), ready_pods(10, finished=20, busy_seconds=20.0)
    assert [mine.decide(view(now, 600, 10, pods)).replicas for now in (10.0, 15.0, 20.0)] == [600, 600, 11]


def test_a_pod_counts_as_ready_some_time_after_it_can_receive() -> None:
    """Messages that wait keep idle pods, as long as some pod is ready."""
    spec: dict[str, Any] = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
    young = [SimulatedPod(1, 0.0, PodState.READY, ready_at=10.0), SimulatedPod(2, 0.0, PodState.READY, ready_at=10.0)]
    sizes = [pool(**spec).decide(view(10.0 + age, 5, 2, young)).replicas for age in (0.0, READY_SECONDS + 0.1)]
    assert sizes == [1, 2]


def test_workers_are_asked_when_messages_have_waited_for_some_time() -> None:
    """They report that they are idle, so it is not for them that messages wait."""
    mine = pool(ticks=Ticks(lateness=late), behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    sizes = [mine.decide(view(now, 10, 8, ready_pods(8))).replicas for now in (10.0, 15.0, 20.0, 25.0)]
    assert sizes == [8, 8, 8, 2]


def test_a_worker_that_starts_may_be_busy_for_all_that_is_known() -> None:
    mine = pool(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    mine.decide(view(0.0, 50))
    starting = [SimulatedPod(number, 0.0) for number in range(9)]
    answering = SimulatedPod(9, 0.0, PodState.READY, ready_at=2.0)
    assert mine.decide(view(5.0, 5, 10, [*starting, answering])).replicas == 10


def test_a_window_of_two_intervals_ends_after_two_of_them_however_late_ticks_are() -> None:
    def ticks_until_scaled_in(name: str) -> int:
        mine, now, ticks, size = pool(name=name), 10.0, 0, 2
        while size == 2:
            move = mine.decide(view(now, 0, 2, ready_pods(2), in_flight=1))
            size, now, ticks = move.replicas, now + move.next_seconds, ticks + 1
        return ticks

    assert {ticks_until_scaled_in(f"pool-{number}") for number in range(40)} == {3}


def test_a_minute_of_patience_saves_nine_of_ten_readings_of_a_day_with_a_message_an_hour() -> None:
    """Messages wait half a minute longer on average, and what is paid for them falls with the readings."""
    random = Random(1)
    arrivals = list(takewhile(lambda time: time < DAY, accumulate(random.expovariate(1 / 3600) for _ in range(99))))
    system = System(work(service=2.0, startup=20.0), DAY)
    usual, idle = (simulate(each, arrivals, system, Random(2)) for each in (pool(), pool(idlePollSeconds=60)))
    assert idle.reads / usual.reads == pytest.approx(0.1, abs=0.02)
    waits = [mean(begun - sent for begun, sent in zip(run.begun, arrivals, strict=True)) for run in (usual, idle)]
    assert waits[1] - waits[0] == pytest.approx(30, abs=10)
    costs = [outcome("pool", run, Terms(Prices(pod_hour=0))).cost for run in (usual, idle)]
    assert costs[1] / costs[0] == pytest.approx(0.1, abs=0.03)
