"""An Auto Scaling group sizes as Amazon's guide says: each row is computed by hand."""

import math
from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest

from queueplanner import loads
from queueplanner.policies.ec2 import (
    Adjustment,
    AutoScalingGroup,
    Backlog,
    Capacity,
    Metric,
    PrimaryLoad,
    ScheduledAction,
    Step,
    StepScaling,
    TargetTracking,
    Utilization,
    rounded,
)
from queueplanner.simulation import MONDAY, UNKNOWN, Counts, PodState, Primary, SimulatedPod, System, View, simulate
from tests.unit.planner.builders import work

HOUR = 3600.0


def instance(number: int = 1, created: float = 0.0, in_hand: int = 0) -> SimulatedPod:
    return SimulatedPod(number, created, PodState.READY, created, dict.fromkeys(range(in_hand), 0.0))


def view(visible: int, *instances: SimulatedPod, now: float = HOUR, asked: int | None = None) -> View:
    return View(now, Counts(visible, 0), len(instances) if asked is None else asked, instances)


TARGET_ROWS = {
    "1500 messages at ten instances, for a target of 100 each, are five more": ([150.0] * 3, (10, 10), 15),
    "what is left over takes an instance": ([101.0] * 3, (10, 10), 11),
    "two minutes above are not enough": ([90.0, 150.0, 150.0], (10, 10), 10),
    "the target itself is not above": ([100.0] * 3, (10, 10), 10),
    "a minute without data neither": ([150.0, UNKNOWN, 150.0], (10, 10), 10),
    "those that warm up are not asked for twice": ([150.0] * 3, (15, 10), 15),
    "unless more are needed": ([180.0] * 3, (15, 10), 18),
    "from none, as if there were one": ([700.0] * 3, (0, 0), 7),
    "15 minutes below go, and what is removed is rounded down": ([45.0] * 15, (10, 10), 5),
    "so that six of ten stay": ([51.0] * 15, (10, 10), 6),
    "14 minutes are not enough": ([95.0, *[45.0] * 14], (10, 10), 10),
    "of four, measured when there were ten, one goes": ([30.0] * 15, (4, 4, 10), 3),
    "and none of three": ([30.0] * 15, (3, 3, 10), 3),
    "what was measured of twenty adds none to ten": ([80.0] * 15, (10, 10, 20), 10),
    "and what was measured of four takes none from ten": ([150.0] * 3, (10, 10, 4), 10),
    "nothing goes within a tenth of the target": ([90.0] * 15, (10, 10), 10),
    "nothing goes while one warms up": ([45.0] * 15, (10, 9), 10),
}


@pytest.mark.parametrize(("values", "sizes", "capacity"), TARGET_ROWS.values(), ids=TARGET_ROWS)
def test_target_tracking_follows_its_alarms(values: list[float], sizes: tuple[int, ...], capacity: int) -> None:
    asked, warm, *measured = sizes
    assert TargetTracking(100.0).propose(values, Capacity(asked, warm, *measured or (warm,))) == capacity


def test_target_tracking_may_be_told_not_to_scale_in() -> None:
    assert TargetTracking(100.0, disable_scale_in=True).propose([0.0] * 15, Capacity(9, 9, 9)) == 9


CHANGE, EXACT = Adjustment.CHANGE_IN_CAPACITY, Adjustment.EXACT_CAPACITY
UP = (Step(0, 10), Step(10, 30))
DOWN = (Step(0, 0), Step(10, -10), Step(20, -30))
STEP_ROWS = {
    "at the threshold the first step begins": (StepScaling(50, UP), 50.0, (10, 10), 11),
    "at its bound the second": (StepScaling(50, UP), 60.0, (10, 10), 13),
    "below the threshold nothing is done": (StepScaling(50, UP), 49.9, (10, 10), None),
    "a second alarm adds only what is more than what warms up": (StepScaling(50, UP), 60.0, (11, 10), 13),
    "and nothing when it is less": (StepScaling(50, UP), 55.0, (13, 10), 13),
    "by instances": (StepScaling(50, (Step(0, 4),), adjustment=CHANGE), 55.0, (10, 10), 14),
    "to so many": (StepScaling(50, (Step(0, 4),), adjustment=EXACT), 55.0, (2, 2), 4),
    "down to so many": (StepScaling(50, (Step(0, 4),), adjustment=EXACT), 55.0, (10, 10), 4),
    "and not while one warms up": (StepScaling(50, (Step(0, 4),), adjustment=EXACT), 55.0, (10, 9), 10),
    "two at least": (StepScaling(50, UP, least_change=2), 55.0, (10, 10), 12),
    "down, in the first step nothing": (StepScaling(50, DOWN, above=False), 45.0, (10, 10), 10),
    "in the second a tenth": (StepScaling(50, DOWN, above=False), 40.0, (10, 10), 9),
    "in the third three": (StepScaling(50, DOWN, above=False), 30.0, (10, 10), 7),
    "and nothing while one warms up": (StepScaling(50, DOWN, above=False), 30.0, (10, 9), 10),
}


