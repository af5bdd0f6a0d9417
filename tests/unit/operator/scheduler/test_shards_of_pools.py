"""Pools of several shards in one scheduler: only those of started shards tick, by the fence of their shard."""

import asyncio

import pytest

from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.shard_fences import ShardFences
from queueworkerpool.model import NamespacedName, StoredPool
from queueworkerpool.scheduler import PoolStore, Scheduler
from tests.unit.operator.scheduler.harness import SchedulerHarness, edited, named

pytestmark = pytest.mark.looptime

NAMES = tuple(f"p{number}" for number in range(12))


@pytest.fixture
def sharded() -> SchedulerHarness:
    harness = SchedulerHarness(shards=3)
    for name in NAMES:
        harness.scheduler.pool_changed(named(name))
    return harness


def of(harness: SchedulerHarness, *shards: int) -> set[str]:
    """The names of the pools of these shards; each shard has some."""
    found = {name for name in NAMES if harness.fences.of(("shop", name)) in shards}
    assert len({harness.fences.of(("shop", name)) for name in NAMES}) == harness.shards
    return found


def ticked(harness: SchedulerHarness) -> set[str]:
    names = {pool.key.name for _, pool, _ in harness.ticks}
    harness.ticks.clear()
    return names


async def test_only_pools_of_started_shards_tick(sharded: SchedulerHarness) -> None:
    sharded.scheduler.start(1)
    await asyncio.sleep(20)
    assert ticked(sharded) == of(sharded, 1)
    assert sharded.scheduler.ticking() == {1: len(of(sharded, 1))}
    sharded.scheduler.start(2)
    await asyncio.sleep(0.1)
    assert ticked(sharded) == of(sharded, 2), "at once, and the others are not disturbed"
    await asyncio.sleep(20)
    assert ticked(sharded) == of(sharded, 1, 2)
    await sharded.scheduler.close()


async def test_a_lost_shard_stops_and_is_forgotten_and_the_others_go_on(sharded: SchedulerHarness) -> None:
    for shard in (0, 1):
        sharded.scheduler.start(shard)
    await asyncio.sleep(7)
    ticked(sharded)
    sharded.scheduler.pause(0)
    sharded.scheduler.pool_changed(edited(named(min(of(sharded, 0)))))
    await asyncio.sleep(20)
    assert ticked(sharded) == of(sharded, 1)
    assert {key.name for key in sharded.forgotten} == of(sharded, 0)
    assert sharded.scheduler.ticking() == {1: len(of(sharded, 1))}
    await sharded.scheduler.close()


async def test_finishing_one_shard_waits_for_its_ticks_alone(sharded: SchedulerHarness) -> None:
    slow, other = min(of(sharded, 0)), min(of(sharded, 1))
    sharded.takes |= {slow: 0.4, other: 3600.0}
    for shard in (0, 1):
        sharded.scheduler.start(shard)
    await asyncio.sleep(0.1)
    await sharded.scheduler.finish(1.0, 0)
    assert (round(asyncio.get_running_loop().time(), 3), sharded.running) == (0.4, [other])
    await sharded.scheduler.close()


async def test_a_pool_that_is_refreshed_ticks_before_its_shard_is_started(sharded: SchedulerHarness) -> None:
    first, *_ = sorted(of(sharded, 2))
    sharded.scheduler.refresh(named(first, version=150))
    await asyncio.sleep(0.1)
    assert ticked(sharded) == {first}
    sharded.scheduler.start(0)
    await asyncio.sleep(0.1)
    sharded.scheduler.start(2)
    await asyncio.sleep(0.1)
    assert ticked(sharded) == of(sharded, 0, 2) - {first}
    await sharded.scheduler.close()


async def test_each_tick_passes_the_fence_of_its_pools_shard_in_tasks_and_threads_too() -> None:
    """As `cluster.connection` asks it: in a thread that runs in the tick's context."""
    fences = ShardFences([Fence(lambda: 0.0), Fence(lambda: 0.0)])
    fences.fences[1].open_until(1.0)
    passed: list[NamespacedName] = []
    all_passed = asyncio.Event()

    async def tick(pool: StoredPool, owner: NamespacedName | None) -> tuple[StoredPool, float | None]:
        assert owner is None
        await asyncio.gather(asyncio.to_thread(fences.check), asyncio.to_thread(fences.check))
        passed.append(pool.key)
        if len(passed) == len([name for name in NAMES if fences.of(("shop", name)) == 1]):
            all_passed.set()
        return pool, None

    harness = SchedulerHarness()
    scheduler = Scheduler(PoolStore(), fences, tick, harness)
    for name in NAMES:
        scheduler.pool_changed(named(name))
    for shard in (0, 1):
        scheduler.start(shard)
    await all_passed.wait()
    assert {fences.of(key) for key in passed} == {1}
    assert harness.failures == 0, "a closed fence is no failure"
    await scheduler.close()
    await harness.scheduler.close()
