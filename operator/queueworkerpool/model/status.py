"""The status of a pool, as it stands in the API server. `PoolStatus.parse` is the only reader of the raw status.

`Pool` holds one; `gather` takes the memory from it, `report.status` makes the next one, `explain` prints it. Whoever
may write a pool's status may write anything into it: what cannot be read is treated as absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self, TypeVar

from queueworkerpool.model.memory import Memory
from queueworkerpool.model.pruning import completed, lost
from queueworkerpool.model.times import format_time, parse_time
from queueworkerpool.names import ConditionType, Reason

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backlog:
    """The messages of all queues at the last reading that counted them all; `total` is the load."""

    visible: int
    in_flight: int
    delayed: int
    total: int
    time: datetime


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One step of the last decision; `reason` may be a word of another version of the operator."""

    replicas: int
    reason: str
    message: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastDecision:
    """The last decision: why in a word, why in a sentence, and every step."""

    reason: str
    message: str
    trail: tuple[RecordedStep, ...]

    @property
    def recommendation(self) -> int | None:
        """The pods that the load needs, before any limit; None where no step was recorded."""
        return self.trail[0].replicas if self.trail else None

    @property
    def waiting_pods(self) -> int:
        """The pods that would go if their workers were idle."""
        for before, step in zip(self.trail, self.trail[1:], strict=False):
            if step.reason == Reason.WAITING_FOR_IDLE_WORKERS:
                return step.replicas - before.replicas
        return 0


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `.status.conditions`.

    `posts_event`: an Event is posted when the condition gets this reason. It is not stored: only what is about to be
    written needs it.
    """

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int | None
    last_transition_time: datetime | None
    posts_event: bool = field(default=False, compare=False)


_NOTHING_REMEMBERED = Memory()


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A pool's status; None is what it does not say.

    `stored` is the raw status as the API server holds it. `lost` is what we wrote beside that and the API server left
    out, because its definition of the pool is older than this operator: known as long as this process lives.
    `is_as_written`: the raw status is what `dump` would write, so whoever compares statuses need not write them.
    """

    observed_generation: int | None = None
    replicas: int | None = None
    ready_replicas: int | None = None
    desired_replicas: int | None = None
    backlog: Backlog | None = None
    last_scale_time: datetime | None = None
    last_decision: LastDecision | None = None
    memory: Memory = _NOTHING_REMEMBERED
    conditions: tuple[Condition, ...] = ()
    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    lost: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    is_as_written: bool = field(default=False, repr=False, compare=False)

    @classmethod
    def parse(cls, stored: Mapping[str, Any], sent: Mapping[str, Any] | None = None) -> Self:
        """Parse a raw status. Raises nothing. `sent`: the merge patch that it is the answer to."""
        missing = lost(sent or {}, stored)
        raw = completed(stored, missing)
        status = cls(
            observed_generation=_integer(raw.get("observedGeneration")),
            replicas=_integer(raw.get("replicas")),
            ready_replicas=_integer(raw.get("readyReplicas")),
            desired_replicas=_integer(raw.get("desiredReplicas")),
            backlog=_readable(_backlog, raw.get("backlog")),
            last_scale_time=_readable(parse_time, raw.get("lastScaleTime")),
            last_decision=_readable(_last_decision, raw.get("lastDecision")),
            memory=_readable(Memory.parse, raw.get("memory")) or Memory(),
            conditions=_readable(_conditions, raw.get("conditions")) or (),
            stored=stored,
            lost=missing,
        )
        return replace(status, is_as_written=status.dump() == raw)

    @property
    def written(self) -> Mapping[str, Any]:
        """The raw status as it was written."""
        return completed(self.stored, self.lost)

    def dump(self) -> dict[str, Any]:
        """Write the raw status, without what is not there."""
        raw = {
            "observedGeneration": self.observed_generation,
            "replicas": self.replicas,
            "readyReplicas": self.ready_replicas,
            "desiredReplicas": self.desired_replicas,
            "backlog": self.backlog and _dumped_backlog(self.backlog),
            "lastScaleTime": self.last_scale_time and format_time(self.last_scale_time),
            "lastDecision": self.last_decision and _dumped_decision(self.last_decision),
            "memory": self.memory.dump() or None,
            "conditions": [_dumped_condition(condition) for condition in self.conditions] or None,
        }
        return {name: value for name, value in raw.items() if value is not None}

    @property
    def is_of_a_dry_run(self) -> bool:
        """Whether the pool was in a dry run when this was written: then nothing was done of what it says."""
        active = self.condition(ConditionType.SCALING_ACTIVE)
        return active is not None and active.reason == Reason.DRY_RUN

    def condition(self, kind: ConditionType) -> Condition | None:
        """Return the condition of this type, if there is one."""
        return next((condition for condition in self.conditions if condition.type == kind), None)


def _readable(parse: Callable[[Any], T], raw: Any) -> T | None:
    try:
        return None if raw is None else parse(raw)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _integer(raw: object) -> int | None:
    return raw if type(raw) is int else None


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise TypeError("not a text")
    return raw


def _backlog(raw: Mapping[str, Any]) -> Backlog:
    return Backlog(
        visible=int(raw["visible"]),
        in_flight=int(raw["inFlight"]),
        delayed=int(raw["delayed"]),
        total=int(raw["total"]),
        time=parse_time(raw["time"]),
    )


def _dumped_backlog(backlog: Backlog) -> dict[str, Any]:
    return {
        "visible": backlog.visible,
        "inFlight": backlog.in_flight,
        "delayed": backlog.delayed,
        "total": backlog.total,
        "time": format_time(backlog.time),
    }


def _last_decision(raw: Mapping[str, Any]) -> LastDecision:
    return LastDecision(_text(raw["reason"]), _text(raw["message"]), tuple(_step(step) for step in raw["trail"]))


def _dumped_decision(decision: LastDecision) -> dict[str, Any]:
    trail = [_dumped_step(step) for step in decision.trail]
    return {"reason": decision.reason, "message": decision.message, "trail": trail}


def _step(raw: Mapping[str, Any]) -> RecordedStep:
    until = _readable(parse_time, raw.get("until"))
    return RecordedStep(int(raw["replicas"]), _text(raw["reason"]), _text(raw["message"]), until)


def _dumped_step(step: RecordedStep) -> dict[str, Any]:
    raw = {"replicas": step.replicas, "reason": step.reason, "message": step.message}
    return raw | ({"until": format_time(step.until)} if step.until else {})


def _conditions(raw: Any) -> tuple[Condition, ...]:
    return tuple(_condition(each) for each in raw)


def _condition(raw: Mapping[str, Any]) -> Condition:
    return Condition(
        type=_text(raw["type"]),
        status=_text(raw["status"]),
        reason=_text(raw["reason"]),
        message=_text(raw["message"]),
        observed_generation=_integer(raw.get("observedGeneration")),
        last_transition_time=_readable(parse_time, raw.get("lastTransitionTime")),
    )


def _dumped_condition(condition: Condition) -> dict[str, Any]:
    raw = {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": condition.last_transition_time and format_time(condition.last_transition_time),
    }
    return {name: value for name, value in raw.items() if value is not None}
