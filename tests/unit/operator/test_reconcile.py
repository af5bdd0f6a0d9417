"""One tick: what the state is like afterwards."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import (
    QueueNotFoundError,
)
from queueworkerpool.model import (
    Event,
    Mode,
    PodEnvironment,
    QueueRef,
    QueueVariable,
    Sample,
    ScaleTarget,
    SizeChange,
    digest,
)
from queueworkerpool.names import ConditionType, EventType, Reason
from queueworkerpool.tenancy import Tenancy
from tests.unit.operator.builders import SPEC, URL, ago, pool, reading, window
from tests.unit.operator.fakes import FakeDependencies, condition, target


def backlog(visible: int, in_flight: int = 0) -> Any:
    return {URL: reading(visible, in_flight)}


def asking(**spec: Any) -> Any:
    return pool(spec=replace(SPEC, **spec))


async def test_a_backlog_is_scaled_for_in_one_write_and_reported_everywhere() -> None:
    fake = FakeDependencies(queues=backlog(249))
    assert await fake.tick() is None
    assert fake.sizes == (50, 501)
    assert {name: fake.status[name] for name in ("replicas", "readyReplicas", "desiredReplicas", "lastScaleTime")} == {
        "replicas": 50,
        "readyReplicas": 10,
        "desiredReplicas": 50,
        "lastScaleTime": "2026-11-23T12:00:00Z",
    }
    message = "from 10 to 50 replicas: 249 messages / 5 per pod = 50 pods"
    change = SizeChange(10, 50, Reason.SIZED_BY_BACKLOG)
    assert fake.events == [Event(EventType.NORMAL, Reason.SUCCESSFUL_RESCALE, message, change)]
    assert (fake.count("scale_writes_total", direction="up"), fake.count("desired_replicas")) == (1, 50)


async def test_our_own_write_is_assumed_until_the_watch_shows_it() -> None:
    fake = FakeDependencies(queues=backlog(249))
    await fake.tick()
    assert fake.known == target(50, ready_replicas=10, resource_version=501, settled=False, writer=_ours(fake))
    await fake.tick()
    assert fake.sizes == (50, 501)


def _ours(fake: FakeDependencies) -> tuple[str, Any]:
    return "queueworkerpool", fake.now


async def test_a_calm_pool_is_reported_once_and_then_not_written() -> None:
    fake = FakeDependencies()
    await fake.tick()
    first = fake.stored
    assert first
    assert first.resource_version == 101
    fake.later(60)
    await fake.tick()
    assert (fake.stored, fake.sizes, fake.events) == (first, (10, 500), [])


async def test_counts_alone_are_reported_every_fifteen_seconds() -> None:
    fake = FakeDependencies()
    await fake.tick()
    fake.queues = backlog(0, 49)
    for seconds, reported in ((5, 50), (5, 50), (5, 49)):
        fake.later(seconds)
        await fake.tick()
        assert fake.status["backlog"]["total"] == reported


async def test_a_rescale_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeDependencies(queues=backlog(249))
    with caplog.at_level(logging.INFO):
        await fake.tick()
    [record] = caplog.records
    pairs = {name: vars(record)[name] for name in ("pool", "from", "to", "reason")}
    assert (record.message, pairs) == (
        "pool rescaled",
        {"pool": "shop/thumbnails", "from": 10, "to": 50, "reason": "SizedByBacklog"},
    )


async def test_a_dry_run_reports_its_decision_and_scales_nothing() -> None:
    fake = FakeDependencies(asking(mode=Mode.DRY_RUN), queues=backlog(249))
    await fake.tick()
    assert (fake.sizes, fake.status["desiredReplicas"], fake.events) == ((10, 500), 50, [])
    assert fake.status["lastDecision"]["reason"] == Reason.SIZED_BY_BACKLOG
    assert "lastScaleTime" not in fake.status


async def test_a_paused_pool_reads_no_queue() -> None:
    fake = FakeDependencies(asking(mode=Mode.PAUSED), queues={URL: QueueNotFoundError("no such queue")})
    await fake.tick()
    assert (fake.sizes, fake.events) == ((10, 500), [])
    assert condition(fake.status, ConditionType.QUEUE_REACHABLE)["reason"] == Reason.PAUSED
    assert fake.count("queue_reads_total", outcome="not_found") == 0


@pytest.mark.parametrize("own", [ScaleTarget("system", "thumbnailer"), ScaleTarget("shop", "queueworkerpool")])
async def test_a_deployment_that_only_resembles_the_operators_own_is_scaled(own: ScaleTarget) -> None:
    fake = FakeDependencies(queues=backlog(249), own=own)
    await fake.tick()
    assert fake.sizes == (50, 501)


async def test_what_may_be_an_error_of_the_counts_is_decided_by_a_second_reading() -> None:
    fake = FakeDependencies(deployment=target(0), queues=backlog(1))
    assert await fake.tick() == 1.5
    fake.shared = reading(1, time=fake.now)
    fake.queues = backlog(0)
    for seconds, pending in ((1.5, True), (5.0, False)):  # counts lag, so a usual reading has to agree that it was one
        fake.later(seconds)
        assert await fake.tick() is None
        assert (fake.sizes, "activationPendingSince" in fake.status["memory"]) == ((0, 500), pending)


async def test_an_empty_queue_is_confirmed_by_a_reading_of_its_own_as_soon_as_the_last_pod_may_go() -> None:
    fake = FakeDependencies(asking(scale_to_zero_after_seconds=7, scale_down=window(0)), target(1), queues=backlog(0))
    assert await fake.tick() is None
    fake.later(5)
    assert await fake.tick() == 2.0
    fake.shared = reading(0, time=fake.now)
    fake.later(2)
    assert await fake.tick() is None
    assert fake.sizes == (0, 501)


async def test_another_pools_reading_of_the_same_interval_is_used() -> None:
    fake = FakeDependencies(shared=reading(249, time=ago(3)))
    await fake.tick()
    assert fake.sizes == (50, 501)


async def test_a_sample_of_the_workers_reaches_the_decision() -> None:
    fake = FakeDependencies(sample=Sample(ago(1), concurrency=8))
    await fake.tick()
    assert fake.status["memory"]["workers"] == {"concurrency": 8}


async def test_a_pool_that_is_paused_until_a_time_reads_nothing_and_goes_on_then_by_itself() -> None:
    fake = FakeDependencies(asking(paused_until=ago(-63)), queues=backlog(249))
    assert await fake.tick() is None  # later than the next usual tick
    assert (fake.sizes, fake.status["lastDecision"]["reason"]) == ((10, 500), "Paused")
    assert (fake.count("queue_reads_total", outcome="ok"), fake.count("paused_until_timestamp_seconds")) == (
        0,
        ago(-63).timestamp(),
    )
    fake.later(60)
    assert await fake.tick() == 3
    fake.later(3)
    await fake.tick()
    assert (fake.sizes[0], fake.count("paused_until_timestamp_seconds")) == (50, None)
    assert condition(fake.status, ConditionType.SCALING_ACTIVE)["reason"] == "ScalingActive"


def telling(url: str, **differs: Any) -> Any:
    variables = (("worker", "QUEUE_URL", url),)
    return target(environment=PodEnvironment(("worker",), variables=variables), **differs)


OF_A_VARIABLE = asking(queues=(QueueVariable("worker", "QUEUE_URL"),))


async def test_the_queue_that_a_variable_names_is_read_and_followed_when_the_deployment_changes() -> None:
    other = f"{URL}-of-tomorrow"
    fake = FakeDependencies(OF_A_VARIABLE, telling(URL), queues=backlog(249) | {other: reading(100)})
    await fake.tick()
    assert (fake.sizes[0], fake.count("queue_messages", queue="thumbnails", state="visible")) == (50, 249)
    assert fake.stored
    assert fake.stored.status.memory.belongs_to
    assert fake.stored.status.memory.belongs_to.queues == digest((QueueRef(URL),))
    fake.deployment = fake.known = telling(other, replicas=10, resource_version=900, generation=2)
    fake.later(5)
    await fake.tick()
    assert (fake.sizes[0], fake.status["backlog"]["total"]) == (20, 100)
    assert fake.count("queue_messages", queue="thumbnails-of-tomorrow", state="visible") == 100


async def test_a_variable_without_a_url_holds_the_size_and_says_what_to_do() -> None:
    fake = FakeDependencies(OF_A_VARIABLE, target(environment=PodEnvironment(("main",))))
    await fake.tick()
    assert (fake.sizes, fake.status["lastDecision"]["reason"]) == ((10, 500), "QueueUnreadable")
    reachable = condition(fake.status, ConditionType.QUEUE_REACHABLE)
    problem = "the pod template has no container of that name (it has: main): correct containerName"
    assert reachable["reason"] == "QueueAddressInvalid"
    assert reachable["message"] == f"variable QUEUE_URL of container worker: {problem}"


async def test_tenants_rules_hold_for_what_a_variable_names() -> None:
    others = Tenancy.parse('[{"namespaces": ["*"], "queues": ["arn:aws:sqs:eu-west-1:123456789012:other-*"]}]')
    fake = FakeDependencies(OF_A_VARIABLE, telling(URL), queues=backlog(249), tenancy=others)
    await fake.tick()
    assert fake.sizes == (10, 500)
    assert condition(fake.status, ConditionType.QUEUE_REACHABLE)["reason"] == "QueueNotAllowed"
