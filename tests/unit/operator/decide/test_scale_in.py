"""Who goes at scale-in: nobody who works, as long as waiting is allowed, and as a ReplicaSet would take them."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.decide.scale_in import Plan, plan_scale_in
from queueworkerpool.model import BusyWorkers, Fallback, Memory, Pod, Worker, WorkerState
from queueworkerpool.names import Reason
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import NOW, ago, facts, pods, reading, stabilizing, window, worker

IDLE, BUSY, SILENT = worker("idle", 0), worker("busy", 1), worker("silent", None)
STARTING = worker("starting", None, ready=False)
PENDING = worker("pending", None, ready=False, pending=True, running=False)
PULLING = worker("pulling", None, ready=False, pending=True)  # one of its two containers runs already
HOMELESS = worker("homeless", None, ready=False, pending=True, running=False, assigned=False)
CRASHED = worker("crashed", None, ready=False, running=False)
UNWELL_IDLE = worker("unwell-idle", 0, ready=False)
UNWELL_BUSY = worker("unwell-busy", 1, ready=False)

PLANS: dict[str, tuple[tuple[Worker, ...], int, Plan]] = {
    "an idle pod goes": ((BUSY, IDLE), 1, Plan(1, ("idle",))),
    "no more go than are wanted away": (pods(idle=4), 3, Plan(3, ("pod-000",))),
    "a busy pod stays": ((BUSY,), 0, Plan(1)),
    "a silent pod stays": ((SILENT,), 0, Plan(1)),
    "a starting pod stays": ((STARTING,), 0, Plan(1)),
    "a pod of which no container runs goes": ((CRASHED,), 0, Plan(0, ("crashed",))),
    "a pending pod goes": ((PENDING,), 0, Plan(0, ("pending",))),
    "a pending pod with a running container stays": ((PULLING,), 0, Plan(1)),
    "pods without a node go first": ((IDLE, PENDING, HOMELESS), 2, Plan(2, ("homeless",))),
    "then pending ones": ((IDLE, CRASHED, PENDING), 2, Plan(2, ("pending",))),
    "then those that are not ready": ((IDLE, UNWELL_IDLE), 1, Plan(1, ("unwell-idle",))),
    "a starting pod shields the ready ones behind it, which would not be taken": ((IDLE, STARTING), 1, Plan(2)),
    "a busy pod that is not ready shields them too": ((IDLE, UNWELL_BUSY, UNWELL_IDLE), 1, Plan(2, ("unwell-idle",))),
    "a class is left behind before the next is begun": (
        (PENDING, *pods(idle=3)),
        2,
        Plan(2, ("pending", "pod-000")),
    ),
    "a marked pod is chosen again": ((IDLE, worker("zeal", 0, marked=True)), 1, Plan(1, ("zeal",))),
    "pods that are not there yet cost nothing": ((BUSY,), 0, Plan(1)),
    "nobody at all": ((), 0, Plan(0)),
}


@pytest.mark.parametrize(("pods", "wanted", "plan"), PLANS.values(), ids=PLANS.keys())
def test_plan(pods: tuple[Worker, ...], wanted: int, plan: Plan) -> None:
    assert plan_scale_in(pods, len(pods), wanted, NOW) == plan


def test_nothing_goes_while_the_last_scale_in_has_not_taken_its_pods() -> None:
    assert plan_scale_in(pods(idle=5), 3, 1, NOW) == Plan(3)


def test_replicas_without_pods_go_at_once() -> None:
    assert plan_scale_in(pods(idle=0, busy=2), 10, 1, NOW) == Plan(2)


def test_the_least_progressed_go_when_the_wait_is_over() -> None:
    old, young = worker("a-old", 1, 50), worker("b-young", 2, 5)
    assert plan_scale_in((old, SILENT, young, IDLE), 4, 2, NOW, overdue=True) == Plan(2, ("idle", "b-young"))
    assert plan_scale_in((old, SILENT, young, IDLE), 4, 0, NOW, overdue=True) == Plan(
        0, ("idle", "b-young", "a-old", "silent")
    )


def workers() -> st.SearchStrategy[Worker]:
    pods = st.builds(
        Pod,
        name=st.uuids().map(str),
        uid=st.just("uid"),
        ready=st.booleans(),
        assigned=st.booleans(),
        pending=st.booleans(),
        running=st.booleans(),
        marked=st.booleans(),
    )
    states = st.builds(
        WorkerState, busy=st.integers(0, 3), concurrency=st.just(4), finished=st.just(0), busy_seconds=st.just(0.0)
    )
    return st.builds(Worker, pods, st.none() | states)


def taken_by_replica_set(pods: list[Worker], victims: tuple[str, ...], gone: int) -> list[Worker]:
    """Whom the ReplicaSet deletes (ActivePodsWithRanks, Kubernetes 1.36), the worst case where it has a choice."""

    def rank(member: Worker) -> tuple[bool, bool, bool, bool, bool]:
        pod = member.pod
        return (pod.assigned, not pod.pending, pod.ready, pod.name not in victims, member.idle)

    return sorted(pods, key=rank)[:gone]


@given(st.lists(workers(), max_size=12), st.integers(0, 12))
def test_whom_the_replica_set_takes_is_always_idle(pods: list[Worker], wanted: int) -> None:
    # An unassigned pod is pending, and runs nothing.
    pods = [
        replace(member, pod=replace(member.pod, pending=True, running=False, ready=False))
        if not member.pod.assigned
        else replace(member, pod=replace(member.pod, ready=member.pod.ready and not member.pod.pending))
        for member in pods
    ]
    wanted = min(wanted, len(pods))
    plan = plan_scale_in(pods, len(pods), wanted, NOW)
    taken = taken_by_replica_set(pods, plan.victims, len(pods) - plan.replicas)
    assert wanted <= plan.replicas <= len(pods)
    assert all(member.idle for member in taken)
    assert {member.pod.name for member in taken} == set(plan.victims)


TALKING = Memory(workers=WorkerEstimates(concurrency=4))
SHRINKING: dict[str, Any] = {"reading": reading(0, 10), "scale_down": window(0), "memory": TALKING}

DECISIONS: dict[str, tuple[dict[str, Any], int, Reason, tuple[Worker, ...]]] = {
    "idle pods are enough": ({"pods": pods(8, 2)}, 2, Reason.SIZED_BY_BACKLOG, pods(8, 2)[2:]),
    "busy pods stay": ({"pods": pods(3, 7)}, 7, Reason.WAITING_FOR_IDLE_WORKERS, pods(3, 7)[7:]),
    "silent pods stay where others talk": (
        {"pods": pods(3, 1, 6)},
        7,
        Reason.WAITING_FOR_IDLE_WORKERS,
        pods(3, 1, 6)[7:],
    ),
    "nobody has ever talked": ({"pods": pods(0, 0, 10), "memory": Memory()}, 2, Reason.SIZED_BY_BACKLOG, ()),
    "the first to talk are believed": (
        {"pods": pods(3, 7), "memory": Memory()},
        7,
        Reason.WAITING_FOR_IDLE_WORKERS,
        pods(3, 7)[7:],
    ),
    "busy pods stay although the maximum was lowered": (
        {"pods": pods(3, 7), "max_replicas": 1},
        7,
        Reason.WAITING_FOR_IDLE_WORKERS,
        pods(3, 7)[7:],
    ),
    "Drain does not wait": ({"pods": pods(3, 7), "busy_workers": BusyWorkers.DRAIN}, 2, Reason.SIZED_BY_BACKLOG, ()),
    "nobody was asked": ({}, 2, Reason.SIZED_BY_BACKLOG, ()),
    "nobody goes, nobody is marked": ({"pods": pods(10), "reading": reading(50)}, 10, Reason.SIZED_BY_BACKLOG, ()),
    "the wait lasts until its last second": (
        {"pods": pods(0, 10), "memory": replace(TALKING, waiting_since=ago(3599))},
        10,
        Reason.WAITING_FOR_IDLE_WORKERS,
        (),
    ),
    "the wait is over": (
        {"pods": pods(0, 10), "memory": replace(TALKING, waiting_since=ago(3600))},
        2,
        Reason.SIZED_BY_BACKLOG,
        pods(0, 10)[:8],
    ),
    "a fallback spares busy pods too": (
        {
            "pods": pods(3, 7),
            "reading": None,
            "fallback": Fallback(300, 3, only_if_higher=False),
            "memory": replace(TALKING, unreadable_since=ago(300)),
        },
        7,
        Reason.WAITING_FOR_IDLE_WORKERS,
        pods(3, 7)[7:],
    ),
}


@pytest.mark.parametrize(("differs", "replicas", "reason", "victims"), DECISIONS.values(), ids=DECISIONS.keys())
def test_decision(differs: dict[str, Any], replicas: int, reason: Reason, victims: tuple[Worker, ...]) -> None:
    decision = decide(facts(**(SHRINKING | differs)))
    assert (decision.replicas, decision.reason) == (replicas, reason)
    assert decision.victims == tuple(member.pod.name for member in victims)


def test_how_many_wait_and_since_when_is_told() -> None:
    decision = decide(facts(**SHRINKING, pods=pods(3, 7)))
    assert decision.waiting_pods == 5
    assert decision.memory.waiting_since == ago(0)
    assert decision.message == "more pods may go when their workers are idle, and at 13:00:00Z in any case"


def test_nobody_waits_who_has_not_to() -> None:
    decision = decide(facts(**SHRINKING, pods=pods(8, 2)))
    assert (decision.waiting_pods, decision.memory.waiting_since) == (0, None)


def test_the_wait_began_when_it_began() -> None:
    waiting = SHRINKING | {"memory": replace(TALKING, waiting_since=ago(100))}
    assert decide(facts(**waiting, pods=pods(3, 7))).memory.waiting_since == ago(100)


def test_a_clock_that_was_set_back_does_not_stretch_the_wait() -> None:
    waiting = SHRINKING | {"memory": replace(TALKING, waiting_since=ago(-900))}
    assert decide(facts(**waiting, pods=pods(3, 7))).memory.waiting_since == ago(0)


def test_what_the_crew_tells_is_remembered() -> None:
    assert decide(facts(**(SHRINKING | {"memory": Memory()}), pods=pods(3, 7))).memory.workers.concurrency == 4


def test_a_crew_that_was_silent_for_the_whole_wait_does_not_talk_any_more() -> None:
    waited = SHRINKING | {"memory": replace(TALKING, waiting_since=ago(3600))}
    decision = decide(facts(**waited, pods=pods(0, 0, 10)))
    assert (decision.replicas, decision.memory.workers.concurrency) == (2, None)


def test_the_window_is_short_only_where_busy_workers_are_spared() -> None:
    stabilized = replace(stabilizing(30, 2), workers=WorkerEstimates(concurrency=4))
    calm: dict[str, Any] = {"reading": reading(0, 10), "scale_down": window(0), "memory": stabilized}
    default = calm | {"scale_down": replace(window(0), window_seconds=None)}
    assert decide(facts(**default)).replicas == 2
    assert decide(facts(**default, busy_workers=BusyWorkers.DRAIN)).reason is Reason.SCALE_DOWN_STABILIZED