@pytest.mark.parametrize(("policy", "value", "sizes", "capacity"), STEP_ROWS.values(), ids=STEP_ROWS)
def test_steps_are_taken_by_their_bounds(
    policy: StepScaling, value: float, sizes: tuple[int, int], capacity: int | None
) -> None:
    assert policy.propose([value], Capacity(*sizes, measured=0)) == capacity


@pytest.mark.parametrize(("change", "whole"), [(12.7, 12), (0.3, 1), (0.0, 0), (-0.3, -1), (-6.67, -6)])
def test_a_percent_of_instances_is_rounded_as_the_guide_says(change: float, whole: int) -> None:
    assert rounded(change) == whole


@pytest.mark.parametrize(("last", "capacity"), [([60.0, 60.0], 13), ([40.0, 60.0], None)])
def test_an_alarm_of_two_minutes_needs_both(last: list[float], capacity: int | None) -> None:
    assert StepScaling(50, UP, periods=2).propose(last, Capacity(10, 10, 10)) == capacity


METRICS: dict[str, tuple[Metric, Sequence[SimulatedPod], float]] = {
    "backlog": (Backlog(), (instance(1), instance(2)), 5.0),
    "backlog at none": (Backlog(), (), 10.0),
    "backlog at none, by metric math": (Backlog(metric_math=True), (), math.nan),
}


@pytest.mark.parametrize(("metric", "instances", "value"), METRICS.values(), ids=METRICS)
def test_a_metric_is_of_the_instances_that_have_warmed_up(
    metric: Metric, instances: Sequence[SimulatedPod], value: float
) -> None:
    assert metric(view(10, *instances), instances) == pytest.approx(value, nan_ok=True)


def test_the_utilization_is_of_the_last_minute_and_of_those_that_were_warm_before_it() -> None:
    """Of two slots each: one instance was busy in one slot for 30 s, and the other in both for the whole minute."""
    metric, calm, busy = Utilization(2), SimulatedPod(1, 0.0, PodState.READY, 0.0), instance(2, in_hand=2)
    assert math.isnan(metric(view(0, calm, busy, now=60.0), (calm, busy)))
    calm.busy_seconds = 30.0
    assert metric(view(0, calm, busy, now=120.0), (calm, busy, instance(3, in_hand=2))) == (30 + 120) / 240


def test_the_load_of_a_primary_is_what_it_takes_in_and_assigns() -> None:
    """300 taken in and 300 assigned in a minute, where it manages ten each second."""
    load = PrimaryLoad(Primary(assignments_per_second=10.0, failures=((100.0, 200.0),)))
    seen = [(60.0, 300), (120.0, 600), (240.0, 1200)]
    values = [load(View(now, Counts(0, 0), 1, (), total, total), ()) for now, total in seen]
    assert values == pytest.approx([0.5, math.nan, 1.0], nan_ok=True)


