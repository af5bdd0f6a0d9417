"""One reading per distinct queue and interval, on fake loop time."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from queueworkerpool.errors import QueueNotFoundError, QueueUnreachableError, QueueUnreadableError
from queueworkerpool.model import FRESH_SHARE, Freshness, QueueReading, QueueRef
from queueworkerpool.scheduler import SharedReadings
from tests.unit.operator.builders import NOW
from tests.unit.operator.scheduler.harness import gaps

pytestmark = pytest.mark.looptime

A, B = QueueRef("https://sqs.eu-west-1.amazonaws.com/1/a"), QueueRef("https://sqs.eu-west-1.amazonaws.com/1/b")


every_seconds = Freshness.of_interval


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Sqs:
    """A reading's count is the number of readings so far. `takes`: its seconds. `fails`: what it raises."""

    takes: dict[QueueRef, float] = field(default_factory=dict)
    fails: dict[QueueRef, Exception] = field(default_factory=dict)
    asked: defaultdict[QueueRef, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def read(self, queue: QueueRef) -> QueueReading:
        self.asked[queue].append(now())
        await asyncio.sleep(self.takes.get(queue, 0))
        if queue in self.fails:
            raise self.fails[queue]
        return QueueReading(len(self.asked[queue]), 0, 0, NOW)


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def took() -> list[float]:
    return []


@pytest.fixture
def readings(sqs: Sqs, took: list[float]) -> SharedReadings:
    return SharedReadings(sqs, took.append)


async def poll(readings: SharedReadings, queue: QueueRef, every: float, phase: float, until: float) -> list[object]:
    """The answers that a pool with this interval and phase gets."""
    answers: list[object] = []
    await asyncio.sleep(phase)
    while now() <= until:
        began = now()
        try:
            answers.append((await readings.read(queue, every_seconds(every))).visible)
        except QueueUnreadableError as error:
            answers.append(error)
        await asyncio.sleep(every - (now() - began) % every)
    return answers


async def test_one_pool_reads_its_queue_once_per_interval(readings: SharedReadings, sqs: Sqs) -> None:
    answers = await poll(readings, A, every=5, phase=0, until=60)
    assert sqs.asked[A] == [5.0 * number for number in range(13)]
    assert answers == list(range(1, 14)), "each tick has a reading of its own"


async def test_a_slightly_early_tick_still_has_a_reading_of_its_own(readings: SharedReadings, sqs: Sqs) -> None:
    await readings.read(A, every_seconds(5))
    await asyncio.sleep(4.9)
    await readings.read(A, every_seconds(5))
    assert len(sqs.asked[A]) == 2


async def test_many_pools_at_once_share_one_reading(readings: SharedReadings, sqs: Sqs) -> None:
    sqs.takes[A] = 0.5
    answers = await asyncio.gather(*(readings.read(A, every_seconds(5)) for _ in range(100)))
    assert len(sqs.asked[A]) == 1
    assert {reading.visible for reading in answers} == {1}


@pytest.mark.parametrize("pools", [2, 7, 100])
async def test_a_shared_queue_is_read_about_once_per_interval_however_many_pools_share_it(
    readings: SharedReadings, sqs: Sqs, pools: int
) -> None:
    phases = [number * 5 / pools for number in range(pools)]
    answers = await asyncio.gather(*(poll(readings, A, every=5, phase=phase, until=300) for phase in phases))
    assert min(gaps(sqs.asked[A])) >= 5 * FRESH_SHARE
    assert max(gaps(sqs.asked[A])) <= 5
    assert all(len(of_one_pool) >= 60 for of_one_pool in answers)


async def test_the_shortest_interval_of_the_pools_that_share_a_queue_counts(readings: SharedReadings, sqs: Sqs) -> None:
    await asyncio.gather(poll(readings, A, 300, 0, 600), poll(readings, A, 60, 1, 600), poll(readings, A, 5, 2, 600))
    assert max(gaps(sqs.asked[A])) <= 5 * (1 + FRESH_SHARE)
    assert min(gaps(sqs.asked[A])) >= 5 * FRESH_SHARE


async def test_a_younger_reading_can_be_asked_for(readings: SharedReadings) -> None:
    await readings.read(A, every_seconds(300))
    await asyncio.sleep(1)
    assert (await readings.read(A, every_seconds(300))).visible == 1
    assert (await readings.read(A, every_seconds(1))).visible == 2
    assert (await readings.read(A, every_seconds(300))).visible == 2


async def test_two_queues_are_two_readings(readings: SharedReadings, sqs: Sqs) -> None:
    elsewhere = QueueRef(A.url, "us-east-1")
    await asyncio.gather(*(readings.read(queue, every_seconds(5)) for queue in (A, B, elsewhere)))
    assert {queue: len(times) for queue, times in sqs.asked.items()} == {A: 1, B: 1, elsewhere: 1}


# Failures


@pytest.mark.parametrize("error", [QueueNotFoundError("queue a: no such queue"), QueueUnreachableError("queue a: no")])
async def test_a_failure_is_shared_for_an_interval_like_a_success(
    readings: SharedReadings, sqs: Sqs, error: QueueUnreadableError
) -> None:
    sqs.fails[A] = error
    answers = await asyncio.gather(*(poll(readings, A, 5, phase, 60) for phase in (0, 0, 1, 2)))
    assert min(gaps(sqs.asked[A])) >= 5 * FRESH_SHARE
    assert {type(each) for of_one_pool in answers for each in of_one_pool} == {type(error)}


async def test_a_queue_that_answers_again_is_read_within_an_interval(readings: SharedReadings, sqs: Sqs) -> None:
    sqs.fails[A] = QueueUnreachableError("queue a: no answer")
    polling = asyncio.create_task(poll(readings, A, 5, 0, 30))
    await asyncio.sleep(12)
    del sqs.fails[A]
    answers = await polling
    assert [isinstance(each, QueueUnreadableError) for each in answers] == [True] * 3 + [False] * 4


async def test_a_bug_in_the_client_reaches_those_who_asked_and_is_not_kept(readings: SharedReadings, sqs: Sqs) -> None:
    sqs.fails[A] = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        await readings.read(A, every_seconds(5))
    await asyncio.sleep(5)
    del sqs.fails[A]
    assert (await readings.read(A, every_seconds(5))).visible == 2


# Slow queues


async def test_a_slow_queue_delays_no_other(readings: SharedReadings, sqs: Sqs) -> None:
    sqs.takes[A] = 40
    slow = asyncio.create_task(poll(readings, A, 5, 0, 60))
    await poll(readings, B, 5, 0, 60)
    assert sqs.asked[B] == [5.0 * number for number in range(13)]
    assert not slow.cancel() or len(sqs.asked[A]) == 2


async def test_a_queue_slower_than_the_interval_is_asked_once_at_a_time(readings: SharedReadings, sqs: Sqs) -> None:
    sqs.takes[A] = 12
    answers = await asyncio.gather(*(poll(readings, A, 5, phase, 60) for phase in (0, 1, 2, 3)))
    assert min(gaps(sqs.asked[A])) >= 12
    assert all(of_one_pool for of_one_pool in answers)


async def test_a_deleted_pool_cancels_no_reading_of_those_that_share_it(readings: SharedReadings, sqs: Sqs) -> None:
    sqs.takes[A] = 3
    deleted, other = (asyncio.create_task(readings.read(A, every_seconds(5))) for _ in range(2))
    await asyncio.sleep(1)
    deleted.cancel()
    assert (await other).visible == 1
    assert now() == 3


# Measuring and forgetting


async def test_the_time_of_a_reading_is_measured_for_successes_and_failures(
    readings: SharedReadings, sqs: Sqs, took: list[float]
) -> None:
    sqs.takes = {A: 0.5, B: 2}
    sqs.fails[B] = QueueUnreachableError("queue b: no answer")
    await readings.read(A, every_seconds(5))
    with pytest.raises(QueueUnreachableError):
        await readings.read(B, every_seconds(5))
    assert took == [0.5, 2]


async def test_a_queue_that_is_no_longer_read_is_forgotten(readings: SharedReadings) -> None:
    for number in range(100):
        await readings.read(QueueRef(f"{A.url}{number}"), every_seconds(5))
    await asyncio.sleep(6)
    assert readings._requested == {}
