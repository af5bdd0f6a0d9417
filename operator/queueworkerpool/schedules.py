"""The only door to cronsim: which bounds hold now, by the pool's schedules. Pure.

`reconcile` and `explain` call it. The meaning is EC2's scheduled actions': other bounds for a while. Daylight saving
follows cron's custom, as cronsim does: a time that the spring skips fires at the end of the gap, one that the autumn
repeats fires once.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import Bounds, PoolSpec, Schedule

_TICK = timedelta(microseconds=1)


def bounds(spec: PoolSpec, now: datetime) -> Bounds:
    """The bounds that hold now: the highest minimum and the lowest maximum of the active schedules, else the spec's.

    Where they cross, the minimum wins. Raises SpecInvalidError, naming the field, for a schedule that makes no sense.
    """
    active = [schedule for schedule in spec.schedules if is_active(schedule, now)]
    lows = [schedule.min_replicas for schedule in active if schedule.min_replicas is not None]
    highs = [schedule.max_replicas for schedule in active if schedule.max_replicas is not None]
    low, high = max(lows, default=spec.min_replicas), min(highs, default=spec.max_replicas)
    return Bounds(low, max(low, high), tuple(schedule.name for schedule in active))


def is_active(schedule: Schedule, now: datetime) -> bool:
    """Whether the latest time that the cron expression names is less than the duration ago. Raises SpecInvalidError."""
    begun = last_start(schedule, now)
    return begun is not None and now - begun < timedelta(seconds=schedule.duration_seconds)


def last_start(schedule: Schedule, now: datetime) -> datetime | None:
    """The latest time, now included, that the cron expression names. Raises SpecInvalidError."""
    where = f"spec.schedules[name={schedule.name}]"
    try:
        zone = ZoneInfo(schedule.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        problem = f"{where}.timeZone: there is no time zone {schedule.time_zone!r}; use a name such as Europe/Berlin"
        raise SpecInvalidError(problem) from error
    try:
        return next(CronSim(schedule.cron, now.astimezone(zone) + _TICK, reverse=True), None)
    except CronSimError as error:
        problem = f"{where}.cron: {error}; use five fields such as '0 9 * * 1-5' (minute hour day month weekday)"
        raise SpecInvalidError(problem) from error
