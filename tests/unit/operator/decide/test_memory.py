"""What a decision remembers for the next one: windows, times, changes and competing writers."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.decide import decide, unwritten
from queueworkerpool.model import (
    Change,
    CompetingWriter,
    Fallback,
    Memory,
    MemoryOwner,
    Mode,
    Sample,
    ScaleDownStabilization,
)
from tests.unit.operator.builders import NOW, ago, empty, facts, pods, pods_policy, reading, rules, stabilizing
from tests.unit.operator.decide.rows import REPORTING, changed, learned
from tests.unit.operator.decide.rows_of_windows import WINDOWS

FALLING_BACK: dict[str, Any] = {
    "reading": None,
    "fallback": Fallback(300, 3, only_if_higher=False),
    "memory": replace(REPORTING, unreadable_since=ago(300)),
}

LEARNED = learned(7, 9, belongs_to=MemoryOwner("pool", "target", "queues"))

BEFORE = Memory(
    scale_down_stabilization=ScaleDownStabilization(ago(90), 7), changes=(Change(ago(5), -2),), empty_since=ago(90)
)


def competing(writes: int, seconds: float, manager: str = "kubectl") -> Memory:
    return Memory(competing_writer=CompetingWriter(manager, writes, ago(seconds)))


TIMES: dict[str, tuple[dict[str, Any], Memory]] = {
    "empty since the first empty reading": ({"replicas": 0, "reading": reading(0)}, Memory(empty_since=NOW)),
    "empty since a time in the future: since now": (
        {"replicas": 0, "reading": reading(0), "memory": Memory(empty_since=ago(-60))},
        Memory(empty_since=NOW),
    ),
    "empty since the last message handled": (
        {
            "replicas": 0,
            "reading": reading(0),
            "memory": Memory(empty_since=ago(60)),
            "sample": Sample(NOW, last_handled=ago(5)),
        },
        Memory(empty_since=ago(5)),
    ),
    "not empty: a delayed message that counts": (
        {"replicas": 1, "reading": reading(0, 0, 1), "count_delayed": True},
        Memory(),
    ),
    "empty: delayed messages that do not count": (
        {"reading": reading(0, 0, 5)},
        Memory(scale_down_stabilization=ScaleDownStabilization(NOW, 0), empty_since=NOW),
    ),
    "a pending activation is remembered": (
        {"replicas": 0, "reading": reading(1)},
        Memory(activation_pending_since=NOW),
    ),
    "and when the early second reading shows nothing, for counts lag": (
        {"replicas": 0, "reading": reading(0), "memory": Memory(activation_pending_since=ago(3.9))},
        Memory(activation_pending_since=ago(3.9), empty_since=NOW),
    ),
    "a pending activation is over when the usual reading shows nothing either": (
        {"replicas": 0, "reading": reading(0), "memory": Memory(activation_pending_since=ago(4.0))},
        Memory(empty_since=NOW),
    ),
    "no queue could be read: stabilization stays, the pool is not known to be empty, and since when is added": (
        {"reading": None, "memory": empty(30)},
        Memory(
            unreadable_since=NOW,
            scale_down_stabilization=ScaleDownStabilization(ago(30), 0, paused_since=NOW),
        ),
    ),
    "one queue could not be read: stabilization stays, the pool is not known to be empty": (
        {"readings": (reading(0), None), "memory": empty(30)},
        Memory(scale_down_stabilization=ScaleDownStabilization(ago(30), 0, paused_since=NOW)),
    ),
    "a half-read pool begins no window": ({"readings": (reading(0), None)}, Memory()),
    "a paused window stays paused while a queue is unread": (
        {"readings": (reading(0, 20), None), "memory": stabilizing(100, 4, paused=40)},
        stabilizing(100, 4, paused=40),
    ),
    "every step of a window goes on where it was paused": (
        {"reading": reading(0, 20), "memory": stabilizing(100, 7, (70, 4), paused=40)},
        stabilizing(60, 7, (30, 4)),
    ),
    "what a half-read pool recommends is no lower step": (
        {"readings": (reading(0, 20), None), "memory": stabilizing(30, 7)},
        stabilizing(30, 7, paused=0),
    ),
    "no step is later than now, though the clock was set back": (
        {"reading": reading(0, 20), "memory": stabilizing(10, 7, (-20, 4))},
        stabilizing(10, 7, (0, 4)),
    ),
    "what a half-read pool recommends counts in its window": (
        {"readings": (reading(0, 40), None), "memory": stabilizing(30, 7)},
        Memory(scale_down_stabilization=ScaleDownStabilization(ago(30), 8, paused_since=NOW)),
    ),
    "a half-read pool that needs its size ends its window": (
        {"readings": (reading(240), None), "memory": stabilizing(30, 7)},
        Memory(),
    ),
    "a window goes on where it was paused": (
        {
            "reading": reading(0, 20),
            "memory": Memory(scale_down_stabilization=ScaleDownStabilization(ago(100), 4, paused_since=ago(40))),
        },
        stabilizing(60, 4),
    ),
    "a pause from the future is none": (
        {
            "reading": reading(0, 20),
            "memory": Memory(scale_down_stabilization=ScaleDownStabilization(ago(100), 4, paused_since=ago(-40))),
        },
        stabilizing(100, 4),
    ),
    "a fallback to more pods ends a window": (
        {
            "reading": None,
            "memory": replace(stabilizing(900, 2), unreadable_since=ago(300)),
            "fallback": Fallback(300, 48, only_if_higher=False),
        },
        Memory(unreadable_since=ago(300)),
    ),
    "a fallback to fewer pods counts in the window": (
        {
            "reading": None,
            "memory": replace(stabilizing(900, 2), unreadable_since=ago(300)),
            "fallback": Fallback(300, 5, only_if_higher=True),
        },
        Memory(
            scale_down_stabilization=ScaleDownStabilization(ago(900), 5, paused_since=NOW), unreadable_since=ago(300)
        ),
    ),
    "a fallback to the present size ends a window": (
        {
            "reading": None,
            "memory": replace(stabilizing(900, 6), unreadable_since=ago(300)),
            "fallback": Fallback(300, 10, only_if_higher=False),
        },
        Memory(unreadable_since=ago(300)),
    ),
    "a fallback to fewer pods takes the place of lower steps": (
        {
            "reading": None,
            "memory": replace(stabilizing(900, 6, (600, 3)), unreadable_since=ago(300)),
            "fallback": Fallback(300, 5, only_if_higher=True),
        },
        replace(stabilizing(900, 6, (600, 5), paused=0), unreadable_since=ago(300)),
    ),
    "one queue could not be read: changes stay where there are policies": (
        {"readings": (reading(0), None), "scale_down": rules(pods_policy(4, 60), seconds=60), "memory": BEFORE},
        Memory(scale_down_stabilization=ScaleDownStabilization(ago(90), 7, paused_since=NOW), changes=BEFORE.changes),
    ),
    "one queue could not be read, and the pool scales out": (
        {"readings": (reading(100), None), "memory": BEFORE},
        Memory(),
    ),
    "a fallback keeps since when no queue could be read": (FALLING_BACK, FALLING_BACK["memory"]),
    "a fallback that waits for workers": (
        FALLING_BACK | {"pods": pods(0, 10)},
        replace(FALLING_BACK["memory"], waiting_since=NOW),
    ),
    "what was learned, and of whom, stays when something else changes": (
        {"reading": reading(0, 20), "memory": LEARNED},
        replace(LEARNED, scale_down_stabilization=ScaleDownStabilization(NOW, 4)),
    ),
    "a paused pool forgets all but what was learned, and of whom": (
        {"mode": Mode.PAUSED, "memory": replace(LEARNED, empty_since=ago(30), held_since=ago(30))},
        LEARNED,
    ),
}

WRITES: dict[str, tuple[dict[str, Any], Memory]] = {
    "a change is remembered where there are policies": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15))},
        changed((0, 4)),
    ),
    "a change that a dry run did not make is not remembered": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "mode": Mode.DRY_RUN},
        Memory(),
    ),
    "a change is forgotten after the longest period": (
        {"scale_up": rules(pods_policy(4, 15), pods_policy(9, 60)), "memory": changed((60, 1), (59, 1))},
        changed((59, 1)),
    ),
    "without policies no change is remembered": ({"reading": reading(500), "memory": changed((1, 1))}, Memory()),
    "another writer's change is remembered": ({"writer": ("kubectl", ago(1))}, competing(1, 1)),
    "the same change is not counted twice": (
        {"writer": ("kubectl", ago(1)), "memory": competing(1, 1)},
        competing(1, 1),
    ),
    "the next change is counted": ({"writer": ("kubectl", ago(1)), "memory": competing(1, 30)}, competing(2, 1)),
    "a competing writer is remembered for ten minutes": (
        {"memory": competing(3, 600, "hpa")},
        competing(3, 600, "hpa"),
    ),
    "a competing writer is forgotten after ten minutes": ({"memory": competing(3, 601)}, Memory()),
    "a competing writer is forgotten though its write still stands": (
        {"memory": competing(3, 601, "hpa"), "writer": ("hpa", ago(601))},
        Memory(),
    ),
}

ROWS = WINDOWS | TIMES | WRITES


@pytest.mark.parametrize(("differs", "memory"), ROWS.values(), ids=ROWS.keys())
def test_memory(differs: dict[str, Any], memory: Memory) -> None:
    assert decide(facts(**differs)).memory == memory


QUIET: dict[str, dict[str, Any]] = {
    "a pool of the recommended size": {"memory": learned(7)},
    "an idle pool": {"replicas": 0, "reading": reading(0), "memory": learned(7, empty_since=ago(60))},
}


@pytest.mark.parametrize("differs", QUIET.values(), ids=QUIET)
def test_where_nothing_changes_the_memory_is_the_same_object(differs: dict[str, Any]) -> None:
    """To make a new one takes as long as the rest of the decision."""
    assert decide(facts(**differs)).memory is differs["memory"]


UNWRITTEN: dict[str, tuple[dict[str, Any], Memory]] = {
    "no change has happened": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((5, 2))},
        changed((5, 2)),
    ),
    "a change is forgotten after its period all the same": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((15, 2), (14, 1))},
        changed((14, 1)),
    ),
    "what else was remembered stays": (
        {"reading": reading(0, 20), "memory": stabilizing(60, 4)},
        stabilizing(60, 4),
    ),
    "a wait that is over does not begin anew": (
        {"reading": reading(0, 20), "memory": replace(stabilizing(60, 4), waiting_since=ago(3600))},
        replace(stabilizing(60, 4), waiting_since=ago(3600)),
    ),
    "a pool that needs more pods waits for none to go": (
        {"reading": reading(100), "memory": Memory(waiting_since=ago(3600))},
        Memory(),
    ),
    "nor does one that needs its own": ({"memory": Memory(waiting_since=ago(3600))}, Memory()),
}


@pytest.mark.parametrize(("differs", "memory"), UNWRITTEN.values(), ids=UNWRITTEN)
def test_the_memory_of_a_size_that_could_not_be_written(differs: dict[str, Any], memory: Memory) -> None:
    state = facts(**differs)
    assert unwritten(state, decide(state)) == memory
