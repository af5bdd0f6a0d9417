"""Who counts as another writer of the replicas."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.gather import gather
from queueworkerpool.model import RIVAL_ROUNDS, Memory, Rival, Target
from queueworkerpool.names import FIELD_MANAGER
from tests.unit.operator.worlds import NOW, SPEC, ago, pool, reading

SCALED = {"lastScaleTime": "2026-11-23T11:59:00Z"}
LAST_SCALE = ago(60)

WRITERS: dict[str, tuple[tuple[str, datetime | None] | None, dict[str, Any], tuple[str, datetime] | None]] = {
    "nobody known": (None, SCALED, None),
    "we ourselves": ((FIELD_MANAGER, None), SCALED, None),
    "we ourselves, by the clock of this process": ((FIELD_MANAGER, NOW), SCALED, None),
    "whoever created the Deployment, before our first write": (("helm", ago(600)), {}, None),
    "somebody else": (("kubectl-edit", ago(5)), SCALED, ("kubectl-edit", ago(5))),
    "an HPA, of whose writes the API server keeps no time": (
        ("kube-controller-manager", None),
        SCALED,
        ("kube-controller-manager", LAST_SCALE),
    ),
}


@pytest.mark.parametrize(("writer", "status", "expected"), WRITERS.values(), ids=WRITERS)
def test_writer(
    writer: tuple[str, datetime | None] | None, status: dict[str, Any], expected: tuple[str, datetime] | None
) -> None:
    target = Target(replicas=10, ready_replicas=10, resource_version=1, writer=writer)
    assert gather(pool(status=status), SPEC, target, (reading(0, 50),), NOW).writer == expected


def test_a_rival_without_times_is_one_round_for_each_of_our_writes_and_then_left_alone() -> None:
    """An HPA sets 2 replicas whenever we have set 10."""
    status: dict[str, Any] = SCALED
    hpa = Target(replicas=2, ready_replicas=2, resource_version=1, writer=("kube-controller-manager", None))
    rounds, writes = [], 0
    for second in range(0, 60, 5):
        now = NOW + timedelta(seconds=second)
        decision = decide(gather(pool(status=status), SPEC, hpa, (reading(50, time=now),), now))
        status = {"lastScaleTime": status["lastScaleTime"], "memory": decision.memory.dump()}
        if decision.replicas != hpa.replicas:
            writes += 1
            status["lastScaleTime"] = _text(now)
        rival = decision.memory.rival
        assert rival
        rounds.append(rival.rounds)
    assert rounds == [1, 2, *[RIVAL_ROUNDS] * 10]
    assert writes == RIVAL_ROUNDS - 1


def test_a_persons_one_change_is_no_fight() -> None:
    corrected = replace(SPEC, min_replicas=10)
    person = Target(replicas=2, ready_replicas=2, resource_version=1, writer=("kubectl", None))
    first = decide(gather(pool(status=SCALED), corrected, person, (reading(0, 0),), NOW))
    assert (first.replicas, first.memory.rival) == (10, Rival("kubectl", 1, LAST_SCALE))
    ours = replace(person, replicas=10, writer=(FIELD_MANAGER, None))
    status = {"lastScaleTime": _text(NOW), "memory": first.memory.dump()}
    much_later = NOW + timedelta(minutes=11)
    second = decide(gather(pool(status=status), corrected, ours, (reading(0, 0, time=much_later),), much_later))
    assert second.memory == replace(second.memory, rival=None) != Memory()


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
