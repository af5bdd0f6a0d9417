"""The status that a tick leaves: what was observed, and the status before. Pure.

`reconcile` calls it. Nothing here decides about pods, reads a clock, or writes.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from queueworkerpool.errors import QueueAddressInvalidError
from queueworkerpool.model import (
    ROLLOUT,
    Backlog,
    BusyWorkers,
    Condition,
    Decision,
    InvalidPool,
    LastDecision,
    Mode,
    Observation,
    PoolStatus,
    QueueReading,
    RecordedStep,
    StepKind,
    StoredPool,
    Target,
)
from queueworkerpool.names import ConditionStatus, ConditionType, Reason

BACKLOG_INTERVAL = timedelta(seconds=15)
"""When nothing but numbers of messages changed, the status is rewritten at most this often."""

# What follows from the counts alone: these change with every message, and are written only every BACKLOG_INTERVAL.
_FOLLOWS_FROM_COUNTS = ("backlog", "lastDecision")


class Verdict(NamedTuple):
    """A condition before it is dated.

    `posts_event`: a change to this reason is worth an Event. `asked_for`: the spec asks for this state.
    """

    status: ConditionStatus
    reason: Reason
    message: str
    posts_event: bool = False
    asked_for: bool = False


_QUEUES_READ = Verdict(ConditionStatus.TRUE, Reason.QUEUE_READ, "every queue answered")
_SCALING_ACTIVE = Verdict(ConditionStatus.TRUE, Reason.SCALING_ACTIVE, "the backlog sets the size")
_READY = _SCALING_ACTIVE._replace(reason=Reason.READY)
_WITHIN_RANGE = Verdict(ConditionStatus.FALSE, Reason.DESIRED_WITHIN_RANGE, "the desired size lies within the bounds")
_WORKERS_ANSWER = Verdict(ConditionStatus.TRUE, Reason.WORKERS_ANSWER, "workers report whether they are busy")
_NO_CONFLICT = Verdict(ConditionStatus.FALSE, Reason.NO_CONFLICT, "no other writer keeps changing the replicas")


def next_status(observation: Observation, now: datetime) -> PoolStatus:
    """Return the whole status that reports this observation; the one before is `observation.pool.status`."""
    pool, target, decision = observation.pool, observation.target, observation.decision
    before, reading = pool.status, observation.reading
    return PoolStatus(
        observed_generation=pool.generation,
        replicas=target.replicas if target else None,
        ready_replicas=target.ready_replicas if target else None,
        desired_replicas=decision.replicas if decision else before.desired_replicas,
        backlog=_backlog(observation, reading) if reading else before.backlog,
        last_scale_time=before.last_scale_time if observation.scaled_from is None else _whole_seconds(now),
        last_decision=_last_decision(decision) if decision else before.last_decision,
        memory=decision.memory if decision else before.memory,
        conditions=_conditions(pool, _verdicts(observation, now), now),
    )


def invalid_status(pool: InvalidPool, target: Target | None, now: datetime) -> PoolStatus:
    """Return the status that reports a spec that makes no sense; what was decided before stays."""
    problem = str(pool.error)
    unknown = Verdict(ConditionStatus.UNKNOWN, Reason.INVALID_SPEC, problem)
    undecided = Verdict(ConditionStatus.UNKNOWN, Reason.INVALID_SPEC, "there is no decision")
    inactive = Verdict(ConditionStatus.FALSE, Reason.INVALID_SPEC, problem, posts_event=True)
    verdicts = {
        ConditionType.READY: inactive,
        ConditionType.STALLED: _stalled_by(inactive),
        ConditionType.QUEUE_REACHABLE: unknown,
        ConditionType.TARGET_FOUND: unknown,
        ConditionType.ABLE_TO_SCALE: undecided,
        ConditionType.SCALING_ACTIVE: inactive,
        ConditionType.SCALING_LIMITED: undecided,
        ConditionType.WORKERS_PROTECTED: undecided,
        ConditionType.SCALE_CONFLICT: _NO_CONFLICT,
    }
    return replace(
        pool.status,
        observed_generation=pool.generation,
        replicas=target.replicas if target else None,
        ready_replicas=target.ready_replicas if target else None,
        conditions=_conditions(pool, verdicts, now),
    )


def is_worth_writing(old: PoolStatus, new: PoolStatus, now: datetime) -> bool:
    """Return whether the new status says something that should be written now."""
    if old.is_as_written and old == new:  # nearly every tick, so it must cost little
        return False
    before, after = old.written, new.dump()
    if _beside_counts(before) != _beside_counts(after):
        return True
    if all(before.get(name) == after.get(name) for name in _FOLLOWS_FROM_COUNTS):
        return False
    return old.backlog is None or abs(now - old.backlog.time) >= BACKLOG_INTERVAL


def patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) that turns one raw status into another."""
    changes: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := patch(before, value):
                changes[name] = inner
        elif value != before:
            changes[name] = value
    return changes


