"""When a schedule is active, daylight saving included, and which bounds hold then."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import Bounds, Schedule
from queueworkerpool.schedules import bounds, is_active, last_start
from tests.unit.operator.builders import facts

BERLIN = "Europe/Berlin"
RESOLUTION = timedelta.resolution
OFFICE = Schedule("office", "0 9 * * 1-5", 8 * 3600, BERLIN, min_replicas=10)
NIGHT = Schedule("night", "30 2 * * *", 3600, BERLIN, max_replicas=2)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ACTIVE: dict[str, tuple[Schedule, str, bool]] = {
    "begins at its time": (OFFICE, "2026-11-23T08:00:00", True),
    "not before": (OFFICE, "2026-11-23T07:59:59", False),
    "lasts": (OFFICE, "2026-11-23T15:59:59", True),
    "and ends": (OFFICE, "2026-11-23T16:00:00", False),
    "not at the weekend": (OFFICE, "2026-11-22T10:00:00", False),
    "by its zone's summer time": (OFFICE, "2026-07-20T07:00:00", True),
    "by its zone's winter time": (OFFICE, "2026-01-19T07:30:00", False),
    "a time that spring skips: at the end of the gap": (NIGHT, "2026-03-29T01:00:00", True),
    "a time that spring skips: not before": (NIGHT, "2026-03-29T00:59:59", False),
    "a time that autumn repeats: once": (NIGHT, "2026-10-25T00:30:00", True),
    "a time that autumn repeats: not again": (NIGHT, "2026-10-25T01:30:00", False),
    "a schedule longer than its own interval: always": (
        Schedule("always", "* * * * *", 3600, "UTC", min_replicas=1),
        "2026-11-23T12:34:56",
        True,
    ),
}


@pytest.mark.parametrize(("schedule", "now", "active"), ACTIVE.values(), ids=ACTIVE.keys())
def test_a_schedule(schedule: Schedule, now: str, active: bool) -> None:
    assert is_active(schedule, at(now)) is active


@pytest.mark.parametrize("zone", [BERLIN, "UTC", "Asia/Kathmandu", "America/St_Johns"])
@pytest.mark.parametrize("cron", ["0 9 * * 1-5", "30 2 * * *", "* * * * *", "*/7 * 1 * *", "0 * L 3 *"])
def test_a_last_start_is_the_one_that_cron_finds_at_that_very_time(cron: str, zone: str) -> None:
    random, year = Random(1), timedelta(days=365)
    moments = sorted(at("2026-01-01T00:00:00") + random.random() * year for _ in range(100))
    several = [moment + timedelta(seconds=seconds) for moment in moments for seconds in (0, 20, 40)]
    found = [next(CronSim(cron, now.astimezone(ZoneInfo(zone)) + RESOLUTION, reverse=True)) for now in several]
    assert [last_start(Schedule("any", cron, 60, zone), now) for now in several] == found


def always(name: str, low: int | None = None, high: int | None = None) -> Schedule:
    return Schedule(name, "* * * * *", 3600, "UTC", low, high)


BOUNDS: dict[str, tuple[tuple[Schedule, ...], Bounds]] = {
    "no schedule: the spec's": ((), Bounds(0, 50)),
    "a schedule that is not active: the spec's": ((OFFICE,), Bounds(0, 50)),
    "one that is active": ((always("a", 3, 20),), Bounds(3, 20, ("a",))),
    "a minimum alone": ((always("a", 3),), Bounds(3, 50, ("a",))),
    "a maximum alone": ((always("a", None, 9),), Bounds(0, 9, ("a",))),
    "the highest minimum and the lowest maximum": (
        (always("a", 3, 20), always("b", 5, 30)),
        Bounds(5, 20, ("a", "b")),
    ),
    "where they cross, the minimum wins": ((always("a", 30), always("b", None, 9)), Bounds(30, 30, ("a", "b"))),
    "a minimum above the spec's maximum": ((always("a", 70),), Bounds(70, 70, ("a",))),
}


@pytest.mark.parametrize(("schedules", "wanted"), BOUNDS.values(), ids=BOUNDS.keys())
def test_bounds(schedules: tuple[Schedule, ...], wanted: Bounds) -> None:
    assert bounds(facts(schedules=schedules).spec, at("2026-11-22T12:00:30")) == wanted


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        (Schedule("x", "99 * * * *", 60), r"spec.schedules\[name=x\].cron: Bad minute; use five fields"),
        (Schedule("x", "0 0 30 2 *", 60), r"spec.schedules\[name=x\].cron: Bad day-of-month"),
        (
            Schedule("x", "0 9 * * *", 60, "Mars/Olympus"),
            r"spec.schedules\[name=x\].timeZone: there is no time zone 'Mars/Olympus'",
        ),
        (Schedule("x", "0 9 * * *", 60, "../etc/passwd"), "timeZone: there is no time zone"),
    ],
)
def test_an_invalid_schedule_is_reported_by_its_field(schedule: Schedule, problem: str) -> None:
    with pytest.raises(SpecInvalidError, match=problem):
        is_active(schedule, at("2026-11-22T12:00:30"))
