"""What a decision remembers for the next one: windows, times, changes and competing writers."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import (
    Change,
    CompetingWriter,
    Fallback,
    Memory,
    Mode,
    Sample,
    ScaleDownStabilization,
    ScaleUpStabilization,
)
from tests.unit.operator.builders import NOW, ago, empty, facts, pods, pods_policy, reading, rules, stabilizing, window
from tests.unit.operator.decide.rows import REPORTING, changed

FALLING_BACK: dict[str, Any] = {
    "reading": None,
    "fallback": Fallback(300, 3, only_if_higher=False),
    "memory": replace(REPORTING, unreadable_since=ago(300)),
}

BEFORE = Memory(
    scale_down_stabilization=ScaleDownStabilization(ago(90), 7), changes=(Change(ago(5), -2),), empty_since=ago(90)
)


def scaling_up(seconds: float, lowest: int) -> Memory:
    return Memory(scale_up_stabilization=ScaleUpStabilization(ago(seconds), lowest))


def competing(writes: int, seconds: float, manager: str = "kubectl") -> Memory:
    return Memory(competing_writer=CompetingWriter(manager, writes, ago(seconds)))


WINDOWS: dict[str, tuple[dict[str, Any], Memory]] = {
    "a pool of the recommended size remembers nothing": ({}, Memory()),
    "a recommendation of fewer pods is remembered": (
        {"reading": reading(0, 20)},
        Memory(ScaleDownStabilization(NOW, 4)),
    ),
    "scale-down: start and recommendation stay": (
        {"reading": reading(0, 20), "memory": stabilizing(30, 4)},
        stabilizing(30, 4),
    ),
    "scale-down: a lower recommendation is a new step": (
        {"reading": reading(0, 20), "memory": stabilizing(30, 7)},
        stabilizing(30, 7, (0, 4)),
    ),
    "scale-down: an eighth of the window after the last step, the next one": (
        {"reading": reading(0, 20), "memory": stabilizing(7.5, 7)},
        stabilizing(7.5, 7, (0, 4)),
    ),
    "scale-down: sooner than that a lower recommendation is no new step": (
        {"reading": reading(0, 20), "memory": stabilizing(7.4, 7)},
        stabilizing(7.4, 7),
    ),
    "scale-down: of the steps that are over the last stays": (
        {"reading": reading(0, 5), "memory": stabilizing(90, 8, (70, 7), (60, 6), (30, 4))},
        stabilizing(60, 6, (30, 4), (0, 1)),
    ),
    "scale-down: the only step that is over stays": (
        {"reading": reading(0, 5), "memory": stabilizing(90, 8)},
        stabilizing(90, 8, (0, 1)),
    ),
    "scale-down: at most nine steps": (
        {"reading": reading(0), "memory": stabilizing(18, 9, *((18 - n, 9 - n) for n in range(1, 9)))},
        stabilizing(18, 9, *((18 - n, 9 - n) for n in range(1, 9)), emptied=NOW),
    ),
    "scale-down: nine steps by then": (
        {"reading": reading(0), "memory": stabilizing(18, 9, *((18 - n, 9 - n) for n in range(1, 8)))},
        stabilizing(18, 9, *((18 - n, 9 - n) for n in range(1, 8)), (0, 0), emptied=NOW),
    ),
    "scale-down: a recommendation above some steps takes their place, since the first of them": (
        {"reading": reading(0, 25), "memory": stabilizing(50, 7, (40, 4), (30, 3))},
        stabilizing(50, 7, (40, 5)),
    ),
    "scale-down: a recommendation above all steps takes their place": (
        {"reading": reading(0, 40), "memory": stabilizing(50, 7, (40, 4))},
        stabilizing(50, 8),
    ),
    "scale-down: a recommendation of the highest step ends the lower ones": (
        {"reading": reading(0, 35), "memory": stabilizing(50, 7, (40, 4))},
        stabilizing(50, 7),
    ),
    "scale-down: the steps below the size survive a scale-in": (
        {"replicas": 7, "reading": reading(0, 20), "memory": stabilizing(60, 7, (40, 5), (20, 4))},
        stabilizing(40, 5, (20, 4)),
    ),
    "scale-down: nothing without a window": (
        {"reading": reading(0, 20), "scale_down": window(0), "memory": stabilizing(30, 4)},
        Memory(),
    ),
    "scale-down: a higher recommendation is the new highest": (
        {"reading": reading(0, 45), "memory": stabilizing(30, 7)},
        stabilizing(30, 9),
    ),
    "scale-down: ended by a recommendation of the current size": ({"memory": stabilizing(30, 7)}, Memory()),
    "scale-down: ended by a recommendation within the tolerance": (
        {
            "replicas": 40,
            "reading": reading(0, 185),
            "memory": stabilizing(100, 20),
            "scale_down": rules(tolerance=0.1),
        },
        Memory(),
    ),
    "scale-down: begins again once the pool has come down to the highest": (
        {"reading": reading(0, 25), "memory": stabilizing(30, 10)},
        Memory(scale_down_stabilization=ScaleDownStabilization(NOW, 5)),
    ),
    "scale-down: none at the minimum, so that an idle pool writes nothing": (
        {"reading": reading(0, 5), "min_replicas": 10},
        Memory(),
    ),
    "a recommendation of more pods is remembered where there is a window": (
        {"reading": reading(100), "scale_up": window(30)},
        scaling_up(0, 20),
    ),
    "a recommendation of more pods is forgotten where there is no window": ({"reading": reading(100)}, Memory()),
    "scale-up: start and lowest recommendation stay": (
        {"reading": reading(100), "scale_up": window(30), "memory": scaling_up(10, 14)},
        scaling_up(10, 14),
    ),
    "scale-up: a lower recommendation is the new lowest": (
        {"reading": reading(60), "scale_up": window(30), "memory": scaling_up(10, 14)},
        scaling_up(10, 12),
    ),
    "scale-up: not begun by a recommendation within the tolerance": (
        {"reading": reading(0, 54), "scale_up": rules(seconds=60, tolerance=0.1)},
        Memory(),
    ),
    "scale-up: begins again once the pool has come up to the lowest": (
        {"reading": reading(0, 100), "scale_up": window(60), "memory": scaling_up(30, 10)},
        scaling_up(0, 20),
    ),
    "scale-up: none at the maximum": (
        {"reading": reading(100), "scale_up": window(30), "max_replicas": 10},
        Memory(),
    ),
}

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
    "a paused pool forgets all but its workers": (
        {"mode": Mode.PAUSED, "memory": replace(empty(30), workers=REPORTING.workers)},
        REPORTING,
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
