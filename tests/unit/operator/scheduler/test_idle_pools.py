"""Idle pools, on fake loop time: the requests that SQS gets, and when a pool sees what has changed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from queueworkerpool.errors import QueueUnreachableError
from queueworkerpool.leader.fence import no_fence
from queueworkerpool.leader.shard_fences import ShardFences
from queueworkerpool.model import (
    NamespacedName,
    Pool,
    QueueReading,
    QueueRef,
    Schedule,
    StoredPool,
    seconds_until_due,
)
from queueworkerpool.scheduler import PoolStore, Scheduler, SharedReadings
from tests.unit.operator.builders import NOW, SPEC, URL, pool
from tests.unit.operator.fakes import FakeDependencies, target
from tests.unit.operator.scheduler.harness import edited

pytestmark = pytest.mark.looptime

IDLE = 300
HOUR = 3600.0
TICK = 5.0


def clock() -> datetime:
    return NOW + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass
class Sqs:
    """Counts the requests. Nothing is in the queues but `visible` messages; `fails`: what the next reading raises."""

    visible: int = 0
    delayed: int = 0
    fails: QueueUnreachableError | None = None
    times: list[float] = field(default_factory=list)

    async def read(self, _: QueueRef) -> QueueReading:
        self.times.append(asyncio.get_running_loop().time())
        if self.fails:
            error, self.fails = self.fails, None
            raise error
        return QueueReading(self.visible, 0, self.delayed, clock())

    def between(self, begin: float, end: float) -> int:
        """The requests in a time."""
        return sum(begin <= time < end for time in self.times)


class IdleShop:
    """Pools at zero of one queue, ticked by the real scheduler; what they need is shared but their Deployments."""

    def __init__(self) -> None:
        self.sqs = Sqs()
        self.readings = SharedReadings(self.sqs, lambda _: None)
        self.pools: dict[str, FakeDependencies] = {}
        self.scheduler = Scheduler(PoolStore(), ShardFences([no_fence()]), self._tick, self)
        self.scheduler.start()
        self.ticks = Counter[str]()

    def add(self, name: str = "thumbnails", **spec: Any) -> FakeDependencies:
        """A pool that is read every 5 s, or 300 s while idle, if nothing else is said."""
        asked = replace(SPEC, **({"idle_poll_seconds": IDLE} | spec))
        mine = pool(key=NamespacedName("shop", name), uid=name, spec=asked)
        fake = self.pools[name] = FakeDependencies(stored=mine, deployment=target(0), readings=self.readings)
        self.scheduler.pool_changed(mine)
        return fake

    def edit(self, name: str = "thumbnails", **spec: Any) -> None:
        """Somebody edits the pool."""
        stored = self.pools[name].stored
        assert isinstance(stored, Pool)
        self.pools[name].stored = edited(stored, **spec)
        self.scheduler.pool_changed(edited(stored, **spec))

    async def _tick(self, stored: StoredPool, _: NamespacedName | None) -> tuple[StoredPool, float | None]:
        self.ticks[stored.key.name] += 1
        fake = self.pools[stored.key.name]
        fake.now, fake.known = clock(), fake.deployment
        soon = await fake.tick(watched=stored)  # each has a Deployment of its own, whatever its name
        assert fake.stored
        return fake.stored, soon

    def ticked(self, lag_seconds: float, took_seconds: float) -> None: ...

    def failed(self) -> None:
        raise AssertionError("a tick failed")

    def forget(self, pool: NamespacedName) -> None: ...


@pytest.fixture
async def shop() -> AsyncIterator[IdleShop]:
    shop = IdleShop()
    yield shop
    await shop.scheduler.close()


async def become_idle() -> float:
    """Let the pools become idle; return a time since which they are, just after their queue was read."""
    await asyncio.sleep(IDLE + TICK)
    await asyncio.sleep(seconds_until_due(IDLE, URL, clock()) + 2 * TICK)
    return asyncio.get_running_loop().time()


async def test_a_pool_at_zero_is_read_twelve_times_an_hour_and_not_seven_hundred_and_twenty(shop: IdleShop) -> None:
    shop.add()
    begun = await become_idle()
    await asyncio.sleep(HOUR)
    assert shop.sqs.between(begun, begun + HOUR) == HOUR / IDLE
    assert shop.ticks["thumbnails"] >= HOUR / TICK, "it is looked at as often as ever"


async def test_a_pool_without_the_field_is_read_as_ever(shop: IdleShop) -> None:
    shop.add(idle_poll_seconds=None)
    begun = await become_idle()
    await asyncio.sleep(HOUR)
    assert shop.sqs.between(begun, begun + HOUR) == HOUR / TICK


async def test_a_pool_becomes_idle_only_after_an_idle_interval(shop: IdleShop) -> None:
    shop.add()
    await asyncio.sleep(IDLE)
    assert shop.sqs.between(0, IDLE) == pytest.approx(IDLE / TICK, abs=2)


@pytest.mark.parametrize("messages", [1, 2, 100])
async def test_a_message_is_seen_at_the_next_reading_and_is_the_end_of_being_idle(
    shop: IdleShop, messages: int
) -> None:
    fake = shop.add()
    begun = await become_idle()
    shop.sqs.visible = messages
    await asyncio.sleep(IDLE)
    assert fake.sizes[0] == -(-messages // 5), "a few messages are read again after 1.5 s, as ever"
    shop.sqs.visible = 0
    grown = shop.sqs.times[-1]
    assert grown - begun < IDLE
    await asyncio.sleep(60)
    assert shop.sqs.between(grown, grown + 60) >= 11


async def test_a_delayed_message_is_waited_for_at_the_usual_interval(shop: IdleShop) -> None:
    shop.add()
    begun = await become_idle()
    shop.sqs.delayed = 1
    await asyncio.sleep(IDLE + 30)
    seen = asyncio.get_running_loop().time()
    await asyncio.sleep(60)
    assert shop.sqs.between(seen, seen + 60) == 60 / TICK
    assert shop.sqs.between(begun, seen) < IDLE / TICK


async def test_an_edit_is_read_for_at_once(shop: IdleShop) -> None:
    shop.add()
    begun = await become_idle()
    shop.edit(max_replicas=9)
    await asyncio.sleep(1)
    assert shop.sqs.between(begun, begun + 1) == 1


async def test_pods_that_somebody_adds_end_being_idle_within_the_usual_interval(shop: IdleShop) -> None:
    fake = shop.add()
    begun = await become_idle()
    fake.scaled_by_other("kubectl", 1)
    await asyncio.sleep(60)
    assert shop.sqs.between(begun, begun + 60) >= 11


async def test_a_schedule_begins_on_time(shop: IdleShop) -> None:
    """It begins at 12:40, long before the hour is over after which the queue would be read again."""
    fake = shop.add(idle_poll_seconds=3600, schedules=(Schedule("forty", "40 * * * *", 600, min_replicas=3),))
    await asyncio.sleep(40 * 60 - 1)
    assert fake.sizes[0] == 0
    await asyncio.sleep(1 + TICK)
    assert fake.sizes[0] == 3


async def test_a_pause_ends_on_time(shop: IdleShop) -> None:
    fake = shop.add(idle_poll_seconds=3600)
    await asyncio.sleep(2 * HOUR)
    shop.edit(paused_until=clock() + timedelta(seconds=601))
    shop.sqs.visible = 100
    await asyncio.sleep(600)
    assert fake.sizes[0] == 0
    await asyncio.sleep(1.5)
    assert fake.sizes[0] == 20


async def test_a_queue_that_could_not_be_read_is_tried_again_at_the_usual_interval(shop: IdleShop) -> None:
    fake = shop.add()
    begun = await become_idle()
    shop.sqs.fails = QueueUnreachableError("queue thumbnails: no answer")
    await asyncio.sleep(IDLE + 60)
    failed = shop.sqs.times[-1] - 60
    assert shop.sqs.between(failed, failed + 60) >= 10
    assert fake.count("condition", type="QueueReachable", status="True") == 1
    await asyncio.sleep(2 * IDLE)
    assert shop.sqs.between(begun + 3 * IDLE, begun + 4 * IDLE) <= 2, "and it is idle again"


async def test_idle_pools_of_one_queue_share_its_readings(shop: IdleShop) -> None:
    for number in range(7):
        shop.add(f"pool-{number}")
    begun = await become_idle()
    await asyncio.sleep(HOUR)
    assert shop.sqs.between(begun, begun + HOUR) == HOUR / IDLE


async def test_an_idle_pool_learns_at_once_what_an_active_pool_of_its_queue_reads(shop: IdleShop) -> None:
    shop.add("active", idle_poll_seconds=None)
    sleeper = shop.add("sleeper")
    begun = await become_idle()
    await asyncio.sleep(HOUR)
    assert shop.sqs.between(begun, begun + HOUR) <= HOUR / TICK / 0.75, "no more than the active one reads"
    shop.sqs.visible = 100
    await asyncio.sleep(2 * TICK)
    assert sleeper.sizes[0] == 20


async def test_the_metrics_tell_how_often_it_is_read_and_what_that_costs(shop: IdleShop) -> None:
    fake = shop.add()
    await asyncio.sleep(60)
    shown = [fake.count("reading_interval_seconds"), fake.count("readings_monthly_cost_usd")]
    assert shown == [5, pytest.approx(0.20736)]
    await become_idle()
    shown = [fake.count("reading_interval_seconds"), fake.count("readings_monthly_cost_usd")]
    assert shown == [300, pytest.approx(0.003456)]
    reads = fake.count("queue_reads_total", outcome="ok")
    assert reads == len(shop.sqs.times), "a reading that serves on is not counted again"
