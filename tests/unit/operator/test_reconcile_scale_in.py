"""One tick that scales in, and one that meets another writer: what the state is like afterwards."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.model import BusyWorkers, Event, Mode, NamespacedName, Worker
from queueworkerpool.names import ConditionType, EventType, Reason
from tests.unit.operator.builders import SPEC, URL, pods, pool, reading, window
from tests.unit.operator.fakes import FakeDependencies, condition, target

TALKING: dict[str, Any] = {"memory": {"workers": {"concurrency": 4.0}}}
SCALED = {"lastScaleTime": "2026-11-23T11:00:00Z"}


def shrinking(**spec: Any) -> Any:
    return pool(spec=replace(SPEC, scale_down=window(0), **spec), status=TALKING)


def quiet(in_flight: int) -> Any:
    return {URL: reading(0, in_flight)}


async def test_the_idle_go_and_are_marked_before() -> None:
    fake = FakeDependencies(shrinking(), queues=quiet(20), pods=pods(idle=6, busy=4))
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((4, 501), {f"pod-{number:03}" for number in range(4, 10)})
    assert fake.count("scale_writes_total", direction="down") == 1


async def test_the_busy_stay_and_the_status_says_why() -> None:
    fake = FakeDependencies(shrinking(), queues=quiet(20), pods=pods(idle=1, busy=9))
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((9, 501), {"pod-009"})
    assert fake.status["lastDecision"]["reason"] == Reason.WAITING_FOR_IDLE_WORKERS
    assert fake.count("waiting_for_idle_workers") == 5


async def test_nobody_is_marked_when_the_mark_would_come_too_late() -> None:
    fake = FakeDependencies(
        shrinking(), queues=quiet(20), pods=pods(idle=6, busy=4), broken={"confirm": ClusterError("gone")}
    )
    with pytest.raises(ClusterError):
        await fake.tick()
    assert (fake.sizes, fake.marked) == ((10, 500), set())


async def test_marks_of_pods_that_need_not_go_after_all_are_cleared() -> None:
    fake = FakeDependencies(marked={"pod-001"})
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((10, 500), set())


async def test_workers_are_asked_only_when_some_would_go() -> None:
    fake = FakeDependencies(queues={URL: reading(249)}, broken={"look": ClusterError("asked")})
    await fake.tick()
    assert fake.sizes == (50, 501)


async def test_nobody_is_asked_where_busy_workers_are_not_spared() -> None:
    fake = FakeDependencies(
        shrinking(busy_workers=BusyWorkers.DRAIN), queues=quiet(20), broken={"look": ClusterError("asked")}
    )
    await fake.tick()
    assert (fake.sizes, fake.marked) == ((4, 501), set())


async def test_a_dry_run_asks_and_marks_nobody_it_will_not_send_away() -> None:
    fake = FakeDependencies(shrinking(mode=Mode.DRY_RUN), queues=quiet(20), pods=pods(idle=6, busy=4))
    await fake.tick()
    assert (fake.sizes, fake.marked, fake.status["desiredReplicas"]) == ((10, 500), set(), 4)


async def test_somebodys_change_is_corrected_and_told_once() -> None:
    fake = FakeDependencies(pool(status=SCALED))
    for round_ in (1, 2):
        fake.scaled_by_other("kubectl", 3)
        await fake.tick()
        assert (fake.sizes[0], fake.status["memory"]["competingWriter"]["writes"]) == (10, round_)
        fake.later(20)
    corrected = "kubectl had set 3 replicas: change the pool instead, or pause it"
    assert [event for event in fake.events if event.reason != Reason.SUCCESSFUL_RESCALE] == [
        Event(EventType.NORMAL, Reason.REPLICAS_CORRECTED, corrected)
    ]


async def test_somebody_who_changed_nothing_that_matters_is_not_corrected() -> None:
    fake = FakeDependencies(pool(status=SCALED), deployment=target(10, writer=("kubectl", reading().time)))
    await fake.tick()
    assert (fake.sizes, fake.events) == ((10, 500), [])


async def test_the_third_round_is_named_a_conflict_and_fought_no_more() -> None:
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


async def test_the_conflict_ends_when_the_other_is_quiet() -> None:
    fake = FakeDependencies(pool(status=SCALED))
    for _ in range(3):
        fake.scaled_by_other("keda", 3)
        await fake.tick()
        fake.later(20)
    fake.later(300)
    await fake.tick()
    assert fake.sizes[0] == 10
    assert condition(fake.status, ConditionType.SCALE_CONFLICT)["status"] == "False"


async def test_before_our_first_write_nobody_is_a_rival() -> None:
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

    async def scale(self, deployment: NamespacedName, replicas: int, resource_version: int) -> int:
        if self.writes_missed:
            self.writes_missed -= 1
            self.status_changes(ready_replicas=9 + self.writes_missed % 2)
        return await super().scale(deployment, replicas, resource_version)


@pytest.mark.looptime
@pytest.mark.parametrize("missed", [0, 1, 4])
async def test_a_status_that_flaps_faster_than_workers_answer_holds_up_no_scale_in(missed: int) -> None:
    fake = Flapping(shrinking(), queues=quiet(20), pods=pods(idle=6, busy=4), writes_missed=missed)
    await fake.tick()
    assert fake.sizes == (4, 503 + missed)


@pytest.mark.looptime
@pytest.mark.parametrize(
    "differs",
    [{"generation": 2}, {"replicas": 9}, {"uid": "another"}, {"rolling_out": True}],
    ids=["edited", "scaled", "recreated", "rolling out"],
)
async def test_a_deployment_that_was_changed_meanwhile_is_decided_on_anew(differs: dict[str, Any]) -> None:
    fake = Flapping(shrinking(), queues=quiet(20), pods=pods(idle=6, busy=4), differs=differs)
    with pytest.raises(ClusterConflictError):
        await fake.tick()
    assert fake.sizes[0] == differs.get("replicas", 10)
