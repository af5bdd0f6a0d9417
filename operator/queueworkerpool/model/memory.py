"""What a decision remembers for the next one, and how that is written in `.status.memory` (ADR 0002).

`Memory.parse` is the only reader of the raw `.status.memory`, `Memory.dump` its only writer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

RIVAL_ROUNDS = 3
"""After so many changes by somebody else we stop fighting ..."""

RIVAL_QUIET = timedelta(minutes=5)
"""... until the other one has been quiet for so long."""

LONGEST_MANAGER = 128
"""The API server's limit to a field manager's name."""

# Whoever may write a pool's status may write anything into it: nothing of that may end a tick.
_LEAST, _MOST = 1e-6, 1e9
_YEARS = range(2000, 9000)


@dataclass(frozen=True, slots=True)
class Lull:
    """A stretch of time in which fewer pods were wished for than there are, and the most wished for in it."""

    since: datetime
    peak: int


@dataclass(frozen=True, slots=True)
class Surge:
    """A stretch of time in which more pods were wished for than there are, and the fewest wished for in it."""

    since: datetime
    trough: int


@dataclass(frozen=True, slots=True)
class Change:
    """One write of ours: when, and by how many pods (negative: down)."""

    time: datetime
    by: int


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody else who writes the replicas: by which field manager, how often in a row, and when last."""

    manager: str
    rounds: int
    last: datetime

    def fights(self, now: datetime) -> bool:
        """Whether that one has written so often, and so lately, that we stop fighting."""
        return self.rounds >= RIVAL_ROUNDS and now - self.last < RIVAL_QUIET


@dataclass(frozen=True, slots=True)
class Workers:
    """What is known of the workers, smoothed; None is unknown. Seconds, and messages at a time per pod."""

    service_seconds: float | None = None
    concurrency: float | None = None
    startup_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """All that a decision needs to know of the past."""

    lull: Lull | None = None
    surge: Surge | None = None
    changes: tuple[Change, ...] = ()
    empty_since: datetime | None = None  # the last sign of life was before
    glimpsed: datetime | None = None  # at zero: when so few messages were first seen that it may be a blip
    blind_since: datetime | None = None
    waiting_since: datetime | None = None  # for workers to become idle, so that pods can go
    rival: Rival | None = None
    workers: Workers = Workers()

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Read the raw `.status.memory`. What cannot be read is forgotten: that only delays a scale-in."""
        try:
            return cls(
                lull=Lull(_time(raw["lull"]["since"]), int(raw["lull"]["peak"])) if "lull" in raw else None,
                surge=Surge(_time(raw["surge"]["since"]), int(raw["surge"]["trough"])) if "surge" in raw else None,
                changes=tuple(Change(_time(change["time"]), int(change["by"])) for change in raw.get("changes", ())),
                empty_since=_optional_time(raw.get("emptySince")),
                glimpsed=_optional_time(raw.get("glimpsed")),
                blind_since=_optional_time(raw.get("blindSince")),
                waiting_since=_optional_time(raw.get("waitingSince")),
                rival=_rival(raw["rival"]) if "rival" in raw else None,
                workers=_workers(raw.get("workers", {})),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()

    def dump(self) -> dict[str, Any]:
        """Write it as the raw `.status.memory`, without what is not there."""
        raw = {
            "lull": {"since": _exact(self.lull.since), "peak": self.lull.peak} if self.lull else None,
            "surge": {"since": _exact(self.surge.since), "trough": self.surge.trough} if self.surge else None,
            "changes": [{"time": _exact(change.time), "by": change.by} for change in self.changes] or None,
            "emptySince": _exact(self.empty_since) if self.empty_since else None,
            "glimpsed": _exact(self.glimpsed) if self.glimpsed else None,
            "blindSince": _exact(self.blind_since) if self.blind_since else None,
            "waitingSince": _exact(self.waiting_since) if self.waiting_since else None,
            "rival": _dumped(self.rival) if self.rival else None,
            "workers": {
                name: value
                for name, value in (
                    ("serviceSeconds", self.workers.service_seconds),
                    ("concurrency", self.workers.concurrency),
                    ("startupSeconds", self.workers.startup_seconds),
                )
                if value is not None
            }
            or None,
        }
        return {name: value for name, value in raw.items() if value is not None}


def _rival(raw: Mapping[str, Any]) -> Rival:
    manager = str(raw["manager"])
    if not manager.isprintable() or len(manager) > LONGEST_MANAGER:
        raise ValueError(manager)
    return Rival(manager, int(raw["rounds"]), _time(raw["last"]))


def _dumped(rival: Rival) -> dict[str, Any]:
    return {"manager": rival.manager, "rounds": rival.rounds, "last": _exact(rival.last)}


def _workers(raw: Mapping[str, Any]) -> Workers:
    return Workers(*(_optional_number(raw.get(name)) for name in ("serviceSeconds", "concurrency", "startupSeconds")))


def _optional_number(raw: object) -> float | None:
    sensible = isinstance(raw, int | float) and (raw == 0 or _LEAST <= raw <= _MOST)
    return float(raw) if sensible else None  # type: ignore[arg-type] # a number, by the line above


def _optional_time(raw: str | None) -> datetime | None:
    return _time(raw) if raw else None


def told_time(raw: object) -> datetime | None:
    """A time of the status; None when it is none, for the API server lets through some that are not."""
    try:
        return _time(raw) if isinstance(raw, str) else None
    except ValueError:
        return None


def _time(raw: str) -> datetime:
    time = datetime.fromisoformat(raw)
    # Near the ends of the calendar, sums of times overflow.
    if time.tzinfo is None or time.year not in _YEARS:
        raise ValueError(raw)
    return time


def _exact(time: datetime) -> str:
    """With microseconds, as in Lease objects: "seen empty twice" compares these times."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
