"""What the sampler learns of the service time, on fake loop time."""

import asyncio
from dataclasses import replace

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import Memory, Sample, WorkerState
from queueworkerpool.sizing import Latency
from tests.unit.operator.builders import SPEC, facts, pool, reading
from tests.unit.operator.workers.sampling import (
    BY_LATENCY,
    TARGET,
    Workers,
    now,
    ready,
    state,
    ticking,
)


@pytest.fixture
def workers() -> Workers:
    return Workers()


@pytest.mark.looptime
async def test_it_goes_on_from_what_the_status_remembers(workers: Workers) -> None:
    workers.reports = {"10.0.0.1": state(1_000_000, 10)}
    known = {"memory": {"workers": {"serviceSeconds": 300, "serviceMessages": 99}}}
    sampler = workers.sampler()

    async def take() -> Sample:
        sampler.take(pool(spec=BY_LATENCY, status=known), TARGET)
        await asyncio.sleep(15)
        sample = sampler.take(pool(spec=BY_LATENCY, status=known), TARGET)
        assert sample
        await asyncio.sleep(15)
        return sample

    first = await take()
    assert (first.service_messages, first.service_seconds) == (99, 300), "older work may be counted already"
    workers.reports = {"10.0.0.1": state(1_000_001, 410)}
    second = await take()
    assert (second.service_messages, second.service_seconds) == (100, 301)


@pytest.mark.looptime
async def test_what_an_older_operator_learned_goes_before_what_is_declared(workers: Workers) -> None:
    spec = replace(SPEC, target=Latency(600, service_seconds=10))
    shown = pool(spec=spec, status={"memory": {"workers": {"serviceSeconds": 60}}})
    sampler = workers.sampler()
    sampler.take(shown, TARGET)
    await asyncio.sleep(1)
    sample = sampler.take(shown, TARGET)
    assert sample
    assert sample.service_seconds == 60


@pytest.mark.looptime
async def test_the_declared_service_time_stands_for_messages_that_have_not_finished(workers: Workers) -> None:
    declared = replace(SPEC, target=Latency(60, service_seconds=30))
    workers.reports = {"10.0.0.1": state()}
    sampler = workers.sampler()
    ((_, idle),) = await ticking(sampler, 1, declared)
    assert idle.service_seconds is None, "the declared one is not learned"
    workers.reports = {"10.0.0.1": state(1, 300)}
    ((_, one),) = await ticking(sampler, 17, declared)
    assert one.service_seconds == 120
    workers.reports = {"10.0.0.1": state(3, 900)}
    ((_, three),) = await ticking(sampler, 33, declared)
    assert three.service_seconds == 300


@pytest.mark.looptime
@pytest.mark.parametrize("declared", [None, 15])
@pytest.mark.parametrize("number", [1, 2, 5])
async def test_workers_that_are_always_busy_with_slow_messages_size_the_pool_by_what_those_take(
    workers: Workers, number: int, declared: float | None
) -> None:
    """The whole loop: samples, decisions and what they remember, while each message takes 300 s."""
    spec = replace(SPEC, target=Latency(60, service_seconds=declared))
    workers.existing = [ready(str(n), startup_seconds=None) for n in range(number)]
    sampler, memory = workers.sampler(), Memory()
    while now() < 3000:
        busy = WorkerState(1, 1, int(now() // 300), now(), now() % 300)
        workers.reports = {pod.address: busy for pod in workers.existing}
        sample = sampler.take(pool(spec=spec), TARGET)
        state = facts(target=spec.target, replicas=number, reading=reading(0, number), memory=memory, sample=sample)
        decision = decide(state)
        memory = decision.memory
        await asyncio.sleep(5)
    assert memory.workers.service_seconds == pytest.approx(300, rel=0.1)


@pytest.mark.looptime
@pytest.mark.parametrize("ends", ["gone", "restarted"])
async def test_a_long_message_of_a_worker_that_ends_counts(workers: Workers, ends: str) -> None:
    """Where pods are replaced often, long messages hardly ever finish in sight: 2 s were learned of a mean of 31."""
    workers.reports["10.0.0.1"] = state(10, 20)
    sampler = workers.sampler()
    await ticking(sampler, 20)
    workers.reports["10.0.0.1"] = state(10, 200)._replace(busy=1)
    await ticking(sampler, 50)
    if ends == "gone":
        workers.existing = [ready("2")]
    else:
        workers.reports["10.0.0.1"] = state()
    samples = await ticking(sampler, 100)
    assert samples[-1][1].service_seconds == pytest.approx((20 + 180) / 11)
    assert samples[-1][1].service_messages == 11, "it counts once"


@pytest.mark.looptime
async def test_a_worker_that_is_silent_for_a_while_keeps_its_message(workers: Workers) -> None:
    workers.reports["10.0.0.1"] = state(10, 20)
    sampler = workers.sampler()
    await ticking(sampler, 20)
    workers.reports["10.0.0.1"] = state(10, 200)._replace(busy=1)
    await ticking(sampler, 50)
    del workers.reports["10.0.0.1"]
    await ticking(sampler, 100)
    workers.reports["10.0.0.1"] = state(11, 220)
    samples = await ticking(sampler, 150)
    assert samples[-1][1].service_messages == 11
    assert samples[-1][1].service_seconds == pytest.approx(20)
