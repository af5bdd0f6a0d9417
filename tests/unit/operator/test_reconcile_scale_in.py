"""One tick that scales in, and one that meets another writer: what the world is like afterwards."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import ClusterError
from queueworkerpool.model import BusyWorkers, Mode, News
from queueworkerpool.names import ConditionType, EventType, Reason
from tests.unit.operator.sights import Town, condition, target
from tests.unit.operator.worlds import SPEC, URL, crew, pool, reading, window

TALKING: dict[str, Any] = {"memory": {"workers": {"concurrency": 4.0}}}
SCALED = {"lastScaleTime": "2026-11-23T11:00:00Z"}


def shrinking(**spec: Any) -> Any:
    return pool(spec=replace(SPEC, scale_down=window(0), **spec), status=TALKING)


def quiet(in_flight: int) -> Any:
    return {URL: reading(0, in_flight)}


async def test_the_idle_go_and_are_marked_before() -> None:
    town = Town(shrinking(), queues=quiet(20), crew=crew(idle=6, busy=4))
    await town.tick()
    assert (town.sizes, town.marked) == ((4, 501), {f"pod-{number:03}" for number in range(4, 10)})
    assert town.count("scale_writes_total", direction="down") == 1


async def test_the_busy_stay_and_the_status_says_why() -> None:
    town = Town(shrinking(), queues=quiet(20), crew=crew(idle=1, busy=9))
    await town.tick()
    assert (town.sizes, town.marked) == ((9, 501), {"pod-009"})
    assert town.status["lastDecision"]["reason"] == Reason.WAITING_FOR_IDLE_WORKERS
    assert town.count("waiting_for_idle_workers") == 5


async def test_nobody_is_marked_when_the_mark_would_come_too_late() -> None:
    town = Town(shrinking(), queues=quiet(20), crew=crew(idle=6, busy=4), broken={"confirm": ClusterError("gone")})
    with pytest.raises(ClusterError):
        await town.tick()
    assert (town.sizes, town.marked) == ((10, 500), set())


async def test_marks_of_pods_that_need_not_go_after_all_are_cleared() -> None:
    town = Town(marked={"pod-001"})
    await town.tick()
    assert (town.sizes, town.marked) == ((10, 500), set())


async def test_workers_are_asked_only_when_some_would_go() -> None:
    town = Town(queues={URL: reading(249)}, broken={"look": ClusterError("asked")})
    await town.tick()
    assert town.sizes == (50, 501)


async def test_nobody_is_asked_where_busy_workers_are_not_spared() -> None:
    town = Town(shrinking(busy_workers=BusyWorkers.DRAIN), queues=quiet(20), broken={"look": ClusterError("asked")})
    await town.tick()
    assert (town.sizes, town.marked) == ((4, 501), set())


async def test_a_dry_run_asks_and_marks_nobody_it_will_not_send_away() -> None:
    town = Town(shrinking(mode=Mode.DRY_RUN), queues=quiet(20), crew=crew(idle=6, busy=4))
    await town.tick()
    assert (town.sizes, town.marked, town.status["desiredReplicas"]) == ((10, 500), set(), 4)


async def test_somebodys_change_is_corrected_and_told_once() -> None:
    town = Town(pool(status=SCALED))
    for round_ in (1, 2):
        town.scaled_by_other("kubectl", 3)
        await town.tick()
        assert (town.sizes[0], town.status["memory"]["rival"]["rounds"]) == (10, round_)
        town.later(20)
    corrected = "kubectl had set 3 replicas: change the pool instead, or pause it"
    assert [news for news in town.events if news.reason != Reason.SUCCESSFUL_RESCALE] == [
        News(EventType.NORMAL, Reason.REPLICAS_CORRECTED, corrected)
    ]


async def test_somebody_who_changed_nothing_that_matters_is_not_corrected() -> None:
    town = Town(pool(status=SCALED), deployment=target(10, writer=("kubectl", reading().time)))
    await town.tick()
    assert (town.sizes, town.events) == ((10, 500), [])


async def test_the_third_round_is_named_a_conflict_and_fought_no_more() -> None:
    town = Town(pool(status=SCALED))
    for _ in range(3):
        town.scaled_by_other("keda", 3)
        await town.tick()
        town.later(20)
    await town.tick()
    assert town.sizes[0] == 3
    message = "keda keeps writing the Deployment's replicas too: remove it, or take replicas out of its manifest"
    assert town.events[-1] == News(EventType.WARNING, Reason.SCALE_CONFLICT, message)
    assert town.told.count(Reason.SCALE_CONFLICT) == 1
    assert condition(town.status, ConditionType.SCALE_CONFLICT)["status"] == "True"


async def test_the_conflict_ends_when_the_other_is_quiet() -> None:
    town = Town(pool(status=SCALED))
    for _ in range(3):
        town.scaled_by_other("keda", 3)
        await town.tick()
        town.later(20)
    town.later(300)
    await town.tick()
    assert town.sizes[0] == 10
    assert condition(town.status, ConditionType.SCALE_CONFLICT)["status"] == "False"


async def test_before_our_first_write_nobody_is_a_rival() -> None:
    town = Town(deployment=target(3, writer=("helm", reading().time)))
    await town.tick()
    assert (town.sizes, town.told, "memory" in town.status) == ((10, 501), [Reason.SUCCESSFUL_RESCALE], False)
