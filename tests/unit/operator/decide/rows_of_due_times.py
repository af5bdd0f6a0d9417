"""Rows of waits that end a tenth of the time between two ticks early: half a second, for a pool read every five."""

from dataclasses import replace
from typing import Any

from queueworkerpool.model import Memory, ScaleUpStabilization
from queueworkerpool.names import Reason
from tests.unit.operator.builders import ago, pods, pods_policy, reading, rules, stabilizing, window
from tests.unit.operator.decide.rows import FALLBACK, REPORTING, Row, changed

SCALING_IN: dict[str, Any] = {"reading": reading(0, 20)}
SCALING_OUT: dict[str, Any] = {"reading": reading(100), "scale_up": window(30)}
EMPTY: dict[str, Any] = {"replicas": 1, "reading": reading(0), "scale_down": window(0)}
WAITING: dict[str, Any] = {"reading": reading(6), "scale_down": window(0)}
ROLLING: dict[str, Any] = SCALING_IN | {"scale_down": window(0), "rolling_out": True}
BUSY: dict[str, Any] = {"reading": reading(0, 10), "scale_down": window(0), "pods": pods(0, 10)}
UNREADABLE: dict[str, Any] = {"reading": None, "fallback": FALLBACK}


def scaling_up(seconds: float) -> Memory:
    return Memory(scale_up_stabilization=ScaleUpStabilization(ago(seconds), 20))


def waiting(seconds: float) -> Memory:
    return replace(REPORTING, waiting_since=ago(seconds))


DUE_TIMES: dict[str, Row] = {
    "the scale-down window is over half a second early": (
        SCALING_IN | {"memory": stabilizing(59.5, 4)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "the scale-down window is not over sooner": (
        SCALING_IN | {"memory": stabilizing(59.4, 4)},
        10,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "a pool that is read seldom may be earlier by more": (
        SCALING_IN | {"memory": stabilizing(54, 4), "poll_seconds": 60},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "the scale-up window is over half a second early": (
        SCALING_OUT | {"memory": scaling_up(29.5)},
        20,
        Reason.SIZED_BY_BACKLOG,
    ),
    "the scale-up window is not over sooner": (
        SCALING_OUT | {"memory": scaling_up(29.4)},
        10,
        Reason.SCALE_UP_STABILIZED,
    ),
    "the queues are empty for long enough half a second early": (
        EMPTY | {"memory": Memory(empty_since=ago(59.5))},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "the queues are not empty for long enough sooner": (
        EMPTY | {"memory": Memory(empty_since=ago(59.4))},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "the time of emptiness is that between readings": (
        EMPTY | {"reading": reading(0, time=ago(1)), "memory": Memory(empty_since=ago(60))},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "messages that wait hold no pod any longer half a second early": (
        WAITING | {"memory": Memory(held_since=ago(3599.5))},
        2,
        Reason.SIZED_BY_BACKLOG,
    ),
    "messages that wait hold pods until then": (
        WAITING | {"memory": Memory(held_since=ago(3599.4))},
        10,
        Reason.MESSAGES_WAITING,
    ),
    "a rollout holds no pod any longer half a second early": (
        ROLLING | {"memory": Memory(held_since=ago(3599.5))},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "a rollout holds pods until then": (
        ROLLING | {"memory": Memory(held_since=ago(3599.4))},
        10,
        Reason.ROLLING_OUT,
    ),
    "busy workers are not waited for any longer half a second early": (
        BUSY | {"memory": waiting(3599.5)},
        2,
        Reason.SIZED_BY_BACKLOG,
    ),
    "busy workers are waited for until then": (
        BUSY | {"memory": waiting(3599.4)},
        10,
        Reason.WAITING_FOR_IDLE_WORKERS,
    ),
    "the fallback comes half a second early": (
        UNREADABLE | {"memory": Memory(unreadable_since=ago(299.5))},
        20,
        Reason.FALLBACK,
    ),
    "the fallback does not come sooner": (
        UNREADABLE | {"memory": Memory(unreadable_since=ago(299.4))},
        10,
        Reason.QUEUE_UNREADABLE,
    ),
    "a rate policy is exact, because it promises how fast a pool may change": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((14.9, 4))},
        10,
        Reason.SCALE_UP_LIMIT,
    ),
}
