"""How the scheduler starts, pauses and stops, on fake loop time."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from queueworkerpool.errors import (
    NotLeadingError,
)
from queueworkerpool.model import NamespacedName, Pool, PoolStatus
from tests.unit.operator.scheduler.harness import SchedulerHarness, edited, named

pytestmark = pytest.mark.looptime


def raising(error: Exception) -> Callable[[Pool], tuple[Pool, float | None]]:
    def does(_: Pool) -> tuple[Pool, float | None]:
        raise error

    return does


async def test_closing_cancels_running_ticks_and_starts_no_others(harness: SchedulerHarness) -> None:
    for number in range(5):
        harness.takes[f"p{number}"] = 3600.0
        harness.scheduler.pool_changed(named(f"p{number}"))
    harness.scheduler.pool_changed(named("quick"))
    await asyncio.sleep(7)
    before, ticks = asyncio.get_running_loop().time(), len(harness.ticks)
    await harness.scheduler.close()
    assert asyncio.get_running_loop().time() == before
    assert harness.running == []
    await asyncio.sleep(60)
    assert len(harness.ticks) == ticks


async def test_finish_waits_for_running_ticks_but_not_longer_than_it_may(harness: SchedulerHarness) -> None:
    harness.takes |= {"long": 3600.0, "short": 0.5}
    for name in ("long", "short"):
        harness.scheduler.pool_changed(named(name))
    await asyncio.sleep(0.1)
    await harness.scheduler.finish(2.0)
    assert (asyncio.get_running_loop().time(), harness.running) == (2.1, ["long"])
    await asyncio.sleep(60)
    assert [len(harness.times(name)) for name in ("long", "short")] == [1, 1]


async def test_a_paused_scheduler_records_events_and_runs_no_tick(harness: SchedulerHarness) -> None:
    harness.takes["slow"] = 3600.0
    for name in ("slow", "quick"):
        harness.scheduler.pool_changed(named(name))
    await asyncio.sleep(7)
    harness.scheduler.pause()
    await asyncio.sleep(0)
    before = len(harness.ticks)
    harness.scheduler.pool_changed(named("new"))
    harness.scheduler.pool_changed(edited(named("quick"), poll_seconds=300))
    await asyncio.sleep(60)
    assert (len(harness.ticks), harness.running) == (before, [])
    assert (
        set(harness.forgotten)
        == set(harness.forgotten_elsewhere)
        == {NamespacedName("shop", "slow"), NamespacedName("shop", "quick")}
    )


async def test_after_a_start_every_pool_is_due_at_once_in_its_newest_state(harness: SchedulerHarness) -> None:
    harness.takes["slow"] = 3600.0
    for name in ("slow", "quick", "gone"):
        harness.scheduler.pool_changed(named(name))
    await asyncio.sleep(7)
    harness.scheduler.pause()
    harness.takes.clear()
    newest = replace(named("quick"), resource_version=200, status=PoolStatus(desired_replicas=7))
    harness.scheduler.pool_changed(newest)
    harness.scheduler.pool_deleted(NamespacedName("shop", "gone"), "uid-gone")
    harness.ticks.clear()
    harness.scheduler.start()
    await asyncio.sleep(0.1)
    assert {(time, pool.key.name) for time, pool, _ in harness.ticks} == {(7, "slow"), (7, "quick")}
    assert newest in [pool for _, pool, _ in harness.ticks]
    assert not harness.overlapped


async def test_a_refresh_updates_only_pools_that_the_watch_has_shown(harness: SchedulerHarness) -> None:
    harness.scheduler.pause()
    harness.scheduler.pool_changed(named("shown", version=100))
    newest = replace(named("shown", version=150), status=PoolStatus(desired_replicas=7))
    for pool in (newest, named("unknown"), named("shown", version=120)):
        harness.scheduler.refresh(pool)
    harness.scheduler.start()
    await asyncio.sleep(0.1)
    assert [pool for _, pool, _ in harness.ticks] == [newest]


async def test_a_pool_that_is_refreshed_waits_for_no_other(harness: SchedulerHarness) -> None:
    """A list of many large pools takes seconds, and the first one's decision is not to wait for the last one."""
    harness.scheduler.pause()
    for name in ("first", "last"):
        harness.scheduler.pool_changed(named(name))
    harness.scheduler.refresh(named("first", version=150))
    await asyncio.sleep(7)
    assert (len(harness.times("first")), harness.times("last")) == (2, [])
    harness.scheduler.refresh(named("late"))
    harness.scheduler.pool_changed(named("late"))
    await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert harness.times("late") == [7]
    ticked = len(harness.times("first"))
    harness.scheduler.start()
    await asyncio.sleep(0.1)
    assert (len(harness.times("first")), len(harness.times("last"))) == (ticked, 1)


async def test_after_a_pause_no_refreshed_pool_ticks(harness: SchedulerHarness) -> None:
    harness.scheduler.pause()
    harness.scheduler.pool_changed(named("a"))
    harness.scheduler.refresh(named("a", version=150))
    await asyncio.sleep(0.1)
    harness.scheduler.pause()
    before = len(harness.ticks)
    harness.scheduler.pool_changed(edited(named("a", version=200)))
    await asyncio.sleep(60)
    assert len(harness.ticks) == before > 0


async def test_a_tick_that_may_not_write_is_not_logged(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.does["a"] = raising(NotLeadingError("this process does not hold the Lease"))
    harness.scheduler.pool_changed(named("a", poll_seconds=5))
    await asyncio.sleep(20)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
