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
from queueworkerpool.model import Key, Pool
from queueworkerpool.scheduler.clockwork import BEAT_SECONDS, INVALID_POLL_SECONDS, LOOK_AGAIN_SECONDS
from tests.unit.operator.scheduler.stage import Stage, edited, gaps, named

pytestmark = pytest.mark.looptime


def raising(error: Exception) -> Callable[[Pool], tuple[Pool, float | None]]:
    def does(_: Pool) -> tuple[Pool, float | None]:
        raise error

    return does


# When a pool is due


async def test_a_new_pool_is_due_at_once_and_then_every_poll_seconds(stage: Stage) -> None:
    stage.scheduler.seen(named("a", poll_seconds=5))
    await asyncio.sleep(60)
    first, second, *later = stage.times("a")
    assert first == 0
    assert 0 < second - first <= 5
    assert set(gaps([second, *later])) == {5.0}
    assert len(later) >= 10


@pytest.mark.parametrize("poll_seconds", [1, 5, 7, 300])
async def test_a_pool_ticks_once_per_interval_whatever_its_interval(stage: Stage, poll_seconds: int) -> None:
    stage.scheduler.seen(named("a", poll_seconds=poll_seconds))
    await asyncio.sleep(poll_seconds * 20 + 0.1)
    assert len(stage.times("a")) == 21
    assert set(gaps(stage.times("a")[1:])) == {float(poll_seconds)}


async def test_a_tick_that_takes_time_does_not_shift_the_next_one(stage: Stage) -> None:
    stage.takes["a"] = 1.3
    stage.scheduler.seen(named("a", poll_seconds=5))
    await asyncio.sleep(60)
    assert set(gaps(stage.times("a")[1:])) == {5.0}


async def test_a_hundred_pools_that_come_at_once_spread_over_their_interval(stage: Stage) -> None:
    for number in range(100):
        stage.scheduler.seen(named(f"p{number}", poll_seconds=5))
    await asyncio.sleep(20)
    in_one_interval = Counter(time for time, _, _ in stage.ticks if 10 <= time < 15)
    assert sum(in_one_interval.values()) == 100
    assert len(in_one_interval) == 5 / BEAT_SECONDS, "some beats stay empty"
    assert max(in_one_interval.values()) <= 7, "5 are due at each beat on average"


async def test_no_pool_begins_later_than_it_is_due(stage: Stage) -> None:
    for number in range(20):
        stage.takes[f"p{number}"] = 30.0  # slow ones ...
        stage.scheduler.seen(named(f"p{number}"))
    stage.scheduler.seen(named("quick"))
    await asyncio.sleep(60)
    assert len(stage.times("quick")) >= 12, "... do not hold up a quick one"
    assert set(stage.lags) == {0.0}


async def test_an_edit_makes_its_pool_due_at_once(stage: Stage) -> None:
    stage.scheduler.seen(before := named("a", poll_seconds=300))
    await asyncio.sleep(100)
    ticks = len(stage.ticks)
    stage.scheduler.seen(edited(before, max_replicas=7))
    await asyncio.sleep(0.001)
    (time, pool, _) = stage.ticks[-1]
    assert len(stage.ticks) == ticks + 1
    assert time == 100
    assert pool.generation == 2


async def test_an_edit_of_the_interval_counts_from_now_on(stage: Stage) -> None:
    stage.scheduler.seen(before := named("a", poll_seconds=300))
    await asyncio.sleep(10)
    stage.scheduler.seen(edited(before, poll_seconds=1))
    await asyncio.sleep(10.1)
    assert len([time for time in stage.times("a") if time > 10]) == 10


async def test_a_status_that_changed_makes_no_pool_due(stage: Stage) -> None:
    stage.scheduler.seen(before := named("a", poll_seconds=300))
    await asyncio.sleep(1)
    ticks = len(stage.ticks)
    stage.scheduler.seen(replace(before, resource_version=101, status={"replicas": 3}))
    await asyncio.sleep(1)
    assert len(stage.ticks) == ticks


async def test_an_event_that_comes_late_is_ignored(stage: Stage) -> None:
    stage.scheduler.seen(old := named("a", poll_seconds=300))
    stage.scheduler.seen(new := edited(old, max_replicas=7))
    await asyncio.sleep(1)
    stage.scheduler.seen(replace(old, generation=0))
    await asyncio.sleep(1)
    assert stage.roster.get(old.key) == new
    assert [pool.generation for _, pool, _ in stage.ticks] == [2]


