"""A QueueWorkerPool that the operator's validation has accepted, as a candidate. Pure. `reading` calls it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from queueplanner.play import Candidate
from queueplanner.policies.pools import PlannedPool
from queueplanner.simulation import MONDAY
from queueplanner.work import Work
from queueworkerpool.model import Mode, PoolSpec, format_time

SHORT_NAME = "qwp"


def candidate(name: str, spec: PoolSpec) -> Candidate:
    """Return the candidate of a pool."""
    active = replace(spec, mode=Mode.ACTIVE)
    most = max([spec.max_replicas, *(each.max_replicas or 0 for each in spec.schedules)])
    begin, unchecked = partial(_begin, name, active), tuple(_unchecked(spec))
    return Candidate(name, begin, most=most, replicas=spec.min_replicas, unchecked=unchecked)


def _begin(name: str, spec: PoolSpec, work: Work) -> PlannedPool:
    return PlannedPool(name, spec, work.concurrency)


def _unchecked(spec: PoolSpec) -> Iterator[str]:
    if spec.mode is not Mode.ACTIVE:
        yield "it is played in the mode Active, whatever its manifest says"
    if spec.paused_until:
        until = format_time(spec.paused_until)
        yield f"it keeps its size until {until}, its pausedUntil; a load without dates begins at {format_time(MONDAY)}"
    if len(spec.queues) > 1:
        yield f"its {len(spec.queues)} queues are taken as one, to which the whole load goes"
    if spec.schedules:
        yield f"its schedules are played as if a load without dates began on a {MONDAY:%A} at midnight UTC"
    if spec.fallback:
        yield "its fallback is never used, for the queue can always be read here"
