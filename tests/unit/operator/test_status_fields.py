"""The rest of the status: its fields, how long they stay, when they are worth a write, and the patch that writes them.

That it fits the CRD matters most: the API server drops an unknown field without a word.
"""

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
    Mode,
    NamespacedName,
    Observation,
    ScaleDownStabilization,
    ScaleUpStabilization,
)
from queueworkerpool.names import ConditionType, Reason
from queueworkerpool.report.status import is_worth_writing, next_status
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import NOW, ago, facts, invalid_pool, pool, reading, stabilizing
from tests.unit.operator.fakes import condition, observe, target

CRD = Path(__file__).parents[3] / "crds" / "queueworkerpools.yaml"
TRANSITION = "lastTransitionTime"
EARLIER = "2026-11-23T11:00:00Z"
MEMORY = Memory(
    scale_down_stabilization=ScaleDownStabilization(ago(30), 4),
    scale_up_stabilization=ScaleUpStabilization(ago(9), 30),
    changes=(Change(ago(8), -2),),
    empty_since=ago(60),
    activation_pending_since=ago(7),
    unreadable_since=ago(6),
    waiting_since=ago(5),
    competing_writer=CompetingWriter("keda", 3, ago(5)),
    workers=WorkerEstimates(0.5, 4, 12),
)


def told(status: Mapping[str, Any], **decided: Any) -> Observation:
    """A calm tick of a pool that told this before."""
    observation = observe(decided)
    return replace(observation, pool=replace(observation.pool, status=status))


def test_everything_that_a_tick_saw_is_told() -> None:
    observation = observe({"reading": reading(55, 40, 7), "memory": MEMORY, "replicas": 12})
    status = next_status(replace(observation, scaled_from=10), NOW)
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
                {"replicas": 19, "reason": "SizedByBacklog", "message": "95 messages / 5 per pod = 19 pods"},
                {
                    "replicas": 12,
                    "reason": "ScaleConflict",
                    "message": "keda keeps writing the replicas too: given way until 12:04:55Z",
                },
            ],
        },
        "memory": {
            "competingWriter": {"manager": "keda", "rounds": 3, "last": "2026-11-23T11:59:55.000000Z"},
            "workers": {"serviceSeconds": 0.5, "concurrency": 4, "startupSeconds": 12},
        },
    }


def test_the_load_is_told_as_the_pool_counts_it() -> None:
    status = next_status(
        observe({"reading": reading(5, 40, 7), "in_flight": InFlight.IGNORE, "count_delayed": True}), NOW
    )
    assert status["backlog"]["total"] == 12


def test_several_queues_are_told_as_their_sum() -> None:
    status = next_status(observe({"readings": (reading(1, 2, 3, ago(9)), reading(10, 20, 30))}), NOW)
    time = "2026-11-23T11:59:51Z"
    assert status["backlog"] == {"visible": 11, "inFlight": 22, "delayed": 33, "total": 33, "time": time}


def test_a_size_without_anything_to_remember_has_no_memory() -> None:
    assert "memory" not in next_status(observe(), NOW)


UNDECIDED: dict[str, Observation] = {
    "no Deployment": observe(target=None, counts=(), decision=None),
    "another's Deployment": observe(owner=NamespacedName("shop", "older"), counts=(), decision=None),
    "a spec of another CRD": Observation(invalid_pool(), target()),
    "a spec of another CRD, and a count": Observation(invalid_pool(), target(), counts=(reading(1),)),
}


@pytest.mark.parametrize("observation", UNDECIDED.values(), ids=UNDECIDED.keys())
def test_what_is_not_seen_anew_stays_as_it_was(observation: Observation) -> None:
    before = next_status(observe({"reading": reading(0, 20), "memory": stabilizing(30, 4)}, scaled_from=9), ago(60))
    after = next_status(replace(observation, pool=replace(observation.pool, status=before)), NOW)
    for name in ("backlog", "desiredReplicas", "lastDecision", "memory", "lastScaleTime"):
        assert after[name] == before[name]
    assert ("replicas" in after) == (observation.target is not None)


@pytest.mark.parametrize("observation", UNDECIDED.values(), ids=UNDECIDED.keys())
def test_what_was_never_seen_is_not_told(observation: Observation) -> None:
    assert set(next_status(observation, NOW)) <= {"observedGeneration", "replicas", "readyReplicas", "conditions"}


def test_an_unknown_backlog_is_told_as_the_last_one_known() -> None:
    before = {"backlog": {"visible": 5, "time": EARLIER}}
    observation = told(before, reading=None)
    assert next_status(replace(observation, counts=(QueueNotFoundError("why"),)), NOW)["backlog"] == before["backlog"]


def test_the_last_scaling_is_remembered() -> None:
    assert next_status(told({"lastScaleTime": EARLIER}), NOW)["lastScaleTime"] == EARLIER
    assert next_status(replace(told({}), scaled_from=0), NOW)["lastScaleTime"] == "2026-11-23T12:00:00Z"


def test_counts_keep_the_time_since_which_they_stand() -> None:
    before = next_status(observe({"reading": reading(0, 50, time=ago(60))}), ago(60))
    assert next_status(told(before), NOW)["backlog"]["time"] == "2026-11-23T11:59:00Z"
    assert next_status(told(before, reading=reading(0, 51)), NOW)["backlog"]["time"] == "2026-11-23T12:00:00Z"


def test_a_backlog_whose_time_was_lost_gets_one() -> None:
    before = next_status(observe(), ago(60))
    del before["backlog"]["time"]
    assert next_status(told(before), NOW)["backlog"]["time"] == "2026-11-23T12:00:00Z"


def test_a_transition_is_a_change_of_status_alone() -> None:
    before = next_status(observe(), ago(60))
    blind = replace(told(before, reading=None), counts=(QueueNotFoundError("why"),))
    broken = next_status(blind, NOW)
    times = {held["type"]: held[TRANSITION] for held in broken["conditions"]}
    assert {kind for kind, time in times.items() if time == "2026-11-23T12:00:00Z"} == {
        ConditionType.READY,
        ConditionType.QUEUE_REACHABLE,
        ConditionType.SCALING_ACTIVE,
    }
    # Another reason for the same status is no transition.
    paused = replace(observe({"mode": Mode.PAUSED}, counts=()), pool=pool(status=broken))
    paused = replace(paused, pool=replace(paused.pool, spec=replace(facts().spec, mode=Mode.PAUSED)))
    ready = condition(next_status(paused, NOW + timedelta(seconds=60)), ConditionType.READY)
    assert (ready["reason"], ready[TRANSITION]) == (Reason.PAUSED, "2026-11-23T12:00:00Z")


@pytest.mark.parametrize("observation", [observe(), *UNDECIDED.values()])
def test_every_condition_tells_of_the_generation_that_was_looked_at(observation: Observation) -> None:
    """A tick over a stale pool writes the stale generation, so nobody takes its Ready for the new spec's."""
    status = next_status(replace(observation, pool=replace(observation.pool, generation=7)), NOW)
    assert status["observedGeneration"] == 7
    assert {held["observedGeneration"] for held in status["conditions"]} == {7}


def test_a_new_generation_is_worth_telling_by_itself() -> None:
    before = next_status(observe(), NOW)
    observation = told(before)
    assert is_worth_writing(
        before, next_status(replace(observation, pool=replace(observation.pool, generation=2)), NOW), NOW
    )
