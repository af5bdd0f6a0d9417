"""A StatefulSet's pods go from the highest ordinal down: so it is scaled in only as far as those are idle."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.decide.scale_in import Plan, plan
from queueworkerpool.model import BusyWorkers, Decision, Memory, Removal, Worker
from queueworkerpool.names import Reason
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import NOW, ago, facts, reading, stabilizing, worker

REPORTING = WorkerEstimates(concurrency=4)
SILENT = None


def numbered(*busy: int | None, first: int = 0, **pod: Any) -> tuple[Worker, ...]:
    """Pods whose workers report so many busy slots, by their ordinals from the first on."""
    return tuple(worker(f"worker-{first + n}", state, ordinal=first + n, **pod) for n, state in enumerate(busy))


def missing(ordinal: int, pods: tuple[Worker, ...]) -> tuple[Worker, ...]:
    """The pods without the one of this ordinal, which is not created yet, or was deleted."""
    return tuple(each for each in pods if each.pod.ordinal != ordinal)


def planned(pods: tuple[Worker, ...], wanted: int, **differs: Any) -> int:
    return plan(facts(removal=Removal.HIGHEST_ORDINAL, replicas=4, **differs), pods, wanted).replicas


PLANS: dict[str, tuple[tuple[Worker, ...], int, int]] = {
    "the idle pods at the top go": (numbered(1, 1, 0, 0), 0, 2),
    "no more go than must": (numbered(0, 0, 0, 0), 3, 3),
    "a busy pod at the top keeps all": (numbered(0, 0, 0, 1), 0, 4),
    "an idle pod below a busy one stays": (numbered(0, 0, 1, 0), 0, 3),
    "a silent pod stays, and those below it": (numbered(0, SILENT, 0, 0), 0, 2),
    "all go when all are idle": (numbered(0, 0, 0, 0), 0, 0),
    "the lowest pod keeps itself alone": (numbered(1, 0, 0, 0), 0, 1),
    "a pod that is not ready goes by its ordinal, not first": (
        (*numbered(1, 1, 0, 1)[:2], *numbered(0, first=2, ready=False), *numbered(1, first=3)),
        0,
        4,
    ),
    "an idle pod at the top that is not ready goes": ((*numbered(1, 1, 1), *numbered(0, first=3, ready=False)), 0, 3),
    "a pod that has shown no life for long goes": (
        (*numbered(1, 1, 1), *numbered(SILENT, first=3, ready=False, unready_since=ago(300))),
        0,
        3,
    ),
    "a place without a pod goes": (missing(3, numbered(1, 1, 1, 1)), 0, 3),
    "a gap below a busy pod does not go": (missing(1, numbered(0, 0, 0, 1)), 0, 4),
    "no pods at all": ((), 0, 0),
    "pods beyond the size are going already": (numbered(0, 0, 0, 0, 1, 1), 2, 2),
    "a pod without a number keeps all": ((worker("stray", 1),), 0, 4),
}


@pytest.mark.parametrize(("pods", "wanted", "replicas"), PLANS.values(), ids=PLANS)
def test_plan(pods: tuple[Worker, ...], wanted: int, replicas: int) -> None:
    assert planned(pods, wanted) == replicas


def test_ordinals_that_begin_elsewhere_are_counted_from_there() -> None:
    assert planned(numbered(1, 1, 0, 0, first=5), 0, first_ordinal=5) == 2
    # The first ordinal was raised: what lies below it is going already.
    assert planned(numbered(1, 1, 0, 0, first=3), 0, first_ordinal=5) == 0


def test_busy_ones_go_too_when_the_wait_is_over_and_none_is_named() -> None:
    """The annotation that chooses a ReplicaSet's pods means nothing to a StatefulSet."""
    state = facts(removal=Removal.HIGHEST_ORDINAL, replicas=4)
    assert plan(state, numbered(1, 1, 1, 1), 1, overdue=True) == Plan(1, ())


@given(st.lists(st.none() | st.integers(0, 2), max_size=8), st.integers(0, 8))
def test_no_busy_worker_goes_and_no_idle_one_at_the_top_stays(busy: list[int | None], wanted: int) -> None:
    wanted = min(wanted, len(busy))
    state = facts(removal=Removal.HIGHEST_ORDINAL, replicas=len(busy))
    size = plan(state, numbered(*busy), wanted).replicas
    assert all(slots == 0 for slots in busy[size:])
    assert size == wanted or busy[size - 1] != 0


def decided(**differs: Any) -> Decision:
    """Ten pods are asked for, four are recommended, and the window is over."""
    memory = replace(stabilizing(60, 4), workers=REPORTING)
    calm: dict[str, Any] = {"reading": reading(0, 20), "memory": memory, "removal": Removal.HIGHEST_ORDINAL}
    return decide(facts(**calm | differs))


def test_the_decision_waits_for_the_highest_ordinals_and_says_so() -> None:
    decision = decided(pods=numbered(0, 0, 0, 0, 0, 0, 1, 0, 0, 0))
    assert (decision.replicas, decision.reason, decision.victims) == (7, Reason.WAITING_FOR_IDLE_WORKERS, ())
    assert "the pods with the highest ordinals may go when their workers are idle" in decision.message


def test_it_goes_on_when_the_wait_is_over() -> None:
    memory = replace(stabilizing(3660, 4), workers=REPORTING, waiting_since=ago(3600))
    decision = decided(pods=numbered(*[1] * 10), memory=memory)
    assert (decision.replicas, decision.victims) == (4, ())


def test_a_rollout_does_not_hold_it_for_the_highest_ordinals_go_whatever_their_template() -> None:
    assert decided(pods=numbered(*[0] * 10), rolling_out=False).replicas == 4


def test_a_kind_whose_pods_nobody_can_choose_spares_none_and_waits_longer() -> None:
    memory = Memory(workers=REPORTING, scale_down_stabilization=stabilizing(59, 4).scale_down_stabilization)
    unprotected: dict[str, Any] = {"removal": Removal.UNKNOWN, "scale_down": facts().spec.scale_up, "memory": memory}
    window = replace(facts().spec.scale_down, window_seconds=None)
    early = decided(**unprotected | {"scale_down": window}, pods=numbered(*[1] * 10))
    assert (early.replicas, early.reason) == (10, Reason.SCALE_DOWN_STABILIZED)
    late = replace(memory, scale_down_stabilization=stabilizing(60, 4).scale_down_stabilization)
    decision = decided(**unprotected | {"scale_down": window, "memory": late}, pods=numbered(*[1] * 10))
    assert (decision.replicas, decision.victims) == (4, ())


def test_drain_waits_for_nobody() -> None:
    assert decided(pods=numbered(*[1] * 10), busy_workers=BusyWorkers.DRAIN).replicas == 4
    assert facts().now == NOW
