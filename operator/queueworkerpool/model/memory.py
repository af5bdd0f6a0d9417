"""What a decision remembers for the next one, and how that is written in `.status.memory` (ADR 0002).

`Memory.parse` is the only reader of the raw `.status.memory`, `Memory.dump` its only writer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from queueworkerpool.model.ownership import MemoryOwner
from queueworkerpool.model.times import format_exact_time, parse_time
from queueworkerpool.sizing import WorkerEstimates

COMPETING_WRITES_LIMIT = 3
"""After so many changes by another writer the operator stops writing ..."""

COMPETING_WRITER_QUIET = timedelta(minutes=5)
"""... until the other writer has been quiet for so long."""

MOST_LOWER = 8
"""The steps of a stabilization that are read, beside the first one; what is left out only delays a scale-in."""

MOST_SPELLS = 8
"""The quiet spells that are remembered."""

MOST_STARTUP_CHANGES = 9
"""More measurements in a row that say something else than what is known are not believed to have been ignored."""

LONGEST_MANAGER = 128
"""The API server's limit to a field manager's name, in characters."""

# Whoever may write a pool's status may write any number into it: none of them may end a tick.
_LEAST, _MOST = 1e-6, 1e9


class RecommendedSince(NamedTuple):
    """Since a time, at most so many pods have been recommended."""

    since: datetime
    highest: int


@dataclass(frozen=True, slots=True)
class ScaleDownStabilization:
    """Since when fewer pods are recommended than there are, and the highest recommendation since then.

    `lower`: the same for later times; each step is later and lower than the one before it.
    `paused_since`: since when not every queue could be read, a time in which nobody knows what would be recommended.
    """

    since: datetime
    highest: int
    paused_since: datetime | None = None
    lower: tuple[RecommendedSince, ...] = ()

    @property
    def steps(self) -> tuple[RecommendedSince, ...]:
        """All steps, the first one included."""
        return (RecommendedSince(self.since, self.highest), *self.lower)


@dataclass(frozen=True, slots=True)
class ScaleUpStabilization:
    """Since when more pods are recommended than there are, and the lowest recommendation since then."""

    since: datetime
    lowest: int


@dataclass(frozen=True, slots=True)
class Change:
    """One write of ours, or several that became one: when the last was, and by how many pods (negative: down).

    `since`: when the first of several was; None for one.
    """

    time: datetime
    by: int
    since: datetime | None = None

    @property
    def begun(self) -> datetime:
        """When the first of these writes was."""
        return self.since or self.time


@dataclass(frozen=True, slots=True)
class CompetingWriter:
    """Another writer of the replicas: its field manager, its writes in a row, and the time of the last."""

    manager: str
    writes: int
    last_time: datetime

    def competes(self, now: datetime) -> bool:
        """Return whether it has written so often, and so lately, that the operator stops writing."""
        return self.writes >= COMPETING_WRITES_LIMIT and now - self.last_time < COMPETING_WRITER_QUIET


_NOTHING_MEASURED = WorkerEstimates()


@dataclass(frozen=True, slots=True)
class Memory:
    """All that a decision needs to know of the past. `belongs_to`: whose past it is; None when that is not known."""

    scale_down_stabilization: ScaleDownStabilization | None = None
    scale_up_stabilization: ScaleUpStabilization | None = None
    changes: tuple[Change, ...] = ()
    empty_since: datetime | None = None  # no message, none in flight, and no worker has handled any
    activation_pending_since: datetime | None = None  # at zero, with so few messages that the counts may be wrong
    unreadable_since: datetime | None = None  # no queue could be read
    waiting_since: datetime | None = None  # for workers to become idle, so that pods can go
    held_since: datetime | None = None  # messages that wait, or a rollout, may keep pods
    competing_writer: CompetingWriter | None = None
    workers: WorkerEstimates = _NOTHING_MEASURED
    quiet_spells: tuple[float, ...] = ()  # for how long the queues were empty before a message, in seconds, latest last
    belongs_to: MemoryOwner | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Parse the raw `.status.memory`. What cannot be read is forgotten: that only delays a scale-in."""
        try:
            return cls(
                scale_down_stabilization=_scale_down_stabilization(raw.get("scaleDownStabilization")),
                scale_up_stabilization=_scale_up_stabilization(raw.get("scaleUpStabilization")),
                changes=tuple(_change(each) for each in raw.get("changes", ())),
                empty_since=_optional_time(raw.get("emptySince")),
                activation_pending_since=_optional_time(raw.get("activationPendingSince")),
                unreadable_since=_optional_time(raw.get("unreadableSince")),
                waiting_since=_optional_time(raw.get("waitingSince")),
                held_since=_optional_time(raw.get("heldSince")),
                competing_writer=_competing_writer(raw.get("competingWriter")),
                workers=_workers(raw.get("workers", {})),
                quiet_spells=_quiet_spells(raw.get("quietSpells", ())),
                belongs_to=MemoryOwner.parse(raw.get("belongsTo")),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return cls()

    def dump(self) -> dict[str, Any]:
        """Write the raw `.status.memory`, without what is not there."""
        down, up, writer = self.scale_down_stabilization, self.scale_up_stabilization, self.competing_writer
        raw = {
            "scaleDownStabilization": down and _dumped_scale_down(down),
            "scaleUpStabilization": up and {"since": format_exact_time(up.since), "lowest": up.lowest},
            "changes": [_dumped_change(change) for change in self.changes] or None,
            "emptySince": self.empty_since and format_exact_time(self.empty_since),
            "activationPendingSince": self.activation_pending_since
            and format_exact_time(self.activation_pending_since),
            "unreadableSince": self.unreadable_since and format_exact_time(self.unreadable_since),
            "waitingSince": self.waiting_since and format_exact_time(self.waiting_since),
            "heldSince": self.held_since and format_exact_time(self.held_since),
            "competingWriter": writer
            and {
                "manager": writer.manager,
                "writes": writer.writes,
                "lastTime": format_exact_time(writer.last_time),
            },
            "workers": _dumped_workers(self.workers) or None,
            "quietSpells": list(self.quiet_spells) or None,
            "belongsTo": self.belongs_to and self.belongs_to.dump(),
        }
        return {name: value for name, value in raw.items() if value is not None}

    def of(self, owner: MemoryOwner) -> "Memory":
        """Return what of this memory is about this owner: what was another's starts anew.

        What the workers are like and what was done to the replicas belongs to the target, what the queues were
        like to the queues; what was recommended follows from both.
        """
        before = self.belongs_to or owner
        same_target, same_queues = before.same_target(owner), before.same_queues(owner)
        if same_target and same_queues:
            return replace(self, belongs_to=owner)
        kept = Memory(belongs_to=owner)
        if same_queues:
            kept = replace(kept, unreadable_since=self.unreadable_since, quiet_spells=self.quiet_spells)
        if not same_target:
            return kept
        return replace(
            kept,
            changes=self.changes,
            waiting_since=self.waiting_since,
            competing_writer=self.competing_writer,
            workers=self.workers,
        )


def _scale_down_stabilization(raw: Mapping[str, Any] | None) -> ScaleDownStabilization | None:
    if raw is None:
        return None
    lower = tuple(_recommended_since(each) for each in raw.get("lower", ())[:MOST_LOWER])
    return ScaleDownStabilization(*_recommended_since(raw), _optional_time(raw.get("pausedSince")), lower)


def _recommended_since(raw: Mapping[str, Any]) -> RecommendedSince:
    return RecommendedSince(parse_time(raw["since"]), int(raw["highest"]))


def _dumped_scale_down(known: ScaleDownStabilization) -> dict[str, Any]:
    first, *lower = ({"since": format_exact_time(step.since), "highest": step.highest} for step in known.steps)
    paused = {"pausedSince": format_exact_time(known.paused_since)} if known.paused_since else {}
    return first | ({"lower": lower} if lower else {}) | paused


def _change(raw: Mapping[str, Any]) -> Change:
    return Change(parse_time(raw["time"]), int(raw["by"]), _optional_time(raw.get("since")))


def _dumped_change(change: Change) -> dict[str, Any]:
    raw = {"time": format_exact_time(change.time), "by": change.by}
    return raw | ({"since": format_exact_time(change.since)} if change.since else {})


def _scale_up_stabilization(raw: Mapping[str, Any] | None) -> ScaleUpStabilization | None:
    return None if raw is None else ScaleUpStabilization(parse_time(raw["since"]), int(raw["lowest"]))


def _competing_writer(raw: Mapping[str, Any] | None) -> CompetingWriter | None:
    if raw is None:
        return None
    manager = str(raw["manager"])
    if not manager.isprintable() or len(manager) > LONGEST_MANAGER:
        raise ValueError(manager)
    return CompetingWriter(manager, int(raw["writes"]), parse_time(raw["lastTime"]))


def _workers(raw: Mapping[str, Any]) -> WorkerEstimates:
    return WorkerEstimates(
        service_seconds=_optional_number(raw.get("serviceSeconds")),
        concurrency=_optional_number(raw.get("concurrency")),
        startup_seconds=_optional_number(raw.get("startupSeconds")),
        service_messages=_optional_number(raw.get("serviceMessages")),
        startup_changes=_changes(raw.get("startupChanges", 0)),
        service_before=_optional_number(raw.get("serviceSecondsBefore")),
    )


def _quiet_spells(raw: Sequence[object]) -> tuple[float, ...]:
    spells = (_optional_number(each) for each in raw[-MOST_SPELLS:])
    return tuple(spell for spell in spells if spell)


def _dumped_workers(workers: WorkerEstimates) -> dict[str, float]:
    raw = {
        "serviceSeconds": workers.service_seconds,
        "concurrency": workers.concurrency,
        "startupSeconds": workers.startup_seconds,
        "serviceMessages": workers.service_messages,
        "startupChanges": workers.startup_changes or None,
        "serviceSecondsBefore": workers.service_before,
    }
    return {name: value for name, value in raw.items() if value is not None}


def _changes(raw: object) -> int:
    return raw if isinstance(raw, int) and abs(raw) <= MOST_STARTUP_CHANGES else 0


def _optional_number(raw: object) -> float | None:
    sensible = isinstance(raw, int | float) and (raw == 0 or _LEAST <= raw <= _MOST)
    return float(raw) if sensible else None  # type: ignore[arg-type] # a number, by the line above


def _optional_time(raw: str | None) -> datetime | None:
    return parse_time(raw) if raw else None
