"""A pool in, an account for people out: what was recorded, what has changed since, what would be decided now. Pure.

The `qwp explain` command calls it. It decides nothing itself, and invents no fact: the account is the decision that
the operator recorded in the status. Only where that decision is out of date does it decide again, from recorded counts,
and says so.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from queueworkerpool.decide import decide
from queueworkerpool.gather import gather
from queueworkerpool.model import (
    BusyWorkers,
    Facts,
    LastDecision,
    Mode,
    Pool,
    PoolStatus,
    QueueReading,
    QueueRef,
    ReadingInterval,
    RecordedStep,
    Step,
    Target,
    dollars,
    format_time,
    monthly_cost_usd,
    seconds_until_due,
)
from queueworkerpool.names import ConditionStatus, ConditionType
from queueworkerpool.sizing import Shortfall


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a pool has its size.

    `facts` are the pool, its target and the recorded counts as they are now. `changes` are the sentences that say
    what has changed since the decision was recorded. `if_decided_now` is the trail of a new decision; None where the
    recorded one is up to date, or where the counts are not known. `not_ready` is the Ready condition's message when
    the pool is not ready. `interval` is how often its queues are read; None when they are not.
    """

    facts: Facts
    status: PoolStatus
    changes: tuple[str, ...] = ()
    if_decided_now: tuple[Step, ...] | None = None
    not_ready: str | None = None
    interval: ReadingInterval | None = None

    @property
    def decision(self) -> LastDecision | None:
        """The recorded decision; None when there is none yet."""
        return self.status.last_decision

    @property
    def shortfall(self) -> Shortfall | None:
        """What the target asks for and no number of pods can give; None when it can be kept."""
        return self.facts.spec.target.shortfall(self.facts.memory.workers)

    @property
    def next_reading_seconds(self) -> int | None:
        """Seconds until the next reading at the latest; None when nothing is read."""
        interval, spec, now = self.interval, self.facts.spec, self.facts.now
        if interval is None or not interval.idle:
            return interval and spec.poll_seconds
        queues = [queue.url for queue in spec.queues if isinstance(queue, QueueRef)]
        due = min((seconds_until_due(interval.seconds, queue, now) for queue in queues), default=interval.seconds)
        return math.ceil(due) + spec.poll_seconds  # the first look at the pool after that

    @property
    def readings_monthly_cost_usd(self) -> float:
        """What the readings of its queues cost in 30 days at this interval, as if no other pool read them."""
        return monthly_cost_usd(self.facts.spec, self.interval)


def explain(pool: Pool, target: Target, now: datetime) -> Explanation:
    """Explain a pool's size. Raises SpecInvalidError for a schedule that makes no sense."""
    pool = pool.at(now).resolved(target)
    facts = gather(pool, target, _recorded_readings(pool), now)
    changes = tuple(_changes(pool, target, now))
    again = decide(facts).trail if changes and (facts.reading or facts.spec.mode is Mode.PAUSED) else None
    ready = pool.status.condition(ConditionType.READY)
    not_ready = ready.message if ready and ready.status != ConditionStatus.TRUE else None
    interval = pool.reading_interval(target.replicas, now)
    return Explanation(facts, pool.status, changes, again, not_ready, interval)


def _recorded_readings(pool: Pool) -> tuple[QueueReading | None, ...]:
    """Return the counts as recorded; unknown where a queue could not be read, because the counts are then older."""
    reachable, backlog = pool.status.condition(ConditionType.QUEUE_REACHABLE), pool.status.backlog
    if backlog is None or reachable is None or reachable.status != ConditionStatus.TRUE:
        return ()
    return (QueueReading(backlog.visible, backlog.in_flight, backlog.delayed, backlog.time),)


def _changes(pool: Pool, target: Target, now: datetime) -> Iterator[str]:
    """Yield what makes the recorded decision out of date."""
    status = pool.status
    if status.last_decision is None:
        return
    if status.observed_generation != pool.generation:
        yield "the pool was edited"
    if status.replicas is not None and status.replicas != target.replicas:
        yield f"the {pool.spec.scale_target_ref.kind} asks for {target.replicas} pods instead of {status.replicas}"
    until = status.last_decision.trail[-1].until if status.last_decision.trail else None
    if until and until < now:
        yield f"{until:%H:%M:%SZ} has passed"


def as_lines(explanation: Explanation) -> list[str]:
    """Write the account as text."""
    facts, bounds = explanation.facts, explanation.facts.bounds
    size = f"{facts.replicas} pods, {facts.ready} ready, {bounds.min_replicas} to {bounds.max_replicas} allowed"
    if least := facts.spec.active_min_replicas:
        size = f"{size}, at least {least} while not idle"
    lines = [f"{facts.spec.scale_target_ref.label}: {size}; {_mode(facts)}"]
    if explanation.not_ready:
        lines.append(f"not ready: {explanation.not_ready}")
    if explanation.shortfall:
        lines.append(f"cannot be kept: {explanation.shortfall.message}")
    lines += [_counted(explanation), *_decided(explanation)]
    if explanation.changes:
        lines.append(f"since then: {'; '.join(explanation.changes)}")
    if explanation.if_decided_now:
        lines += ["if decided now, from the same counts:", *_steps(explanation.if_decided_now)]
        lines += _unasked(explanation, explanation.if_decided_now)
    return [*lines, *_readings(explanation)]


