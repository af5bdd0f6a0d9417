"""EC2 Auto Scaling: a group whose size follows alarms on a metric (target tracking, steps) and scheduled actions.

Source: the user guide of Amazon EC2 Auto Scaling. What it does not say is taken from reports: the alarms of target
tracking (3 of 3 minutes above, 15 of 15 below 0.9 times the target), and the minute until CloudWatch has a value.
Each minute a value is published; the alarms see it a minute later. An instance that warms up is in no metric, counts
as capacity when more are asked for, and keeps the group from getting smaller.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from queueplanner.loads import DAY_SECONDS
from queueplanner.simulation import UNKNOWN, Move, PodState, Primary, SimulatedPod, View

PERIOD_SECONDS = 60.0
DELAY_PERIODS = 1
"""Until the alarms see a value."""
COOLDOWN_SECONDS = 300.0
"""The default cooldown, which is the warm-up of an instance where nobody set one."""
HIGH_PERIODS, LOW_PERIODS = 3, 15
LOW_SHARE = 0.9
_HOUR_SECONDS = 3600.0

Metric = Callable[[View, Sequence[SimulatedPod]], float]
"""Returns the value that is published now, of the instances that have warmed up; NaN: there is no data."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Visible messages for each instance in service.

    Args:
        metric_math: Whether CloudWatch divides, which gives no data at zero instances; else a script does, by one at
            least.
    """

    metric_math: bool = False

    def __call__(self, view: View, warm: Sequence[SimulatedPod]) -> float:
        """Return the value."""
        if self.metric_math and not warm:
            return UNKNOWN
        return view.counts.visible / max(1, len(warm))


@dataclass(slots=True)
class Utilization:
    """How busy the instances were in the last period, of those that had warmed up before it.

    It is the time in which their slots had a message in hand, over all of their time, as their CPU shows it.
    """

    concurrency: int
    _before: dict[int, float] = field(default_factory=dict)

    def __call__(self, view: View, warm: Sequence[SimulatedPod]) -> float:
        """Return the value."""
        before, self._before = self._before, {each.number: _busy_seconds(each, view.now) for each in warm}
        added = [seconds - before[number] for number, seconds in self._before.items() if number in before]
        return sum(added) / (len(added) * self.concurrency * PERIOD_SECONDS) if added else UNKNOWN


def _busy_seconds(instance: SimulatedPod, now: float) -> float:
    return instance.busy_seconds + sum(now - begun for begun in instance.in_hand.values())


@dataclass(slots=True)
class PrimaryLoad:
    """How busy a primary server is: what it takes in and assigns, over what it can. While it is down there is no data.

    To take a job in costs it as much as to assign one.
    """

    primary: Primary
    _before: int = 0

    def __call__(self, view: View, _: Sequence[SimulatedPod]) -> float:
        """Return the value of the last period."""
        operations, self._before = view.sent + view.received - self._before, view.sent + view.received
        if any(begun <= view.now < repaired for begun, repaired in self.primary.failures):
            return UNKNOWN
        return operations / (2 * self.primary.assignments_per_second * PERIOD_SECONDS)


@dataclass(frozen=True, slots=True)
class Capacity:
    """Instances of a group.

    Args:
        asked: Those that are asked for.
        warm: Those that have warmed up.
        measured: Those that had warmed up when the last value was published.
    """

    asked: int
    warm: int
    measured: int


class ScalingPolicy(Protocol):
    """What asks for more or fewer instances, by alarms on values that were published a period apart."""

    def propose(self, values: Sequence[float], capacity: Capacity) -> int | None:
        """Return the capacity to ask for; None when it has no opinion."""


def _breached(values: Sequence[float], periods: int, breaches: Callable[[float], bool]) -> bool:
    """Return whether all of the last values breach; what is unknown does not."""
    return len(values) >= periods and all(map(breaches, values[-periods:]))


@dataclass(frozen=True, slots=True)
class TargetTracking:
    """A target tracking policy."""

    target: float
    disable_scale_in: bool = False

    def propose(self, values: Sequence[float], capacity: Capacity) -> int:
        """Return what brings the metric to its target, for the instances that it was measured of.

        So those that warm up are not asked for twice, and none goes twice for the same value. Unless its lower alarm is
        raised, it insists on the present capacity.
        """
        wanted = math.ceil(max(1, capacity.measured) * values[-1] / self.target) if values[-1] >= 0 else capacity.asked
        if _breached(values, HIGH_PERIODS, lambda value: value > self.target):
            return max(capacity.asked, wanted)
        low = _breached(values, LOW_PERIODS, lambda value: value < LOW_SHARE * self.target)
        if low and capacity.warm >= capacity.asked and not self.disable_scale_in:
            return min(capacity.asked, wanted)
        return capacity.asked


class Adjustment(Enum):
    """What a step's number means."""

    CHANGE_IN_CAPACITY = auto()
    PERCENT_CHANGE_IN_CAPACITY = auto()
    EXACT_CAPACITY = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """A step adjustment.

    Args:
        lower: Its bound that is nearer to the threshold, relative to it and without a sign: it belongs to the step.
        number: Instances to add or to have, or percent to add.
    """

    lower: float
    number: float


