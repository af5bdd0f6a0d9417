"""Which pods go at a scale-in: no busy one while waiting is allowed, in the order in which a ReplicaSet deletes."""

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
from tests.unit.operator.decide.rows import REPORTING

IDLE, BUSY, SILENT = worker("idle", 0), worker("busy", 1), worker("silent", None)
STARTING = worker("starting", None, ready=False)
PENDING = worker("pending", None, ready=False, pending=True, running=False)
PULLING = worker("pulling", None, ready=False, pending=True)  # one of its two containers runs already
UNASSIGNED = worker("unassigned", None, ready=False, pending=True, running=False, assigned=False)
CRASHED = worker("crashed", None, ready=False, running=False)
UNREADY_IDLE = worker("unready-idle", 0, ready=False)
UNREADY_BUSY = worker("unready-busy", 1, ready=False)

PLANS: dict[str, tuple[tuple[Worker, ...], int, Plan]] = {
    "an idle pod goes": ((BUSY, IDLE), 1, Plan(1, ("idle",))),
    "no more go than must": (pods(idle=4), 3, Plan(3, ("pod-000",))),
    "a busy pod stays": ((BUSY,), 0, Plan(1)),
    "a silent pod stays": ((SILENT,), 0, Plan(1)),
    "a starting pod stays": ((STARTING,), 0, Plan(1)),
    "a pod of which no container runs goes": ((CRASHED,), 0, Plan(0, ("crashed",))),
    "a pending pod goes": ((PENDING,), 0, Plan(0, ("pending",))),
    "a pending pod with a running container stays": ((PULLING,), 0, Plan(1)),
    "pods without a node go first": ((IDLE, PENDING, UNASSIGNED), 2, Plan(2, ("unassigned",))),
    "then pending pods": ((IDLE, CRASHED, PENDING), 2, Plan(2, ("pending",))),
    "then pods that are not ready": ((IDLE, UNREADY_IDLE), 1, Plan(1, ("unready-idle",))),
    "a starting pod keeps the ready ones, which a ReplicaSet deletes after it": ((IDLE, STARTING), 1, Plan(2)),
    "a busy pod that is not ready keeps them too": ((IDLE, UNREADY_BUSY, UNREADY_IDLE), 1, Plan(2, ("unready-idle",))),
    "all pods of one class go before the next class": (
        (PENDING, *pods(idle=3)),
        2,
        Plan(2, ("pending", "pod-000")),
    ),
    "a marked pod is chosen again": ((IDLE, worker("marked", 0, marked=True)), 1, Plan(1, ("marked",))),
    "the last busy pod stays": ((BUSY,), 0, Plan(1)),
    "no pods": ((), 0, Plan(0)),
}


@pytest.mark.parametrize(("pods", "wanted", "plan"), PLANS.values(), ids=PLANS.keys())
def test_plan(pods: tuple[Worker, ...], wanted: int, plan: Plan) -> None:
    assert plan_scale_in(pods, len(pods), wanted, NOW) == plan


def test_no_pod_goes_while_the_last_scale_in_has_not_deleted_its_pods() -> None:
    assert plan_scale_in(pods(idle=5), 3, 1, NOW) == Plan(3)


def test_replicas_without_pods_go_at_once() -> None:
    assert plan_scale_in(pods(idle=0, busy=2), 10, 1, NOW) == Plan(2)


def test_the_pods_with_the_youngest_messages_go_when_the_wait_is_over() -> None:
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


def deleted_by_replica_set(pods: list[Worker], victims: tuple[str, ...], gone: int) -> list[Worker]:
    """The pods that the ReplicaSet deletes (ActivePodsWithRanks, Kubernetes 1.36), the worst where it has a choice."""

    def rank(member: Worker) -> tuple[bool, bool, bool, bool, bool]:
        pod = member.pod
        return (pod.assigned, not pod.pending, pod.ready, pod.name not in victims, member.idle)

    return sorted(pods, key=rank)[:gone]


@given(st.lists(workers(), max_size=12), st.integers(0, 12))
def test_the_replica_set_deletes_only_idle_pods(pods: list[Worker], wanted: int) -> None:
    # An unassigned pod is pending, and runs nothing.
    pods = [
        member._replace(pod=replace(member.pod, pending=True, running=False, ready=False))
        if not member.pod.assigned
        else member._replace(pod=replace(member.pod, ready=member.pod.ready and not member.pod.pending))
        for member in pods
    ]
    wanted = min(wanted, len(pods))
    plan = plan_scale_in(pods, len(pods), wanted, NOW)
    deleted = deleted_by_replica_set(pods, plan.victims, len(pods) - plan.replicas)
    assert wanted <= plan.replicas <= len(pods)
    assert all(member.idle for member in deleted)
    assert {member.pod.name for member in deleted} == set(plan.victims)


LOST = tuple(worker(f"lost-{number}", None, ready=False, unready_since=ago(300)) for number in range(8))

