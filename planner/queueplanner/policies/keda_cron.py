"""KEDA 2.20's cron trigger: when it is active, and what its metric is then. Pure. `keda` calls it.

Source: pkg/scalers/cron_scaler.go of KEDA. It goes by what comes next, the end or the start, and not by what was last:
between two starts without an end it is not active, between two ends it is. Its metric's averageValue is 1.
The hours that summer time skips and repeats are played as `schedules` has them: a time in them comes once. In KEDA one
that is skipped does not come that day, and one that is repeated comes twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from queueworkerpool.schedules import next_time

TARGET = 1.0
"""The metric's averageValue."""
INACTIVE = 1
"""The metric outside of the window."""
_NEVER, _EVER = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """A cron trigger's metadata: two cron expressions of five fields, their time zone, and desiredReplicas."""

    start: str
    end: str
    zone: ZoneInfo
    desired_replicas: int


@dataclass(slots=True)
class CronScaler:
    """A cron trigger at work. It is asked at times that never go back."""

    trigger: CronTrigger
    _active: bool = False
    _until: datetime = _EVER

    def is_active(self, now: datetime) -> bool:
        """Return whether an end comes before, or with, the next start."""
        if now >= self._until:
            start, end = (self._next(cron, now) for cron in (self.trigger.start, self.trigger.end))
            self._active, self._until = end <= start, min(start, end)
        return self._active

    def metric(self, now: datetime) -> int:
        """Return its metric."""
        return self.trigger.desired_replicas if self.is_active(now) else INACTIVE

    def _next(self, cron: str, now: datetime) -> datetime:
        return next_time(cron, self.trigger.zone, now) or _NEVER
