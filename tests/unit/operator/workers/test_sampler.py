"""How often workers are sampled, and what the sampler returns, on fake loop time."""

import asyncio
import gc
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from queueworkerpool.errors import ClusterError
from queueworkerpool.model import NamespacedName, Sample
from queueworkerpool.sizing import Latency, MessagesPerPod
from queueworkerpool.workers.sampler import MOST_PODS
from tests.unit.operator.builders import NOW, SPEC, pool
from tests.unit.operator.scheduler.harness import gaps
from tests.unit.operator.workers.sampling import (
    BY_LATENCY,
    DEPLOYMENT,
    POOL,
    TARGET,
    Workers,
    ready,
    state,
    ticking,
)


@pytest.fixture
def workers() -> Workers:
    return Workers()


# How often workers are sampled


@pytest.mark.looptime
@pytest.mark.parametrize(("spec", "interval"), [(BY_LATENCY, 15), (SPEC, 300)], ids=["latency", "messages per pod"])
async def test_workers_are_sampled_once_per_interval(workers: Workers, spec: Any, interval: float) -> None:
    taken = await ticking(workers.sampler(), 3 * interval, spec)
    assert [time for time, _, _ in workers.listed] == [0, interval, 2 * interval, 3 * interval]
    assert len(taken) == 3, "each sample is taken once"


def test_the_intervals_are_those_of_the_documentation() -> None:
    assert (Latency.sample_interval_seconds, MessagesPerPod.sample_interval_seconds) == (15, 300)


@pytest.mark.looptime
async def test_a_tick_never_waits_and_one_sample_runs_at_a_time(workers: Workers) -> None:
    workers.takes = 40
    taken = await ticking(workers.sampler(), 300)
    times = [time for time, _, _ in workers.listed]
    assert min(gaps(times)) >= 80
    assert taken[0][0] == 81


@pytest.mark.looptime
@pytest.mark.parametrize("target", [{"ready_replicas": 0}, {"selector": ""}], ids=["no ready pod", "no selector"])
async def test_no_pod_is_listed_when_none_can_answer(workers: Workers, target: dict[str, Any]) -> None:
    assert await ticking(workers.sampler(), 60, **target) == []
    assert workers.listed == []


@pytest.mark.looptime
async def test_a_few_ready_pods_are_asked_at_the_pools_port(workers: Workers) -> None:
    workers.existing = [ready(str(number), ready=number % 2 == 0) for number in range(20)]
    await ticking(workers.sampler(), 1, replace(BY_LATENCY, state_port=9999))
    assert workers.listed[0][1:] == (DEPLOYMENT, "app=thumbnailer")
    assert workers.asked == [(f"10.0.0.{number}", 9999) for number in range(0, 2 * MOST_PODS, 2)]


@pytest.mark.looptime
async def test_pods_that_were_silent_are_asked_after_the_others_and_those_without_an_address_never(
    workers: Workers,
) -> None:
    workers.existing = [ready(str(number)) for number in range(2 * MOST_PODS)] + [ready("node", address="")]
    workers.silent = {str(number): 60.0 - number for number in range(MOST_PODS + 1)}
    await ticking(workers.sampler(), 1)
    order = [*range(MOST_PODS + 1, 2 * MOST_PODS), MOST_PODS]
    assert [address for address, _ in workers.asked] == [f"10.0.0.{number}" for number in order]


@pytest.mark.looptime
async def test_a_mark_on_a_pod_is_reported(workers: Workers) -> None:
    await ticking(sampler := workers.sampler(), 1)
    assert workers.marks_found == []
    workers.existing.append(ready("3", ready=False, marked=True))
    await ticking(sampler, 20)
    assert workers.marks_found == [DEPLOYMENT]


# What the samples say


@pytest.mark.looptime
async def test_a_sample_has_what_was_done_since_the_last_one(workers: Workers) -> None:
    workers.reports = {"10.0.0.1": state(100, 1000), "10.0.0.2": state(10, 30)}
    sampler = workers.sampler()
    ((_, first),) = await ticking(sampler, 1)
    assert (first.service_messages, first.last_handled) == (110, None), "it is unknown when they were handled"
    assert first.service_seconds == pytest.approx(1030 / 110)
    workers.reports = {"10.0.0.1": state(103, 1009), "10.0.0.2": state(11, 36)}
    ((_, second),) = await ticking(sampler, 17)
    assert second.service_messages == 114
    assert second.service_seconds == pytest.approx(1045 / 114)
    assert second.last_handled == second.time == NOW + timedelta(seconds=15)
    ((_, third),) = await ticking(sampler, 35)
    assert (third.service_messages, third.last_handled) == (114, None)


@pytest.mark.looptime
async def test_a_worker_that_was_silent_once_continues_from_its_last_report(workers: Workers) -> None:
    workers.reports = {"10.0.0.1": state(100, 1000), "10.0.0.2": state(500, 700)}
    sampler = workers.sampler()
    await ticking(sampler, 1)
    workers.reports = {"10.0.0.1": state(101, 1002)}
    await ticking(sampler, 17)
    workers.reports = {"10.0.0.1": state(101, 1002), "10.0.0.2": state(503, 706)}
    ((_, sample),) = await ticking(sampler, 34)
    assert sample.service_messages == 604
    assert sample.service_seconds == pytest.approx(1708 / 604)


@pytest.mark.looptime
async def test_the_start_up_time_is_known_of_silent_workers_too(workers: Workers) -> None:
    workers.reports = {}
    ((_, sample),) = await ticking(workers.sampler(), 1)
    assert sample == Sample(NOW, startup_seconds=10.0)


@pytest.mark.looptime
@pytest.mark.parametrize("takes", [0.0, 3.0])
async def test_an_api_server_that_fails_costs_one_sample(
    workers: Workers, takes: float, caplog: pytest.LogCaptureFixture
) -> None:
    workers.takes, workers.fails = takes, ClusterError("GET: status 500")
    sampler = workers.sampler()
    assert await ticking(sampler, 10) == []
    assert len(workers.listed) == 1, "it is not asked again at each tick"
    workers.fails = None
    assert len(await ticking(sampler, 29)) == 1
    gc.collect()
    assert caplog.records == [], "asyncio logs tasks whose failure is not handled"


# Deleted pools


@pytest.mark.looptime
async def test_a_deleted_pool_is_forgotten(workers: Workers) -> None:
    workers.takes = 5
    sampler = workers.sampler()
    sampler.take(pool(spec=BY_LATENCY), TARGET)
    await asyncio.sleep(1)
    sampler.forget(POOL.key)
    sampler.forget(NamespacedName("shop", "never-seen"))
    await asyncio.sleep(60)
    assert workers.asked == []
    assert sampler._samplings == {}


@pytest.mark.looptime
async def test_what_was_learned_of_another_deployment_does_not_count(workers: Workers) -> None:
    workers.reports = {"10.0.0.1": state(100, 1000)}
    sampler = workers.sampler()
    await ticking(sampler, 1)
    workers.reports = {"10.0.0.1": state(10, 20)}
    ((_, sample),) = await ticking(sampler, 5, uid="another")
    assert (sample.service_messages, sample.service_seconds) == (10, 2)