def test_a_group_asks_for_more_four_minutes_after_the_burst_and_for_less_much_later() -> None:
    """A value each minute from 120 s on, seen a minute later, three of them: the minute of 300 s decides."""
    load = loads.Burst(500, 100.0, 3 * HOUR)
    group = AutoScalingGroup("asg", 1, 100, Backlog(), (TargetTracking(5.0),), warmup_seconds=60.0)
    made = simulate(group, load.times(Random(1)), System(work(10.0, startup=60.0), load.seconds), Random(1))
    sizes = list(zip(made.sizes.times, made.sizes.asked, strict=True))
    assert next(time for time, size in sizes if size > 1) == 300.0
    assert max(size for _, size in sizes) == math.ceil((500 - 14) / 5), (
        "of the value of 240 s: 13 are done and one is in hand"
    )
    assert sizes[-1][1] == 1
    assert min(time for time, size in sizes if time > 300.0 and size == 1) >= 300.0 + 15 * 60


def test_by_metric_math_a_group_cannot_leave_zero() -> None:
    load = loads.Burst(500, 100.0, HOUR)
    group = AutoScalingGroup("asg", 0, 100, Backlog(metric_math=True), (TargetTracking(5.0),))
    made = simulate(group, load.times(Random(1)), System(work(), load.seconds), Random(1))
    assert max(made.sizes.asked, default=0) == 0


OFFICE = (ScheduledAction(9 * HOUR, 10), ScheduledAction(18 * HOUR, 2))
BEGINNINGS = {
    "midnight: with that of the evening": (0.0, {0.0: 2, 9 * HOUR: 10, 18 * HOUR: 2, 33 * HOUR: 10, 42 * HOUR: 2}),
    "in the afternoon: with that of the morning": (15 * HOUR, {0.0: 10, 3 * HOUR: 2, 18 * HOUR: 10, 27 * HOUR: 2}),
    "half a minute before: a tick later": (9 * HOUR - 30, {0.0: 2, 60.0: 10, 9 * HOUR + 60: 2, 24 * HOUR + 60: 10}),
}


@pytest.mark.parametrize(("time", "sizes"), BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_schedule_sets_the_size_at_its_times(time: float, sizes: dict[float, int]) -> None:
    group, began = AutoScalingGroup("asg", 0, 100, schedule=OFFICE), MONDAY + timedelta(seconds=time)
    made = simulate(group, [], System(work(), 2 * loads.DAY_SECONDS, began=began), Random(1))
    asked = dict(zip(made.sizes.times, made.sizes.asked, strict=True))
    assert {when: size for when, size in asked.items() if when <= max(sizes)} == sizes


def test_what_is_scheduled_just_before_midnight_is_done_after_it() -> None:
    group, began = (
        AutoScalingGroup("asg", 0, 9, schedule=(ScheduledAction(86_390.0, 3),)),
        MONDAY + timedelta(seconds=30),
    )
    assert group.decide(View(loads.DAY_SECONDS, Counts(0, 0), 5, (), began=began)).replicas == 3
    assert group.decide(View(loads.DAY_SECONDS + 60, Counts(0, 0), 5, (), began=began)).replicas == 5


TOGETHER = {
    "more by the target": (150, 15),
    "more by the step, which is more": (210, 30),
    "fewer by the target": (50, 5),
    "the target insists on what there is, whatever the lower step wants": (95, 10),
}


@pytest.mark.parametrize(("visible", "size"), TOGETHER.values(), ids=TOGETHER)
def test_of_several_policies_the_most_is_asked_for(visible: int, size: int) -> None:
    policies = (
        TargetTracking(10.0),
        StepScaling(20.0, (Step(0, 200),)),
        StepScaling(9.6, (Step(0, -90),), above=False),
    )
    group = AutoScalingGroup("asg", 1, 100, Backlog(), policies, warmup_seconds=0.0)
    ten = [instance(number) for number in range(10)]
    assert [group.decide(view(visible, *ten)).replicas for _ in range(16)][-1] == size


@pytest.mark.parametrize("protects", [True, False])
def test_instances_closest_to_the_next_hour_go_first_and_protected_ones_when_they_are_idle(protects: bool) -> None:
    group = AutoScalingGroup(
        "asg", 0, 100, schedule=(ScheduledAction(0.0, 3), ScheduledAction(7 * HOUR, 1)), protects=protects
    )
    three = [instance(1, 0.0), instance(2, 600.0), instance(3, 3000.0)]
    move = group.decide(view(0, *three, now=7 * HOUR))
    assert (move.replicas, move.victims, move.spares_busy) == (1, ("pod-2", "pod-3"), protects)
