"""Warnings about a valid pool: each names a field, what is probably wrong, and what to do. Pure.

`verdicts` calls it with parsed specs. The API server accepts all of them and the operator carries them out; what makes
a pool invalid belongs in the CRD, not here.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from queueworkerpool.model import Mode, PoolSpec, Schedule, Select, format_time
from queueworkerpool.schedules import last_start
from queueworkerpool.validate import addresses

_TICK = timedelta(microseconds=1)


class LintWarning(NamedTuple):
    """A field that is valid and probably a mistake, and what to do about it."""

    field: str
    message: str


def warnings(spec: PoolSpec, now: datetime) -> Iterator[LintWarning]:
    """Yield the warnings about a valid spec; `now` decides at which start of a schedule to look, and what is over."""
    for check in _CHECKS:
        yield from check(spec)
    yield from _pause(spec, now)
    for schedule in spec.schedules:
        yield from _schedule(schedule, spec, now)


def _target(spec: PoolSpec) -> Iterator[LintWarning]:
    yield from (LintWarning(*warning) for warning in spec.target.warnings(spec))


def _zero(spec: PoolSpec) -> Iterator[LintWarning]:
    if spec.min_replicas:
        if spec.idle_poll_seconds and all(schedule.min_replicas != 0 for schedule in spec.schedules):
            problem = f"it has no effect while minReplicas is {spec.min_replicas}, for the pool is never at zero"
            yield LintWarning("spec.idlePollSeconds", f"{problem}: leave it out, or set minReplicas to 0")
        if spec.activation_messages:
            problem = f"it has no effect while minReplicas is {spec.min_replicas}, for the pool is never at zero"
            yield LintWarning("spec.activationMessages", f"{problem}: leave it out, or set minReplicas to 0")
        return
    if spec.scale_up.select is Select.DISABLED:
        problem = "Disabled keeps a pool at zero for ever"
        yield LintWarning(
            "spec.behavior.scaleUp.selectPolicy", f"{problem}: set minReplicas above 0, or allow scaling out"
        )


def _change(spec: PoolSpec) -> Iterator[LintWarning]:
    if spec.scale_down.window_seconds == 0 and spec.scale_down.select is not Select.DISABLED:
        problem = "0 scales in whenever the load drops, however briefly"
        yield LintWarning(
            "spec.behavior.scaleDown.stabilizationWindowSeconds", f"{problem}: set 15 or more, or leave it out"
        )
    if spec.min_replicas == spec.max_replicas:
        problem = f"minReplicas and maxReplicas are both {spec.max_replicas}, so the pool never scales"
        yield LintWarning("spec.maxReplicas", f"{problem}: raise it, or set the Deployment's replicas and have no pool")
    for name, rules in (("scaleUp", spec.scale_up), ("scaleDown", spec.scale_down)):
        if rules.policies and rules.select is Select.DISABLED:
            problem = "they have no effect while selectPolicy is Disabled"
            yield LintWarning(f"spec.behavior.{name}.policies", f"{problem}: remove them, or set selectPolicy to Max")


def _fallback(spec: PoolSpec) -> Iterator[LintWarning]:
    if (fallback := spec.fallback) is None:
        return
    low, high = spec.min_replicas, spec.max_replicas
    if not low <= fallback.replicas <= high:
        problem = f"{fallback.replicas} lies outside of the bounds {low} to {high}, which hold for it too"
        yield LintWarning("spec.fallback.replicas", f"{problem}: choose a number between them, or change the bounds")
    if fallback.after_seconds <= spec.poll_seconds:
        problem = f"{fallback.after_seconds} s is not longer than pollSeconds, so one failed reading is enough"
        yield LintWarning("spec.fallback.afterSeconds", f"{problem}: set several times pollSeconds, such as 300")


def _queues(spec: PoolSpec) -> Iterator[LintWarning]:
    yield from (LintWarning(*warning) for warning in addresses.warnings(spec))


def _active_minimum(spec: PoolSpec) -> Iterator[LintWarning]:
    least = spec.active_min_replicas
    if least is None:
        return
    for schedule in spec.schedules:
        high = schedule.max_replicas
        if high is not None and high < least:
            problem = f"{least} is above the maxReplicas of the schedule {schedule.name}, {high}, which wins"
            yield LintWarning("spec.activeMinReplicas", f"{problem}: lower it, or raise the schedule's")


def _pause(spec: PoolSpec, now: datetime) -> Iterator[LintWarning]:
    until = spec.paused_until
    if until is None:
        return
    if spec.mode is Mode.PAUSED:
        problem = "it does not end mode Paused"
        yield LintWarning("spec.pausedUntil", f"{problem}: set mode to Active for a pause that ends then")
    elif until <= now:
        yield LintWarning("spec.pausedUntil", f"{format_time(until)} is over, so it means nothing: remove it")


_CHECKS = (_target, _zero, _change, _fallback, _queues, _active_minimum)


def _schedule(schedule: Schedule, spec: PoolSpec, now: datetime) -> Iterator[LintWarning]:
    where = f"spec.schedules[name={schedule.name}]"
    begun = last_start(schedule, now)
    if begun is None:
        yield LintWarning(f"{where}.cron", "it names no time that ever comes: correct the day of month or the month")
        return
    before = last_start(schedule, begun - _TICK)
    if before and begun - before <= timedelta(seconds=schedule.duration_seconds):
        problem = f"it begins every {(begun - before).total_seconds():g} s, so that it never ends"
        yield LintWarning(
            f"{where}.durationSeconds", f"{problem}: shorten it, or change spec.minReplicas and maxReplicas"
        )
    yield from _schedule_bounds(schedule, spec, where)


def _schedule_bounds(schedule: Schedule, spec: PoolSpec, where: str) -> Iterator[LintWarning]:
    low, high = schedule.min_replicas, schedule.max_replicas
    if low is not None and high is None and low > spec.max_replicas:
        problem = f"{low} is above spec.maxReplicas, {spec.max_replicas}, and the minimum wins"
        yield LintWarning(f"{where}.minReplicas", f"{problem}: lower it, or say so with the schedule's own maxReplicas")
    if high is not None and low is None and high < spec.min_replicas:
        problem = f"{high} is below spec.minReplicas, {spec.min_replicas}, and the minimum wins"
        yield LintWarning(f"{where}.maxReplicas", f"{problem}: set the schedule's own minReplicas too")
