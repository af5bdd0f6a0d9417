"""When pools are due, on fake loop time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from queueworkerpool.errors import (
    SpecInvalidError,
)
from queueworkerpool.model import INVALID_POLL_SECONDS, Pool, PoolStatus
from queueworkerpool.scheduler.scheduler import DUE_GRID_SECONDS
from tests.unit.operator.scheduler.harness import SchedulerHarness, edited, gaps, named

pytestmark = pytest.mark.looptime


def raising(error: Exception) -> Callable[[Pool], tuple[Pool, float | None]]:
    def does(_: Pool) -> tuple[Pool, float | None]:
        raise error

    return does


async def test_a_new_pool_is_due_at_once_and_then_every_poll_seconds(harness: SchedulerHarness) -> None:
    harness.scheduler.pool_changed(named("a", poll_seconds=5))
    await asyncio.sleep(60)
    first, second, *later = harness.times("a")
    assert first == 0
    assert 0 < second - first <= 5
    assert set(gaps([second, *later])) == {5.0}
    assert len(later) >= 10


@pytest.mark.parametrize("poll_seconds", [1, 5, 7, 300])
async def test_a_pool_ticks_once_per_interval_whatever_its_interval(
    harness: SchedulerHarness, poll_seconds: int
) -> None:
    harness.scheduler.pool_changed(named("a", poll_seconds=poll_seconds))
    await asyncio.sleep(poll_seconds * 20 + 0.1)
    assert len(harness.times("a")) == 21
    assert set(gaps(harness.times("a")[1:])) == {float(poll_seconds)}


async def test_a_tick_that_takes_time_does_not_shift_the_next_one(harness: SchedulerHarness) -> None:
    harness.takes["a"] = 1.3
    harness.scheduler.pool_changed(named("a", poll_seconds=5))
    await asyncio.sleep(60)
    assert set(gaps(harness.times("a")[1:])) == {5.0}


async def test_a_hundred_new_pools_spread_over_their_interval(harness: SchedulerHarness) -> None:
    for number in range(100):
        harness.scheduler.pool_changed(named(f"p{number}", poll_seconds=5))
    await asyncio.sleep(20)
    in_one_interval = Counter(time for time, _, _ in harness.ticks if 10 <= time < 15)
    assert sum(in_one_interval.values()) == 100
    assert len(in_one_interval) == 5 / DUE_GRID_SECONDS, "every time of the grid is used"
    assert max(in_one_interval.values()) <= 7, "5 are due at each time of the grid on average"


async def test_no_tick_begins_later_than_it_is_due(harness: SchedulerHarness) -> None:
    for number in range(20):
        harness.takes[f"p{number}"] = 30.0
        harness.scheduler.pool_changed(named(f"p{number}"))
    harness.scheduler.pool_changed(named("quick"))
    await asyncio.sleep(60)
    assert len(harness.times("quick")) >= 12, "slow pools delay no quick one"
    assert set(harness.lags) == {0.0}


async def test_an_edit_makes_its_pool_due_at_once(harness: SchedulerHarness) -> None:
    harness.scheduler.pool_changed(before := named("a", poll_seconds=300))
    await asyncio.sleep(100)
    ticks = len(harness.ticks)
    harness.scheduler.pool_changed(edited(before, max_replicas=7))
    await asyncio.sleep(0.001)
    (time, pool, _) = harness.ticks[-1]
    assert len(harness.ticks) == ticks + 1
    assert time == 100
    assert pool.generation == 2


async def test_an_edit_of_the_interval_counts_from_now_on(harness: SchedulerHarness) -> None:
    harness.scheduler.pool_changed(before := named("a", poll_seconds=300))
    await asyncio.sleep(10)
    harness.scheduler.pool_changed(edited(before, poll_seconds=1))
    await asyncio.sleep(10.1)
    assert len([time for time in harness.times("a") if time > 10]) == 10


async def test_a_changed_status_makes_no_pool_due(harness: SchedulerHarness) -> None:
    harness.scheduler.pool_changed(before := named("a", poll_seconds=300))
    await asyncio.sleep(1)
    ticks = len(harness.ticks)
    harness.scheduler.pool_changed(replace(before, resource_version=101, status=PoolStatus(replicas=3)))
    await asyncio.sleep(1)
    assert len(harness.ticks) == ticks


async def test_a_late_watch_event_is_ignored(harness: SchedulerHarness) -> None:
    harness.scheduler.pool_changed(old := named("a", poll_seconds=300))
    harness.scheduler.pool_changed(new := edited(old, max_replicas=7))
    await asyncio.sleep(1)
    harness.scheduler.pool_changed(replace(old, generation=0))
    await asyncio.sleep(1)
    assert harness.store.get(old.key) == new
    assert [pool.generation for _, pool, _ in harness.ticks] == [2]


async def test_an_invalid_pool_ticks_rarely(harness: SchedulerHarness) -> None:
    harness.scheduler.pool_changed(named("a").invalid(SpecInvalidError("lacks maxReplicas")))
    await asyncio.sleep(4 * INVALID_POLL_SECONDS)
    assert set(gaps(harness.times("a")[1:])) == {INVALID_POLL_SECONDS}


@pytest.mark.parametrize("seconds", [1.5, 0.1, 0.0])
async def test_a_tick_may_ask_for_an_early_next_one(harness: SchedulerHarness, seconds: float) -> None:
    asked = iter([seconds])
    harness.does["a"] = lambda pool: (pool, next(asked, None))
    harness.scheduler.pool_changed(named("a", poll_seconds=60))
    await asyncio.sleep(2)
    assert harness.times("a")[:2] == [0, seconds]


async def test_after_an_early_tick_the_usual_times_are_kept(harness: SchedulerHarness) -> None:
    asked = iter([None, 1.5])
    harness.does["a"] = lambda pool: (pool, next(asked, None))
    harness.scheduler.pool_changed(named("a", poll_seconds=5))
    await asyncio.sleep(30)
    first, second, again, *later = harness.times("a")
    assert (first, again - second) == (0, 1.5)
    assert set(gaps([second, *later])) == {5.0}


async def test_an_edit_that_our_own_write_returns_is_acted_on_at_once(harness: SchedulerHarness) -> None:
    def writes(pool: Pool) -> tuple[Pool, float | None]:
        return (edited(pool), None) if pool.generation == 1 else (pool, None)

    harness.does["a"] = writes
    harness.scheduler.pool_changed(named("a", poll_seconds=300))
    await asyncio.sleep(1)
    assert [(time, pool.generation) for time, pool, _ in harness.ticks] == [(0, 1), (0, 2)]


async def test_a_tick_starts_from_what_the_last_one_wrote(harness: SchedulerHarness) -> None:
    def counts(pool: Pool) -> tuple[Pool, float | None]:
        ticks = (pool.status.replicas or 0) + 1
        return replace(pool, resource_version=pool.resource_version + 1, status=PoolStatus(replicas=ticks)), None

    harness.does["a"] = counts
    harness.scheduler.pool_changed(named("a", poll_seconds=5))
    await asyncio.sleep(21)
    assert [pool.status.replicas or 0 for _, pool, _ in harness.ticks] == list(range(len(harness.ticks)))


async def test_ticks_of_one_pool_never_overlap_however_long_they_take(harness: SchedulerHarness) -> None:
    harness.takes["a"] = 12.0
    harness.scheduler.pool_changed(before := named("a", poll_seconds=5))
    for _ in range(20):
        await asyncio.sleep(3)
        harness.scheduler.pool_changed(before := edited(before))
    assert not harness.overlapped
    assert len(harness.ticks) >= 5


async def test_edits_during_a_tick_make_the_pool_due_once_right_after_it(harness: SchedulerHarness) -> None:
    harness.takes["a"] = 4.0
    harness.scheduler.pool_changed(before := named("a", poll_seconds=300))
    for _ in range(3):
        await asyncio.sleep(1)
        harness.scheduler.pool_changed(before := edited(before))
    await asyncio.sleep(6)
    assert [(time, pool.generation) for time, pool, _ in harness.ticks] == [(0, 1), (4, 4)]
    assert not harness.overlapped
