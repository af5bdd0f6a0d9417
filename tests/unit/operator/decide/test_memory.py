"""What a decision remembers."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import (
    CompetingWriter,
    Fallback,
    Memory,
    Mode,
    Sample,
    ScaleDownStabilization,
    ScaleUpStabilization,
)
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import NOW, ago, empty, facts, pods_policy, reading, rules, stabilizing, window
from tests.unit.operator.decide.rows import (
    LATENCY,
    TALKING,
    changed,
    measured,
)

MEMORIES: dict[str, tuple[dict[str, Any], Memory]] = {
    "a wish within the tolerance ends a lull": (
        {
            "replicas": 40,
            "reading": reading(0, 185),
            "memory": stabilizing(100, 20),
            "scale_down": rules(tolerance=0.1),
        },
        Memory(),
    ),
    "a wish within the tolerance begins no surge": (
        {"reading": reading(0, 54), "scale_up": rules(seconds=60, tolerance=0.1)},
        Memory(),
    ),
    "a pool that fits remembers nothing": ({}, Memory()),
    "a lull is remembered": ({"reading": reading(0, 20)}, Memory(ScaleDownStabilization(NOW, 4))),
    "a lull keeps its beginning and its peak": (
        {"reading": reading(0, 20), "memory": stabilizing(30, 7)},
        stabilizing(30, 7),
    ),
    "a higher wish raises the peak": ({"reading": reading(0, 45), "memory": stabilizing(30, 7)}, stabilizing(30, 9)),
    "a wish for the present size ends the lull": ({"memory": stabilizing(30, 7)}, Memory()),
    "a pool at its minimum has no lull, so that it is silent": (
        {"reading": reading(0, 5), "min_replicas": 10},
        Memory(),
    ),
    "a surge is remembered where there is a window": (
        {"reading": reading(100), "scale_up": window(30)},
        Memory(scale_up_stabilization=ScaleUpStabilization(NOW, 20)),
    ),
    "a surge is not remembered where there is none": ({"reading": reading(100)}, Memory()),
    "a surge keeps its beginning and its trough": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(10), 14)),
        },
        Memory(scale_up_stabilization=ScaleUpStabilization(ago(10), 14)),
    ),
    "a lower wish lowers the trough": (
        {
            "reading": reading(60),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(10), 14)),
        },
        Memory(scale_up_stabilization=ScaleUpStabilization(ago(10), 12)),
    ),
    "a pool at its maximum has no surge": (
        {"reading": reading(100), "scale_up": window(30), "max_replicas": 10},
        Memory(),
    ),
    "emptiness is remembered since its first reading": (
        {"replicas": 0, "reading": reading(0)},
        Memory(empty_since=NOW),
    ),
    "emptiness from the future began now": (
        {"replicas": 0, "reading": reading(0), "memory": Memory(empty_since=ago(-60))},
        Memory(empty_since=NOW),
    ),
    "emptiness counts from the last message handled": (
        {
            "replicas": 0,
            "reading": reading(0),
            "memory": Memory(empty_since=ago(60)),
            "sample": Sample(NOW, last_handled=ago(5)),
        },
        Memory(empty_since=ago(5)),
    ),
    "a delayed message that counts is not emptiness": (
        {"replicas": 1, "reading": reading(0, 0, 1), "count_delayed": True},
        Memory(),
    ),
    "a glimpse is remembered": ({"replicas": 0, "reading": reading(1)}, Memory(activation_pending_since=NOW)),
    "a blind pool forgets nothing, and knows since when": (
        {"reading": None, "memory": empty(30)},
        replace(
            empty(30),
            unreadable_since=NOW,
            scale_down_stabilization=ScaleDownStabilization(ago(30), 0, paused_since=NOW),
        ),
    ),
    "a half-blind pool does not go on with its window, nor with emptiness": (
        {"readings": (reading(0), None), "memory": empty(30)},
        Memory(scale_down_stabilization=ScaleDownStabilization(ago(30), 0, paused_since=NOW)),
    ),
    "a half-blind pool begins no window": ({"readings": (reading(0), None)}, Memory()),
    "what a half-blind pool recommends counts in its window": (
        {"readings": (reading(0, 40), None), "memory": stabilizing(30, 7)},
        Memory(scale_down_stabilization=ScaleDownStabilization(ago(30), 8, paused_since=NOW)),
    ),
    "a half-blind pool that needs its size ends its window": (
        {"readings": (reading(240), None), "memory": stabilizing(30, 7)},
        Memory(),
    ),
    "a window goes on where it was paused": (
        {
            "reading": reading(0, 20),
            "memory": Memory(scale_down_stabilization=ScaleDownStabilization(ago(100), 7, paused_since=ago(40))),
        },
        stabilizing(60, 7),
    ),
    "a pause from the future is none": (
        {
            "reading": reading(0, 20),
            "memory": Memory(scale_down_stabilization=ScaleDownStabilization(ago(100), 7, paused_since=ago(-40))),
        },
        stabilizing(100, 7),
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
    "a paused pool forgets all but its workers": (
        {"mode": Mode.PAUSED, "memory": replace(empty(30), workers=TALKING.workers)},
        TALKING,
    ),
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
    "somebody's change is remembered": (
        {"writer": ("kubectl", ago(1))},
        Memory(competing_writer=CompetingWriter("kubectl", 1, ago(1))),
    ),
    "the same change is not counted twice": (
        {"writer": ("kubectl", ago(1)), "memory": Memory(competing_writer=CompetingWriter("kubectl", 1, ago(1)))},
        Memory(competing_writer=CompetingWriter("kubectl", 1, ago(1))),
    ),
    "the next change is counted": (
        {"writer": ("kubectl", ago(1)), "memory": Memory(competing_writer=CompetingWriter("kubectl", 1, ago(30)))},
        Memory(competing_writer=CompetingWriter("kubectl", 2, ago(1))),
    ),
    "a rival who was quiet for long is forgotten": (
        {"memory": Memory(competing_writer=CompetingWriter("kubectl", 3, ago(601)))},
        Memory(),
    ),
    "a first measurement is taken as it is": (
        {"target": LATENCY, "sample": Sample(NOW, 3.0004, 10.4, 4, 12), "memory": Memory()},
        Memory(workers=WorkerEstimates(3, 4, 12, 10)),
    ),
    "a later measurement of the service time is taken, of the start-up by a third": (
        {
            "target": LATENCY,
            "sample": Sample(NOW, 2.1, 10, 8, 20),
            "memory": measured(),
            "replicas": 0,
            "reading": reading(0),
        },
        measured(workers=WorkerEstimates(2.1, 8, 20, 10), empty_since=NOW),
    ),
    "a measurement that hardly differs changes nothing": (
        {
            "target": LATENCY,
            "sample": Sample(NOW, 2.05, 1.9, 4, 21),
            "memory": measured(),
            "replicas": 0,
            "reading": reading(0),
        },
        measured(empty_since=NOW),
    ),
    "a mean over twice as many messages is taken": (
        {
            "target": LATENCY,
            "sample": Sample(NOW, 2.05, 20),
            "memory": measured(workers=WorkerEstimates(2, 4, 20, 10)),
            "replicas": 0,
            "reading": reading(0),
        },
        measured(workers=WorkerEstimates(2.05, 4, 20, 20), empty_since=NOW),
    ),
}


@pytest.mark.parametrize(("differs", "memory"), MEMORIES.values(), ids=MEMORIES.keys())
def test_memory(differs: dict[str, Any], memory: Memory) -> None:
    assert decide(facts(**differs)).memory == memory