async def test_a_pool_that_cannot_be_read_is_looked_at_rarely(stage: Stage) -> None:
    stage.scheduler.seen(named("a", spec=SpecInvalidError("lacks maxReplicas")))
    await asyncio.sleep(4 * INVALID_POLL_SECONDS)
    assert set(gaps(stage.times("a")[1:])) == {INVALID_POLL_SECONDS}


# Looking again


@pytest.mark.parametrize("seconds", [1.5, 0.1, 0.0])
async def test_a_tick_that_wants_to_look_again_soon_does(stage: Stage, seconds: float) -> None:
    wants = iter([seconds])
    stage.does["a"] = lambda pool: (pool, next(wants, None))
    stage.scheduler.seen(named("a", poll_seconds=60))
    await asyncio.sleep(2)
    assert stage.times("a")[:2] == [0, seconds]


async def test_after_looking_again_the_usual_times_are_kept(stage: Stage) -> None:
    wants = iter([None, 1.5])
    stage.does["a"] = lambda pool: (pool, next(wants, None))
    stage.scheduler.seen(named("a", poll_seconds=5))
    await asyncio.sleep(30)
    first, second, again, *later = stage.times("a")
    assert (first, again - second) == (0, 1.5)
    assert set(gaps([second, *later])) == {5.0}


async def test_an_edit_that_a_write_of_our_own_shows_is_acted_on_at_once(stage: Stage) -> None:
    def writes(pool: Pool) -> tuple[Pool, float | None]:
        return (edited(pool), None) if pool.generation == 1 else (pool, None)

    stage.does["a"] = writes
    stage.scheduler.seen(named("a", poll_seconds=300))
    await asyncio.sleep(1)
    assert [(time, pool.generation) for time, pool, _ in stage.ticks] == [(0, 1), (0, 2)]


async def test_what_a_tick_wrote_is_what_the_next_one_starts_from(stage: Stage) -> None:
    def counts(pool: Pool) -> tuple[Pool, float | None]:
        ticks = pool.status.get("ticks", 0) + 1
        return replace(pool, resource_version=pool.resource_version + 1, status={"ticks": ticks}), None

    stage.does["a"] = counts
    stage.scheduler.seen(named("a", poll_seconds=5))
    await asyncio.sleep(21)
    assert [pool.status.get("ticks", 0) for _, pool, _ in stage.ticks] == list(range(len(stage.ticks)))


# Ticks never overlap


async def test_ticks_of_one_pool_never_overlap_however_long_they_take(stage: Stage) -> None:
    stage.takes["a"] = 12.0
    stage.scheduler.seen(before := named("a", poll_seconds=5))
    for _ in range(20):
        await asyncio.sleep(3)
        stage.scheduler.seen(before := edited(before))
    assert not stage.overlapped
    assert len(stage.ticks) >= 5


async def test_edits_during_a_tick_make_the_pool_due_once_right_after_it(stage: Stage) -> None:
    stage.takes["a"] = 4.0
    stage.scheduler.seen(before := named("a", poll_seconds=300))
    for _ in range(3):
        await asyncio.sleep(1)
        stage.scheduler.seen(before := edited(before))
    await asyncio.sleep(6)
    assert [(time, pool.generation) for time, pool, _ in stage.ticks] == [(0, 1), (4, 4)]
    assert not stage.overlapped


# Failures


FAILURES = [
    pytest.param(ClusterError("PATCH: status 500"), id="the API server fails"),
    pytest.param(TargetGoneError("there is no Deployment"), id="the Deployment went away"),
    pytest.param(ZeroDivisionError("a bug"), id="a bug"),
    pytest.param(KeyError("metadata"), id="an object that makes no sense"),
]


@pytest.mark.parametrize("error", FAILURES)
async def test_a_failing_tick_stops_neither_its_pool_nor_others(stage: Stage, error: Exception) -> None:
    stage.does["bad"] = raising(error)
    stage.scheduler.seen(named("bad", poll_seconds=5))
    stage.scheduler.seen(named("good", poll_seconds=5))
    await asyncio.sleep(60)
    assert set(gaps(stage.times("bad")[1:])) == {5.0}
    assert set(gaps(stage.times("good")[1:])) == {5.0}
    assert stage.forgotten == []


async def test_a_conflict_is_looked_at_again_soon(stage: Stage) -> None:
    stage.does["a"] = raising(ClusterConflictError("PATCH: conflict"))
    stage.scheduler.seen(named("a", poll_seconds=300))
    await asyncio.sleep(2.1)
    assert stage.times("a") == [0, *(LOOK_AGAIN_SECONDS * number for number in range(1, 5))]
    assert stage.failures == 0


