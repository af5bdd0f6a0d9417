"""One tick: what the state is like afterwards, whatever the doors do."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    NotLeadingError,
    PoolGoneError,
    QueueNotFoundError,
    TargetGoneError,
)
from queueworkerpool.model import Event, Mode, NamespacedName, Pool, QueueRef, Sample, Schedule
from queueworkerpool.names import ConditionType, EventType, Reason
from tests.unit.operator.builders import SPEC, URL, ago, invalid_pool, pods, pool, reading, window
from tests.unit.operator.fakes import FakeDependencies, condition, target

OTHER_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/invoices"
TALKING = {"memory": {"workers": {"concurrency": 4}}}


def backlog(visible: int, in_flight: int = 0) -> Any:
    return {URL: reading(visible, in_flight)}


def asking(**spec: Any) -> Any:
    return pool(spec=replace(SPEC, **spec))


async def test_a_backlog_is_met_by_one_write_and_everybody_hears_of_it() -> None:
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
    assert fake.events == [Event(EventType.NORMAL, Reason.SUCCESSFUL_RESCALE, message)]
    assert (fake.count("scale_writes_total", direction="up"), fake.count("desired_replicas")) == (1, 50)


async def test_our_own_write_is_known_before_the_watch_shows_it() -> None:
    fake = FakeDependencies(queues=backlog(249))
    await fake.tick()
    assert fake.known == target(50, ready_replicas=10, resource_version=501, settled=False, writer=_ours(fake))
    await fake.tick()
    assert fake.sizes == (50, 501)


def _ours(fake: FakeDependencies) -> tuple[str, Any]:
    return "queueworkerpool", fake.now


async def test_a_calm_pool_is_told_of_once_and_then_left_alone() -> None:
    fake = FakeDependencies()
    await fake.tick()
    first = fake.stored
    assert first
    assert first.resource_version == 101
    fake.later(60)
    await fake.tick()
    assert (fake.stored, fake.sizes, fake.events) == (first, (10, 500), [])


async def test_counts_alone_are_told_every_fifteen_seconds() -> None:
    fake = FakeDependencies()
    await fake.tick()
    fake.queues = backlog(0, 49)
    for seconds, told in ((5, 50), (5, 50), (5, 49)):
        fake.later(seconds)
        await fake.tick()
        assert fake.status["backlog"]["total"] == told


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("query", ClusterError("no pods")),
        ("confirm", PoolGoneError("deleted")),
        ("mark", ClusterError("no marks")),
        ("scale", ClusterConflictError("changed")),
        ("scale", TargetGoneError("deleted")),
    ],
)
async def test_after_a_failed_write_nothing_happens(method: str, error: ClusterError) -> None:
    fake = FakeDependencies(pool(status=TALKING), queues=backlog(0, 20), pods=pods(10), broken={method: error})
    assert isinstance(fake.stored, Pool)
    fake.stored = replace(fake.stored, spec=replace(SPEC, scale_down=window(0)))
    with pytest.raises(type(error)):
        await fake.tick()
    assert (fake.sizes, fake.status, fake.events, fake.known) == ((10, 500), TALKING, [], fake.deployment)
    assert (fake.count("scale_writes_total", direction="down") or 0) == 0
    assert fake.count("condition", type="Ready", status="True") is None


async def test_a_deployment_that_changed_meanwhile_is_not_overwritten() -> None:
    fake = FakeDependencies(queues=backlog(249), known=target(10, resource_version=499))
    with pytest.raises(ClusterConflictError):
        await fake.tick()
    assert (fake.sizes, fake.status, fake.events) == ((10, 500), {}, [])


async def test_a_pool_that_was_made_anew_is_not_scaled_by_the_old_ones_rules() -> None:
    fake = FakeDependencies(pool(uid="uid-2"), queues=backlog(249))
    with pytest.raises(PoolGoneError):
        await fake.tick(watched=pool(uid="uid-1"))
    assert (fake.sizes, fake.status, fake.events) == ((10, 500), {}, [])


async def test_a_status_that_cannot_be_written_tells_nobody_and_is_made_good_for() -> None:
    fake = FakeDependencies(queues=backlog(249), broken={"write_status": ClusterError("no")})
    with pytest.raises(ClusterError):
        await fake.tick()
    assert (fake.sizes, fake.status, fake.events) == ((50, 501), {}, [])
    assert fake.count("condition", type="Ready", status="True") is None
    fake.broken.clear()
    await fake.tick()
    assert (fake.sizes, fake.status["replicas"]) == ((50, 501), 50)


@pytest.mark.parametrize("method", ["scale", "write_status", "post_event"])
async def test_a_process_that_lost_the_lead_stops_where_it_is_and_counts_and_tells_nothing(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeDependencies(
        queues=backlog(249), broken={method: NotLeadingError("this process does not hold the Lease")}
    )
    with pytest.raises(NotLeadingError):
        await fake.tick()
    assert fake.events == []
    assert bool(fake.count("scale_writes_total", direction="up")) is (method != "scale")
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


async def test_an_event_that_cannot_be_posted_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeDependencies(queues=backlog(249), broken={"post_event": ClusterError("no events today")})
    with caplog.at_level(logging.WARNING):
        await fake.tick()
    assert (fake.sizes, fake.status["desiredReplicas"], fake.events) == ((50, 501), 50, [])
    [record] = caplog.records
    assert (record.message, vars(record)["event"], vars(record)["error"]) == (
        "event not posted",
        "SuccessfulRescale",
        "no events today",
    )


async def test_a_rescale_is_one_line_of_log(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeDependencies(queues=backlog(249))
    with caplog.at_level(logging.INFO):
        await fake.tick()
    [record] = caplog.records
    pairs = {name: vars(record)[name] for name in ("pool", "from", "to", "reason")}
    assert (record.message, pairs) == (
        "pool rescaled",
        {"pool": "shop/thumbnails", "from": 10, "to": 50, "reason": "SizedByBacklog"},
    )


async def test_a_dry_run_decides_reports_and_scales_nothing() -> None:
    fake = FakeDependencies(asking(mode=Mode.DRY_RUN), queues=backlog(249))
    await fake.tick()
    assert (fake.sizes, fake.status["desiredReplicas"], fake.events) == ((10, 500), 50, [])
    assert fake.status["lastDecision"]["reason"] == Reason.SIZED_BY_BACKLOG
    assert "lastScaleTime" not in fake.status


async def test_a_paused_pool_does_not_even_read() -> None:
    fake = FakeDependencies(asking(mode=Mode.PAUSED), queues={URL: QueueNotFoundError("no such queue")})
    await fake.tick()
    assert (fake.sizes, fake.events) == ((10, 500), [])
    assert condition(fake.status, ConditionType.QUEUE_REACHABLE)["reason"] == Reason.PAUSED
    assert fake.count("queue_reads_total", outcome="not_found") == 0


UNSCALABLE: dict[str, tuple[FakeDependencies, NamespacedName | None, Reason, str]] = {
    "no Deployment": (
        FakeDependencies(deployment=None),
        None,
        Reason.TARGET_NOT_FOUND,
        "there is no Deployment thumbnailer in this namespace: create it, or correct spec.scaleTargetRef.name",
    ),
    "another's Deployment": (
        FakeDependencies(queues=backlog(249)),
        NamespacedName("shop", "older"),
        Reason.TARGET_CONFLICT,
        "the older pool older already scales Deployment thumbnailer: delete one of the two pools",
    ),
    "the operator's own Deployment": (
        FakeDependencies(queues=backlog(249), own=NamespacedName("shop", "thumbnailer")),
        None,
        Reason.TARGET_NOT_ALLOWED,
        "Deployment thumbnailer is the operator's own: correct spec.scaleTargetRef.name",
    ),
    "the operator's own Deployment, and another pool on it": (
        FakeDependencies(queues=backlog(0), own=NamespacedName("shop", "thumbnailer")),
        NamespacedName("shop", "older"),
        Reason.TARGET_NOT_ALLOWED,
        "Deployment thumbnailer is the operator's own: correct spec.scaleTargetRef.name",
    ),
    "a spec of another CRD": (
        FakeDependencies(invalid_pool("the stored spec lacks 'mode'")),
        None,
        Reason.INVALID_SPEC,
        "the stored spec lacks 'mode'",
    ),
    "a schedule in no time zone": (
        FakeDependencies(asking(schedules=(Schedule("day", "0 9 * * *", 60, "Mars/Olympus", 1),)), queues=backlog(249)),
        None,
        Reason.INVALID_SPEC,
        "spec.schedules[name=day].timeZone: there is no time zone 'Mars/Olympus'; use a name such as Europe/Berlin",
    ),
    "a queue that is not there": (
        FakeDependencies(queues={URL: QueueNotFoundError("thumbnails: no such queue")}),
        None,
        Reason.QUEUE_NOT_FOUND,
        "thumbnails: no such queue",
    ),
}


@pytest.mark.parametrize(("fake", "owner", "reason", "message"), UNSCALABLE.values(), ids=UNSCALABLE.keys())
async def test_what_stands_in_the_way_is_told_once_and_moves_nothing(
    fake: FakeDependencies, owner: NamespacedName | None, reason: Reason, message: str
) -> None:
    before, fake = fake.deployment, replace(fake, events=[])
    for _ in range(3):
        await fake.tick(owner)
        fake.later(60)
    ready = condition(fake.status, ConditionType.READY)
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", reason, message)
    assert (fake.events, fake.deployment) == ([Event(EventType.WARNING, reason, message)], before)


@pytest.mark.parametrize("own", [NamespacedName("system", "thumbnailer"), NamespacedName("shop", "queueworkerpool")])
async def test_a_deployment_that_only_resembles_the_operators_own_is_scaled(own: NamespacedName) -> None:
    fake = FakeDependencies(queues=backlog(249), own=own)
    await fake.tick()
    assert fake.sizes == (50, 501)


async def test_one_unreadable_queue_of_two_is_told_and_lowers_nothing() -> None:
    both = asking(queues=(QueueRef(URL), QueueRef(OTHER_URL)), scale_down=window(0))
    fake = FakeDependencies(both, queues=backlog(5) | {OTHER_URL: QueueNotFoundError("invoices: no such queue")})
    await fake.tick()
    assert (fake.sizes, fake.event_reasons) == ((10, 500), [Reason.QUEUE_NOT_FOUND])
    assert (fake.count("queue_reads_total", outcome="ok"), fake.status["desiredReplicas"]) == (1, 10)


async def test_a_glimpse_is_looked_at_again_soon_by_a_reading_of_its_own() -> None:
    fake = FakeDependencies(deployment=target(0), queues=backlog(1))
    assert await fake.tick() == 1.5
    fake.shared = reading(1, time=fake.now)
    fake.queues = backlog(0)
    fake.later(1.5)
    assert await fake.tick() is None
    assert (fake.sizes, "activationPendingSince" in fake.status["memory"]) == ((0, 500), False)


async def test_a_reading_that_another_pool_made_within_the_interval_will_do() -> None:
    fake = FakeDependencies(shared=reading(249, time=ago(5)))
    await fake.tick()
    assert fake.sizes == (50, 501)


async def test_what_workers_told_of_themselves_reaches_the_decision() -> None:
    fake = FakeDependencies(sample=Sample(ago(1), concurrency=8))
    await fake.tick()
    assert fake.status["memory"]["workers"] == {"concurrency": 8}
