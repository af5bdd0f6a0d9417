"""How many pods the load calls for, before anything limits that. Pure."""

import math

from queueworkerpool.model import Facts, LatencyTarget, Step, Workers
from queueworkerpool.names import Reason


def wish(facts: Facts, load: int) -> Step:
    """The load's wish, by messages per pod or by latency."""
    if isinstance(facts.spec.target, LatencyTarget):
        return _by_latency(facts, facts.spec.target, load)
    per_pod = facts.spec.target
    pods = -(-load // per_pod)
    return Step(pods, Reason.SIZED_BY_BACKLOG, f"{load} messages / {per_pod} per pod = {pods} pods")


def ratio(facts: Facts, load: int) -> float:
    """The load's wish over the pods there are, not rounded, as the HPA's tolerance wants it. There must be pods."""
    if isinstance(facts.spec.target, LatencyTarget):
        return _exact(facts, facts.spec.target, load) / facts.replicas
    return load / (facts.spec.target * facts.replicas)


def estimates(facts: Facts) -> Workers:
    """What was measured of the workers, else what the pool's target declares; None where neither is known."""
    known, target = facts.memory.workers, facts.spec.target
    if not isinstance(target, LatencyTarget):
        return known
    return Workers(
        service_seconds=_first(known.service_seconds, target.service_seconds),
        concurrency=known.concurrency,
        startup_seconds=_first(known.startup_seconds, target.startup_seconds),
    )


def least_latency(facts: Facts) -> float | None:
    """The least latency that can be promised, in seconds, when the target asks for less; None when it can be kept."""
    startup = estimates(facts).startup_seconds
    if not isinstance(facts.spec.target, LatencyTarget) or not startup or facts.spec.target.latency_seconds > startup:
        return None
    return startup


def _by_latency(facts: Facts, target: LatencyTarget, load: int) -> Step:
    workers = estimates(facts)
    slots = workers.concurrency or 1.0
    # Never more slots than messages, and a pod while anything waits.
    pods = max(1, min(math.ceil(_exact(facts, target, load)), math.ceil(load / slots))) if load else 0
    if workers.service_seconds is None:
        because = f"{load} messages, {slots:g} at a time per pod, service time not known yet: a slot each = {pods} pods"
    else:
        because = (
            f"{load} messages x {workers.service_seconds:g} s / ({slots:g} per pod x {_time_left(facts, target):g} s)"
            f" = {pods} pods"
        )
    return Step(pods, Reason.SIZED_BY_LATENCY, because)


def _exact(facts: Facts, target: LatencyTarget, load: int) -> float:
    workers = estimates(facts)
    slots = workers.concurrency or 1.0
    # The safe rule while nobody has told a service time: a slot for each message keeps any promise that can be kept.
    if workers.service_seconds is None:
        return load / slots
    return load * workers.service_seconds / (slots * _time_left(facts, target))


def _time_left(facts: Facts, target: LatencyTarget) -> float:
    """Seconds in which the backlog must be worked off, new pods' start-up taken off.

    Below the start-up time the law would ask for ever more pods that come too late (it overshoots in simulation).
    """
    startup = estimates(facts).startup_seconds or 0.0
    return max(target.latency_seconds - startup, startup)


def _first(measured: float | None, declared: float | None) -> float | None:
    return declared if measured is None else measured