@dataclass(frozen=True, slots=True)
class StepScaling:
    """A step scaling policy on one side of a threshold.

    Args:
        threshold: The alarm's.
        steps: From the threshold outwards. A step ends where the next one begins.
        above: Whether the alarm is raised above the threshold, or below.
        periods: Of the alarm.
        adjustment: What the steps' numbers mean.
        least_change: MinAdjustmentMagnitude, for percent.
    """

    threshold: float
    steps: Sequence[Step]
    above: bool = True
    periods: int = 1
    adjustment: Adjustment = Adjustment.PERCENT_CHANGE_IN_CAPACITY
    least_change: int = 1

    def propose(self, values: Sequence[float], capacity: Capacity) -> int | None:
        """Return the capacity after the step that the last value is in, when its alarm is raised.

        More than what already warms up may be asked for at any time, fewer only when nothing warms up.
        """
        if not _breached(values, self.periods, lambda value: self._distance(value) >= 0):
            return None
        distance = self._distance(values[-1])
        number = [step.number for step in self.steps if step.lower <= distance][-1]
        if (more := self._adjusted(number, capacity.warm)) > capacity.warm:
            return max(capacity.asked, more)
        return self._adjusted(number, capacity.asked) if capacity.warm >= capacity.asked else capacity.asked

    def _distance(self, value: float) -> float:
        return value - self.threshold if self.above else self.threshold - value

    def _adjusted(self, number: float, size: int) -> int:
        if self.adjustment is Adjustment.EXACT_CAPACITY:
            return int(number)
        percent = self.adjustment is Adjustment.PERCENT_CHANGE_IN_CAPACITY
        return size + (rounded(size * number / 100, self.least_change) if percent else int(number))


def rounded(change: float, least: int = 1) -> int:
    """Return a change by percent in whole instances: toward zero, but this many at least."""
    return int(math.copysign(max(least, math.floor(abs(change))), change)) if change else 0


@dataclass(frozen=True, slots=True)
class ScheduledAction:
    """From a time of each day on, in seconds from midnight, so many instances are asked for."""

    at: float
    capacity: int


@dataclass(slots=True)
class AutoScalingGroup:
    """A group at work.

    Args:
        name: What people call it.
        least: MinSize.
        most: MaxSize.
        metric: What its policies follow; None: there are none.
        policies: The most that any of them proposes is asked for.
        schedule: Scheduled actions.
        warmup_seconds: How long an instance warms up, from its launch; the time until it is in service is in it.
        protects: Whether instances protect themselves from scale-in while they are busy.
    """

    name: str
    least: int
    most: int
    metric: Metric | None = None
    policies: Sequence[ScalingPolicy] = ()
    schedule: Sequence[ScheduledAction] = ()
    warmup_seconds: float = COOLDOWN_SECONDS
    protects: bool = False
    _published: list[tuple[float, int]] = field(default_factory=list)

    def decide(self, view: View) -> Move:
        """Do what is due each minute: publish, see what the alarms say, and what the schedule does."""
        size = self._scheduled(view)
        if self.metric is not None:
            size = self._scaled(view, size, self.metric)
        size = min(max(size, self.least), self.most)
        reads = 1 if isinstance(self.metric, Backlog) else 0
        return Move(size, PERIOD_SECONDS, _closest_to_the_next_hour(view, size), reads, self.protects)

    def _scheduled(self, view: View) -> int:
        if not self.schedule:
            return view.replicas
        time = (view.time - view.time.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
        seconds, capacity = min(((time - action.at) % DAY_SECONDS, action.capacity) for action in self.schedule)
        return capacity if view.now == 0 or seconds < PERIOD_SECONDS else view.replicas

    def _scaled(self, view: View, size: int, metric: Metric) -> int:
        warm = [instance for instance in view.pods if self._is_warm(instance, view.now)]
        self._published = [*self._published, (metric(view, warm), len(warm))][-LOW_PERIODS - DELAY_PERIODS :]
        seen = self._published[:-DELAY_PERIODS]
        if not seen:
            return size
        capacity = Capacity(size, len(warm), measured=seen[-1][1])
        proposed = [policy.propose([value for value, _ in seen], capacity) for policy in self.policies]
        return max((each for each in proposed if each is not None), default=size)

    def _is_warm(self, instance: SimulatedPod, now: float) -> bool:
        return instance.state is PodState.READY and now - instance.created >= self.warmup_seconds


def _closest_to_the_next_hour(view: View, size: int) -> tuple[str, ...]:
    """Return the instances that go first by the default termination policy."""
    oldest = sorted(view.pods, key=lambda instance: (view.now - instance.created) % _HOUR_SECONDS, reverse=True)
    return tuple(instance.name for instance in oldest[: max(0, len(oldest) - size)])
