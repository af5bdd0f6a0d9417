"""What one tick saw, the status told so far, and now: in; the status to tell: out. Pure.

`reconcile` calls `next_status` and `patch`. Nothing here decides about pods, reads a clock, or writes.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from queueworkerpool.errors import (
    QueueAccessDeniedError,
    QueueAnswerInvalidError,
    QueueNotAllowedError,
    QueueNotFoundError,
    QueueThrottledError,
    QueueUnreachableError,
    QueueUnreadableError,
    SpecInvalidError,
)
from queueworkerpool.model import BusyWorkers, Mode, Observation, PoolSpec, QueueReading, told_time
from queueworkerpool.names import LIMITING_REASONS, ConditionStatus, ConditionType, Reason

BACKLOG_INTERVAL = timedelta(seconds=15)
"""When nothing but numbers of messages changed, the status is rewritten at most this often."""

_TROUBLE: Mapping[type[QueueUnreadableError], Reason] = {
    QueueNotFoundError: Reason.QUEUE_NOT_FOUND,
    QueueAccessDeniedError: Reason.QUEUE_ACCESS_DENIED,
    QueueNotAllowedError: Reason.QUEUE_NOT_ALLOWED,
    QueueThrottledError: Reason.QUEUE_THROTTLED,
    QueueUnreachableError: Reason.QUEUE_UNREACHABLE,
    QueueAnswerInvalidError: Reason.QUEUE_ANSWER_INVALID,
}

# What follows from the counts alone: these change with every message, and are told only every BACKLOG_INTERVAL.
_FOLLOWS_FROM_COUNTS = ("backlog", "lastDecision")

Verdict = tuple[ConditionStatus, Reason, str]
Status = dict[str, Any]


def next_status(seen: Observation, now: datetime) -> Status:
    """The whole status that tells of this observation; the old one is `seen.pool.status`."""
    old = seen.pool.status
    status: Status = {"observedGeneration": seen.pool.generation}
    if seen.target:
        status |= {"replicas": seen.target.replicas, "readyReplicas": seen.target.ready_replicas}
    status |= _backlog(seen, old) | _decision(seen, old)
    if last := (_timestamp(now) if seen.scaled_from is not None else old.get("lastScaleTime")):
        status["lastScaleTime"] = last
    return status | {"conditions": _conditions(seen, old, now)}


def is_worth_telling(old: Mapping[str, Any], new: Mapping[str, Any], now: datetime) -> bool:
    """Whether the new status says something that should be written now."""
    if _telling(old) != _telling(new):
        return True
    if all(old.get(name) == new.get(name) for name in _FOLLOWS_FROM_COUNTS):
        return False
    told = told_time(old.get("backlog", {}).get("time"))
    return told is None or abs(now - told) >= BACKLOG_INTERVAL


def patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Status:
    """The JSON merge patch (RFC 7386) that turns the old status into the new one."""
    changes: Status = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := patch(before, value):
                changes[name] = inner
        elif value != before:
            changes[name] = value
    return changes


def _telling(status: Mapping[str, Any]) -> Status:
    decided = status.get("lastDecision", {}).get("reason")
    return {name: value for name, value in status.items() if name not in _FOLLOWS_FROM_COUNTS} | {"reason": decided}


def _backlog(seen: Observation, old: Mapping[str, Any]) -> Status:
    if seen.reading is None or isinstance(seen.pool.spec, SpecInvalidError):
        return {"backlog": old["backlog"]} if "backlog" in old else {}
    counts = _counts(seen.pool.spec, seen.reading)
    told = dict(old.get("backlog", {}))
    time = told.pop("time", None)
    # A new time alone is no news: the counts stand since then.
    return {"backlog": counts | {"time": time if told == counts and time else _timestamp(seen.reading.time)}}


def _counts(spec: PoolSpec, reading: QueueReading) -> Status:
    return {
        "visible": reading.visible,
        "inFlight": reading.in_flight,
        "delayed": reading.delayed,
        "total": spec.load(reading),
    }


def _decision(seen: Observation, old: Mapping[str, Any]) -> Status:
    if seen.decision is None:
        return {name: old[name] for name in ("desiredReplicas", "lastDecision", "memory") if name in old}
    decision = seen.decision
    trail = [{"replicas": step.replicas, "reason": step.reason, "because": step.because} for step in decision.trail]
    told = {
        "desiredReplicas": decision.replicas,
        "lastDecision": {"reason": decision.reason, "message": decision.because, "trail": trail},
    }
    return told | ({"memory": memory} if (memory := decision.memory.dump()) else {})


def _conditions(seen: Observation, old: Mapping[str, Any], now: datetime) -> list[Status]:
    verdicts = {
        ConditionType.QUEUE_REACHABLE: _queue_reachable(seen),
        ConditionType.TARGET_FOUND: _target_found(seen),
        ConditionType.SCALING_ACTIVE: _scaling_active(seen),
        ConditionType.SCALING_LIMITED: _scaling_limited(seen),
        ConditionType.WORKERS_PROTECTED: _workers_protected(seen),
        ConditionType.SCALE_CONFLICT: _scale_conflict(seen, now),
    }
    verdicts = {ConditionType.READY: _ready(verdicts[ConditionType.SCALING_ACTIVE])} | verdicts
    before = {condition["type"]: condition for condition in old.get("conditions", ())}
    return [_condition(kind, verdict, before.get(kind, {}), seen, now) for kind, verdict in verdicts.items()]


def _condition(
    kind: ConditionType, verdict: Verdict, before: Mapping[str, Any], seen: Observation, now: datetime
) -> Status:
    status, reason, message = verdict
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": seen.pool.generation,
        "lastTransitionTime": before["lastTransitionTime"] if before.get("status") == status else _timestamp(now),
    }


def _queue_reachable(seen: Observation) -> Verdict:
    if seen.trouble:
        return ConditionStatus.FALSE, _TROUBLE[type(seen.trouble)], str(seen.trouble)
    if seen.reading is None:
        return ConditionStatus.UNKNOWN, *_why_not_read(seen)
    return ConditionStatus.TRUE, Reason.QUEUE_READ, "every queue answered"


def _why_not_read(seen: Observation) -> tuple[Reason, str]:
    if _mode(seen) is Mode.PAUSED:
        return Reason.PAUSED, "spec.mode is Paused: the queues are not read"
    return _target_found(seen)[1:]


def _target_found(seen: Observation) -> Verdict:
    if isinstance(seen.pool.spec, SpecInvalidError):
        return ConditionStatus.UNKNOWN, Reason.INVALID_SPEC, str(seen.pool.spec)
    deployment = seen.pool.spec.deployment
    if seen.forbidden:
        message = f"Deployment {deployment} is the operator's own: correct spec.scaleTargetRef.name"
        return ConditionStatus.FALSE, Reason.TARGET_NOT_ALLOWED, message
    if seen.owner:
        message = (
            f"the older pool {seen.owner.name} already scales Deployment {deployment}: delete one of the two pools"
        )
        return ConditionStatus.FALSE, Reason.TARGET_CONFLICT, message
    if seen.target is None:
        message = (
            f"there is no Deployment {deployment} in this namespace: create it, or correct spec.scaleTargetRef.name"
        )
        return ConditionStatus.FALSE, Reason.TARGET_NOT_FOUND, message
    return ConditionStatus.TRUE, Reason.TARGET_FOUND, f"Deployment {deployment} exists"


def _scaling_active(seen: Observation) -> Verdict:
    mode = _mode(seen)
    if mode is Mode.PAUSED:
        return ConditionStatus.FALSE, Reason.PAUSED, "spec.mode is Paused: nothing is read and nothing is scaled"
    for status, reason, message in (_target_found(seen), _queue_reachable(seen)):
        if status != ConditionStatus.TRUE:
            return ConditionStatus.FALSE, reason, message
    if mode is Mode.DRY_RUN:
        return ConditionStatus.FALSE, Reason.DRY_RUN, "spec.mode is DryRun: decisions are reported and not carried out"
    return ConditionStatus.TRUE, Reason.SCALING_ACTIVE, "the backlog sets the size"


def _scaling_limited(seen: Observation) -> Verdict:
    if seen.decision is None:
        return ConditionStatus.UNKNOWN, _scaling_active(seen)[1], "there is no decision"
    if (least := seen.decision.least_latency_seconds) is not None:
        return ConditionStatus.TRUE, Reason.LATENCY_BELOW_STARTUP, _promise(least)
    if seen.decision.reason in LIMITING_REASONS:
        return ConditionStatus.TRUE, seen.decision.reason, seen.decision.because
    return ConditionStatus.FALSE, Reason.DESIRED_WITHIN_RANGE, "the size wished for lies within the bounds"


def _promise(least: float) -> str:
    return f"pods take {least:g} s to start, so the least latency that can be promised is more than {least:g} s"


def _workers_protected(seen: Observation) -> Verdict:
    spec, decision = seen.pool.spec, seen.decision
    if isinstance(spec, SpecInvalidError) or decision is None:
        return ConditionStatus.UNKNOWN, _scaling_active(seen)[1], "there is no decision"
    if spec.busy_workers is BusyWorkers.DRAIN:
        message = "spec.scaleIn.busyWorkers is Drain: a busy worker has its grace period to finish"
        return ConditionStatus.FALSE, Reason.BUSY_WORKERS_DRAINED, message
    if decision.memory.workers.concurrency is None:
        message = f"no worker has answered /state on port {spec.state_port} yet: scaling in trusts their grace period"
        return ConditionStatus.FALSE, Reason.WORKERS_SILENT, message
    return ConditionStatus.TRUE, Reason.WORKERS_ANSWER, "workers tell whether they are busy"


def _scale_conflict(seen: Observation, now: datetime) -> Verdict:
    rival = seen.decision.memory.rival if seen.decision else None
    if rival is None or not rival.fights(now):
        return ConditionStatus.FALSE, Reason.NO_CONFLICT, "nobody else keeps writing the replicas"
    message = (
        f"{rival.manager} keeps writing the Deployment's replicas too: remove it, or take replicas out of its manifest"
    )
    return ConditionStatus.TRUE, Reason.SCALE_CONFLICT, message


def _ready(scaling_active: Verdict) -> Verdict:
    status, reason, message = scaling_active
    return (status, Reason.READY, message) if status == ConditionStatus.TRUE else (status, reason, message)


def _mode(seen: Observation) -> Mode | None:
    return None if isinstance(seen.pool.spec, SpecInvalidError) else seen.pool.spec.mode


def _timestamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
