"""One tick in which something fails or prevents scaling: what the state is like afterwards."""

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
from queueworkerpool.model import Event, NamespacedName, Pool, QueueRef, ScaleTarget, Schedule
from queueworkerpool.names import ConditionType, EventType, Reason
from tests.unit.operator.builders import SPEC, URL, invalid_pool, pods, pool, reading, window
from tests.unit.operator.fakes import FakeDependencies, condition, target

OTHER_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/invoices"
REPORTING = {"memory": {"workers": {"concurrency": 4}}}


def backlog(visible: int, in_flight: int = 0) -> Any:
    return {URL: reading(visible, in_flight)}


def asking(**spec: Any) -> Any:
    return pool(spec=replace(SPEC, **spec))


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
async def test_after_a_failure_nothing_more_is_written(method: str, error: ClusterError) -> None:
    fake = FakeDependencies(pool(status=REPORTING), queues=backlog(0, 20), pods=pods(10), broken={method: error})
    assert isinstance(fake.stored, Pool)
    fake.stored = replace(fake.stored, spec=replace(SPEC, scale_down=window(0)))
    with pytest.raises(type(error)):
        await fake.tick()
    assert (fake.sizes, fake.status, fake.events, fake.known) == ((10, 500), REPORTING, [], fake.deployment)
    assert (fake.count("scale_writes_total", direction="down") or 0) == 0
    assert fake.count("condition", type="Ready", status="True") is None


async def test_a_deployment_that_changed_since_the_decision_is_not_overwritten() -> None:
    fake = FakeDependencies(queues=backlog(249), known=target(10, resource_version=499))
    with pytest.raises(ClusterConflictError):
        await fake.tick()
    assert (fake.sizes, fake.status, fake.events) == ((10, 500), {}, [])


async def test_a_pool_that_was_created_again_is_not_scaled_by_the_deleted_ones_spec() -> None:
    fake = FakeDependencies(pool(uid="uid-2"), queues=backlog(249))
    with pytest.raises(PoolGoneError):
        await fake.tick(watched=pool(uid="uid-1"))
    assert (fake.sizes, fake.status, fake.events) == ((10, 500), {}, [])


async def test_a_status_that_cannot_be_written_is_written_by_the_next_tick() -> None:
    fake = FakeDependencies(queues=backlog(249), broken={"write_status": ClusterError("no")})
    with pytest.raises(ClusterError):
        await fake.tick()
    assert (fake.sizes, fake.status, fake.events) == ((50, 501), {}, [])
    assert fake.count("condition", type="Ready", status="True") is None
    fake.broken.clear()
    await fake.tick()
    assert (fake.sizes, fake.status["replicas"]) == ((50, 501), 50)


@pytest.mark.parametrize("method", ["scale", "write_status", "post_event"])
async def test_a_process_that_lost_the_lease_stops_at_once_and_reports_nothing(
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


async def test_an_event_that_cannot_be_posted_costs_only_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
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
        FakeDependencies(queues=backlog(249), own=ScaleTarget("shop", "thumbnailer")),
        None,
        Reason.TARGET_NOT_ALLOWED,
        "Deployment thumbnailer is the operator's own: correct spec.scaleTargetRef.name",
    ),
    "the operator's own Deployment, and another pool on it": (
        FakeDependencies(queues=backlog(0), own=ScaleTarget("shop", "thumbnailer")),
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
    "a queue that does not exist": (
        FakeDependencies(queues={URL: QueueNotFoundError("thumbnails: no such queue")}),
        None,
        Reason.QUEUE_NOT_FOUND,
        "thumbnails: no such queue",
    ),
}


@pytest.mark.parametrize(("fake", "owner", "reason", "message"), UNSCALABLE.values(), ids=UNSCALABLE.keys())
async def test_what_prevents_scaling_is_reported_once_and_changes_no_size(
    fake: FakeDependencies, owner: NamespacedName | None, reason: Reason, message: str
) -> None:
    before, fake = fake.deployment, replace(fake, events=[])
    for _ in range(3):
        await fake.tick(owner)
        fake.later(60)
    ready = condition(fake.status, ConditionType.READY)
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", reason, message)
    assert (fake.events, fake.deployment) == ([Event(EventType.WARNING, reason, message)], before)


async def test_one_unreadable_queue_of_two_is_reported_and_lowers_no_size() -> None:
    both = asking(queues=(QueueRef(URL), QueueRef(OTHER_URL)), scale_down=window(0))
    fake = FakeDependencies(both, queues=backlog(5) | {OTHER_URL: QueueNotFoundError("invoices: no such queue")})
    await fake.tick()
    assert (fake.sizes, fake.event_reasons) == ((10, 500), [Reason.QUEUE_NOT_FOUND])
    assert (fake.count("queue_reads_total", outcome="ok"), fake.status["desiredReplicas"]) == (1, 10)
