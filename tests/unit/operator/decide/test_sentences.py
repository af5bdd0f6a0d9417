"""The sentences of a decision's steps."""

from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import Memory, ScaleUpStabilization
from tests.unit.operator.builders import ago, empty, facts, pods_policy, reading, rules, stabilizing, window
from tests.unit.operator.decide.rows import (
    COMPETING,
    FALLBACK,
    LATENCY,
    MEASURED,
    UNREADABLE_LONG,
    changed,
    scheduled,
)

SENTENCES: dict[str, tuple[dict[str, Any], str]] = {
    "a lull tells when it may end": (
        {"reading": reading(0, 20), "memory": stabilizing(20, 4)},
        "fewer pods are recommended since 11:59:40Z: may scale in at 12:00:40Z",
    ),
    "a peak tells when it may end": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(10), 20)),
        },
        "more pods are recommended since 11:59:50Z: may scale out at 12:00:20Z",
    ),
    "a rate tells when it allows more": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((10, 3))},
        "spec.behavior.scaleUp allows no more; more at 12:00:05Z",
    ),
    "a rate without a past tells no time": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60))},
        "spec.behavior.scaleDown allows no more",
    ),
    "emptiness tells when it counts": (
        {"replicas": 1, "reading": reading(0), "memory": empty(59), "scale_down": window(0)},
        "empty since 11:59:01Z: may go to zero at 12:00:01Z, when seen empty again",
    ),
    "a schedule is named": ({"bounds": scheduled(30, 50)}, "active schedules (office-hours) want 30 to 50 pods"),
    "a rival is named": (
        {"reading": reading(60), "memory": COMPETING},
        "kubectl keeps writing the replicas too: no write until 12:04:00Z",
    ),
    "a latency is worked out": (
        {"target": LATENCY, "reading": reading(800), "memory": MEASURED},
        "800 messages x 2 s / (4 per pod x 40 s) = 10 pods",
    ),
    "an unknown service time is said to be unknown": (
        {"target": LATENCY, "reading": reading(33)},
        "33 messages, 1 at a time per pod, service time not known yet: a slot each = 33 pods",
    ),
    "a tolerance tells its ratio": (
        {"reading": reading(0, 54), "scale_up": rules(tolerance=0.1)},
        "the recommendation is 1.08 of the size, within the tolerance of 0.1",
    ),
    "a fallback tells since when": (
        {"reading": None, "fallback": FALLBACK, "memory": UNREADABLE_LONG},
        "no queue could be read since 11:55:00Z: spec.fallback wants 20 pods",
    ),
}


@pytest.mark.parametrize(("differs", "message"), SENTENCES.values(), ids=SENTENCES.keys())
def test_a_sentence(differs: dict[str, Any], message: str) -> None:
    assert decide(facts(**differs)).message == message
