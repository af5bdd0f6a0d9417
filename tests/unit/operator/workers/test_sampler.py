"""How often workers are sampled, and what the sampler returns, on fake loop time."""

import asyncio
import gc
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.errors import ClusterError
from queueworkerpool.model import Memory, NamespacedName, Pod, Sample, Target, WorkerState
from queueworkerpool.sizing import Latency, MessagesPerPod
from queueworkerpool.workers.sampler import MOST_PODS, WorkerSampler
from tests.unit.operator.builders import NOW, SPEC, facts, pool, reading
from tests.unit.operator.scheduler.harness import gaps

POOL = pool()
DEPLOYMENT = NamespacedName("shop", SPEC.deployment)
TARGET = Target(replicas=2, ready_replicas=2, resource_version=1, selector="app=thumbnailer")
BY_LATENCY = replace(SPEC, target=Latency(60))


def now() -> float:
    return asyncio.get_running_loop().time()


def ready(name: str, **differs: Any) -> Pod:
    calm = Pod(name=name, uid=f"uid-{name}", address=f"10.0.0.{name}", ready=True, startup_seconds=10.0)
    return replace(calm, **differs)


def state(finished: int = 0, busy_seconds: float = 0.0, concurrency: int = 4) -> WorkerState:
    return WorkerState(busy=0, concurrency=concurrency, finished=finished, busy_seconds=busy_seconds)


@dataclass
class Workers:
    """Pods and what their workers report; without a report a pod is silent. Replaces the cluster and the workers."""

    existing: list[Pod] = field(default_factory=lambda: [ready("1"), ready("2")])
    reports: dict[str, WorkerState] = field(default_factory=lambda: {"10.0.0.1": state(), "10.0.0.2": state()})
    takes: float = 0.0
    fails: Exception | None = None
    listed: list[tuple[float, NamespacedName, str]] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    silent: dict[str, float] = field(default_factory=dict)
    marks_found: list[NamespacedName] = field(default_factory=list)

    async def pods(self, deployment: NamespacedName, selector: str, limit: int | None = None) -> list[Pod]:
        self.listed.append((now(), deployment, selector))
        await asyncio.sleep(self.takes)
        if self.fails:
            raise self.fails
        return self.existing[:limit]

    def silent_since(self, pod: Pod) -> float:
        return self.silent.get(pod.name, 0.0)

    async def ask(self, deployment: NamespacedName, pod: Pod, port: int) -> WorkerState | None:
        assert deployment == DEPLOYMENT
        self.asked.append((pod.address, port))
        await asyncio.sleep(self.takes)
        return self.reports.get(pod.address)

    def sampler(self) -> WorkerSampler:
        return WorkerSampler(self, self, lambda: NOW + timedelta(seconds=now()), self.marks_found.append)


@pytest.fixture
def workers() -> Workers:
    return Workers()


async def ticking(
    sampler: WorkerSampler, until: float, spec: Any = BY_LATENCY, **target: Any
) -> list[tuple[float, Sample]]:
    """Call `take` every second; returns the samples, and when each arrived."""
    taken = []
    while now() <= until:
        before = now()
        if sample := sampler.take(pool(spec=spec), replace(TARGET, **target)):
            taken.append((before, sample))
        assert now() == before, "a tick waited"
        await asyncio.sleep(1)
    return taken


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
    workers.reports["10.0.0.1"] = replace(state(10, 200), busy=1)
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
    workers.reports["10.0.0.1"] = replace(state(10, 200), busy=1)
    await ticking(sampler, 50)
    del workers.reports["10.0.0.1"]
    await ticking(sampler, 100)
    workers.reports["10.0.0.1"] = state(11, 220)
    samples = await ticking(sampler, 150)
    assert samples[-1][1].service_messages == 11
    assert samples[-1][1].service_seconds == pytest.approx(20)
