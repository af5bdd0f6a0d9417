"""Facts in, an account for people out: what was seen, each step, what limits the size now, and until when. Pure.

The `qwp explain` command calls it. It decides nothing: the steps are those of the operator's own `decide`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from queueworkerpool.decide import decide
from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.gather import gather
from queueworkerpool.model import Facts, Mode, PodSeen, Pool, QueueReading, Step, Target, Worker, WorkerState, told_time
from queueworkerpool.names import ConditionStatus, ConditionType, Reason

_BY_LOAD = frozenset({Reason.SIZED_BY_BACKLOG, Reason.SIZED_BY_LATENCY})


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a pool has its size."""

    facts: Facts
    steps: tuple[Step, ...]
    limit: Step | None  # what keeps the size from being the load's wish; None: nothing does
    next_reading_seconds: int | None  # at the latest; None: nothing is read

    @property
    def replicas(self) -> int:
        """The pods decided on."""
        return self.steps[-1].replicas

    @property
    def until(self) -> datetime | None:
        """When time alone ends the limit; None when time alone does not."""
        return self.limit.until if self.limit else None


def explain(facts: Facts) -> Explanation:
    """Explain what the operator decides from these facts."""
    decision = decide(facts)
    last = decision.trail[-1]
    reads = None if facts.spec.mode is Mode.PAUSED else facts.spec.poll_seconds
    return Explanation(facts, decision.trail, None if last.reason in _BY_LOAD else last, reads)


def told_facts(pool: Pool, target: Target, now: datetime) -> Facts:
    """The facts as the pool's own status tells them. Raises SpecInvalidError when the spec makes no sense."""
    if isinstance(pool.spec, SpecInvalidError):
        raise pool.spec
    status = pool.status
    backlog, blind = status.get("backlog"), "blindSince" in status.get("memory", {})
    reading = None
    if backlog and not blind and (time := told_time(backlog["time"])):
        reading = QueueReading(backlog["visible"], backlog["inFlight"], backlog["delayed"], time)
    # With only some of the queues read, the backlog told is that of the last time when all were.
    readings = (reading, None) if _some_unread(status) else (reading,)
    facts = gather(pool, pool.spec, target, readings, now)
    waits = "waitingSince" in status.get("memory", {})
    return replace(facts, crew=_told_crew(status["desiredReplicas"], target.replicas)) if waits else facts


def _some_unread(status: Mapping[str, Any]) -> bool:
    conditions = status.get("conditions", ())
    return any(
        held["type"] == ConditionType.QUEUE_REACHABLE and held["status"] == ConditionStatus.FALSE for held in conditions
    )


def _told_crew(kept: int, replicas: int) -> tuple[Worker, ...]:
    """Workers as the last decision found them: it kept so many pods for their sake."""
    return tuple(
        Worker(PodSeen(str(i), str(i), ready=True), WorkerState(int(i < kept), 1, 0, 0)) for i in range(replicas)
    )


def as_lines(told: Explanation) -> list[str]:
    """The account as text."""
    facts, bounds = told.facts, told.facts.bounds
    width = max(len(step.reason) for step in told.steps)
    size = f"{facts.replicas} pods, {facts.ready} ready, {bounds.min_replicas} to {bounds.max_replicas} allowed"
    lines = [
        f"Deployment {facts.spec.deployment}: {size}; mode {facts.spec.mode}",
        _seen(facts),
        "steps:",
        *(f"  {step.replicas:>6}  {step.reason:<{width}}  {step.because}" for step in told.steps),
        f"so: {_so(told)}",
    ]
    if told.next_reading_seconds is not None:
        lines.append(f"next reading: within {told.next_reading_seconds} s")
    return lines


def as_document(told: Explanation) -> dict[str, Any]:
    """The account as JSON."""
    known = told.facts.known
    return {
        "replicas": told.facts.replicas,
        "readyReplicas": told.facts.ready,
        "minReplicas": told.facts.bounds.min_replicas,
        "maxReplicas": told.facts.bounds.max_replicas,
        "schedules": list(told.facts.bounds.schedules),
        "mode": told.facts.spec.mode,
        "backlog": known
        and {
            "visible": known.visible,
            "inFlight": known.in_flight,
            "delayed": known.delayed,
            "total": told.facts.load(known),
            "time": _time(known.time),
        },
        "desiredReplicas": told.replicas,
        "steps": [
            {"replicas": step.replicas, "reason": step.reason, "because": step.because, "until": _time(step.until)}
            for step in told.steps
        ],
        "limitedBy": told.limit.reason if told.limit else None,
        "until": _time(told.until),
        "nextReadingSeconds": told.next_reading_seconds,
    }


def _seen(facts: Facts) -> str:
    known = facts.known
    if known is None:
        return "seen: nothing, the queues are not read or could not be"
    age = max(0, round((facts.now - known.time).total_seconds()))
    counts = f"{known.visible} visible, {known.in_flight} in flight, {known.delayed} delayed"
    return f"seen: {counts}, {age} s ago; load {facts.load(known)}"


def _so(told: Explanation) -> str:
    pods = f"{told.replicas} pods"
    if told.limit is None:
        return f"{pods}, which the load calls for"
    until = f" until {told.until:%H:%M:%SZ}" if told.until else ""
    return f"{pods}, by {told.limit.reason}{until}"


def _time(time: datetime | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else None