async def test_a_lasting_failure_is_told_once_and_again_when_it_changes_or_comes_back(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception | None] = [ClusterError("500"), ClusterError("500"), ClusterError("503"), None]
    failures += [ClusterError("503"), ClusterError("503")]
    left = iter(failures)

    def fails(pool: Pool) -> tuple[Pool, float | None]:
        if error := next(left, None):
            raise error
        return pool, None

    stage.does["a"] = fails
    stage.scheduler.seen(named("a", poll_seconds=1))
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(10)
    assert [record.__dict__["error"] for record in caplog.records] == ["500", "503", "503"]
    assert stage.failures == 5


async def test_a_bug_is_logged_with_its_traceback(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.does["a"] = raising(ZeroDivisionError("a bug"))
    stage.scheduler.seen(named("a", poll_seconds=300))
    await asyncio.sleep(0.1)
    (record,) = caplog.records
    assert record.__dict__["pool"] == "shop/a"
    assert record.exc_info


# Pools that go


async def test_a_deleted_pool_is_forgotten_and_ticks_no_more(stage: Stage) -> None:
    stage.scheduler.seen(gone := named("a"))
    await asyncio.sleep(10)
    ticks = len(stage.ticks)
    stage.scheduler.gone(gone.key, gone.uid)
    await asyncio.sleep(60)
    assert len(stage.ticks) == ticks
    assert stage.forgotten == stage.forgotten_elsewhere == [gone.key]
    assert len(stage.roster) == 0
    assert stage.scheduler._slots == {}


async def test_a_pool_whose_deletion_the_watch_missed_is_forgotten_when_a_tick_finds_out(stage: Stage) -> None:
    stage.does["a"] = raising(PoolGoneError("the pool was deleted"))
    stage.scheduler.seen(gone := named("a"))
    await asyncio.sleep(60)
    assert len(stage.ticks) == 1
    assert stage.forgotten == stage.forgotten_elsewhere == [gone.key]
    assert len(stage.roster) == 0


async def test_the_deletion_of_another_pool_of_that_name_is_not_meant(stage: Stage) -> None:
    stage.scheduler.seen(here := named("a"))
    stage.scheduler.gone(here.key, "uid-of-an-older-one")
    stage.scheduler.gone(Key("shop", "never-seen"), "uid")
    await asyncio.sleep(12)
    assert len(stage.times("a")) >= 3
    assert stage.forgotten == []


async def test_a_pool_deleted_during_its_tick_stays_gone(stage: Stage) -> None:
    """Else it would own its Deployment for ever: no watch event comes for it again."""
    stage.takes["old"] = 4.0
    stage.scheduler.seen(gone := named("old", deployment="shared", created="2026-01-01T00:00:00Z"))
    stage.scheduler.seen(named("young", deployment="shared"))
    await asyncio.sleep(1)
    stage.scheduler.gone(gone.key, gone.uid)
    await asyncio.sleep(30)
    assert len(stage.roster) == 1
    assert stage.times("old") == [0]
    assert stage.running == []
    assert set(stage.owners("young")[1:]) == {None}


async def test_a_pool_created_anew_during_a_tick_of_the_one_before_takes_its_place(stage: Stage) -> None:
    """The watch may miss the deletion, and the tick that still runs knows only the pool before."""
    stage.takes["a"] = 4.0
    stage.scheduler.seen(named("a", uid="uid-1"))
    await asyncio.sleep(1)
    stage.scheduler.seen(new := named("a", uid="uid-2", version=200))
    await asyncio.sleep(20)
    assert stage.roster.get(new.key) == new
    assert set(stage.uids("a")[1:]) == {"uid-2"}
    assert stage.times("a")[1] == 4, "not at once after the tick of the one before"
    assert not stage.overlapped


async def test_a_pool_deleted_and_created_anew_during_a_tick_has_one_tick_at_a_time(stage: Stage) -> None:
    stage.takes["a"] = 4.0
    stage.scheduler.seen(old := named("a", uid="uid-1"))
    await asyncio.sleep(1)
    stage.scheduler.gone(old.key, old.uid)
    await asyncio.sleep(0.1)
    stage.scheduler.seen(named("a", uid="uid-2", version=200))
    await asyncio.sleep(20)
    assert stage.uids("a")[:2] == ["uid-1", "uid-2"]
    assert not stage.overlapped


# Two pools, one Deployment


async def test_a_pool_whose_older_rival_goes_is_due_at_once(stage: Stage) -> None:
    older = named("older", deployment="shared", poll_seconds=300, created="2026-01-01T00:00:00Z")
    stage.scheduler.seen(older)
    stage.scheduler.seen(named("younger", deployment="shared", poll_seconds=300))
    await asyncio.sleep(10)
    stage.scheduler.gone(older.key, older.uid)
    await asyncio.sleep(0.001)
    assert stage.times("younger")[-1] == 10
    assert stage.owners("younger")[0] == older.key
    assert stage.owners("younger")[-1] is None


async def test_a_pool_that_turns_to_another_deployment_makes_old_and_new_rivals_due(stage: Stage) -> None:
    mover = named("mover", deployment="left", poll_seconds=300, created="2026-01-01T00:00:00Z")
    for seen in (mover, named("heir", deployment="left", poll_seconds=300)):
        stage.scheduler.seen(seen)
    stage.scheduler.seen(named("host", deployment="right", poll_seconds=300))
    await asyncio.sleep(1)
    stage.scheduler.seen(edited(mover, deployment="right"))
    await asyncio.sleep(0.001)
    assert {name: stage.times(name)[-1] for name in ("mover", "heir", "host")} == {"mover": 1, "heir": 1, "host": 1}
    assert stage.owners("heir")[-1] is None
    assert stage.owners("host")[-1] == mover.key


# The end


async def test_closing_ends_running_ticks_at_once_and_starts_no_others(stage: Stage) -> None:
    for number in range(5):
        stage.takes[f"p{number}"] = 3600.0
        stage.scheduler.seen(named(f"p{number}"))
    stage.scheduler.seen(named("quick"))
    await asyncio.sleep(7)
    before, ticks = asyncio.get_running_loop().time(), len(stage.ticks)
    await stage.scheduler.close()
    assert asyncio.get_running_loop().time() == before
    assert stage.running == []
    await asyncio.sleep(60)
    assert len(stage.ticks) == ticks


async def test_a_running_tick_is_waited_for_at_the_end_but_not_for_ever(stage: Stage) -> None:
    stage.takes |= {"long": 3600.0, "short": 0.5}
    for name in ("long", "short"):
        stage.scheduler.seen(named(name))
    await asyncio.sleep(0.1)
    await stage.scheduler.finish(2.0)
    assert (asyncio.get_running_loop().time(), stage.running) == (2.1, ["long"])
    await asyncio.sleep(60)
    assert [len(stage.times(name)) for name in ("long", "short")] == [1, 1]


# Leading and standing by


async def test_one_that_rests_takes_in_everything_and_does_nothing(stage: Stage) -> None:
    stage.takes["slow"] = 3600.0
    for name in ("slow", "quick"):
        stage.scheduler.seen(named(name))
    await asyncio.sleep(7)
    stage.scheduler.rest()
    await asyncio.sleep(0)
    before = len(stage.ticks)
    stage.scheduler.seen(named("new"))
    stage.scheduler.seen(edited(named("quick"), poll_seconds=300))
    await asyncio.sleep(60)
    assert (len(stage.ticks), stage.running) == (before, [])
    assert set(stage.forgotten) == set(stage.forgotten_elsewhere) == {Key("shop", "slow"), Key("shop", "quick")}


async def test_one_that_leads_again_has_every_pool_due_at_once_in_its_newest_state(stage: Stage) -> None:
    stage.takes["slow"] = 3600.0
    for name in ("slow", "quick", "gone"):
        stage.scheduler.seen(named(name))
    await asyncio.sleep(7)
    stage.scheduler.rest()
    stage.takes.clear()
    newest = replace(named("quick"), resource_version=200, status={"desiredReplicas": 7})
    stage.scheduler.seen(newest)
    stage.scheduler.gone(Key("shop", "gone"), "uid-gone")
    stage.ticks.clear()
    stage.scheduler.lead()
    await asyncio.sleep(0.1)
    assert {(time, pool.key.name) for time, pool, _ in stage.ticks} == {(7, "slow"), (7, "quick")}
    assert newest in [pool for _, pool, _ in stage.ticks]
    assert not stage.overlapped


async def test_a_newer_list_is_taken_in_only_of_pools_that_the_watch_has_shown(stage: Stage) -> None:
    stage.scheduler.rest()
    stage.scheduler.seen(named("shown", version=100))
    newest = replace(named("shown", version=150), status={"desiredReplicas": 7})
    stage.scheduler.refresh([newest, named("unknown"), named("shown", version=120)])
    stage.scheduler.lead()
    await asyncio.sleep(0.1)
    assert [pool for _, pool, _ in stage.ticks] == [newest]


async def test_a_tick_that_may_not_write_ends_quietly(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.does["a"] = raising(NotLeadingError("this process does not hold the Lease"))
    stage.scheduler.seen(named("a", poll_seconds=5))
    await asyncio.sleep(20)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