def _readings(explanation: Explanation) -> list[str]:
    interval, facts = explanation.interval, explanation.facts
    if interval is None:
        return []
    lines, since, queues = [], facts.memory.empty_since, len(facts.spec.queues)
    if interval.idle and since:
        lines.append(
            f"idle: no pods, and nothing in the queues since {since:%H:%M:%SZ}: read every {interval.seconds} s"
            f" (idlePollSeconds) and not every {facts.spec.poll_seconds} s"
        )
    what = f"{queues} queue{'s' if queues > 1 else ''} every {interval.seconds} s"
    return [
        *lines,
        f"next reading: within {explanation.next_reading_seconds} s",
        f"readings: {dollars(explanation.readings_monthly_cost_usd)} USD a month, {what}",
    ]


def _mode(facts: Facts) -> str:
    until = facts.spec.paused_until
    return f"mode {facts.spec.mode}" + (f" until {format_time(until)}" if until else "")


def _counted(explanation: Explanation) -> str:
    backlog = explanation.status.backlog
    if backlog is None:
        return "counted: nothing yet"
    age = max(0, round((explanation.facts.now - backlog.time).total_seconds()))
    counts = f"{backlog.visible} visible, {backlog.in_flight} in flight, {backlog.delayed} delayed"
    older = "" if explanation.facts.readings else "; not every queue can be read since"
    return f"counted: {counts}, unchanged for {age} s; load {backlog.total}{older}"


def _decided(explanation: Explanation) -> list[str]:
    decision = explanation.decision
    if decision is None or not decision.trail:
        return ["decided: nothing yet"]
    last = decision.trail[-1]
    until = f" until {last.until:%H:%M:%SZ}" if last.until else ""
    return ["decided:", *_steps(decision.trail), f"so: {last.replicas} pods, by {last.reason}{until}"]


def _steps(trail: tuple[RecordedStep | Step, ...]) -> list[str]:
    width = max(len(step.reason) for step in trail)
    return [f"  {step.replicas:>6}  {step.reason:<{width}}  {step.message}" for step in trail]


def _unasked(explanation: Explanation, trail: tuple[Step, ...]) -> list[str]:
    """Say that busy workers may keep more pods than a new decision, which asks no worker."""
    facts = explanation.facts
    protected = facts.spec.busy_workers is BusyWorkers.PROTECT and facts.memory.workers.concurrency is not None
    return (
        ["  busy workers may keep more pods: they were not asked"]
        if (protected and trail[-1].replicas < facts.replicas)
        else []
    )


def as_document(explanation: Explanation) -> dict[str, Any]:
    """Write the account as JSON."""
    facts, status, decision = explanation.facts, explanation.status, explanation.decision
    last = decision.trail[-1] if decision and decision.trail else None
    return {
        "replicas": facts.replicas,
        "readyReplicas": facts.ready,
        "minReplicas": facts.bounds.min_replicas,
        "maxReplicas": facts.bounds.max_replicas,
        "activeMinReplicas": facts.spec.active_min_replicas,
        "schedules": list(facts.bounds.schedules),
        "mode": facts.spec.mode,
        "pausedUntil": format_time(facts.spec.paused_until) if facts.spec.paused_until else None,
        "notReady": explanation.not_ready,
        "cannotBeKept": explanation.shortfall and explanation.shortfall.message,
        "backlog": status.dump().get("backlog"),
        "desiredReplicas": status.desired_replicas,
        "reason": last.reason if last else None,
        "until": format_time(last.until) if last and last.until else None,
        "steps": [_step(step) for step in decision.trail] if decision else [],
        "changesSince": list(explanation.changes),
        "ifDecidedNow": explanation.if_decided_now
        and {
            "desiredReplicas": explanation.if_decided_now[-1].replicas,
            "steps": [_step(step) for step in explanation.if_decided_now],
        },
        "nextReadingSeconds": explanation.next_reading_seconds,
        "idle": bool(explanation.interval and explanation.interval.idle),
        "readingIntervalSeconds": explanation.interval and explanation.interval.seconds,
        "readingsMonthlyCostUSD": round(explanation.readings_monthly_cost_usd, 6),
    }


def _step(step: RecordedStep | Step) -> dict[str, Any]:
    until = format_time(step.until) if step.until else None
    return {"replicas": step.replicas, "reason": step.reason, "message": step.message, "until": until}
