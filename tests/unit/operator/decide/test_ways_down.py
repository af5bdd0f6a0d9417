"""Whatever lowers the size, no busy worker is stopped while an idle one stays; and whatever holds it ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.decide.scale_in import Plan, plan_scale_in
from queueworkerpool.model import BusyWorkers, CompetingWriter, Decision, Fallback, Memory, Worker
from queueworkerpool.names import Reason
from queueworkerpool.sizing import MessagesPerPod
from tests.unit.operator.builders import NOW, ago, facts, pods, reading, window, worker
from tests.unit.operator.decide.rows import REPORTING, UNREADABLE_LONG, scheduled

# What Kubernetes does (1.36)


def divided(sizes: Sequence[int], before: int, allowed: int) -> list[int]:
    """The sizes of a Deployment's ReplicaSets, oldest first, once it may have fewer pods (sync.go, scale).

    `before` and `allowed` are the replicas and the surge together, as they were and as they are.
    """
    result, change = list(sizes), allowed - sum(sizes)
    if change >= 0:
        return result
    order = sorted(range(len(sizes)), key=lambda index: (-sizes[index], index))
    for index in order:
        share = max(round(sizes[index] * allowed / max(before, 1)) - sizes[index], change)
        share = min(share, 0)
        result[index] += share
        change -= share
    result[order[0]] = max(0, result[order[0]] + change)
    return result


def deleted(members: Sequence[Worker], victims: Sequence[str], number: int) -> list[Worker]:
    """Whom a ReplicaSet deletes (ActivePodsWithRanks), the worst case where it has a choice."""

    def rank(member: Worker) -> tuple[bool, bool, bool, bool, bool]:
        pod = member.pod
        return (pod.assigned, not pod.pending, pod.ready, pod.name not in victims, member.is_idle(NOW))

    return sorted(members, key=rank)[:number]


def stopped(members: Sequence[Worker], plan: Plan, surge: int) -> list[Worker]:
    """Whom the Deployment with these pods stops once it is scaled as planned."""
    names = sorted({member.pod.replica_set for member in members})
    sets = [[member for member in members if member.pod.replica_set == name] for name in names]
    sizes = [len(each) for each in sets]
    left = divided(sizes, len(members), plan.replicas + surge)
    return [
        gone for each, size in zip(sets, left, strict=True) for gone in deleted(each, plan.victims, len(each) - size)
    ]


def member(number: int, replica_set: str, kind: str) -> Worker:
    kinds: dict[str, dict[str, Any]] = {
        "busy": {"busy": 1},
        "idle": {"busy": 0},
        "silent": {"busy": None},
        "starting": {"busy": None, "ready": False, "unready_since": ago(20)},
        "lost": {"busy": None, "ready": False, "unready_since": ago(400)},
        "unready and busy": {"busy": 1, "ready": False, "unready_since": ago(400)},
        "pending": {"busy": None, "ready": False, "pending": True, "running": False},
        "crashed": {"busy": None, "ready": False, "running": False},
    }
    return worker(f"{replica_set}-{number}", replica_set=replica_set, **kinds[kind])


KINDS = ("busy", "idle", "silent", "starting", "lost", "unready and busy", "pending", "crashed")
kinds = st.lists(st.sampled_from(KINDS), max_size=8)


@given(kinds, kinds, st.integers(0, 16), st.integers(0, 4))
def test_nobody_who_works_is_stopped_however_a_deployment_divides_its_pods(
    old: list[str], new: list[str], wanted: int, surge: int
) -> None:
    crew = [member(n, "a-old", kind) for n, kind in enumerate(old)]
    crew += [member(n, "b-new", kind) for n, kind in enumerate(new)]
    replicas = max(len(crew) - surge, 0)
    plan = plan_scale_in(crew, replicas, min(wanted, replicas), NOW)
    assert min(wanted, replicas) <= plan.replicas <= replicas
    if plan.replicas < replicas:
        assert all(gone.is_idle(NOW) for gone in stopped(crew, plan, surge))


def test_the_model_divides_as_kubernetes_does() -> None:
    assert divided([8, 5], 13, 5) == [3, 2]
    assert divided([10], 10, 4) == [4]
    assert divided([3, 1], 4, 1) == [1, 0]
    assert divided([2, 2], 4, 6) == [2, 2]


def test_one_that_starts_for_ever_does_not_hold_the_idle() -> None:
    crew = (*pods(idle=99), member(0, "", "lost"))
    assert plan_scale_in(crew, 100, 5, NOW).replicas == 5
    crew = (*pods(idle=99), member(0, "", "starting"))
    assert plan_scale_in(crew, 100, 5, NOW).replicas == 100, "it may be at work"


def test_surge_holds_nobody_for_longer_than_the_wait() -> None:
    crew = [member(n, "a-old", "busy") for n in range(8)] + [member(n, "b-new", "busy") for n in range(5)]
    assert plan_scale_in(crew, 10, 4, NOW).replicas == 10
    assert plan_scale_in(crew, 10, 4, NOW, overdue=True).replicas == 4
    assert plan_scale_in(pods(idle=13), 10, 4, NOW, overdue=True).replicas == 4


# Every way down, in every state of a rollout

WAYS: dict[str, dict[str, Any]] = {
    "the recommendation": {"reading": reading(0, 10)},
    "a lower maximum": {"reading": reading(0, 50), "max_replicas": 2},
    "a schedule": {"reading": reading(0, 50), "bounds": scheduled(0, 2)},
    "the fallback": {"reading": None, "fallback": Fallback(300, 2, only_if_higher=False)},
}
MIXED = tuple(
    member(n, replica_set, kind)
    for replica_set, all_kinds in (("a-old", ["idle"] * 3 + ["busy"] * 2), ("b-new", ["busy"] * 4 + ["idle"]))
    for n, kind in enumerate(all_kinds)
)


def way_down(way: str, memory: Memory = REPORTING, **differs: Any) -> Decision:
    memory = replace(memory, unreadable_since=UNREADABLE_LONG.unreadable_since)
    return decide(facts(**({"scale_down": window(0), "memory": memory} | WAYS[way] | differs)))


@pytest.mark.parametrize("way", WAYS)
def test_one_replica_set_keeps_its_busy_workers(way: str) -> None:
    decision = way_down(way, pods=pods(idle=3, busy=7))
    assert (decision.replicas, decision.reason) == (7, Reason.WAITING_FOR_IDLE_WORKERS)


@pytest.mark.parametrize("way", WAYS)
def test_a_rollout_is_waited_for(way: str) -> None:
    decision = way_down(way, pods=MIXED, rolling_out=True)
    assert (decision.replicas, decision.reason) == (10, Reason.ROLLING_OUT)
    assert (decision.memory.held_since, decision.last_step.until) == (NOW, ago(-3600))


@pytest.mark.parametrize("way", WAYS)
def test_a_rollout_that_does_not_get_on_costs_no_busy_worker(way: str) -> None:
    """Each of the two may shrink by as many as it has idle ones: the newer one by one."""
    for differs in ({}, {"rolling_out": True, "memory": replace(REPORTING, held_since=ago(3600))}):
        state: dict[str, Any] = {"pods": MIXED, "memory": REPORTING} | differs
        decision = way_down(way, **state)
        assert (decision.replicas, decision.reason) == (9, Reason.WAITING_FOR_IDLE_WORKERS)
        assert set(decision.victims) >= {"b-new-4"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rolling_out", [True, False])
def test_every_wait_is_over_some_time(way: str, rolling_out: bool) -> None:
    memory = replace(REPORTING, held_since=ago(7200), waiting_since=ago(3600))
    assert way_down(way, memory, pods=MIXED, rolling_out=rolling_out).replicas == 2


NOT_CARRIED_OUT: dict[str, dict[str, Any]] = {
    "a queue was not read": {"readings": (reading(0, 10), None)},
    "another writer competes": {"memory": replace(REPORTING, competing_writer=CompetingWriter("kubectl", 3, ago(60)))},
}


@pytest.mark.parametrize("differs", NOT_CARRIED_OUT.values(), ids=NOT_CARRIED_OUT)
def test_a_wait_that_is_over_does_not_begin_anew_when_something_else_holds(differs: dict[str, Any]) -> None:
    memory = replace(differs.get("memory", REPORTING), waiting_since=ago(3600))
    state: dict[str, Any] = {"readings": (reading(0, 10),), "scale_down": window(0), "pods": pods(idle=0, busy=10)}
    decision = decide(facts(**(state | differs | {"memory": memory})))
    assert (decision.replicas, decision.memory.waiting_since) == (10, ago(3600))


@pytest.mark.parametrize("load", [50, 500])
def test_a_competing_writer_prolongs_no_wait_that_nobody_needs_any_more(load: int) -> None:
    memory = replace(REPORTING, competing_writer=CompetingWriter("kubectl", 3, ago(60)), waiting_since=ago(3600))
    assert decide(facts(reading=reading(load), memory=memory)).memory.waiting_since is None


@pytest.mark.parametrize("way", ["a lower maximum", "a schedule"])
def test_without_protection_bounds_do_not_wait_for_a_rollout(way: str) -> None:
    assert way_down(way, rolling_out=True, busy_workers=BusyWorkers.DRAIN).replicas == 2


# Messages that wait


def waiting(seconds: float, **differs: Any) -> Decision:
    memory = replace(differs.pop("memory", Memory()), held_since=ago(seconds) if seconds else None)
    return decide(facts(**({"reading": reading(8), "scale_down": window(0), "memory": memory} | differs)))


def test_messages_that_wait_hold_and_say_until_when() -> None:
    first = waiting(0)
    assert (first.replicas, first.memory.held_since, first.last_step.until) == (10, NOW, ago(-3600))
    later = waiting(600)
    assert (later.replicas, later.memory.held_since, later.last_step.until) == (10, ago(600), ago(-3000))


def test_they_hold_for_no_longer_than_the_wait() -> None:
    decision = waiting(3600)
    assert (decision.replicas, decision.memory.held_since) == (2, ago(3600))
    assert waiting(60, max_wait_seconds=60).replicas == 2
    assert waiting(0, max_wait_seconds=0).replicas == 2


@pytest.mark.parametrize("ready", [0, 10])
def test_without_a_ready_pod_there_is_nothing_to_hold_for(ready: int) -> None:
    """Fifty pods that crash, three messages."""
    decision = decide(facts(replicas=50, ready=ready and 5, reading=reading(3), scale_down=window(0)))
    assert decision.replicas == (50 if ready else 1)


@pytest.mark.parametrize(
    ("crew", "replicas"),
    [
        (pods(idle=10), 2),
        (pods(idle=7, busy=3), 3),
        (pods(idle=5, busy=5), 5),
        (pods(idle=4, busy=6), 10),
        (pods(idle=0, silent=10), 10),
        (pods(idle=5, silent=5), 5),
        ((*pods(idle=5, busy=4), member(9, "", "lost")), 4),
    ],
    ids=["all idle", "few at work, as with FIFO groups", "half", "most at work", "silent", "half silent", "one lost"],
)
def test_workers_that_are_idle_while_messages_wait_do_not_need_to_stay(crew: tuple[Worker, ...], replicas: int) -> None:
    memory = replace(REPORTING, held_since=ago(60))
    decision = decide(
        facts(reading=reading(30), target=MessagesPerPod(15), scale_down=window(0), pods=crew, memory=memory)
    )
    assert decision.replicas == replicas


def test_workers_are_asked_about_messages_that_have_waited_for_some_time_and_then_now_and_again() -> None:
    def asked(every: int, early: float = 0) -> list[int]:
        ticks = range(0, 100, every)
        return [tick for tick in ticks if waiting(max(tick - early, 0), poll_seconds=every).asks_workers]

    assert asked(every=5) == [15, 30, 45, 60, 75, 90]
    assert asked(every=10) == [20, 40, 60, 80]
    assert asked(every=5, early=0.5) == asked(every=5)
    assert asked(every=10, early=0.5) == asked(every=10)
    assert not any(waiting(seconds, busy_workers=BusyWorkers.DRAIN).asks_workers for seconds in range(0, 100, 5))


def test_what_held_is_forgotten_when_nothing_calls_for_fewer_pods() -> None:
    held = Memory(held_since=ago(600))
    assert decide(facts(memory=held)).memory.held_since is None
    assert decide(facts(memory=held, reading=reading(0, 10))).memory.held_since is None


def test_a_clock_that_was_set_back_does_not_stretch_a_hold() -> None:
    decision = waiting(-900)
    future: datetime = ago(-3600)
    assert (decision.memory.held_since, decision.last_step.until) == (NOW, future)