SHRINKING: dict[str, Any] = {"reading": reading(0, 10), "scale_down": window(0), "memory": REPORTING}

DECISIONS: dict[str, tuple[dict[str, Any], int, Reason, tuple[Worker, ...]]] = {
    "idle pods are enough": ({"pods": pods(8, 2)}, 2, Reason.SIZED_BY_BACKLOG, pods(8, 2)[2:]),
    "busy pods stay": ({"pods": pods(3, 7)}, 7, Reason.WAITING_FOR_IDLE_WORKERS, pods(3, 7)[7:]),
    "silent pods stay where others report": (
        {"pods": pods(3, 1, 6)},
        7,
        Reason.WAITING_FOR_IDLE_WORKERS,
        pods(3, 1, 6)[7:],
    ),
    "no pod has ever reported": ({"pods": pods(0, 0, 10), "memory": Memory()}, 2, Reason.SIZED_BY_BACKLOG, ()),
    "a first report counts at once": (
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
    "no pod was asked": ({}, 2, Reason.SIZED_BY_BACKLOG, ()),
    "no pod goes, no pod is marked": ({"pods": pods(10), "reading": reading(50)}, 10, Reason.SIZED_BY_BACKLOG, ()),
    "none is marked while the size stays, though there are more pods yet": (
        {"pods": pods(12), "reading": reading(50)},
        10,
        Reason.SIZED_BY_BACKLOG,
        (),
    ),
    "pods that have shown no life for long go": ({"pods": (*pods(0, 2), *LOST)}, 2, Reason.SIZED_BY_BACKLOG, LOST),
    "the wait lasts until its last second": (
        {"pods": pods(0, 10), "memory": replace(REPORTING, waiting_since=ago(3599))},
        10,
        Reason.WAITING_FOR_IDLE_WORKERS,
        (),
    ),
    "the wait is over": (
        {"pods": pods(0, 10), "memory": replace(REPORTING, waiting_since=ago(3600))},
        2,
        Reason.SIZED_BY_BACKLOG,
        pods(0, 10)[:8],
    ),
    "busy pods stay in a fallback too": (
        {
            "pods": pods(3, 7),
            "reading": None,
            "fallback": Fallback(300, 3, only_if_higher=False),
            "memory": replace(REPORTING, unreadable_since=ago(300)),
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


def test_a_decision_has_the_number_of_waiting_pods_and_since_when() -> None:
    decision = decide(facts(**SHRINKING, pods=pods(3, 7)))
    assert decision.waiting_pods == 5
    assert decision.memory.waiting_since == ago(0)
    assert decision.message == "more pods may go when their workers are idle, and at 13:00:00Z in any case"


def test_without_busy_pods_there_is_no_wait() -> None:
    decision = decide(facts(**SHRINKING, pods=pods(8, 2)))
    assert (decision.waiting_pods, decision.memory.waiting_since) == (0, None)


def test_a_wait_keeps_its_start() -> None:
    waiting = SHRINKING | {"memory": replace(REPORTING, waiting_since=ago(100))}
    assert decide(facts(**waiting, pods=pods(3, 7))).memory.waiting_since == ago(100)


def test_a_clock_that_was_set_back_does_not_prolong_the_wait() -> None:
    waiting = SHRINKING | {"memory": replace(REPORTING, waiting_since=ago(-900))}
    assert decide(facts(**waiting, pods=pods(3, 7))).memory.waiting_since == ago(0)


def test_the_concurrency_that_pods_report_is_remembered() -> None:
    assert decide(facts(**(SHRINKING | {"memory": Memory()}), pods=pods(3, 7))).memory.workers.concurrency == 4


def test_pods_that_were_silent_for_the_whole_wait_are_protected_at_the_next_scale_in() -> None:
    """They may have been unreachable for an hour, and still at work."""
    waited = SHRINKING | {"memory": replace(REPORTING, waiting_since=ago(3600))}
    decision = decide(facts(**waited, pods=pods(0, 0, 10)))
    assert (decision.replicas, decision.memory.workers.concurrency) == (2, 4)
    later = decide(facts(**(SHRINKING | {"memory": decision.memory, "replicas": 8}), pods=pods(0, 0, 8)))
    assert (later.replicas, later.reason) == (8, Reason.WAITING_FOR_IDLE_WORKERS)


def test_the_default_window_is_short_only_where_busy_workers_are_protected() -> None:
    stabilized = replace(stabilizing(30, 2), workers=WorkerEstimates(concurrency=4))
    calm: dict[str, Any] = {"reading": reading(0, 10), "scale_down": window(0), "memory": stabilized}
    default = calm | {"scale_down": replace(window(0), window_seconds=None)}
    assert decide(facts(**default)).replicas == 2
    assert decide(facts(**default, busy_workers=BusyWorkers.DRAIN)).reason is Reason.SCALE_DOWN_STABILIZED
