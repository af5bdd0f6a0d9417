"""Ticks that fail, and pools that are deleted or change their Deployment, on fake loop time."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    PoolGoneError,
    TargetGoneError,
)
from queueworkerpool.model import NamespacedName, Pool, ScaleTargetRef
from queueworkerpool.scheduler.scheduler import CONFLICT_RETRY_SECONDS
from tests.unit.operator.scheduler.harness import SchedulerHarness, edited, gaps, named

pytestmark = pytest.mark.looptime


def raising(error: Exception) -> Callable[[Pool], tuple[Pool, float | None]]:
    def does(_: Pool) -> tuple[Pool, float | None]:
        raise error

    return does


FAILURES = [
    pytest.param(ClusterError("PATCH: status 500"), id="the API server fails"),
    pytest.param(TargetGoneError("there is no Deployment"), id="the Deployment was deleted"),
    pytest.param(ZeroDivisionError("a bug"), id="a bug"),
    pytest.param(KeyError("metadata"), id="an object that makes no sense"),
]


@pytest.mark.parametrize("error", FAILURES)
async def test_a_failed_tick_stops_neither_its_pool_nor_others(harness: SchedulerHarness, error: Exception) -> None:
    harness.does["bad"] = raising(error)
    harness.scheduler.pool_changed(named("bad", poll_seconds=5))
    harness.scheduler.pool_changed(named("good", poll_seconds=5))
    await asyncio.sleep(60)
    assert set(gaps(harness.times("bad")[1:])) == {5.0}
    assert set(gaps(harness.times("good")[1:])) == {5.0}
    assert harness.forgotten == []


async def test_a_conflict_is_retried_soon(harness: SchedulerHarness) -> None:
    harness.does["a"] = raising(ClusterConflictError("PATCH: conflict"))
    harness.scheduler.pool_changed(named("a", poll_seconds=300))
    await asyncio.sleep(2.1)
    assert harness.times("a") == [0, *(CONFLICT_RETRY_SECONDS * number for number in range(1, 5))]
    assert harness.failures == 0


async def test_a_lasting_failure_is_logged_once_and_again_when_it_changes_or_returns(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception | None] = [ClusterError("500"), ClusterError("500"), ClusterError("503"), None]
    failures += [ClusterError("503"), ClusterError("503")]
    left = iter(failures)

    def fails(pool: Pool) -> tuple[Pool, float | None]:
        if error := next(left, None):
            raise error
        return pool, None

    harness.does["a"] = fails
    harness.scheduler.pool_changed(named("a", poll_seconds=1))
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(10)
    assert [record.__dict__["error"] for record in caplog.records] == ["500", "503", "503"]
    assert harness.failures == 5


async def test_a_bug_is_logged_with_its_traceback(harness: SchedulerHarness, caplog: pytest.LogCaptureFixture) -> None:
    harness.does["a"] = raising(ZeroDivisionError("a bug"))
    harness.scheduler.pool_changed(named("a", poll_seconds=300))
    await asyncio.sleep(0.1)
    (record,) = caplog.records
    assert record.__dict__["pool"] == "shop/a"
    assert record.exc_info


async def test_a_deleted_pool_is_forgotten_and_ticks_no_more(harness: SchedulerHarness) -> None:
    harness.scheduler.pool_changed(gone := named("a"))
    await asyncio.sleep(10)
    ticks = len(harness.ticks)
    harness.scheduler.pool_deleted(gone.key, gone.uid)
    await asyncio.sleep(60)
    assert len(harness.ticks) == ticks
    assert harness.forgotten == harness.forgotten_elsewhere == [gone.key]
    assert len(harness.store) == 0
    assert harness.scheduler._entries == {}


async def test_a_pool_whose_deletion_the_watch_missed_is_forgotten_by_its_tick(
    harness: SchedulerHarness,
) -> None:
    harness.does["a"] = raising(PoolGoneError("the pool was deleted"))
    harness.scheduler.pool_changed(gone := named("a"))
    await asyncio.sleep(60)
    assert len(harness.ticks) == 1
    assert harness.forgotten == harness.forgotten_elsewhere == [gone.key]
    assert len(harness.store) == 0


async def test_the_late_deletion_of_an_earlier_pool_of_that_name_is_ignored(harness: SchedulerHarness) -> None:
    harness.scheduler.pool_changed(here := named("a"))
    harness.scheduler.pool_deleted(here.key, "uid-of-an-older-one")
    harness.scheduler.pool_deleted(NamespacedName("shop", "never-seen"), "uid")
    await asyncio.sleep(12)
    assert len(harness.times("a")) >= 3
    assert harness.forgotten == []


async def test_a_pool_deleted_during_its_tick_stays_gone(harness: SchedulerHarness) -> None:
    """Otherwise it would own its Deployment for ever, because no watch event comes for it again."""
    harness.takes["old"] = 4.0
    harness.scheduler.pool_changed(gone := named("old", target="shared", created="2026-01-01T00:00:00Z"))
    harness.scheduler.pool_changed(named("young", target="shared"))
    await asyncio.sleep(1)
    harness.scheduler.pool_deleted(gone.key, gone.uid)
    await asyncio.sleep(30)
    assert len(harness.store) == 1
    assert harness.times("old") == [0]
    assert harness.running == []
    assert set(harness.owners("young")[1:]) == {None}


async def test_a_pool_created_again_during_a_tick_of_the_one_before_replaces_it(harness: SchedulerHarness) -> None:
    """The watch may miss the deletion, and the tick that still runs knows only the pool before."""
    harness.takes["a"] = 4.0
    harness.scheduler.pool_changed(named("a", uid="uid-1"))
    await asyncio.sleep(1)
    harness.scheduler.pool_changed(new := named("a", uid="uid-2", version=200))
    await asyncio.sleep(20)
    assert harness.store.get(new.key) == new
    assert set(harness.uids("a")[1:]) == {"uid-2"}
    assert harness.times("a")[1] == 4, "not at once after the tick of the one before"
    assert not harness.overlapped


async def test_a_pool_deleted_and_created_again_during_a_tick_has_one_tick_at_a_time(harness: SchedulerHarness) -> None:
    harness.takes["a"] = 4.0
    harness.scheduler.pool_changed(old := named("a", uid="uid-1"))
    await asyncio.sleep(1)
    harness.scheduler.pool_deleted(old.key, old.uid)
    await asyncio.sleep(0.1)
    harness.scheduler.pool_changed(named("a", uid="uid-2", version=200))
    await asyncio.sleep(20)
    assert harness.uids("a")[:2] == ["uid-1", "uid-2"]
    assert not harness.overlapped


async def test_when_the_older_pool_of_a_deployment_is_deleted_the_younger_is_due_at_once(
    harness: SchedulerHarness,
) -> None:
    older = named("older", target="shared", poll_seconds=300, created="2026-01-01T00:00:00Z")
    harness.scheduler.pool_changed(older)
    harness.scheduler.pool_changed(named("younger", target="shared", poll_seconds=300))
    await asyncio.sleep(10)
    harness.scheduler.pool_deleted(older.key, older.uid)
    await asyncio.sleep(0.001)
    assert harness.times("younger")[-1] == 10
    assert harness.owners("younger")[0] == older.key
    assert harness.owners("younger")[-1] is None


async def test_a_pool_that_changes_its_deployment_makes_the_pools_of_both_deployments_due(
    harness: SchedulerHarness,
) -> None:
    moved = named("moved", target="left", poll_seconds=300, created="2026-01-01T00:00:00Z")
    for each in (moved, named("stays", target="left", poll_seconds=300)):
        harness.scheduler.pool_changed(each)
    harness.scheduler.pool_changed(named("joined", target="right", poll_seconds=300))
    await asyncio.sleep(1)
    harness.scheduler.pool_changed(edited(moved, scale_target_ref=ScaleTargetRef("right")))
    await asyncio.sleep(0.001)
    assert [harness.times(name)[-1] for name in ("moved", "stays", "joined")] == [1, 1, 1]
    assert harness.owners("stays")[-1] is None
    assert harness.owners("joined")[-1] == moved.key
