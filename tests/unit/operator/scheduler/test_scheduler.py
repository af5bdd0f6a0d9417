"""When pools are due, on fake loop time: a test of five minutes takes milliseconds, and its times are exact."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    NotLeadingError,
    PoolGoneError,
    SpecInvalidError,
    TargetGoneError,
)
from queueworkerpool.model import NamespacedName, Pool
from queueworkerpool.scheduler.scheduler import BEAT_SECONDS, INVALID_POLL_SECONDS, LOOK_AGAIN_SECONDS
from tests.unit.operator.scheduler.harness import SchedulerHarness, edited, gaps, named

pytestmark = pytest.mark.looptime


def raising(error: Exception) -> Callable[[Pool], tuple[Pool, float | None]]:
    def does(_: Pool) -> tuple[Pool, float | None]:
        raise error

    return does


# When a pool is due


async def test_a_new_pool_is_due_at_once_and_then_every_poll_seconds(harness: SchedulerHarness) -> None:
    harness.scheduler.observe(named("a", poll_seconds=5))
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
    harness.scheduler.observe(named("a", poll_seconds=poll_seconds))
    await asyncio.sleep(poll_seconds * 20 + 0.1)
    assert len(harness.times("a")) == 21
    assert set(gaps(harness.times("a")[1:])) == {float(poll_seconds)}


async def test_a_tick_that_takes_time_does_not_shift_the_next_one(harness: SchedulerHarness) -> None:
    harness.takes["a"] = 1.3
    harness.scheduler.observe(named("a", poll_seconds=5))
    await asyncio.sleep(60)
    assert set(gaps(harness.times("a")[1:])) == {5.0}


async def test_a_hundred_pools_that_come_at_once_spread_over_their_interval(harness: SchedulerHarness) -> None:
    for number in range(100):
        harness.scheduler.observe(named(f"p{number}", poll_seconds=5))
    await asyncio.sleep(20)
    in_one_interval = Counter(time for time, _, _ in harness.ticks if 10 <= time < 15)
    assert sum(in_one_interval.values()) == 100
    assert len(in_one_interval) == 5 / BEAT_SECONDS, "some beats stay empty"
    assert max(in_one_interval.values()) <= 7, "5 are due at each beat on average"


async def test_no_pool_begins_later_than_it_is_due(harness: SchedulerHarness) -> None:
    for number in range(20):
        harness.takes[f"p{number}"] = 30.0  # slow ones ...
        harness.scheduler.observe(named(f"p{number}"))
    harness.scheduler.observe(named("quick"))
    await asyncio.sleep(60)
    assert len(harness.times("quick")) >= 12, "... do not hold up a quick one"
    assert set(harness.lags) == {0.0}


async def test_an_edit_makes_its_pool_due_at_once(harness: SchedulerHarness) -> None:
    harness.scheduler.observe(before := named("a", poll_seconds=300))
    await asyncio.sleep(100)
    ticks = len(harness.ticks)
    harness.scheduler.observe(edited(before, max_replicas=7))
    await asyncio.sleep(0.001)
    (time, pool, _) = harness.ticks[-1]
    assert len(harness.ticks) == ticks + 1
    assert time == 100
    assert pool.generation == 2


async def test_an_edit_of_the_interval_counts_from_now_on(harness: SchedulerHarness) -> None:
    harness.scheduler.observe(before := named("a", poll_seconds=300))
    await asyncio.sleep(10)
    harness.scheduler.observe(edited(before, poll_seconds=1))
    await asyncio.sleep(10.1)
    assert len([time for time in harness.times("a") if time > 10]) == 10


async def test_a_status_that_changed_makes_no_pool_due(harness: SchedulerHarness) -> None:
    harness.scheduler.observe(before := named("a", poll_seconds=300))
    await asyncio.sleep(1)
    ticks = len(harness.ticks)
    harness.scheduler.observe(replace(before, resource_version=101, status={"replicas": 3}))
    await asyncio.sleep(1)
    assert len(harness.ticks) == ticks


async def test_an_event_that_comes_late_is_ignored(harness: SchedulerHarness) -> None:
    harness.scheduler.observe(old := named("a", poll_seconds=300))
    harness.scheduler.observe(new := edited(old, max_replicas=7))
    await asyncio.sleep(1)
    harness.scheduler.observe(replace(old, generation=0))
    await asyncio.sleep(1)
    assert harness.store.get(old.key) == new
    assert [pool.generation for _, pool, _ in harness.ticks] == [2]


async def test_a_pool_that_cannot_be_read_is_looked_at_rarely(harness: SchedulerHarness) -> None:
    harness.scheduler.observe(named("a", spec=SpecInvalidError("lacks maxReplicas")))
    await asyncio.sleep(4 * INVALID_POLL_SECONDS)
    assert set(gaps(harness.times("a")[1:])) == {INVALID_POLL_SECONDS}


# Looking again


@pytest.mark.parametrize("seconds", [1.5, 0.1, 0.0])
async def test_a_tick_that_wants_to_look_again_soon_does(harness: SchedulerHarness, seconds: float) -> None:
    wants = iter([seconds])
    harness.does["a"] = lambda pool: (pool, next(wants, None))
    harness.scheduler.observe(named("a", poll_seconds=60))
    await asyncio.sleep(2)
    assert harness.times("a")[:2] == [0, seconds]


async def test_after_looking_again_the_usual_times_are_kept(harness: SchedulerHarness) -> None:
    wants = iter([None, 1.5])
    harness.does["a"] = lambda pool: (pool, next(wants, None))
    harness.scheduler.observe(named("a", poll_seconds=5))
    await asyncio.sleep(30)
    first, second, again, *later = harness.times("a")
    assert (first, again - second) == (0, 1.5)
    assert set(gaps([second, *later])) == {5.0}


async def test_an_edit_that_a_write_of_our_own_shows_is_acted_on_at_once(harness: SchedulerHarness) -> None:
    def writes(pool: Pool) -> tuple[Pool, float | None]:
        return (edited(pool), None) if pool.generation == 1 else (pool, None)

    harness.does["a"] = writes
    harness.scheduler.observe(named("a", poll_seconds=300))
    await asyncio.sleep(1)
    assert [(time, pool.generation) for time, pool, _ in harness.ticks] == [(0, 1), (0, 2)]


async def test_what_a_tick_wrote_is_what_the_next_one_starts_from(harness: SchedulerHarness) -> None:
    def counts(pool: Pool) -> tuple[Pool, float | None]:
        ticks = pool.status.get("ticks", 0) + 1
        return replace(pool, resource_version=pool.resource_version + 1, status={"ticks": ticks}), None

    harness.does["a"] = counts
    harness.scheduler.observe(named("a", poll_seconds=5))
    await asyncio.sleep(21)
    assert [pool.status.get("ticks", 0) for _, pool, _ in harness.ticks] == list(range(len(harness.ticks)))


# Ticks never overlap


async def test_ticks_of_one_pool_never_overlap_however_long_they_take(harness: SchedulerHarness) -> None:
    harness.takes["a"] = 12.0
    harness.scheduler.observe(before := named("a", poll_seconds=5))
    for _ in range(20):
        await asyncio.sleep(3)
        harness.scheduler.observe(before := edited(before))
    assert not harness.overlapped
    assert len(harness.ticks) >= 5


async def test_edits_during_a_tick_make_the_pool_due_once_right_after_it(harness: SchedulerHarness) -> None:
    harness.takes["a"] = 4.0
    harness.scheduler.observe(before := named("a", poll_seconds=300))
    for _ in range(3):
        await asyncio.sleep(1)
        harness.scheduler.observe(before := edited(before))
    await asyncio.sleep(6)
    assert [(time, pool.generation) for time, pool, _ in harness.ticks] == [(0, 1), (4, 4)]
    assert not harness.overlapped


# Failures


FAILURES = [
    pytest.param(ClusterError("PATCH: status 500"), id="the API server fails"),
    pytest.param(TargetGoneError("there is no Deployment"), id="the Deployment went away"),
    pytest.param(ZeroDivisionError("a bug"), id="a bug"),
    pytest.param(KeyError("metadata"), id="an object that makes no sense"),
]


@pytest.mark.parametrize("error", FAILURES)
async def test_a_failing_tick_stops_neither_its_pool_nor_others(harness: SchedulerHarness, error: Exception) -> None:
    harness.does["bad"] = raising(error)
    harness.scheduler.observe(named("bad", poll_seconds=5))
    harness.scheduler.observe(named("good", poll_seconds=5))
    await asyncio.sleep(60)
    assert set(gaps(harness.times("bad")[1:])) == {5.0}
    assert set(gaps(harness.times("good")[1:])) == {5.0}
    assert harness.forgotten == []


async def test_a_conflict_is_looked_at_again_soon(harness: SchedulerHarness) -> None:
    harness.does["a"] = raising(ClusterConflictError("PATCH: conflict"))
    harness.scheduler.observe(named("a", poll_seconds=300))
    await asyncio.sleep(2.1)
    assert harness.times("a") == [0, *(LOOK_AGAIN_SECONDS * number for number in range(1, 5))]
    assert harness.failures == 0


async def test_a_lasting_failure_is_told_once_and_again_when_it_changes_or_comes_back(
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
    harness.scheduler.observe(named("a", poll_seconds=1))
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(10)
    assert [record.__dict__["error"] for record in caplog.records] == ["500", "503", "503"]
    assert harness.failures == 5


async def test_a_bug_is_logged_with_its_traceback(harness: SchedulerHarness, caplog: pytest.LogCaptureFixture) -> None:
    harness.does["a"] = raising(ZeroDivisionError("a bug"))
    harness.scheduler.observe(named("a", poll_seconds=300))
    await asyncio.sleep(0.1)
    (record,) = caplog.records
    assert record.__dict__["pool"] == "shop/a"
    assert record.exc_info


# Pools that go


async def test_a_deleted_pool_is_forgotten_and_ticks_no_more(harness: SchedulerHarness) -> None:
    harness.scheduler.observe(gone := named("a"))
    await asyncio.sleep(10)
    ticks = len(harness.ticks)
    harness.scheduler.gone(gone.key, gone.uid)
    await asyncio.sleep(60)
    assert len(harness.ticks) == ticks
    assert harness.forgotten == harness.forgotten_elsewhere == [gone.key]
    assert len(harness.store) == 0
    assert harness.scheduler._slots == {}


async def test_a_pool_whose_deletion_the_watch_missed_is_forgotten_when_a_tick_finds_out(
    harness: SchedulerHarness,
) -> None:
    harness.does["a"] = raising(PoolGoneError("the pool was deleted"))
    harness.scheduler.observe(gone := named("a"))
    await asyncio.sleep(60)
    assert len(harness.ticks) == 1
    assert harness.forgotten == harness.forgotten_elsewhere == [gone.key]
    assert len(harness.store) == 0


async def test_the_deletion_of_another_pool_of_that_name_is_not_meant(harness: SchedulerHarness) -> None:
    harness.scheduler.observe(here := named("a"))
    harness.scheduler.gone(here.key, "uid-of-an-older-one")
    harness.scheduler.gone(NamespacedName("shop", "never-seen"), "uid")
    await asyncio.sleep(12)
    assert len(harness.times("a")) >= 3
    assert harness.forgotten == []


async def test_a_pool_deleted_during_its_tick_stays_gone(harness: SchedulerHarness) -> None:
    """Else it would own its Deployment for ever: no watch event comes for it again."""
    harness.takes["old"] = 4.0
    harness.scheduler.observe(gone := named("old", deployment="shared", created="2026-01-01T00:00:00Z"))
    harness.scheduler.observe(named("young", deployment="shared"))
    await asyncio.sleep(1)
    harness.scheduler.gone(gone.key, gone.uid)
    await asyncio.sleep(30)
    assert len(harness.store) == 1
    assert harness.times("old") == [0]
    assert harness.running == []
    assert set(harness.owners("young")[1:]) == {None}


async def test_a_pool_created_anew_during_a_tick_of_the_one_before_takes_its_place(harness: SchedulerHarness) -> None:
    """The watch may miss the deletion, and the tick that still runs knows only the pool before."""
    harness.takes["a"] = 4.0
    harness.scheduler.observe(named("a", uid="uid-1"))
    await asyncio.sleep(1)
    harness.scheduler.observe(new := named("a", uid="uid-2", version=200))
    await asyncio.sleep(20)
    assert harness.store.get(new.key) == new
    assert set(harness.uids("a")[1:]) == {"uid-2"}
    assert harness.times("a")[1] == 4, "not at once after the tick of the one before"
    assert not harness.overlapped


async def test_a_pool_deleted_and_created_anew_during_a_tick_has_one_tick_at_a_time(harness: SchedulerHarness) -> None:
    harness.takes["a"] = 4.0
    harness.scheduler.observe(old := named("a", uid="uid-1"))
    await asyncio.sleep(1)
    harness.scheduler.gone(old.key, old.uid)
    await asyncio.sleep(0.1)
    harness.scheduler.observe(named("a", uid="uid-2", version=200))
    await asyncio.sleep(20)
    assert harness.uids("a")[:2] == ["uid-1", "uid-2"]
    assert not harness.overlapped


# Two pools, one Deployment


async def test_a_pool_whose_older_rival_goes_is_due_at_once(harness: SchedulerHarness) -> None:
    older = named("older", deployment="shared", poll_seconds=300, created="2026-01-01T00:00:00Z")
    harness.scheduler.observe(older)
    harness.scheduler.observe(named("younger", deployment="shared", poll_seconds=300))
    await asyncio.sleep(10)
    harness.scheduler.gone(older.key, older.uid)
    await asyncio.sleep(0.001)
    assert harness.times("younger")[-1] == 10
    assert harness.owners("younger")[0] == older.key
    assert harness.owners("younger")[-1] is None


async def test_a_pool_that_turns_to_another_deployment_makes_old_and_new_rivals_due(harness: SchedulerHarness) -> None:
    mover = named("mover", deployment="left", poll_seconds=300, created="2026-01-01T00:00:00Z")
    for seen in (mover, named("heir", deployment="left", poll_seconds=300)):
        harness.scheduler.observe(seen)
    harness.scheduler.observe(named("host", deployment="right", poll_seconds=300))
    await asyncio.sleep(1)
    harness.scheduler.observe(edited(mover, deployment="right"))
    await asyncio.sleep(0.001)
    assert {name: harness.times(name)[-1] for name in ("mover", "heir", "host")} == {"mover": 1, "heir": 1, "host": 1}
    assert harness.owners("heir")[-1] is None
    assert harness.owners("host")[-1] == mover.key


# The end


async def test_closing_ends_running_ticks_at_once_and_starts_no_others(harness: SchedulerHarness) -> None:
    for number in range(5):
        harness.takes[f"p{number}"] = 3600.0
        harness.scheduler.observe(named(f"p{number}"))
    harness.scheduler.observe(named("quick"))
    await asyncio.sleep(7)
    before, ticks = asyncio.get_running_loop().time(), len(harness.ticks)
    await harness.scheduler.close()
    assert asyncio.get_running_loop().time() == before
    assert harness.running == []
    await asyncio.sleep(60)
    assert len(harness.ticks) == ticks


async def test_a_running_tick_is_waited_for_at_the_end_but_not_for_ever(harness: SchedulerHarness) -> None:
    harness.takes |= {"long": 3600.0, "short": 0.5}
    for name in ("long", "short"):
        harness.scheduler.observe(named(name))
    await asyncio.sleep(0.1)
    await harness.scheduler.finish(2.0)
    assert (asyncio.get_running_loop().time(), harness.running) == (2.1, ["long"])
    await asyncio.sleep(60)
    assert [len(harness.times(name)) for name in ("long", "short")] == [1, 1]


# Leading and standing by


async def test_one_that_rests_takes_in_everything_and_does_nothing(harness: SchedulerHarness) -> None:
    harness.takes["slow"] = 3600.0
    for name in ("slow", "quick"):
        harness.scheduler.observe(named(name))
    await asyncio.sleep(7)
    harness.scheduler.rest()
    await asyncio.sleep(0)
    before = len(harness.ticks)
    harness.scheduler.observe(named("new"))
    harness.scheduler.observe(edited(named("quick"), poll_seconds=300))
    await asyncio.sleep(60)
    assert (len(harness.ticks), harness.running) == (before, [])
    assert (
        set(harness.forgotten)
        == set(harness.forgotten_elsewhere)
        == {NamespacedName("shop", "slow"), NamespacedName("shop", "quick")}
    )


async def test_one_that_leads_again_has_every_pool_due_at_once_in_its_newest_state(harness: SchedulerHarness) -> None:
    harness.takes["slow"] = 3600.0
    for name in ("slow", "quick", "gone"):
        harness.scheduler.observe(named(name))
    await asyncio.sleep(7)
    harness.scheduler.rest()
    harness.takes.clear()
    newest = replace(named("quick"), resource_version=200, status={"desiredReplicas": 7})
    harness.scheduler.observe(newest)
    harness.scheduler.gone(NamespacedName("shop", "gone"), "uid-gone")
    harness.ticks.clear()
    harness.scheduler.lead()
    await asyncio.sleep(0.1)
    assert {(time, pool.key.name) for time, pool, _ in harness.ticks} == {(7, "slow"), (7, "quick")}
    assert newest in [pool for _, pool, _ in harness.ticks]
    assert not harness.overlapped


async def test_a_newer_list_is_taken_in_only_of_pools_that_the_watch_has_shown(harness: SchedulerHarness) -> None:
    harness.scheduler.rest()
    harness.scheduler.observe(named("shown", version=100))
    newest = replace(named("shown", version=150), status={"desiredReplicas": 7})
    harness.scheduler.refresh([newest, named("unknown"), named("shown", version=120)])
    harness.scheduler.lead()
    await asyncio.sleep(0.1)
    assert [pool for _, pool, _ in harness.ticks] == [newest]


async def test_a_tick_that_may_not_write_ends_quietly(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.does["a"] = raising(NotLeadingError("this process does not hold the Lease"))
    harness.scheduler.observe(named("a", poll_seconds=5))
    await asyncio.sleep(20)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
