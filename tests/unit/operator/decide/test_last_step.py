"""The step that sets the size: its reason, its sentence, and when time alone ends it."""

from datetime import datetime
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
    ScaleUpStabilization,
)
from queueworkerpool.names import Reason
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import ago, empty, facts, pods, pods_policy, reading, rules, stabilizing, window

AT_ONCE = window(0)

TALKING = Memory(workers=WorkerEstimates(concurrency=4))

LATENCY = Latency(60, 3)

WORDS: dict[str, tuple[dict[str, Any], Reason, str, datetime | None]] = {
    "blind": (
        {
            "reading": None,
            "fallback": Fallback(300, 3, only_if_higher=True),
            "memory": Memory(unreadable_since=ago(100)),
        },
        Reason.QUEUE_UNREADABLE,
        "no queue could be read, so the size stays as it is",
        ago(-200),
    ),
    "half blind": (
        {"readings": (reading(0, 5), None), "scale_down": AT_ONCE},
        Reason.QUEUE_UNREADABLE,
        "a queue could not be read, so nothing lowers the size",
        None,
    ),
    "paused": ({"mode": Mode.PAUSED}, Reason.PAUSED, "spec.mode is Paused", None),
    "not empty": (
        {"replicas": 1, "reading": reading(0, 3), "in_flight": InFlight.IGNORE, "scale_down": AT_ONCE},
        Reason.AWAITING_EMPTY_CONFIRMATION,
        "the last pod stays while messages wait or are in flight",
        None,
    ),
    "empty for a while": (
        {"replicas": 1, "reading": reading(0), "scale_down": AT_ONCE, "memory": empty(10)},
        Reason.AWAITING_EMPTY_CONFIRMATION,
        "empty since 11:59:50Z: may go to zero at 12:00:50Z, when seen empty again",
        ago(-50),
    ),
    "a blip": (
        {"replicas": 0, "reading": reading(1)},
        Reason.AWAITING_SECOND_READING,
        "at zero, and 2 or fewer messages may be an error of the counts: a second reading decides",
        None,
    ),
    "two schedules": (
        {"bounds": Bounds(30, 50, ("day", "sale"))},
        Reason.SCHEDULED,
        "active schedules (day, sale) want 30 to 50 pods",
        None,
    ),
    "a rival": (
        {"reading": reading(100), "memory": Memory(competing_writer=CompetingWriter("hpa", 3, ago(60)))},
        Reason.SCALE_CONFLICT,
        "hpa keeps writing the replicas too: no write until 12:04:00Z",
        ago(-240),
    ),
    "messages wait": (
        {"reading": reading(6), "scale_down": AT_ONCE},
        Reason.MESSAGES_WAITING,
        (
            "more messages wait than half of what the ready pods can handle at once:"
            " until fewer do, or most workers report idle, or 13:00:00Z"
        ),
        ago(-3600),
    ),
    "a roll-out": (
        {"reading": reading(0, 10), "scale_down": AT_ONCE, "rolling_out": True},
        Reason.ROLLING_OUT,
        "the Deployment is moving to a new template: until it has, or gives up, or 13:00:00Z",
        ago(-3600),
    ),
    "busy workers": (
        {"reading": reading(0, 10), "scale_down": AT_ONCE, "memory": TALKING, "pods": pods(0, 10)},
        Reason.WAITING_FOR_IDLE_WORKERS,
        "more pods may go when their workers are idle, and at 13:00:00Z in any case",
        ago(-3600),
    ),
    "a lull": (
        {"reading": reading(0, 10), "memory": stabilizing(20, 2)},
        Reason.SCALE_DOWN_STABILIZED,
        "fewer pods are recommended since 11:59:40Z: may scale in at 12:00:40Z",
        ago(-40),
    ),
    "a surge": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(10), 20)),
        },
        Reason.SCALE_UP_STABILIZED,
        "more pods are recommended since 11:59:50Z: may scale out at 12:00:20Z",
        ago(-20),
    ),
    "a surge's least": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(30), 15)),
        },
        Reason.SCALE_UP_STABILIZED,
        "the lowest recommendation since 11:59:30Z",
        None,
    ),
    "a rate upwards": (
        {
            "reading": reading(500),
            "scale_up": rules(pods_policy(4, 15)),
            "memory": Memory(changes=(Change(ago(15), 1), Change(ago(5), 2))),
        },
        Reason.SCALE_UP_LIMIT,
        "spec.behavior.scaleUp allows no more; more at 12:00:10Z",
        ago(-10),
    ),
    "a rate downwards": (
        {
            "reading": reading(0, 5),
            "scale_up": rules(pods_policy(4, 600)),
            "scale_down": rules(pods_policy(4, 15)),
            "memory": Memory(changes=(Change(ago(5), -2),)),
        },
        Reason.SCALE_DOWN_LIMIT,
        "spec.behavior.scaleDown allows no more; more at 12:00:10Z",
        ago(-10),
    ),
    "a latency": (
        {"replicas": 5, "reading": reading(100), "target": LATENCY},
        Reason.SIZED_BY_LATENCY,
        "100 messages x 3 s / (1 per pod x 60 s) = 5 pods",
        None,
    ),
}


@pytest.mark.parametrize(("differs", "reason", "message", "until"), WORDS.values(), ids=WORDS.keys())
def test_the_last_step_says(differs: dict[str, Any], reason: Reason, message: str, until: datetime | None) -> None:
    step = decide(facts(**differs)).trail[-1]
    assert (step.reason, step.message, step.until) == (reason, message, until)


CALM: dict[str, dict[str, Any]] = {
    "a roll-out that costs no pod": {"rolling_out": True},
    "a half-blind look that costs no pod": {"readings": (reading(50), None)},
    "as many pods as hold messages": {
        "reading": reading(15, 3),
        "in_flight": InFlight.HOLD,
        "scale_down": AT_ONCE,
        "ready": 99,
    },
    "just as few as the rate allows": {"reading": reading(0, 30), "scale_down": rules(pods_policy(4, 15))},
    "just as many as the rate allows": {"reading": reading(0, 70), "scale_up": rules(pods_policy(4, 15))},
}


@pytest.mark.parametrize("differs", CALM.values(), ids=CALM.keys())
def test_a_limit_that_does_not_bind_says_nothing(differs: dict[str, Any]) -> None:
    assert [step.reason for step in decide(facts(**differs)).trail] == [Reason.SIZED_BY_BACKLOG]


def test_a_pool_with_a_minimum_does_not_speak_of_zero() -> None:
    trail = decide(facts(min_replicas=1, reading=reading(0), memory=empty(10), scale_down=AT_ONCE)).trail
    assert [step.reason for step in trail] == [Reason.SIZED_BY_BACKLOG, Reason.TOO_FEW_REPLICAS]
