"""The step that sets the size: its reason, its sentence, and when time alone ends it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import Bounds, CompetingWriter, InFlight, Memory, Mode, ScaleUpStabilization
from queueworkerpool.names import Reason
from queueworkerpool.sizing import Latency, MessagesPerPod
from tests.unit.operator.builders import ago, empty, facts, pods, pods_policy, reading, rules, stabilizing, window
from tests.unit.operator.decide.rows import (
    COMPETING,
    FALLBACK,
    LATENCY,
    MEASURED,
    REPORTING,
    UNREADABLE_LONG,
    changed,
    scheduled,
)

AT_ONCE = window(0)

SCALING_OUT: dict[str, Any] = {"reading": reading(100), "scale_up": window(30)}

MOSTLY_IDLE: dict[str, Any] = {
    "reading": reading(30),
    "target": MessagesPerPod(15),
    "scale_down": AT_ONCE,
    "memory": REPORTING,
}


def scaling_up(seconds: float, lowest: int) -> Memory:
    return Memory(scale_up_stabilization=ScaleUpStabilization(ago(seconds), lowest))


ROWS: dict[str, tuple[dict[str, Any], Reason, str, datetime | None]] = {
    "no queue could be read": (
        {"reading": None, "fallback": replace(FALLBACK, replicas=3), "memory": Memory(unreadable_since=ago(100))},
        Reason.QUEUE_UNREADABLE,
        "no queue could be read, so the size stays as it is",
        ago(-200),
    ),
    "one queue could not be read": (
        {"readings": (reading(0, 5), None), "scale_down": AT_ONCE},
        Reason.QUEUE_UNREADABLE,
        "a queue could not be read, so nothing lowers the size",
        None,
    ),
    "a fallback says since when": (
        {"reading": None, "fallback": FALLBACK, "memory": UNREADABLE_LONG},
        Reason.FALLBACK,
        "no queue could be read since 11:55:00Z: spec.fallback wants 20 pods",
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
    "empty for nearly long enough": (
        {"replicas": 1, "reading": reading(0), "memory": empty(59), "scale_down": AT_ONCE},
        Reason.AWAITING_EMPTY_CONFIRMATION,
        "empty since 11:59:01Z: may go to zero at 12:00:01Z, when seen empty again",
        ago(-1),
    ),
    "empty for long enough, but by a reading that is a little older": (
        {"replicas": 1, "reading": reading(0, time=ago(1)), "memory": empty(60), "scale_down": AT_ONCE},
        Reason.AWAITING_EMPTY_CONFIRMATION,
        "empty since 11:59:00Z: may go to zero at 12:00:00Z, when seen empty again",
        None,
    ),
    "too few messages to start": (
        {"replicas": 0, "reading": reading(7), "activation_messages": 7},
        Reason.BELOW_ACTIVATION,
        "at zero, and the load is not above activationMessages (7)",
        None,
    ),
    "an error of the counts": (
        {"replicas": 0, "reading": reading(1)},
        Reason.AWAITING_SECOND_READING,
        "at zero, and 2 or fewer messages may be an error of the counts: a second reading decides",
        None,
    ),
    "the minimum": ({"min_replicas": 30}, Reason.TOO_FEW_REPLICAS, "minReplicas is 30", None),
    "a schedule": (
        {"bounds": scheduled(30, 50)},
        Reason.SCHEDULED,
        "active schedules (office-hours) want 30 to 50 pods",
        None,
    ),
    "two schedules": (
        {"bounds": Bounds(30, 50, ("day", "sale"))},
        Reason.SCHEDULED,
        "active schedules (day, sale) want 30 to 50 pods",
        None,
    ),
    "a competing writer": (
        {"reading": reading(100), "memory": Memory(competing_writer=CompetingWriter("hpa", 3, ago(60)))},
        Reason.SCALE_CONFLICT,
        "hpa keeps writing the replicas too: no write until 12:04:00Z",
        ago(-240),
    ),
    "a competing writer of another name": (
        {"reading": reading(60), "memory": COMPETING},
        Reason.SCALE_CONFLICT,
        "kubectl keeps writing the replicas too: no write until 12:04:00Z",
        ago(-240),
    ),
    "messages wait": (
        {"reading": reading(6), "scale_down": AT_ONCE},
        Reason.MESSAGES_WAITING,
        (
            "6 messages wait, more than half of the 10 that ready pods can handle at once:"
            " until fewer do, or most workers report idle, or 13:00:00Z"
        ),
        ago(-3600),
    ),
    "messages wait, and most workers are idle": (
        MOSTLY_IDLE | {"pods": pods(idle=7, busy=3)},
        Reason.MESSAGES_WAITING,
        "messages wait, and most workers are idle all the same: 3 are at work",
        ago(-3600),
    ),
    "messages in flight": (
        {"reading": reading(0, 8), "in_flight": InFlight.HOLD, "scale_down": AT_ONCE},
        Reason.IN_FLIGHT_HELD,
        "8 messages in flight can be held by 8 pods",
        None,
    ),
    "a rollout": (
        {"reading": reading(0, 10), "scale_down": AT_ONCE, "rolling_out": True},
        Reason.ROLLING_OUT,
        "the Deployment is moving to a new template: until it has, or gives up, or 13:00:00Z",
        ago(-3600),
    ),
    "busy workers": (
        {"reading": reading(0, 10), "scale_down": AT_ONCE, "memory": REPORTING, "pods": pods(0, 10)},
        Reason.WAITING_FOR_IDLE_WORKERS,
        "more pods may go when their workers are idle, and at 13:00:00Z in any case",
        ago(-3600),
    ),
    "the scale-down window": (
        {"reading": reading(0, 10), "memory": stabilizing(20, 2)},
        Reason.SCALE_DOWN_STABILIZED,
        "fewer pods are recommended since 11:59:40Z: may scale in at 12:00:40Z",
        ago(-40),
    ),
    "the scale-down window after a higher recommendation": (
        {"reading": reading(0, 20), "memory": stabilizing(20, 4)},
        Reason.SCALE_DOWN_STABILIZED,
        "fewer pods are recommended since 11:59:40Z: may scale in at 12:00:40Z",
        ago(-40),
    ),
    "a lower step of the scale-down window is to come": (
        {"reading": reading(0, 10), "memory": stabilizing(60, 7, (40, 4), (20, 2))},
        Reason.SCALE_DOWN_STABILIZED,
        "7 pods were recommended until 11:59:20Z: may scale in further at 12:00:20Z",
        ago(-20),
    ),
    "the scale-up window": (
        SCALING_OUT | {"memory": scaling_up(10, 20)},
        Reason.SCALE_UP_STABILIZED,
        "more pods are recommended since 11:59:50Z: may scale out at 12:00:20Z",
        ago(-20),
    ),
    "the lowest recommendation of the scale-up window": (
        SCALING_OUT | {"memory": scaling_up(30, 15)},
        Reason.SCALE_UP_STABILIZED,
        "the lowest recommendation since 11:59:30Z",
        None,
    ),
    "a rate upwards": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((15, 1), (5, 2))},
        Reason.SCALE_UP_LIMIT,
        "spec.behavior.scaleUp allows no more; more at 12:00:10Z",
        ago(-10),
    ),
    "a rate upwards says when it allows more": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((10, 3))},
        Reason.SCALE_UP_LIMIT,
        "spec.behavior.scaleUp allows no more; more at 12:00:05Z",
        ago(-5),
    ),
    "a rate downwards": (
        {
            "reading": reading(0, 5),
            "scale_up": rules(pods_policy(4, 600)),
            "scale_down": rules(pods_policy(4, 15)),
            "memory": changed((5, -2)),
        },
        Reason.SCALE_DOWN_LIMIT,
        "spec.behavior.scaleDown allows no more; more at 12:00:10Z",
        ago(-10),
    ),
    "a rate without earlier changes says no time": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60))},
        Reason.SCALE_DOWN_LIMIT,
        "spec.behavior.scaleDown allows no more",
        None,
    ),
    "a tolerance says the ratio": (
        {"reading": reading(0, 54), "scale_up": rules(tolerance=0.1)},
        Reason.WITHIN_TOLERANCE,
        "the recommendation is 1.08 of the size, within the tolerance of 0.1",
        None,
    ),
    "a latency with a declared service time": (
        {"replicas": 5, "reading": reading(100), "target": Latency(60, 3)},
        Reason.SIZED_BY_LATENCY,
        "100 messages x 3 s / (1 per pod x 60 s) = 5 pods",
        None,
    ),
    "a latency with measured workers": (
        {"target": LATENCY, "reading": reading(800), "memory": MEASURED},
        Reason.SIZED_BY_LATENCY,
        "800 messages x 2 s / (4 per pod x 40 s) = 10 pods",
        None,
    ),
    "a latency without a service time": (
        {"target": LATENCY, "reading": reading(33)},
        Reason.SIZED_BY_LATENCY,
        "33 messages, 1 at a time per pod, service time not known yet: a slot each = 33 pods",
        None,
    ),
}


@pytest.mark.parametrize(("differs", "reason", "message", "until"), ROWS.values(), ids=ROWS.keys())
def test_the_last_step(differs: dict[str, Any], reason: Reason, message: str, until: datetime | None) -> None:
    step = decide(facts(**differs)).trail[-1]
    assert (step.reason, step.message, step.until) == (reason, message, until)


NOT_LIMITED: dict[str, dict[str, Any]] = {
    "a rollout that costs no pod": {"rolling_out": True},
    "an unreadable queue that costs no pod": {"readings": (reading(50), None)},
    "as many pods as hold messages in flight": {
        "reading": reading(15, 3),
        "in_flight": InFlight.HOLD,
        "scale_down": AT_ONCE,
        "ready": 99,
    },
    "as many pods as are at work while messages wait": MOSTLY_IDLE | {"pods": pods(idle=8, busy=2)},
    "just as few as the rate allows": {"reading": reading(0, 30), "scale_down": rules(pods_policy(4, 15))},
    "just as many as the rate allows": {"reading": reading(0, 70), "scale_up": rules(pods_policy(4, 15))},
}


@pytest.mark.parametrize("differs", NOT_LIMITED.values(), ids=NOT_LIMITED.keys())
def test_a_limit_that_changes_nothing_adds_no_step(differs: dict[str, Any]) -> None:
    assert [step.reason for step in decide(facts(**differs)).trail] == [Reason.SIZED_BY_BACKLOG]


def test_a_pool_with_a_minimum_does_not_wait_for_zero() -> None:
    trail = decide(facts(min_replicas=1, reading=reading(0), memory=empty(10), scale_down=AT_ONCE)).trail
    assert [step.reason for step in trail] == [Reason.SIZED_BY_BACKLOG, Reason.TOO_FEW_REPLICAS]
