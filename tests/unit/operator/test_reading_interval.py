"""How often a pool is read: less often while it is idle, and what that costs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.model import (
    Freshness,
    Memory,
    Mode,
    PoolStatus,
    QueueRef,
    QueueVariable,
    ReadingInterval,
    Schedule,
    dollars,
    monthly_cost_usd,
    must_be_new,
    reading_interval,
    seconds_until_due,
)
from tests.unit.operator.builders import NOW, SPEC, URL, ago, empty, pool

QUIET = Memory(empty_since=ago(300))
USUAL, IDLE = ReadingInterval(5), ReadingInterval(300, idle=True)

ROWS: dict[str, tuple[dict[str, Any], ReadingInterval | None]] = {
    "no pods, and empty for an idle interval": ({}, IDLE),
    "no pods, and empty for a little less": ({"memory": Memory(empty_since=ago(299.9))}, USUAL),
    "empty since a time to come, after a clock was set back": ({"memory": Memory(empty_since=ago(-900))}, USUAL),
    "not known to be empty": ({"memory": Memory()}, USUAL),
    "a pod": ({"replicas": 1}, USUAL),
    "a number of pods that is not known": ({"replicas": None}, USUAL),
    "a delayed message, which is known to come": ({"delayed": 1}, USUAL),
    "no idle interval": ({"idle_poll_seconds": None}, USUAL),
    "a pause": ({"mode": Mode.PAUSED}, None),
    "a dry run": ({"mode": Mode.DRY_RUN}, IDLE),
    "an idle interval that is just the usual one": ({"idle_poll_seconds": 5}, USUAL),
}


@pytest.mark.parametrize(("differs", "interval"), ROWS.values(), ids=ROWS)
def test_the_interval_with(differs: dict[str, Any], interval: ReadingInterval | None) -> None:
    calm: dict[str, Any] = {"memory": QUIET, "replicas": 0, "delayed": 0}
    state = {name: differs.get(name, value) for name, value in calm.items()}
    spec = replace(SPEC, **({"idle_poll_seconds": 300} | {k: v for k, v in differs.items() if k not in calm}))
    assert reading_interval(spec, **state, now=NOW) == interval


NIGHT = Schedule("night", "0 20 * * *", 36_000, min_replicas=0)
CONFIRMED: dict[str, tuple[dict[str, Any], Memory, int, bool]] = {
    "one or two messages at zero pods": ({}, Memory(activation_pending_since=ago(1)), 0, True),
    "the last pod of an empty queue": ({}, QUIET, 1, True),
    "more pods than the last one": ({}, QUIET, 7, True),
    "a queue that is not empty": ({}, Memory(), 1, False),
    "the last pod, when it has stayed for long enough": ({"scale_to_zero_after_seconds": 60}, empty(60), 1, True),
    "the last pod, while it has to stay": ({"scale_to_zero_after_seconds": 60}, empty(59), 1, False),
    "no pod, and an empty queue": ({}, QUIET, 0, False),
    "a pod that stays": ({"min_replicas": 1}, QUIET, 1, False),
    "a pod that stays but for a schedule": ({"min_replicas": 1, "schedules": (NIGHT,)}, QUIET, 1, True),
    "a last pod above the minimum that goes without a confirmation": ({"min_replicas": 1}, QUIET, 2, False),
    "the pods of activeMinReplicas": ({"active_min_replicas": 4, "min_replicas": 1}, QUIET, 4, True),
    "the minimum below activeMinReplicas": ({"active_min_replicas": 4, "min_replicas": 1}, QUIET, 1, False),
}


@pytest.mark.parametrize(("differs", "memory", "replicas", "new"), CONFIRMED.values(), ids=CONFIRMED)
def test_a_reading_that_confirms_another_is_a_new_one(
    differs: dict[str, Any], memory: Memory, replicas: int, new: bool
) -> None:
    assert must_be_new(replace(SPEC, **differs), memory, replicas, NOW) is new


BACKLOG = {"visible": 0, "inFlight": 0, "total": 0, "time": "2026-11-23T11:50:00Z"}
STORED: dict[str, tuple[dict[str, Any], ReadingInterval]] = {
    "a status of this spec": ({"observedGeneration": 1}, IDLE),
    "an edit that no status is about": ({"observedGeneration": 0}, USUAL),
    "a status that says nothing": ({}, USUAL),
    "delayed messages": ({"observedGeneration": 1, "backlog": BACKLOG | {"delayed": 2}}, USUAL),
    "no delayed messages": ({"observedGeneration": 1, "backlog": BACKLOG | {"delayed": 0}}, IDLE),
}


@pytest.mark.parametrize(("status", "interval"), STORED.values(), ids=STORED)
def test_the_interval_of_a_stored_pool_with(status: dict[str, Any], interval: ReadingInterval) -> None:
    found = PoolStatus.parse(status | {"memory": QUIET.dump()})
    mine = pool(spec=replace(SPEC, idle_poll_seconds=300), status=found)
    assert mine.reading_interval(0, NOW) == interval


def test_an_idle_pool_needs_a_reading_since_its_queue_was_last_due() -> None:
    due = NOW + timedelta(seconds=seconds_until_due(300, URL, NOW))
    ages = {seconds: IDLE.freshness(URL, due + timedelta(seconds=seconds)) for seconds in (-0.5, 0, 0.5, 5.5, 299.5)}
    assert {seconds: round(need.max_age_seconds, 3) for seconds, need in ages.items()} == {
        -0.5: 299.5,
        0: 0,
        0.5: 0.5,
        5.5: 5.5,
        299.5: 299.5,
    }
    assert {need.kept_seconds for need in ages.values()} == {300}
    assert USUAL.freshness(URL, NOW) == Freshness(3.75, 5)


@given(st.integers(1, 3600), st.integers(0, 10**9))
def test_a_queue_is_due_once_in_each_interval(interval: int, seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    left = seconds_until_due(interval, URL, now)
    assert 0 < left <= interval
    assert seconds_until_due(interval, URL, now + timedelta(seconds=left)) == pytest.approx(interval)


def test_queues_that_are_read_together_are_due_apart() -> None:
    """A thousand of them at every 300 s: no second has many more than the others."""
    due = [int(seconds_until_due(300, f"{URL}-{number}", NOW)) for number in range(1000)]
    assert max(map(due.count, due)) <= 15


COSTS: dict[str, tuple[ReadingInterval, int, str]] = {
    "one queue, every 5 s": (USUAL, 1, "0.21"),
    "two queues": (USUAL, 2, "0.41"),
    "one queue, every 300 s": (IDLE, 1, "0.0035"),
    "ten thousand queues, every 15 s": (ReadingInterval(15), 10_000, "691.20"),
}


def test_a_fifo_queue_costs_a_quarter_more() -> None:
    standard, fifo = QueueRef(URL), QueueRef(f"{URL}.fifo")
    costs = {
        (standard,): 518_400 * 0.4e-6,
        (fifo,): 518_400 * 0.5e-6,
        (standard, fifo, fifo, QueueVariable("worker", "QUEUE_URL")): 518_400 * 1.8e-6,
    }
    for queues, cost in costs.items():
        assert monthly_cost_usd(replace(SPEC, queues=queues), USUAL) == pytest.approx(cost)
    assert monthly_cost_usd(replace(SPEC, queues=(fifo,)), None) == 0


@pytest.mark.parametrize(("interval", "queues", "cost"), COSTS.values(), ids=COSTS)
def test_a_month_of_readings_costs(interval: ReadingInterval, queues: int, cost: str) -> None:
    assert dollars(interval.monthly_cost_usd(queues)) == cost


def test_nothing_costs_nothing() -> None:
    assert dollars(0) == "0.00"