def _beside_counts(raw: Mapping[str, Any]) -> dict[str, Any]:
    decided = raw.get("lastDecision", {}).get("reason")
    return {name: value for name, value in raw.items() if name not in _FOLLOWS_FROM_COUNTS} | {"reason": decided}


def _backlog(observation: Observation, reading: QueueReading) -> Backlog:
    before, load = observation.pool.status.backlog, observation.pool.spec.load(reading)
    counts = (reading.visible, reading.in_flight, reading.delayed, load)
    if before and (before.visible, before.in_flight, before.delayed, before.total) == counts:
        return before  # a new time alone says nothing new: the counts are the same since then
    return Backlog(*counts, _whole_seconds(reading.time))


def _last_decision(decision: Decision) -> LastDecision:
    trail = tuple(
        RecordedStep(step.replicas, step.reason, step.message, step.until and _whole_seconds(step.until))
        for step in decision.trail
    )
    return LastDecision(decision.reason, decision.message, trail)


def _conditions(pool: StoredPool, verdicts: Mapping[ConditionType, Verdict], now: datetime) -> tuple[Condition, ...]:
    before = {condition.type: condition for condition in pool.status.conditions}
    return tuple(
        _condition(kind, verdict, before.get(kind), pool.generation, now) for kind, verdict in verdicts.items()
    )


def _condition(
    kind: ConditionType, verdict: Verdict, before: Condition | None, generation: int, now: datetime
) -> Condition:
    if before and _repeats(verdict, before, generation):
        return before  # nearly every tick, and it posts no Event: those are for new reasons
    stays = before is not None and before.status == verdict.status
    return Condition(
        type=kind,
        status=verdict.status,
        reason=verdict.reason,
        message=verdict.message,
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before and stays else _whole_seconds(now),
        posts_event=verdict.posts_event,
    )


def _repeats(verdict: Verdict, before: Condition, generation: int) -> bool:
    """Return whether a verdict says what the condition already does, of the same spec."""
    said = (before.status, before.reason, before.message, before.observed_generation)
    return said == (verdict.status, verdict.reason, verdict.message, generation)


def _verdicts(observation: Observation, now: datetime) -> Mapping[ConditionType, Verdict]:
    found = _target_found(observation)
    reachable = _queue_reachable(observation, found)
    active = _scaling_active(observation, found, reachable)
    undecided = Verdict(ConditionStatus.UNKNOWN, active.reason, "there is no decision")
    able = _able_to_scale(observation, undecided)
    ready = _ready(active, able)
    stalled = _stalled(observation, ready)
    return {
        ConditionType.READY: ready,
        **({ConditionType.STALLED: stalled} if stalled else {}),
        ConditionType.QUEUE_REACHABLE: reachable,
        ConditionType.TARGET_FOUND: found,
        ConditionType.ABLE_TO_SCALE: able,
        ConditionType.SCALING_ACTIVE: active,
        ConditionType.SCALING_LIMITED: _scaling_limited(observation, undecided),
        ConditionType.WORKERS_PROTECTED: _workers_protected(observation, undecided),
        ConditionType.SCALE_CONFLICT: _scale_conflict(observation, now),
    }


