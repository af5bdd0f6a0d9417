"""The rest of the status: its fields, how long they stay, when they are worth a write, and the patch that writes them.

That it fits the CRD matters most: the API server drops an unknown field without a word.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from queueworkerpool.errors import QueueNotFoundError, SpecInvalidError
from queueworkerpool.model import (
    Change,
    InFlight,
    Key,
    Lull,
    Memory,
    Mode,
    Observation,
    Rival,
    Surge,
    Workers,
)
from queueworkerpool.names import ConditionType, Reason
from queueworkerpool.status import is_worth_telling, next_status
from tests.unit.operator.sights import condition, seen, target
from tests.unit.operator.worlds import NOW, ago, facts, lull, pool, reading

CRD = Path(__file__).parents[3] / "crds" / "queueworkerpools.yaml"
TRANSITION = "lastTransitionTime"
EARLIER = "2026-11-23T11:00:00Z"
MEMORY = Memory(
    lull=Lull(ago(30), 4),
    surge=Surge(ago(9), 30),
    changes=(Change(ago(8), -2),),
    empty_since=ago(60),
    glimpsed=ago(7),
    blind_since=ago(6),
    waiting_since=ago(5),
    rival=Rival("keda", 3, ago(5)),
    workers=Workers(0.5, 4, 12),
)


def told(status: Mapping[str, Any], **decided: Any) -> Observation:
    """A calm tick of a pool that told this before."""
    sight = seen(decided)
    return replace(sight, pool=replace(sight.pool, status=status))


def test_everything_that_a_tick_saw_is_told() -> None:
    sight = seen({"reading": reading(55, 40, 7), "memory": MEMORY, "replicas": 12})
    status = next_status(replace(sight, scaled_from=10), NOW)
    conditions = [held["type"] for held in status.pop("conditions")]
    assert conditions == [*ConditionType]
    assert status == {
        "observedGeneration": 1,
        "replicas": 12,
        "readyReplicas": 12,
        "desiredReplicas": 12,
        "backlog": {"visible": 55, "inFlight": 40, "delayed": 7, "total": 95, "time": "2026-11-23T12:00:00Z"},
        "lastScaleTime": "2026-11-23T12:00:00Z",
        "lastDecision": {
            "reason": "ScaleConflict",
            "message": "keda keeps writing the replicas too: given way until 12:04:55Z",
            "trail": [
                {"replicas": 19, "reason": "SizedByBacklog", "because": "95 messages / 5 per pod = 19 pods"},
                {
                    "replicas": 12,
                    "reason": "ScaleConflict",
                    "because": "keda keeps writing the replicas too: given way until 12:04:55Z",
                },
            ],
        },
        "memory": {
            "rival": {"manager": "keda", "rounds": 3, "last": "2026-11-23T11:59:55.000000Z"},
            "workers": {"serviceSeconds": 0.5, "concurrency": 4, "startupSeconds": 12},
        },
    }


def test_the_load_is_told_as_the_pool_counts_it() -> None:
    status = next_status(seen({"reading": reading(5, 40, 7), "in_flight": InFlight.IGNORE, "count_delayed": True}), NOW)
    assert status["backlog"]["total"] == 12


def test_several_queues_are_told_as_their_sum() -> None:
    status = next_status(seen({"readings": (reading(1, 2, 3, ago(9)), reading(10, 20, 30))}), NOW)
    time = "2026-11-23T11:59:51Z"
    assert status["backlog"] == {"visible": 11, "inFlight": 22, "delayed": 33, "total": 33, "time": time}


def test_a_size_without_anything_to_remember_has_no_memory() -> None:
    assert "memory" not in next_status(seen(), NOW)


UNDECIDED: dict[str, Observation] = {
    "no Deployment": seen(target=None, counts=(), decision=None),
    "another's Deployment": seen(owner=Key("shop", "older"), counts=(), decision=None),
    "a spec of another CRD": Observation(pool(spec=SpecInvalidError("why")), target()),
    "a spec of another CRD, and a count": Observation(
        pool(spec=SpecInvalidError("why")), target(), counts=(reading(1),)
    ),
}


@pytest.mark.parametrize("sight", UNDECIDED.values(), ids=UNDECIDED.keys())
def test_what_is_not_seen_anew_stays_as_it_was(sight: Observation) -> None:
    before = next_status(seen({"reading": reading(0, 20), "memory": lull(30, 4)}, scaled_from=9), ago(60))
    after = next_status(replace(sight, pool=replace(sight.pool, status=before)), NOW)
    for name in ("backlog", "desiredReplicas", "lastDecision", "memory", "lastScaleTime"):
        assert after[name] == before[name]
    assert ("replicas" in after) == (sight.target is not None)


@pytest.mark.parametrize("sight", UNDECIDED.values(), ids=UNDECIDED.keys())
def test_what_was_never_seen_is_not_told(sight: Observation) -> None:
    assert set(next_status(sight, NOW)) <= {"observedGeneration", "replicas", "readyReplicas", "conditions"}


def test_an_unknown_backlog_is_told_as_the_last_one_known() -> None:
    before = {"backlog": {"visible": 5, "time": EARLIER}}
    sight = told(before, reading=None)
    assert next_status(replace(sight, counts=(QueueNotFoundError("why"),)), NOW)["backlog"] == before["backlog"]


def test_the_last_scaling_is_remembered() -> None:
    assert next_status(told({"lastScaleTime": EARLIER}), NOW)["lastScaleTime"] == EARLIER
    assert next_status(replace(told({}), scaled_from=0), NOW)["lastScaleTime"] == "2026-11-23T12:00:00Z"


def test_counts_keep_the_time_since_which_they_stand() -> None:
    before = next_status(seen({"reading": reading(0, 50, time=ago(60))}), ago(60))
    assert next_status(told(before), NOW)["backlog"]["time"] == "2026-11-23T11:59:00Z"
    assert next_status(told(before, reading=reading(0, 51)), NOW)["backlog"]["time"] == "2026-11-23T12:00:00Z"


def test_a_backlog_whose_time_was_lost_gets_one() -> None:
    before = next_status(seen(), ago(60))
    del before["backlog"]["time"]
    assert next_status(told(before), NOW)["backlog"]["time"] == "2026-11-23T12:00:00Z"


def test_a_transition_is_a_change_of_status_alone() -> None:
    before = next_status(seen(), ago(60))
    blind = replace(told(before, reading=None), counts=(QueueNotFoundError("why"),))
    broken = next_status(blind, NOW)
    times = {held["type"]: held[TRANSITION] for held in broken["conditions"]}
    assert {kind for kind, time in times.items() if time == "2026-11-23T12:00:00Z"} == {
        ConditionType.READY,
        ConditionType.QUEUE_REACHABLE,
        ConditionType.SCALING_ACTIVE,
    }
    # Another reason for the same status is no transition.
    paused = replace(seen({"mode": Mode.PAUSED}, counts=()), pool=pool(status=broken))
    paused = replace(paused, pool=replace(paused.pool, spec=replace(facts().spec, mode=Mode.PAUSED)))
    ready = condition(next_status(paused, NOW + timedelta(seconds=60)), ConditionType.READY)
    assert (ready["reason"], ready[TRANSITION]) == (Reason.PAUSED, "2026-11-23T12:00:00Z")


@pytest.mark.parametrize("sight", [seen(), *UNDECIDED.values()])
def test_every_condition_tells_of_the_generation_that_was_looked_at(sight: Observation) -> None:
    """A tick over a stale pool writes the stale generation, so nobody takes its Ready for the new spec's."""
    status = next_status(replace(sight, pool=replace(sight.pool, generation=7)), NOW)
    assert status["observedGeneration"] == 7
    assert {held["observedGeneration"] for held in status["conditions"]} == {7}


def test_a_new_generation_is_worth_telling_by_itself() -> None:
    before = next_status(seen(), NOW)
    sight = told(before)
    assert is_worth_telling(before, next_status(replace(sight, pool=replace(sight.pool, generation=2)), NOW), NOW)
