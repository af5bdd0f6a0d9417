"""Decisions as rows: what differs from ten calm pods, the size decided on, and the reason."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import (
    Bounds,
    Change,
    CompetingWriter,
    Fallback,
    InFlight,
    Memory,
    Mode,
    Sample,
    ScaleDownStabilization,
    ScaleUpStabilization,
    Select,
)
from queueworkerpool.names import DECISION_REASONS, Reason
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

FALLBACK = Fallback(after_seconds=300, replicas=20, only_if_higher=True)
BLIND = Memory(unreadable_since=ago(300))
COMPETING = Memory(competing_writer=CompetingWriter("kubectl", 3, ago(60)))
LATENCY = Latency(latency_seconds=60)
MEASURED = Memory(workers=WorkerEstimates(service_seconds=2, concurrency=4, startup_seconds=20))
TALKING = Memory(workers=WorkerEstimates(concurrency=4))


def measured(**memory: Any) -> Memory:
    return replace(MEASURED, **memory)


def changed(*changes: tuple[float, int]) -> Memory:
    return Memory(changes=tuple(Change(ago(seconds), by) for seconds, by in changes))


def scheduled(low: int, high: int) -> Bounds:
    return Bounds(low, high, ("office-hours",))


Row = tuple[dict[str, Any], int, Reason]

WISHES: dict[str, Row] = {
    "keeps a size that fits": ({}, 10, Reason.SIZED_BY_BACKLOG),
    "grows to the whole size in one step": ({"reading": reading(249)}, 50, Reason.SIZED_BY_BACKLOG),
    "leaves zero in one step": ({"replicas": 0, "reading": reading(200)}, 40, Reason.SIZED_BY_BACKLOG),
    "rounds up": ({"reading": reading(51)}, 11, Reason.SIZED_BY_BACKLOG),
    "counts messages in flight": ({"reading": reading(20, 40)}, 12, Reason.SIZED_BY_BACKLOG),
    "ignores messages in flight when told to": (
        {"reading": reading(55, 40), "in_flight": InFlight.IGNORE},
        11,
        Reason.SIZED_BY_BACKLOG,
    ),
    "ignores delayed messages": ({"reading": reading(0, 50, 500)}, 10, Reason.SIZED_BY_BACKLOG),
    "counts delayed messages when told to": (
        {"reading": reading(0, 50, 50), "count_delayed": True},
        20,
        Reason.SIZED_BY_BACKLOG,
    ),
    "adds up several queues": ({"readings": (reading(30), reading(0, 45))}, 15, Reason.SIZED_BY_BACKLOG),
    "by latency: load x service / (slots x time left)": (
        {"target": LATENCY, "reading": reading(800), "memory": MEASURED},
        10,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: the time left is never below the start-up time": (
        {"target": Latency(25), "reading": reading(800), "memory": MEASURED},
        20,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: a pod while anything waits": (
        {"target": Latency(3600), "replicas": 1, "reading": reading(1), "memory": MEASURED},
        1,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: never more slots than messages": (
        {"target": LATENCY, "reading": reading(44), "memory": measured(workers=WorkerEstimates(500, 4, 20))},
        11,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: the estimate serves until something was measured": (
        {"target": Latency(60, 2, 20), "reading": reading(800), "memory": TALKING},
        10,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: what was measured wins over the estimate": (
        {"target": Latency(60, 99, 1), "reading": reading(800), "memory": MEASURED},
        10,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: a slot each while nothing is known": (
        {"target": LATENCY, "reading": reading(33)},
        33,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: nothing waits, nothing is wished for": (
        {"target": LATENCY, "replicas": 0, "reading": reading(0)},
        0,
        Reason.SIZED_BY_LATENCY,
    ),
}

WAKING: dict[str, Row] = {
    "sleeps through a few messages": (
        {"replicas": 0, "reading": reading(7), "activation_messages": 7},
        0,
        Reason.BELOW_ACTIVATION,
    ),
    "wakes above the activation threshold": (
        {"replicas": 0, "reading": reading(8), "activation_messages": 7},
        2,
        Reason.SIZED_BY_BACKLOG,
    ),
    "does not fall asleep over a few messages": (
        {"replicas": 1, "reading": reading(3), "activation_messages": 7},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "does not wake for what may be a blip": ({"replicas": 0, "reading": reading(2)}, 0, Reason.AWAITING_SECOND_READING),
    "the same reading is no second one": (
        {"replicas": 0, "reading": reading(2, time=ago(1)), "memory": Memory(activation_pending_since=ago(1))},
        0,
        Reason.AWAITING_SECOND_READING,
    ),
    "wakes when a second reading agrees": (
        {"replicas": 0, "reading": reading(1), "memory": Memory(activation_pending_since=ago(1.5))},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "wakes at once for three messages": ({"replicas": 0, "reading": reading(3)}, 1, Reason.SIZED_BY_BACKLOG),
}

SCALING_IN: dict[str, Row] = {
    "waits when a lull begins": ({"reading": reading(0, 20)}, 10, Reason.SCALE_DOWN_STABILIZED),
    "waits out a lull": ({"reading": reading(0, 20), "memory": stabilizing(59, 4)}, 10, Reason.SCALE_DOWN_STABILIZED),
    "scales in to the wish after the window": (
        {"reading": reading(0, 20), "memory": stabilizing(60, 4)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "scales in only to the highest wish of the window": (
        {"reading": reading(0, 20), "memory": stabilizing(60, 7)},
        7,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "starts anew when the pool has come down to the lull's peak": (
        {"replicas": 7, "reading": reading(0, 20), "memory": stabilizing(600, 7)},
        7,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "a lull from the future is not longer than the window": (
        {"reading": reading(0, 20), "memory": scale_down_stabilization(-3600, 4)},
        10,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "scales in at once without a window": (
        {"reading": reading(0, 20), "scale_down": window(0)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "without a window no old lull matters": (
        {"reading": reading(0, 20), "scale_down": window(0), "memory": stabilizing(600, 7)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "by default waits a minute where workers say nothing": (
        {"reading": reading(0, 20), "scale_down": rules(seconds=None), "memory": stabilizing(59, 4)},
        10,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "by default waits 15 seconds where workers talk": (
        {
            "reading": reading(0, 20),
            "scale_down": rules(seconds=None),
            "memory": replace(TALKING, scale_down_stabilization=ScaleDownStabilization(ago(15), 4)),
        },
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "keeps idle pods while more than half a slot's worth waits": (
        {"reading": reading(6), "memory": stabilizing(600, 2)},
        10,
        Reason.MESSAGES_WAITING,
    ),
    "lets pods go while no more than half of the slots' worth waits": (
        {"reading": reading(5), "memory": stabilizing(600, 1)},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "counts slots by concurrency": (
        {
            "reading": reading(20),
            "memory": replace(TALKING, scale_down_stabilization=ScaleDownStabilization(ago(600), 4)),
        },
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "pods that are not ready are no slots": (
        {"reading": reading(5), "ready": 9, "memory": stabilizing(600, 1)},
        10,
        Reason.MESSAGES_WAITING,
    ),
    "holds while the Deployment rolls out": (
        {"reading": reading(0, 20), "rolling_out": True, "memory": stabilizing(600, 4)},
        10,
        Reason.ROLLING_OUT,
    ),
    "grows while the Deployment rolls out": (
        {"reading": reading(75), "rolling_out": True},
        15,
        Reason.SIZED_BY_BACKLOG,
    ),
    "keeps the pods that can be holding messages": (
        {"reading": reading(0, 8), "in_flight": InFlight.HOLD, "scale_down": window(0)},
        8,
        Reason.IN_FLIGHT_HELD,
    ),
    "adds no pods for messages in flight that only hold": (
        {"reading": reading(0, 500), "in_flight": InFlight.HOLD},
        10,
        Reason.IN_FLIGHT_HELD,
    ),
}

EMPTY: dict[str, Row] = {
    "keeps the last pod when first seen empty": (
        {"replicas": 1, "reading": reading(0), "memory": stabilizing(600, 0)},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "keeps the last pod until empty for long enough": (
        {
            "replicas": 1,
            "reading": reading(0),
            "memory": Memory(ScaleDownStabilization(ago(600), 0), empty_since=ago(59)),
        },
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "shrinks to the last pod while the emptiness is not sure": (
        {
            "replicas": 9,
            "reading": reading(0),
            "memory": Memory(ScaleDownStabilization(ago(60), 0), empty_since=ago(59)),
        },
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "goes to zero when surely empty": (
        {"replicas": 1, "reading": reading(0), "memory": empty(60)},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "goes to zero from any size": (
        {"replicas": 9, "reading": reading(0), "memory": empty(60)},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "a worker that handled something lately keeps the pool warm": (
        {"replicas": 1, "reading": reading(0), "memory": empty(600), "sample": Sample(NOW, last_handled=ago(10))},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "needs two readings for zero, however short the waits": (
        {
            "replicas": 1,
            "reading": reading(0),
            "memory": empty(0),
            "scale_to_zero_after_seconds": 0,
            "scale_down": window(0),
        },
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "keeps the last pod while it works, even when work in flight does not count": (
        {"replicas": 1, "reading": reading(0, 1), "memory": empty(600), "in_flight": InFlight.IGNORE},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
}

BEHAVIOR: dict[str, Row] = {
    "stays within the tolerance upwards": (
        {"reading": reading(0, 54), "scale_up": rules(tolerance=0.1)},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "the tolerance's upper edge is within, whatever floating point says of 1.1 - 1": (
        {"reading": reading(0, 55), "scale_up": rules(tolerance=0.1)},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "moves beyond the tolerance upwards": (
        {"reading": reading(0, 56), "scale_up": rules(tolerance=0.1)},
        12,
        Reason.SIZED_BY_BACKLOG,
    ),
    "stays within the tolerance downwards": (
        {"reading": reading(0, 45), "scale_down": rules(tolerance=0.1)},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "moves beyond the tolerance downwards": (
        {"reading": reading(0, 44), "scale_down": rules(tolerance=0.1)},
        9,
        Reason.SIZED_BY_BACKLOG,
    ),
    "no tolerance keeps a pool at zero": (
        {"replicas": 0, "reading": reading(5), "scale_up": rules(tolerance=1)},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "the tolerance of a latency target is of its own wish": (
        {"target": LATENCY, "reading": reading(0, 840), "memory": MEASURED, "scale_up": rules(tolerance=0.1)},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "waits out a short peak when told to": (
        {"reading": reading(100), "scale_up": window(30)},
        10,
        Reason.SCALE_UP_STABILIZED,
    ),
    "scales out to the lowest wish of the window": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(30), 14)),
        },
        14,
        Reason.SCALE_UP_STABILIZED,
    ),
    "scales out to the wish after the window": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(30), 20)),
        },
        20,
        Reason.SIZED_BY_BACKLOG,
    ),
    "grows by so many pods a period": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15))},
        14,
        Reason.SCALE_UP_LIMIT,
    ),
    "grows by so many percent a period, rounded up": (
        {"replicas": 11, "reading": reading(500), "scale_up": rules(percent_policy(50, 15))},
        17,
        Reason.SCALE_UP_LIMIT,
    ),
    "takes the policy that allows most": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15), percent_policy(100, 15))},
        20,
        Reason.SCALE_UP_LIMIT,
    ),
    "takes the policy that allows least when told to": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15), percent_policy(100, 15), select=Select.MIN)},
        14,
        Reason.SCALE_UP_LIMIT,
    ),
    "counts what it added within the period": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((10, 3))},
        11,
        Reason.SCALE_UP_LIMIT,
    ),
    "gives back what it removed within the period": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((10, -3))},
        17,
        Reason.SCALE_UP_LIMIT,
    ),
    "forgets what it added before the period": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((15, 3))},
        14,
        Reason.SCALE_UP_LIMIT,
    ),
    "a percentage wakes a pool from zero": (
        {"replicas": 0, "reading": reading(500), "scale_up": rules(percent_policy(100, 15))},
        1,
        Reason.SCALE_UP_LIMIT,
    ),
    "never grows when that is disabled": (
        {"reading": reading(500), "scale_up": rules(select=Select.DISABLED)},
        10,
        Reason.SCALE_UP_LIMIT,
    ),
    "shrinks by so many pods a period": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60))},
        8,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "shrinks by so many percent a period, rounded down": (
        {"replicas": 11, "reading": reading(0, 5), "scale_down": rules(percent_policy(50, 60))},
        5,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "shrinks by the least that is allowed when told to": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60), percent_policy(50, 60), select=Select.MIN)},
        8,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "counts what it removed within the period": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60)), "memory": changed((30, -2))},
        10,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "never shrinks when that is disabled": (
        {"reading": reading(0, 5), "scale_down": rules(select=Select.DISABLED)},
        10,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "a policy that allows enough does not object": (
        {"reading": reading(0, 55), "scale_up": rules(pods_policy(4, 15))},
        11,
        Reason.SIZED_BY_BACKLOG,
    ),
}

BOUNDS: dict[str, Row] = {
    "keeps the minimum": ({"reading": reading(0), "min_replicas": 3, "memory": empty(600)}, 3, Reason.TOO_FEW_REPLICAS),
    "fills up to the minimum": ({"replicas": 0, "reading": reading(0), "min_replicas": 3}, 3, Reason.TOO_FEW_REPLICAS),
    "keeps the maximum": ({"reading": reading(9999)}, 50, Reason.TOO_MANY_REPLICAS),
    "comes down to a lowered maximum at once": (
        {"reading": reading(20), "max_replicas": 8},
        8,
        Reason.TOO_MANY_REPLICAS,
    ),
    "no rate policy delays the bounds": (
        {"reading": reading(0, 50), "min_replicas": 30, "scale_up": rules(pods_policy(1, 60))},
        30,
        Reason.TOO_FEW_REPLICAS,
    ),
    "a schedule raises the minimum": ({"bounds": scheduled(30, 50)}, 30, Reason.SCHEDULED),
    "a schedule lowers the maximum": ({"bounds": scheduled(0, 6)}, 6, Reason.SCHEDULED),
    "a schedule within which the wish lies says nothing": ({"bounds": scheduled(5, 20)}, 10, Reason.SIZED_BY_BACKLOG),
    "a schedule's minimum lets no last pod go": (
        {"reading": reading(0), "bounds": scheduled(2, 50), "memory": empty(600)},
        2,
        Reason.SCHEDULED,
    ),
}

PROTECTION: dict[str, Row] = {
    "busy workers keep their pods": (
        {
            "reading": reading(0, 10),
            "scale_down": window(0),
            "pods": pods(3, 7),
            "memory": TALKING,
        },
        7,
        Reason.WAITING_FOR_IDLE_WORKERS,
    ),
}

BLINDNESS: dict[str, Row] = {
    "holds still when blind": ({"reading": None}, 10, Reason.QUEUE_UNREADABLE),
    "holds still when blind, even outside of the bounds": (
        {"reading": None, "max_replicas": 5},
        10,
        Reason.QUEUE_UNREADABLE,
    ),
    "holds still until the fallback's time has come": (
        {"reading": None, "fallback": FALLBACK, "memory": Memory(unreadable_since=ago(299))},
        10,
        Reason.QUEUE_UNREADABLE,
    ),
    "takes the fallback after its time": (
        {"reading": None, "fallback": FALLBACK, "memory": BLIND},
        20,
        Reason.FALLBACK,
    ),
    "a fallback that only raises lowers nothing": (
        {"replicas": 30, "reading": None, "fallback": FALLBACK, "memory": BLIND},
        30,
        Reason.FALLBACK,
    ),
    "a fallback that always holds lowers": (
        {"replicas": 30, "reading": None, "fallback": Fallback(300, 20, only_if_higher=False), "memory": BLIND},
        20,
        Reason.FALLBACK,
    ),
    "a fallback keeps the bounds": (
        {"reading": None, "fallback": FALLBACK, "memory": BLIND, "max_replicas": 12},
        12,
        Reason.TOO_MANY_REPLICAS,
    ),
    "leaves the fallback at the first good reading": (
        {"replicas": 20, "reading": reading(0, 50), "fallback": FALLBACK, "memory": BLIND, "scale_down": window(0)},
        10,
        Reason.SIZED_BY_BACKLOG,
    ),
    "one of two queues may raise": ({"readings": (reading(100), None)}, 20, Reason.SIZED_BY_BACKLOG),
    "one of two queues may not lower": (
        {"readings": (reading(0, 5), None), "memory": stabilizing(600, 1)},
        10,
        Reason.QUEUE_UNREADABLE,
    ),
    "does nothing when paused": ({"reading": reading(9999), "mode": Mode.PAUSED}, 10, Reason.PAUSED),
    "decides in a dry run as ever": ({"reading": reading(249), "mode": Mode.DRY_RUN}, 50, Reason.SIZED_BY_BACKLOG),
}

CONFLICTS: dict[str, Row] = {
    "corrects somebody's one change": (
        {"reading": reading(60), "writer": ("kubectl", ago(1))},
        12,
        Reason.SIZED_BY_BACKLOG,
    ),
    "gives way to somebody who keeps writing": (
        {"reading": reading(60), "memory": COMPETING},
        10,
        Reason.SCALE_CONFLICT,
    ),
    "the third change in a row is a fight": (
        {
            "reading": reading(60),
            "writer": ("kubectl", ago(1)),
            "memory": Memory(competing_writer=CompetingWriter("kubectl", 2, ago(30))),
        },
        10,
        Reason.SCALE_CONFLICT,
    ),
    "goes on when the other one was quiet for long": (
        {"reading": reading(60), "memory": Memory(competing_writer=CompetingWriter("kubectl", 3, ago(300)))},
        12,
        Reason.SIZED_BY_BACKLOG,
    ),
    "agrees with a rival without a word": ({"memory": COMPETING}, 10, Reason.SIZED_BY_BACKLOG),
    "gives way in the fallback too": (
        {"reading": None, "fallback": FALLBACK, "memory": replace(COMPETING, unreadable_since=ago(300))},
        10,
        Reason.SCALE_CONFLICT,
    ),
}

ROWS = WISHES | WAKING | SCALING_IN | EMPTY | BEHAVIOR | BOUNDS | PROTECTION | BLINDNESS | CONFLICTS


@pytest.mark.parametrize(("differs", "replicas", "reason"), ROWS.values(), ids=ROWS.keys())
def test_a_pool(differs: dict[str, Any], replicas: int, reason: Reason) -> None:
    decision = decide(facts(**differs))
    assert (decision.replicas, decision.reason) == (replicas, reason)


def test_every_decision_reason_has_a_row() -> None:
    assert {reason for _, _, reason in ROWS.values()} == set(DECISION_REASONS)


def test_the_trail_tells_every_step_in_order() -> None:
    decision = decide(
        facts(replicas=9, reading=reading(0), memory=Memory(ScaleDownStabilization(ago(60), 4)), max_replicas=3)
    )
    assert [(step.replicas, step.reason, step.message) for step in decision.trail] == [
        (0, Reason.SIZED_BY_BACKLOG, "0 messages / 5 per pod = 0 pods"),
        (4, Reason.SCALE_DOWN_STABILIZED, "the most pods wished for since 11:59:00Z"),
        (3, Reason.TOO_MANY_REPLICAS, "maxReplicas is 3"),
    ]


SENTENCES: dict[str, tuple[dict[str, Any], str]] = {
    "a lull tells when it may end": (
        {"reading": reading(0, 20), "memory": stabilizing(20, 4)},
        "fewer pods are wished for since 11:59:40Z: may scale in at 12:00:40Z",
    ),
    "a peak tells when it may end": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(10), 20)),
        },
        "more pods are wished for since 11:59:50Z: may scale out at 12:00:20Z",
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
        "kubectl keeps writing the replicas too: given way until 12:04:00Z",
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
        "the wish is 1.08 of the size, within the tolerance of 0.1",
    ),
    "a fallback tells since when": (
        {"reading": None, "fallback": FALLBACK, "memory": BLIND},
        "blind since 11:55:00Z: spec.fallback wants 20 pods",
    ),
}


@pytest.mark.parametrize(("differs", "message"), SENTENCES.values(), ids=SENTENCES.keys())
def test_a_sentence(differs: dict[str, Any], message: str) -> None:
    assert decide(facts(**differs)).message == message


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
        replace(empty(30), unreadable_since=NOW),
    ),
    "a half-blind pool does not go on with its lull, nor with emptiness": (
        {"readings": (reading(0), None), "memory": empty(30)},
        Memory(scale_down_stabilization=ScaleDownStabilization(ago(30), 0)),
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
        {"target": LATENCY, "sample": Sample(NOW, 30, 10, 4, 12), "memory": Memory()},
        Memory(workers=WorkerEstimates(3, 4, 12)),
    ),
    "a later measurement moves the number by a third": (
        {
            "target": LATENCY,
            "sample": Sample(NOW, 40, 10, 8, 20),
            "memory": measured(),
            "replicas": 0,
            "reading": reading(0),
        },
        measured(workers=WorkerEstimates(2.6, 8, 20), empty_since=NOW),
    ),
    "a measurement that hardly differs changes nothing": (
        {
            "target": LATENCY,
            "sample": Sample(NOW, 21, 10, 4, 21),
            "memory": measured(),
            "replicas": 0,
            "reading": reading(0),
        },
        measured(empty_since=NOW),
    ),
}


@pytest.mark.parametrize(("differs", "memory"), MEMORIES.values(), ids=MEMORIES.keys())
def test_memory(differs: dict[str, Any], memory: Memory) -> None:
    assert decide(facts(**differs)).memory == memory


def test_what_may_be_a_blip_is_looked_at_again_soon() -> None:
    assert decide(facts(replicas=0, reading=reading(1))).recheck_seconds == 1.5
    assert decide(facts(replicas=0, reading=reading(9))).recheck_seconds is None


def test_a_latency_below_the_start_up_time_tells_what_can_be_promised() -> None:
    assert decide(facts(target=Latency(20), memory=MEASURED)).shortfall == 20
    assert decide(facts(target=Latency(21), memory=MEASURED)).shortfall is None
    assert decide(facts(memory=MEASURED)).shortfall is None