def _ready(active: Verdict, able: Verdict) -> Verdict:
    """Return whether the pool does what its spec asks for: tools that wait for a release wait for this."""
    if active.asked_for:
        return active._replace(status=ConditionStatus.TRUE)
    if active.status is ConditionStatus.TRUE:
        return able if able.status is ConditionStatus.FALSE else _READY
    return active


def _stalled(observation: Observation, ready: Verdict) -> Verdict | None:
    """Return what only an edit of the spec can end, so that tools that wait for a release give up at once.

    Targets, queues, rights and older pools may come or go without one: tools go on waiting for those.
    """
    if ready.status is ConditionStatus.TRUE:
        return None
    if observation.forbidden:
        return _stalled_by(ready)
    invalid = next((count for count in observation.counts if isinstance(count, QueueAddressInvalidError)), None)
    return None if invalid is None else _stalled_by(ready._replace(reason=invalid.reason, message=str(invalid)))


def _stalled_by(trouble: Verdict) -> Verdict:
    """Return the verdict that says so."""
    return trouble._replace(status=ConditionStatus.TRUE)


def _queue_reachable(observation: Observation, found: Verdict) -> Verdict:
    if failure := observation.failure:
        return Verdict(ConditionStatus.FALSE, failure.reason, str(failure), posts_event=True)
    if observation.counts:
        return _QUEUES_READ
    if observation.pool.spec.mode is Mode.PAUSED:
        message = f"{observation.pool.spec.pause}: the queues are not read"
        return Verdict(ConditionStatus.UNKNOWN, Reason.PAUSED, message)
    return found._replace(status=ConditionStatus.UNKNOWN)


def _target_found(observation: Observation) -> Verdict:
    label = observation.pool.spec.scale_target_ref.label
    if observation.forbidden:
        message = f"{label} is the operator's own: correct spec.scaleTargetRef.name"
        return Verdict(ConditionStatus.FALSE, Reason.TARGET_NOT_ALLOWED, message, posts_event=True)
    if owner := observation.owner:
        message = f"the older pool {owner.name} already scales {label}: delete one of the two pools"
        return Verdict(ConditionStatus.FALSE, Reason.TARGET_CONFLICT, message, posts_event=True)
    if problem := observation.kind_problem:
        return Verdict(ConditionStatus.FALSE, problem.reason, str(problem), posts_event=True)
    if observation.target is None:
        message = f"there is no {label} in this namespace: create it, or correct spec.scaleTargetRef.name"
        return Verdict(ConditionStatus.FALSE, Reason.TARGET_NOT_FOUND, message, posts_event=True)
    if observation.target.paused:
        message = f"{label} is paused, so no pod of a new template starts: {_resume(observation)}"
        return Verdict(ConditionStatus.TRUE, Reason.TARGET_PAUSED, message)
    return Verdict(ConditionStatus.TRUE, Reason.TARGET_FOUND, f"{label} exists")


def _resume(observation: Observation) -> str:
    ref = observation.pool.spec.scale_target_ref
    return f"kubectl argo rollouts promote {ref.name}" if ref.kind == ROLLOUT.kind else "kubectl rollout resume"


def _scaling_active(observation: Observation, found: Verdict, reachable: Verdict) -> Verdict:
    mode = observation.pool.spec.mode
    if mode is Mode.PAUSED:
        message = f"{observation.pool.spec.pause}: nothing is read and nothing is scaled"
        return Verdict(ConditionStatus.FALSE, Reason.PAUSED, message, asked_for=True)
    for verdict in (found, reachable):
        if verdict.status is not ConditionStatus.TRUE:
            return verdict._replace(status=ConditionStatus.FALSE)
    if mode is Mode.DRY_RUN:
        message = "spec.mode is DryRun: decisions are reported and not carried out"
        return Verdict(ConditionStatus.FALSE, Reason.DRY_RUN, message, asked_for=True)
    return _SCALING_ACTIVE


