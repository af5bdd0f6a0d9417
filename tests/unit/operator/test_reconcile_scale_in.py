"""One tick that scales in, and one that meets another writer: what the state is like afterwards."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    TargetKindError,
    TargetKindMissingError,
    TargetKindNotAllowedError,
)
from queueworkerpool.model import BusyWorkers, Event, Mode, Pool, Removal, ScaleTarget, Worker
from queueworkerpool.names import ConditionType, EventType, Reason
from queueworkerpool.sizing import MessagesPerPod
from tests.unit.operator.builders import SPEC, URL, pods, pool, reading, window, worker
from tests.unit.operator.fakes import FakeDependencies, condition, target

REPORTING: dict[str, Any] = {"memory": {"workers": {"concurrency": 4.0}}}
SCALED = {"lastScaleTime": "2026-11-23T11:00:00Z"}


def shrinking(**spec: Any) -> Any:
    return pool(spec=replace(SPEC, scale_down=window(0), **spec), status=REPORTING)


def in_flight_only(in_flight: int) -> Any:
    return {URL: reading(0, in_flight)}


async def test_idle_pods_are_marked_and_then_scaled_in() -> None:
    fake = FakeDependencies(shrinking(), queues=in_flight_only(20), pods=pods(idle=6, busy=4))
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((4, 501), {f"pod-{number:03}" for number in range(4, 10)})
    assert fake.count("scale_writes_total", direction="down") == 1


async def test_busy_pods_stay_and_the_status_says_why() -> None:
    fake = FakeDependencies(shrinking(), queues=in_flight_only(20), pods=pods(idle=1, busy=9))
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((9, 501), {"pod-009"})
    assert fake.status["lastDecision"]["reason"] == Reason.WAITING_FOR_IDLE_WORKERS
    assert fake.count("waiting_for_idle_workers") == 5


async def test_no_pod_is_marked_for_a_pool_that_is_gone() -> None:
    fake = FakeDependencies(
        shrinking(), queues=in_flight_only(20), pods=pods(idle=6, busy=4), broken={"confirm": ClusterError("gone")}
    )
    with pytest.raises(ClusterError):
        await fake.tick()
    assert (fake.sizes, fake.marked) == ((10, 500), set())


async def test_marks_without_a_scale_in_are_cleared() -> None:
    fake = FakeDependencies(marked={"pod-001"})
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((10, 500), set())


async def test_a_stateful_sets_idle_pods_at_the_top_go_and_none_is_marked() -> None:
    numbered = tuple(worker(f"jobs-{n}", int(n == 6), ordinal=n) for n in range(10))
    fake = FakeDependencies(
        shrinking(),
        target(10, removal=Removal.HIGHEST_ORDINAL),
        queues=in_flight_only(20),
        pods=numbered,
    )
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((7, 501), set())


async def test_workers_of_a_kind_whose_pods_nobody_can_choose_are_not_asked() -> None:
    fake = FakeDependencies(
        shrinking(),
        target(10, removal=Removal.UNKNOWN),
        queues=in_flight_only(20),
        broken={"query": ClusterError("asked")},
    )
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((4, 501), set())
    assert condition(fake.status, ConditionType.WORKERS_PROTECTED)["reason"] == Reason.WORKERS_NOT_PROTECTABLE


async def test_pods_of_such_a_kind_keep_the_marks_that_another_pool_gave_them() -> None:
    """Its selector may match pods of a Deployment that another pool is about to scale in."""
    unknown = target(10, removal=Removal.UNKNOWN)
    marks: dict[str, ClusterError] = {name: ClusterError(name) for name in ("mark", "clear")}
    scaled_in = FakeDependencies(shrinking(), unknown, queues=in_flight_only(20), broken=dict(marks))
    await scaled_in.tick()
    steady = FakeDependencies(deployment=unknown, broken=dict(marks))
    await steady.tick()
    assert (scaled_in.sizes, steady.sizes) == ((4, 501), (10, 500))


@pytest.mark.parametrize("error", [TargetKindMissingError("no Rollout"), TargetKindNotAllowedError("no Rollout")])
async def test_a_kind_that_cannot_be_scaled_is_reported_and_nothing_is_read_or_scaled(error: TargetKindError) -> None:
    fake = FakeDependencies(queues={}, broken={"current": error})
    await fake.tick()
    found = condition(fake.status, ConditionType.TARGET_FOUND)
    assert (fake.sizes, found["status"], found["reason"], found["message"]) == (
        (10, 500),
        "False",
        error.reason,
        "no Rollout",
    )
    assert [event.reason for event in fake.events] == [error.reason]


async def test_workers_are_asked_only_before_a_scale_in() -> None:
    fake = FakeDependencies(queues={URL: reading(249)}, broken={"query": ClusterError("asked")})
    await fake.tick()
    assert fake.sizes == (50, 501)


async def test_a_scale_out_asks_nobody_though_messages_wait_above_what_the_load_needs() -> None:
    """Messages hold the ten pods, about which workers would be asked; minReplicas wants twenty at once."""
    held = {"memory": REPORTING["memory"] | {"heldSince": "2026-11-23T11:59:42Z"}}
    slow = pool(spec=replace(SPEC, scale_down=window(0), target=MessagesPerPod(100), min_replicas=20), status=held)
    fake = FakeDependencies(slow, queues={URL: reading(500)}, broken={"query": ClusterError("asked")})
    await fake.tick()
    assert fake.sizes == (20, 501)
    assert [step["reason"] for step in fake.status["lastDecision"]["trail"]][1] == Reason.MESSAGES_WAITING


async def test_no_worker_is_asked_where_busy_workers_are_drained() -> None:
    fake = FakeDependencies(
        shrinking(busy_workers=BusyWorkers.DRAIN), queues=in_flight_only(20), broken={"query": ClusterError("asked")}
    )
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((4, 501), set())


async def test_a_dry_run_marks_no_pod() -> None:
    fake = FakeDependencies(shrinking(mode=Mode.DRY_RUN), queues=in_flight_only(20), pods=pods(idle=6, busy=4))
    await fake.tick()
    assert (fake.sizes, fake.marked, fake.status["desiredReplicas"]) == ((10, 500), set(), 4)


async def test_workers_that_stop_to_answer_are_told_while_they_are_waited_for() -> None:
    fake = FakeDependencies(shrinking(), queues=in_flight_only(20), pods=pods(idle=0, silent=10))
    await fake.tick()
    told = condition(fake.status, ConditionType.WORKERS_PROTECTED)
    assert (fake.sizes, told["status"], told["reason"]) == ((10, 500), "False", Reason.WORKERS_SILENT)
    fake.pods = pods(idle=0, busy=1, silent=9)
    fake.later(5)
    await fake.tick()
    assert condition(fake.status, ConditionType.WORKERS_PROTECTED)["status"] == "True"


async def test_what_a_dry_run_waited_for_is_no_wait_once_the_pool_is_active() -> None:
    """A dry run stops nobody. After an hour of it an active pool took eight busy workers within seconds."""
    fake = FakeDependencies(shrinking(mode=Mode.DRY_RUN), queues=in_flight_only(10), pods=pods(idle=2, busy=8))
    await fake.tick()
    fake.later(3600)
    stored = fake.stored
    assert isinstance(stored, Pool)
    fake.stored = replace(stored, spec=replace(stored.spec, mode=Mode.ACTIVE), generation=stored.generation + 1)
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((8, 501), {"pod-008", "pod-009"})
    assert fake.status["memory"]["waitingSince"].startswith("2026-11-23T13:00:00")


async def test_another_writers_change_is_corrected_and_reported_once() -> None:
    fake = FakeDependencies(pool(status=SCALED))
    for writes in (1, 2):
        fake.scaled_by_other("kubectl", 3)
        await fake.tick()
        assert (fake.sizes[0], fake.status["memory"]["competingWriter"]["writes"]) == (10, writes)
        fake.later(20)
    corrected = "kubectl had set 3 replicas: change the pool instead, or pause it"
    assert [event for event in fake.events if event.reason != Reason.SUCCESSFUL_RESCALE] == [
        Event(EventType.NORMAL, Reason.REPLICAS_CORRECTED, corrected)
    ]


async def test_another_writer_that_set_the_desired_size_is_not_corrected() -> None:
    fake = FakeDependencies(pool(status=SCALED), deployment=target(10, writer=("kubectl", reading().time)))
    await fake.tick()
    assert (fake.sizes, fake.events) == ((10, 500), [])


async def test_the_third_change_is_a_conflict_and_not_corrected() -> None:
    fake = FakeDependencies(pool(status=SCALED))
    for _ in range(3):
        fake.scaled_by_other("keda", 3)
        await fake.tick()
        fake.later(20)
    await fake.tick()
    assert fake.sizes[0] == 3
    message = "keda keeps writing the Deployment's replicas too: remove it, or take replicas out of its manifest"
    assert fake.events[-1] == Event(EventType.WARNING, Reason.SCALE_CONFLICT, message)
    assert fake.event_reasons.count(Reason.SCALE_CONFLICT) == 1
    assert condition(fake.status, ConditionType.SCALE_CONFLICT)["status"] == "True"


async def test_a_conflict_ends_when_the_other_writer_is_quiet() -> None:
    fake = FakeDependencies(pool(status=SCALED))
    for _ in range(3):
        fake.scaled_by_other("keda", 3)
        await fake.tick()
        fake.later(20)
    fake.later(300)
    await fake.tick()
    assert fake.sizes[0] == 10
    assert condition(fake.status, ConditionType.SCALE_CONFLICT)["status"] == "False"


async def test_before_our_first_write_no_other_writer_competes() -> None:
    fake = FakeDependencies(deployment=target(3, writer=("helm", reading().time)))
    await fake.tick()
    assert (fake.sizes, fake.event_reasons) == ((10, 501), [Reason.SUCCESSFUL_RESCALE])
    assert "competingWriter" not in fake.status["memory"]


@dataclass
class Flapping(FakeDependencies):
    """The Deployment is written by somebody else while a tick asks, marks and writes."""

    differs: dict[str, Any] = field(default_factory=dict)
    writes_missed: int = 0

    async def query(self, *args: Any) -> tuple[Worker, ...]:
        found = await super().query(*args)
        self.status_changes(ready_replicas=9, **self.differs)
        return found

    async def confirm(self, pool: Any) -> None:
        await super().confirm(pool)
        self.status_changes(ready_replicas=10)

    async def scale(self, scale_target: ScaleTarget, replicas: int, resource_version: int) -> int:
        if self.writes_missed:
            self.writes_missed -= 1
            self.status_changes(ready_replicas=9 + self.writes_missed % 2)
        return await super().scale(scale_target, replicas, resource_version)


@pytest.mark.looptime
@pytest.mark.parametrize("missed", [0, 1, 4])
async def test_a_status_that_flaps_faster_than_workers_answer_holds_up_no_scale_in(missed: int) -> None:
    fake = Flapping(shrinking(), queues=in_flight_only(20), pods=pods(idle=6, busy=4), writes_missed=missed)
    await fake.tick()
    assert fake.sizes == (4, 503 + missed)


@pytest.mark.looptime
@pytest.mark.parametrize(
    "differs",
    [{"generation": 2}, {"replicas": 9}, {"uid": "another"}, {"rolling_out": True}],
    ids=["edited", "scaled", "recreated", "rolling out"],
)
async def test_a_deployment_that_was_changed_meanwhile_is_decided_on_anew(differs: dict[str, Any]) -> None:
    fake = Flapping(shrinking(), queues=in_flight_only(20), pods=pods(idle=6, busy=4), differs=differs)
    with pytest.raises(ClusterConflictError):
        await fake.tick()
    assert fake.sizes[0] == differs.get("replicas", 10)
