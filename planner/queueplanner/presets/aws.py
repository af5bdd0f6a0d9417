"""Presets of what AWS has beside Kubernetes: EC2 Auto Scaling, and Lambda's event source mapping. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from queueplanner.policies import event_source
from queueplanner.policies.ec2 import (
    DELAY_PERIODS,
    HIGH_PERIODS,
    PERIOD_SECONDS,
    AutoScalingGroup,
    Backlog,
    ScheduledAction,
    Step,
    StepScaling,
    TargetTracking,
)
from queueplanner.policies.event_source import EventSourceMapping
from queueplanner.presets.rival import Request, Rival
from queueplanner.work import Draw, Work

BOOT_SECONDS = 60.0
"""Until an instance can begin what a pod begins with."""
OFFICE_HOURS = (ScheduledAction(9 * 3600.0, 10), ScheduledAction(18 * 3600.0, 2))
FUNCTION_GIGABYTES = 1.0
FUNCTION_CONCURRENCY = (2, 1000)
"""What may be set as a mapping's maximum concurrency."""

Group = Callable[[Request, Work], AutoScalingGroup]


@dataclass(frozen=True, slots=True)
class After:
    """Times that begin later."""

    seconds: float
    draw: Draw

    @property
    def mean_seconds(self) -> float:
        """Their mean."""
        return self.seconds + self.draw.mean_seconds

    def __call__(self, random: Random, /) -> float:
        """Draw one."""
        return self.seconds + self.draw(random)


def on_instances(work: Work) -> Work:
    """Return the work of instances, which boot before they begin."""
    return replace(work, startup=After(BOOT_SECONDS, work.startup))


def slots(work: Work, most: int) -> int:
    """Return as many invocations as the pods have slots, as far as that can be set."""
    low, high = FUNCTION_CONCURRENCY
    return min(max(most * work.concurrency, low), high)


def invocations(_: Work, __: int) -> int:
    """Return the invocations of a mapping whose maximum concurrency nobody set."""
    return event_source.MAXIMUM_INVOCATIONS


def _target_tracking(request: Request, work: Work) -> AutoScalingGroup:
    policies = (TargetTracking(request.per_pod(work)),)
    return AutoScalingGroup(request.name, 1, request.most, Backlog(), policies)


def _target_tracking_expert(request: Request, work: Work) -> AutoScalingGroup:
    policies, warmup = (TargetTracking(request.per_pod(work)),), work.startup.mean_seconds
    from_zero = (HIGH_PERIODS + DELAY_PERIODS) * PERIOD_SECONDS + warmup
    least = 1 if request.slo_seconds is not None and request.slo_seconds < from_zero else 0
    return AutoScalingGroup(
        request.name, least, request.most, Backlog(), policies, warmup_seconds=warmup, protects=True
    )


def _steps(request: Request, work: Work) -> AutoScalingGroup:
    target = request.per_pod(work)
    more = StepScaling(target, (Step(0, 50), Step(target, 100), Step(3 * target, 300)))
    fewer = StepScaling(target / 2, (Step(0, -25), Step(target / 4, -50)), above=False, periods=5)
    return AutoScalingGroup(request.name, 1, request.most, Backlog(), (more, fewer))


def _scheduled(request: Request, _: Work) -> AutoScalingGroup:
    return AutoScalingGroup(request.name, 0, request.most, schedule=OFFICE_HOURS)


def _protecting(begin: Group, request: Request, work: Work) -> AutoScalingGroup:
    group = begin(request, work)
    group.protects = True
    return group


def _event_source(request: Request, _: Work) -> EventSourceMapping:
    return EventSourceMapping(request.name, request.most)


_EC2 = "the user guide of Amazon EC2 Auto Scaling"
_LAMBDA = "the developer guide and the prices of AWS Lambda, us-east-1, x86, 2026"
_METRIC = "CloudWatch has a value after a minute: the guide promises no time."
_BOOT = f"An instance boots in {BOOT_SECONDS:g} s before it begins what a pod begins with: images differ."
_TRACKING = (
    "The alarms of target tracking are not documented: 3 and 15 periods of a minute are taken from reports.",
    "How much more slowly target tracking scales in is not documented: it goes down to what the target asks for.",
    _METRIC,
    _BOOT,
)
_STEPPING = ("Steps and alarms of step scaling are examples: an owner sets them.", _METRIC, _BOOT)
_PROTECTED = "A group finds each minute which instances are idle: one that is busy each time stays."
_FUNCTION = (
    "How fast a mapping goes back when no message waits is not documented: as fast as it adds.",
    "Each invocation has one message: with batches there are fewer, and one that fails takes its batch with it.",
    f"A function has {FUNCTION_GIGABYTES:g} GB and starts in {event_source.STARTUP_SECONDS:g} s: both depend on it.",
    "What takes longer than 15 minutes fails each time, but which messages these are is drawn apart from their length.",
)


def _group(name: str, what: str, begin: Group, unchecked: tuple[str, ...]) -> tuple[Rival, Rival]:
    """Return a group's preset, without and with protection from scale-in."""
    return (
        Rival(name, what, _EC2, begin, on_instances, unchecked=unchecked),
        Rival(
            f"{name}-protected",
            f"{what}; busy instances are protected from scale-in",
            _EC2,
            partial(_protecting, begin),
            on_instances,
            unchecked=(*unchecked, _PROTECTED),
        ),
    )


_MAPPING = Rival(
    "lambda",
    "Lambda's event source mapping, with no maximum concurrency set",
    _LAMBDA,
    _event_source,
    event_source.limited,
    invocations,
    event_source.hour_price(FUNCTION_GIGABYTES),
    partial(event_source.paid_seconds, FUNCTION_GIGABYTES),
    unchecked=_FUNCTION,
)

RIVALS = (
    *_group(
        "ec2-target-tracking",
        "an Auto Scaling group that tracks the backlog per instance, one instance at least",
        _target_tracking,
        _TRACKING,
    ),
    Rival(
        "ec2-target-tracking-expert",
        "an Auto Scaling group that tracks the backlog per instance: protected, soon warm, from zero if in time",
        _EC2,
        _target_tracking_expert,
        on_instances,
        unchecked=(*_TRACKING, _PROTECTED),
    ),
    *_group(
        "ec2-step",
        "an Auto Scaling group by steps of the backlog per instance, one instance at least",
        _steps,
        _STEPPING,
    ),
    *_group(
        "ec2-scheduled",
        "an Auto Scaling group of 10 instances from 09:00 on, and 2 from 18:00 on",
        _scheduled,
        (_BOOT,),
    ),
    _MAPPING,
    replace(
        _MAPPING,
        name="lambda-limited",
        what="Lambda's event source mapping, with as much concurrency as the pods have",
        units=slots,
    ),
)