def _able_to_scale(observation: Observation, undecided: Verdict) -> Verdict:
    if refusal := observation.refusal:
        return Verdict(ConditionStatus.FALSE, Reason.FAILED_UPDATE_SCALE, str(refusal), posts_event=True)
    if observation.decision is None or observation.pool.spec.mode is not Mode.ACTIVE:
        return undecided._replace(message="no size is written")
    message = f"the {observation.pool.spec.scale_target_ref.kind} has the desired size"
    return Verdict(ConditionStatus.TRUE, Reason.READY_FOR_NEW_SCALE, message)


def _scaling_limited(observation: Observation, undecided: Verdict) -> Verdict:
    decision, spec = observation.decision, observation.pool.spec
    if decision is None:
        return undecided
    if spec.mode is not Mode.PAUSED and (shortfall := spec.target.shortfall(decision.memory.workers)):
        return Verdict(ConditionStatus.TRUE, shortfall.reason, shortfall.message)
    if decision.last_step.kind is StepKind.BOUND:
        return Verdict(ConditionStatus.TRUE, decision.reason, decision.message)
    return _WITHIN_RANGE


def _workers_protected(observation: Observation, undecided: Verdict) -> Verdict:
    spec, decision = observation.pool.spec, observation.decision
    if decision is None:
        return undecided
    if spec.busy_workers is BusyWorkers.DRAIN:
        message = "spec.scaleIn.busyWorkers is Drain: a busy worker has its grace period to finish"
        return Verdict(ConditionStatus.FALSE, Reason.BUSY_WORKERS_DRAINED, message)
    if observation.target and not observation.target.spares_workers:
        return _not_protectable(spec.scale_target_ref.kind)
    return _by_answers(observation, decision)


def _not_protectable(kind: str) -> Verdict:
    message = f"which pods of kind {kind} go at a scale-in is not known, so busy workers have their grace period only"
    message = f"{message}: scale a Deployment or a StatefulSet, or set spec.scaleIn.busyWorkers to Drain"
    return Verdict(ConditionStatus.FALSE, Reason.WORKERS_NOT_PROTECTABLE, message)


def _by_answers(observation: Observation, decision: Decision) -> Verdict:
    spec = observation.pool.spec
    if decision.memory.workers.concurrency is None:
        message = f"no worker has answered /state on port {spec.state_port} yet: scaling in trusts their grace period"
        return Verdict(ConditionStatus.FALSE, Reason.WORKERS_SILENT, message)
    if any(worker.pod.ready for worker in observation.pods) and not any(worker.state for worker in observation.pods):
        message = (
            f"no worker answers /state on port {spec.state_port} any more: they stay for spec.scaleIn.maxWaitSeconds"
        )
        return Verdict(ConditionStatus.FALSE, Reason.WORKERS_SILENT, message)
    if refusal := observation.mark_refusal:
        return Verdict(ConditionStatus.FALSE, Reason.MARKS_REFUSED, str(refusal), posts_event=True)
    return _WORKERS_ANSWER


def _scale_conflict(observation: Observation, now: datetime) -> Verdict:
    writer = observation.decision.memory.competing_writer if observation.decision else None
    if writer is None or not writer.competes(now):
        return _NO_CONFLICT
    kind = observation.pool.spec.scale_target_ref.kind
    message = (
        f"{writer.manager} keeps writing the {kind}'s replicas too: remove it, or take replicas out of its manifest"
    )
    return Verdict(ConditionStatus.TRUE, Reason.SCALE_CONFLICT, message, posts_event=True)


def _whole_seconds(time: datetime) -> datetime:
    """Return a time as the status keeps it."""
    return time.replace(microsecond=0)
