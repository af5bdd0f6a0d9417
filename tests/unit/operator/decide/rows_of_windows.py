"""Rows of what a decision remembers of recommendations: the windows of scaling in and out."""

from typing import Any

from queueworkerpool.model import Memory, ScaleDownStabilization, ScaleUpStabilization
from tests.unit.operator.builders import NOW, ago, reading, rules, stabilizing, window


def scaling_up(seconds: float, lowest: int) -> Memory:
    return Memory(scale_up_stabilization=ScaleUpStabilization(ago(seconds), lowest))


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
    "scale-down: none at the active minimum while the pool works": (
        {"replicas": 4, "reading": reading(0, 5), "active_min_replicas": 4},
        Memory(),
    ),
    "scale-down: begins at the active minimum once the queue is empty": (
        {"replicas": 4, "reading": reading(0), "active_min_replicas": 4},
        Memory(ScaleDownStabilization(NOW, 0), empty_since=NOW),
    ),
    "scale-down: goes on at the active minimum while a queue is unread, for all may be empty": (
        {"replicas": 4, "readings": (reading(0), None), "active_min_replicas": 4, "memory": stabilizing(30, 0)},
        stabilizing(30, 0, paused=0),
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
