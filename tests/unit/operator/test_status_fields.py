"""The fields of the status beside its conditions, and how long they stay."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from queueworkerpool.errors import QueueNotFoundError
from queueworkerpool.model import (
    Change,
    CompetingWriter,
    InFlight,
    Memory,
    MemoryOwner,
    Mode,
    NamespacedName,
    Observation,
    PoolStatus,
    RecommendedSince,
    ScaleDownStabilization,
    ScaleUpStabilization,
)
from queueworkerpool.names import ConditionType, Reason
from queueworkerpool.report.status import invalid_status, is_worth_writing
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import NOW, ago, facts, invalid_pool, pool, reading, stabilizing
from tests.unit.operator.fakes import condition, observe, status_of, stored, target

CRD = Path(__file__).parents[3] / "crds" / "queueworkerpools.yaml"
TRANSITION = "lastTransitionTime"
EARLIER = "2026-11-23T11:00:00Z"
MEMORY = Memory(
    scale_down_stabilization=ScaleDownStabilization(ago(30), 4, ago(3), (RecommendedSince(ago(20), 2),)),
    scale_up_stabilization=ScaleUpStabilization(ago(9), 30),
    changes=(Change(ago(8), -2, ago(9)),),
    empty_since=ago(60),
    activation_pending_since=ago(7),
    unreadable_since=ago(6),
    waiting_since=ago(5),
    held_since=ago(4),
    competing_writer=CompetingWriter("keda", 3, ago(5)),
    workers=WorkerEstimates(0.5, 4, 12, 100, 2, 3.5),
    quiet_spells=(12.5, 2400),
    belongs_to=MemoryOwner("uid-1", "uid-2", "digest"),
)


def after(status: Mapping[str, Any], **decided: Any) -> Observation:
    """A calm tick of a pool that had this status before."""
    observation = observe(decided)
    return replace(observation, pool=stored(observation.pool, status))


def test_the_status_has_everything_that_a_tick_observed() -> None:
    observation = observe({"reading": reading(55, 40, 7), "memory": MEMORY, "replicas": 12})
    status = status_of(replace(observation, scaled_from=10), NOW)
    conditions = [held["type"] for held in status.pop("conditions")]
    assert conditions == [kind for kind in ConditionType if kind is not ConditionType.STALLED]
    assert status == {
        "observedGeneration": 1,
        "replicas": 12,
        "readyReplicas": 12,
        "desiredReplicas": 12,
        "backlog": {"visible": 55, "inFlight": 40, "delayed": 7, "total": 95, "time": "2026-11-23T12:00:00Z"},
        "lastScaleTime": "2026-11-23T12:00:00Z",
        "lastDecision": {
            "reason": "ScaleConflict",
            "message": "keda keeps writing the replicas too: no write until 12:04:55Z",
            "trail": [
                {"replicas": 19, "reason": "SizedByBacklog", "message": "95 messages / 5 per pod = 19 pods"},
                {
                    "replicas": 12,
                    "reason": "ScaleConflict",
                    "message": "keda keeps writing the replicas too: no write until 12:04:55Z",
                    "until": "2026-11-23T12:04:55Z",
                },
            ],
        },
        "memory": {
            "competingWriter": {"manager": "keda", "writes": 3, "lastTime": "2026-11-23T11:59:55.000000Z"},
            "workers": {
                "serviceSeconds": 0.5,
                "concurrency": 4,
                "startupSeconds": 12,
                "serviceMessages": 100,
                "startupChanges": 2,
                "serviceSecondsBefore": 3.5,
            },
            "quietSpells": [12.5, 2400, 53.0],
            "belongsTo": {"poolUID": "uid-1", "targetUID": "uid-2", "queues": "digest"},
        },
    }


def test_the_load_is_reported_as_the_pool_counts_it() -> None:
    status = status_of(
        observe({"reading": reading(5, 40, 7), "in_flight": InFlight.IGNORE, "count_delayed": True}), NOW
    )
    assert status["backlog"]["total"] == 12


def test_several_queues_are_reported_as_their_sum() -> None:
    status = status_of(observe({"readings": (reading(1, 2, 3, ago(9)), reading(10, 20, 30))}), NOW)
    time = "2026-11-23T11:59:51Z"
    assert status["backlog"] == {"visible": 11, "inFlight": 22, "delayed": 33, "total": 33, "time": time}


def test_a_decision_with_nothing_to_remember_writes_no_memory() -> None:
    assert "memory" not in status_of(observe(), NOW)


CARRIED_OVER = ("backlog", "desiredReplicas", "lastDecision", "memory", "lastScaleTime")
DECIDED = status_of(observe({"reading": reading(0, 20), "memory": stabilizing(30, 4)}, scaled_from=9), ago(60))
UNDECIDED: dict[str, Observation] = {
    "no Deployment": observe(target=None, counts=(), decision=None),
    "another's Deployment": observe(owner=NamespacedName("shop", "older"), counts=(), decision=None),
}


@pytest.mark.parametrize("observation", UNDECIDED.values(), ids=UNDECIDED.keys())
def test_a_tick_without_a_decision_keeps_the_last_one(observation: Observation) -> None:
    new = status_of(replace(observation, pool=stored(observation.pool, DECIDED)), NOW)
    assert {name: new[name] for name in CARRIED_OVER} == {name: DECIDED[name] for name in CARRIED_OVER}
    assert ("replicas" in new) == (observation.target is not None)


def test_an_invalid_spec_keeps_the_last_decision() -> None:
    new = invalid_status(invalid_pool(status=DECIDED), target(3), NOW).dump()
    assert {name: new[name] for name in CARRIED_OVER} == {name: DECIDED[name] for name in CARRIED_OVER}
    assert new["replicas"] == 3


@pytest.mark.parametrize("observation", UNDECIDED.values(), ids=UNDECIDED.keys())
def test_what_was_never_observed_is_absent(observation: Observation) -> None:
    fields = {"observedGeneration", "replicas", "readyReplicas", "conditions"}
    assert set(status_of(observation, NOW)) <= fields
    assert set(invalid_status(invalid_pool(), target(), NOW).dump()) == fields
    assert set(invalid_status(invalid_pool(), None, NOW).dump()) == {"observedGeneration", "conditions"}


def test_an_unreadable_queue_keeps_the_last_known_backlog() -> None:
    before = {"backlog": {"visible": 5, "inFlight": 1, "delayed": 0, "total": 6, "time": EARLIER}}
    observation = after(before, reading=None)
    assert status_of(replace(observation, counts=(QueueNotFoundError("why"),)), NOW)["backlog"] == before["backlog"]


def test_the_time_of_the_last_scaling_stays() -> None:
    assert status_of(after({"lastScaleTime": EARLIER}), NOW)["lastScaleTime"] == EARLIER
    assert status_of(replace(after({}), scaled_from=0), NOW)["lastScaleTime"] == "2026-11-23T12:00:00Z"


def test_unchanged_counts_keep_their_time() -> None:
    before = status_of(observe({"reading": reading(0, 50, time=ago(60))}), ago(60))
    assert status_of(after(before), NOW)["backlog"]["time"] == "2026-11-23T11:59:00Z"
    assert status_of(after(before, reading=reading(0, 51)), NOW)["backlog"]["time"] == "2026-11-23T12:00:00Z"


def test_a_backlog_without_a_time_gets_one() -> None:
    before = status_of(observe(), ago(60))
    del before["backlog"]["time"]
    assert status_of(after(before), NOW)["backlog"]["time"] == "2026-11-23T12:00:00Z"


def test_only_a_change_of_status_is_a_transition() -> None:
    before = status_of(observe(), ago(60))
    unreadable = replace(after(before, reading=None), counts=(QueueNotFoundError("why"),))
    broken = status_of(unreadable, NOW)
    times = {held["type"]: held[TRANSITION] for held in broken["conditions"]}
    assert {kind for kind, time in times.items() if time == "2026-11-23T12:00:00Z"} == {
        ConditionType.READY,
        ConditionType.QUEUE_REACHABLE,
        ConditionType.SCALING_ACTIVE,
    }
    # Another reason for the same status is no transition.
    paused = replace(observe({"mode": Mode.PAUSED}, counts=()), pool=pool(status=broken))
    paused = replace(paused, pool=replace(paused.pool, spec=replace(facts().spec, mode=Mode.PAUSED)))
    active = condition(status_of(paused, NOW + timedelta(seconds=60)), ConditionType.SCALING_ACTIVE)
    assert (active["reason"], active[TRANSITION]) == (Reason.PAUSED, "2026-11-23T12:00:00Z")


@pytest.mark.parametrize("observation", [observe(), *UNDECIDED.values()])
def test_every_condition_has_the_observed_generation(observation: Observation) -> None:
    """A tick over a stale pool writes the stale generation, so its Ready does not count for the new spec."""
    status = status_of(replace(observation, pool=replace(observation.pool, generation=7)), NOW)
    assert status["observedGeneration"] == 7
    assert {held["observedGeneration"] for held in status["conditions"]} == {7}


def test_a_new_generation_is_worth_a_write_by_itself() -> None:
    before = status_of(observe(), NOW)
    observation = after(before)
    edited = status_of(replace(observation, pool=replace(observation.pool, generation=2)), NOW)
    assert is_worth_writing(PoolStatus.parse(before), PoolStatus.parse(edited), NOW)
