"""The only adapter to cronsim: computes the bounds that hold now, by the pool's schedules. Pure.

`gather`, `validate`, `importing` and the planner call it. As with EC2's scheduled actions, a schedule sets other bounds
for a while. Daylight saving is cron's, as in cronsim: a time that is skipped in spring fires at the end of the gap, and
one that is repeated in autumn fires once.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import Bounds, PoolSpec, Schedule

_TICK = timedelta(microseconds=1)
_SOME_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
_MOST_STARTS = 60
"""Enough to see each weekday and month of what people write."""


def bounds(spec: PoolSpec, now: datetime) -> Bounds:
    """Return the bounds that hold now: highest minimum and lowest maximum of the active schedules, else the spec's.

    Where they cross, the minimum wins. Raises SpecInvalidError, naming the field, for a schedule that makes no sense.
    """
    if not spec.schedules:
        return Bounds(spec.min_replicas, max(spec.min_replicas, spec.max_replicas))
    active = [schedule for schedule in spec.schedules if is_active(schedule, now)]
    lows = [schedule.min_replicas for schedule in active if schedule.min_replicas is not None]
    highs = [schedule.max_replicas for schedule in active if schedule.max_replicas is not None]
    low, high = max(lows, default=spec.min_replicas), min(highs, default=spec.max_replicas)
    return Bounds(low, max(low, high), tuple(schedule.name for schedule in active))


def is_active(schedule: Schedule, now: datetime) -> bool:
    """Return whether the schedule's last start is less than its duration ago. Raises SpecInvalidError."""
    start = last_start(schedule, now)
    return start is not None and now - start < timedelta(seconds=schedule.duration_seconds)


def last_start(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the latest time up to now that the cron expression names; None without one. Raises SpecInvalidError."""
    where = f"spec.schedules[name={schedule.name}]"
    try:
        place = zone(schedule.time_zone)
    except SpecInvalidError as error:
        raise SpecInvalidError(f"{where}.timeZone: {error}") from error
    try:
        return _last_start(schedule.cron, place, now.replace(second=0, microsecond=0))
    except CronSimError as error:
        problem = f"{where}.cron: {error}; use five fields such as '0 9 * * 1-5' (minute hour day month weekday)"
        raise SpecInvalidError(problem) from error


@lru_cache(maxsize=4096)  # asked at every tick, and to find it takes longer than the rest of a decision
def _last_start(cron: str, zone: ZoneInfo, minute: datetime) -> datetime | None:
    """Return the latest time up to the end of a minute: cron's five fields name whole minutes. Raises CronSimError."""
    return next(CronSim(cron, minute.astimezone(zone) + _TICK, reverse=True), None)


def zone(name: str) -> ZoneInfo:
    """Return a time zone. Raises SpecInvalidError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SpecInvalidError(f"there is no time zone {name!r}; use a name such as Europe/Berlin") from error


def next_time(cron: str, place: ZoneInfo, now: datetime) -> datetime | None:
    """Return the first time after now that a cron expression names there, in UTC; None without one.

    Raises CronSimError for an expression that `durations` would refuse.
    """
    named = (each.astimezone(UTC) for each in CronSim(cron, now.astimezone(place)))
    return next((each for each in named if each > now), None)  # of a repeated hour cronsim has the first pass


def durations(start: str, end: str) -> set[int]:
    """Return the seconds from each start to the end that follows it, for the first starts of a year, in UTC.

    Both are cron expressions; without a time that they name, there is nothing. Raises SpecInvalidError.
    """
    try:
        if next(CronSim(end, _SOME_YEAR), None) is None:  # to find that out takes a second
            return set()
        starts = islice(CronSim(start, _SOME_YEAR), _MOST_STARTS)
        return {int((next(CronSim(end, begun)) - begun).total_seconds()) for begun in starts}
    except CronSimError as error:
        raise SpecInvalidError(f"{error}; use five fields such as '0 9 * * 1-5'") from error
