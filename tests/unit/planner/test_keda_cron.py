"""KEDA's cron trigger beside the queue's: when it is active, and what KEDA and its HPA make of it.

The times of windows follow from pkg/scalers/cron_scaler.go of KEDA 2.20, the sizes from its executor and the HPA.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.policies.keda_cron import CronScaler, CronTrigger
from queueplanner.simulation import Counts, View
from queueworkerpool.schedules import zone

BERLIN = "Europe/Berlin"
OFFICE, NIGHT, WEEK = ("0 8 * * *", "0 17 * * *"), ("0 22 * * *", "0 4 * * *"), ("0 8 * * 1-5", "0 17 * * 1-5")
TWO_STARTS, TWO_ENDS = ("0 8,10 * * *", "0 17 * * *"), ("0 8 * * *", "0 12,17 * * *")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(times: tuple[str, str] = OFFICE, place: str = "UTC", desired: int = 10) -> CronTrigger:
    return CronTrigger(*times, zone(place), desired)


WINDOWS = {
    "before the start": (OFFICE, "UTC", "2026-01-07T07:59:59.900", False),
    "at the start": (OFFICE, "UTC", "2026-01-07T08:00:00", True),
    "within": (OFFICE, "UTC", "2026-01-07T12:34:56", True),
    "just before the end": (OFFICE, "UTC", "2026-01-07T16:59:59.900", True),
    "at the end": (OFFICE, "UTC", "2026-01-07T17:00:00", False),
    "over midnight, before it": (NIGHT, "UTC", "2026-01-07T23:59:59", True),
    "over midnight, after it": (NIGHT, "UTC", "2026-01-08T00:00:00", True),
    "over midnight, at the end": (NIGHT, "UTC", "2026-01-08T04:00:00", False),
    "over midnight, at noon": (NIGHT, "UTC", "2026-01-08T12:00:00", False),
    "on a Friday": (WEEK, "UTC", "2026-01-09T09:00:00", True),
    "on a Saturday": (WEEK, "UTC", "2026-01-10T09:00:00", False),
    "in winter, before the start": (OFFICE, BERLIN, "2026-03-28T06:59:59", False),
    "in winter, at the start": (OFFICE, BERLIN, "2026-03-28T07:00:00", True),
    "in summer, before the start": (OFFICE, BERLIN, "2026-03-29T05:59:59", False),
    "in summer, at the start": (OFFICE, BERLIN, "2026-03-29T06:00:00", True),
    "in summer, at the end": (OFFICE, BERLIN, "2026-03-29T15:00:00", False),
    "in winter again, at the end of summer": (OFFICE, BERLIN, "2026-10-25T07:00:00", True),
    "in the hour that comes twice, after a start in its first pass": (
        ("30 2 * * *", "0 4 * * *"),
        BERLIN,
        "2026-10-25T01:10:00",
        True,
    ),
    "between two starts: the next thing is a start": (TWO_STARTS, "UTC", "2026-01-07T09:00:00", False),
    "after the last start": (TWO_STARTS, "UTC", "2026-01-07T10:00:00", True),
    "before a start that is an end too": (("0 8 * * *", "0 8,17 * * *"), "UTC", "2026-01-07T07:30:00", True),
    "between two ends: the next thing is an end": (TWO_ENDS, "UTC", "2026-01-07T13:00:00", True),
}


@pytest.mark.parametrize(("times", "place", "now", "active"), WINDOWS.values(), ids=WINDOWS)
def test_a_cron_trigger_is_active_when_its_end_comes_before_its_start(
    times: tuple[str, str], place: str, now: str, active: bool
) -> None:
    scaler = CronScaler(cron(times, place, desired=7))
    assert scaler.is_active(at(now)) is active
    assert scaler.metric(at(now)) == (7 if active else 1)


@pytest.mark.parametrize("times", [OFFICE, NIGHT, WEEK, TWO_STARTS, TWO_ENDS, ("30 2 * * *", "*/7 3 * * *")])
def test_it_is_asked_again_and_again_as_if_for_the_first_time(times: tuple[str, str]) -> None:
    begun, trigger = at("2026-10-23T00:00:00"), cron(times, BERLIN)
    asked = CronScaler(trigger)
    moments = [begun + timedelta(minutes=7 * each) for each in range(3 * 24 * 60 // 7)]
    assert [asked.is_active(each) for each in moments] == [CronScaler(trigger).is_active(each) for each in moments]


def course(
    crons: Sequence[CronTrigger], began: str, seconds: float, messages: int = 0, replicas: int = 0, **spec: Any
) -> list[tuple[float, int]]:
    """Return when each size was set, of a queue that always has so many messages; KEDA polls 10 s after `began`."""
    keda = Keda("keda", ScaledObject(crons=tuple(crons), **spec), poll_at=10.0)
    now, size, changes = 0.0, replicas, []
    while now < seconds:
        move = keda.decide(View(now, Counts(messages, 0), size, (), began=at(began)))
        changes += [(now, move.replicas)] if move.replicas != size else []
        now, size = now + move.next_seconds, move.replicas
    return changes


RAISES: dict[str, tuple[Sequence[CronTrigger], dict[str, Any], list[int]]] = {
    "an empty queue, from zero": ([cron()], {}, [1, 4, 8, 10]),
    "from the least": ([cron()], {"min_replicas": 3, "replicas": 3}, [6, 10]),
    "more than maxReplicaCount": ([cron()], {"max_replicas": 6}, [1, 4, 6]),
    "the queue asks for more": ([cron()], {"messages": 100}, [1, 4, 8, 16, 20]),
    "the queue asks for less": ([cron()], {"messages": 20}, [1, 4, 8, 10]),
    "a tenth more than it asks for": ([cron()], {"replicas": 11}, []),
    "the queue's metric is a value": ([cron()], {"replicas": 4, "queue_length": 30, "is_value": True}, [8, 10]),
    "the queue is below its activation": ([cron()], {"messages": 5, "activation": 5}, [1, 4, 8, 10]),
    "an idle count below the least": (
        [cron()],
        {"min_replicas": 3, "idle_replicas": 0},
        [3, 6, 10],
    ),
    "the one of two that is active": ([cron(NIGHT, desired=20), cron()], {}, [1, 4, 8, 10]),
    "the higher of two": ([cron(desired=12), cron()], {}, [1, 4, 8, 12]),
    "one that is not active": ([cron(NIGHT)], {}, []),
    "one that is not active, beside messages": ([cron(NIGHT)], {"messages": 1}, [1]),
    "none": ([], {}, []),
}


@pytest.mark.parametrize(("crons", "fields", "sizes"), RAISES.values(), ids=RAISES)
def test_keda_wakes_for_a_cron_trigger_and_its_hpa_takes_the_most_of_all_metrics(
    crons: Sequence[CronTrigger], fields: dict[str, Any], sizes: list[int]
) -> None:
    assert [size for _, size in course(crons, "2026-01-07T08:00:00", 240.0, **fields)] == sizes


def test_keda_sees_a_window_at_its_next_poll_and_the_hpa_at_its_next_sync() -> None:
    """The window begins after 20 s: KEDA polls after 10 s and 40 s, and the HPA syncs after 7.5 s, 22.5 s and so on."""
    assert course([cron()], "2026-01-07T07:59:40", 90.0) == [(40.0, 1), (52.5, 4), (67.5, 8), (82.5, 10)]


LOWERED: dict[str, tuple[dict[str, Any], list[tuple[float, int]]]] = {
    "the HPA waits for its window, KEDA for its cooldown": ({"cooldown_seconds": 600.0}, [(412.5, 1), (730.0, 0)]),
    "a short cooldown ends first, from any size": ({"cooldown_seconds": 60.0}, [(190.0, 0)]),
    "messages keep what they need": ({"messages": 20}, [(412.5, 4)]),
    "the least stays": ({"min_replicas": 2}, [(412.5, 2)]),
}


@pytest.mark.parametrize(("fields", "changes"), LOWERED.values(), ids=LOWERED)
def test_after_the_window_the_hpa_goes_down_and_keda_to_zero(
    fields: dict[str, Any], changes: list[tuple[float, int]]
) -> None:
    """It ends after 120 s: the last poll within was after 100 s, the last sync within after 112.5 s."""
    assert course([cron()], "2026-01-07T16:58:00", 1000.0, replicas=10, **fields) == changes
