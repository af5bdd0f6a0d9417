"""One tick: what the state is like afterwards."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import (
    QueueNotFoundError,
)
from queueworkerpool.model import Event, Mode, NamespacedName, Sample, SizeChange
from queueworkerpool.names import ConditionType, EventType, Reason
from tests.unit.operator.builders import SPEC, URL, ago, pool, reading
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


@pytest.mark.parametrize("own", [NamespacedName("system", "thumbnailer"), NamespacedName("shop", "queueworkerpool")])
async def test_a_deployment_that_only_resembles_the_operators_own_is_scaled(own: NamespacedName) -> None:
    fake = FakeDependencies(queues=backlog(249), own=own)
    await fake.tick()
    assert fake.sizes == (50, 501)


async def test_what_may_be_an_error_of_the_counts_is_decided_by_a_second_reading() -> None:
    fake = FakeDependencies(deployment=target(0), queues=backlog(1))
    assert await fake.tick() == 1.5
    fake.shared = reading(1, time=fake.now)
    fake.queues = backlog(0)
    fake.later(1.5)
    assert await fake.tick() is None
    assert (fake.sizes, "activationPendingSince" in fake.status["memory"]) == ((0, 500), False)


async def test_another_pools_reading_of_the_same_interval_is_used() -> None:
    fake = FakeDependencies(shared=reading(249, time=ago(5)))
    await fake.tick()
    assert fake.sizes == (50, 501)


async def test_a_sample_of_the_workers_reaches_the_decision() -> None:
    fake = FakeDependencies(sample=Sample(ago(1), concurrency=8))
    await fake.tick()
    assert fake.status["memory"]["workers"] == {"concurrency": 8}
