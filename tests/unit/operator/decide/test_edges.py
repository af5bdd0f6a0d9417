"""Sizes and memories at the edges of the rules."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import (
    Change,
    CompetingWriter,
    Fallback,
    Memory,
    Sample,
    ScaleDownStabilization,
    ScaleUpStabilization,
    Select,
)
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import (
    NOW,
    ago,
    empty,
    facts,
    percent_policy,
    pods,
    pods_policy,
    reading,
    rules,
    stabilizing,
    window,
)

AT_ONCE = window(0)

TALKING = Memory(workers=WorkerEstimates(concurrency=4))

LATENCY = Latency(60, 3)

SIZES: dict[str, tuple[dict[str, Any], int]] = {
    "a percentage down is of a hundred": (
        {"replicas": 200, "max_replicas": 500, "reading": reading(0, 5), "scale_down": rules(percent_policy(10, 60))},
        180,
    ),
    "a percentage up is of a hundred": (
        {"replicas": 200, "max_replicas": 500, "reading": reading(5000), "scale_up": rules(percent_policy(10, 60))},
        220,
    ),
    "a used-up rate takes nothing back": (
        {
            "reading": reading(500),
            "scale_up": rules(pods_policy(4, 15)),
            "memory": Memory(changes=(Change(ago(5), 8),)),
        },
        10,
    ),
    "Max is the most change, downwards too": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(1, 60), pods_policy(4, 60), select=Select.MAX)},
        6,
    ),
    "a rate may lead to zero": (
        {"reading": reading(0), "memory": empty(600), "scale_down": rules(pods_policy(20, 60))},
        0,
    ),
    "tolerance knows slots": (
        {
            "reading": reading(44),
            "target": Latency(60),
            "scale_up": rules(tolerance=0.2),
            "memory": TALKING,
        },
        10,
    ),
    "a blind pool's minimum stands before its busy workers": (
        {
            "reading": None,
            "min_replicas": 5,
            "fallback": Fallback(300, 0, only_if_higher=False),
            "memory": replace(TALKING, unreadable_since=ago(300)),
            "pods": pods(7, 3),
        },
        5,
    ),
}


@pytest.mark.parametrize(("differs", "replicas"), SIZES.values(), ids=SIZES.keys())
def test_size(differs: dict[str, Any], replicas: int) -> None:
    assert decide(facts(**differs)).replicas == replicas


BLIND: dict[str, Any] = {
    "reading": None,
    "fallback": Fallback(300, 3, only_if_higher=False),
    "memory": replace(TALKING, unreadable_since=ago(300)),
}

HALF: dict[str, Any] = {"readings": (reading(0), None), "scale_down": rules(pods_policy(4, 60))}

BEFORE = Memory(
    scale_down_stabilization=ScaleDownStabilization(ago(90), 7), changes=(Change(ago(5), -2),), empty_since=ago(90)
)

MEMORIES: dict[str, tuple[dict[str, Any], Memory]] = {
    "a fallback remembers since when": (BLIND, BLIND["memory"]),
    "a fallback that waits for workers": (BLIND | {"pods": pods(0, 10)}, replace(BLIND["memory"], waiting_since=NOW)),
    "a half-blind look lowers nothing and ends emptiness": (
        HALF | {"memory": BEFORE},
        Memory(
            scale_down_stabilization=ScaleDownStabilization(ago(90), 7, paused_since=NOW),
            changes=BEFORE.changes,
        ),
    ),
    "a half-blind look that raises ends the window of scaling in": (
        {"readings": (reading(100), None), "memory": BEFORE},
        Memory(),
    ),
    "delayed messages that do not count leave a queue empty": (
        {"reading": reading(0, 0, 5)},
        Memory(scale_down_stabilization=ScaleDownStabilization(NOW, 0), empty_since=NOW),
    ),
    "a lull whose peak was reached begins anew": (
        {"reading": reading(0, 25), "memory": stabilizing(30, 10)},
        Memory(scale_down_stabilization=ScaleDownStabilization(NOW, 5)),
    ),
    "a surge whose least was reached begins anew": (
        {
            "reading": reading(0, 100),
            "scale_up": window(60),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(30), 10)),
        },
        Memory(scale_up_stabilization=ScaleUpStabilization(NOW, 20)),
    ),
    "a rival is remembered for ten minutes": (
        {"memory": Memory(competing_writer=CompetingWriter("hpa", 3, ago(600)))},
        Memory(competing_writer=CompetingWriter("hpa", 3, ago(600))),
    ),
    "and forgotten then, though its write still stands": (
        {"memory": Memory(competing_writer=CompetingWriter("hpa", 3, ago(601))), "writer": ("hpa", ago(601))},
        Memory(),
    ),
    "a little is no difference": (
        {
            "reading": reading(0),
            "replicas": 0,
            "target": LATENCY,
            "sample": Sample(NOW, 10.2, 1),
            "memory": Memory(workers=WorkerEstimates(10)),
        },
        Memory(workers=WorkerEstimates(10), empty_since=NOW),
    ),
    "one message tells a service time, and what is not told stays": (
        {
            "reading": reading(0),
            "replicas": 0,
            "target": LATENCY,
            "sample": Sample(NOW, 2, 1),
            "memory": TALKING,
        },
        Memory(workers=WorkerEstimates(2, 4, None, 1), empty_since=NOW),
    ),
    "no message tells none": (
        {"reading": reading(0), "replicas": 0, "target": LATENCY, "sample": Sample(NOW, None, 0)},
        Memory(empty_since=NOW),
    ),
    "a service time is learned only where the size hangs on it": (
        {"sample": Sample(NOW, 20, 10)},
        Memory(),
    ),
    "a crew that is silent for a moment is still known to talk": (
        {"memory": replace(TALKING, waiting_since=ago(10)), "pods": pods(0, 0, 10)},
        TALKING,
    ),
    "a crew does not overrule what was sampled": (
        {"memory": Memory(workers=WorkerEstimates(concurrency=8)), "pods": pods(10)},
        Memory(workers=WorkerEstimates(concurrency=8)),
    ),
}


@pytest.mark.parametrize(("differs", "memory"), MEMORIES.values(), ids=MEMORIES.keys())
def test_memory(differs: dict[str, Any], memory: Memory) -> None:
    assert decide(facts(**differs)).memory == memory
