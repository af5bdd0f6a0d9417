"""Brings together all that a decision may depend on: the operator and `qwp explain` decide from the same. Pure."""

from dataclasses import replace
from datetime import datetime

from queueworkerpool.model import Change, Facts, Memory, Pool, PoolSpec, QueueReading, Target, told_time
from queueworkerpool.names import FIELD_MANAGER
from queueworkerpool.schedules import bounds


def gather(
    pool: Pool, spec: PoolSpec, target: Target, readings: tuple[QueueReading | None, ...], now: datetime
) -> Facts:
    """The facts about a pool whose spec is readable. Raises SpecInvalidError for a schedule that makes no sense."""
    return Facts(
        spec=spec,
        bounds=bounds(spec, now),
        replicas=target.replicas,
        readings=readings,
        memory=_memory(pool, target, now),
        now=now,
        ready=target.ready_replicas,
        rolling_out=target.rolling_out,
        writer=_rival(pool, target),
    )


def _memory(pool: Pool, target: Target, now: datetime) -> Memory:
    """What the status remembers, and a change of ours that it does not: killed after the scale, before the status."""
    memory, told = Memory.parse(pool.status.get("memory", {})), pool.status.get("replicas")
    if not target.writer or target.writer[0] != FIELD_MANAGER or type(told) is not int or told == target.replicas:
        return memory
    # The API server does not say when the scale subresource was written. Now is late, which only delays the next step.
    change = Change(now, target.replicas - told)
    return replace(memory, changes=(*memory.changes, change))


def _rival(pool: Pool, target: Target) -> tuple[str, datetime] | None:
    """Who else wrote the replicas since our own last write. Before our first, nobody is a rival."""
    ours = told_time(pool.status.get("lastScaleTime"))
    if target.writer is None or target.writer[0] == FIELD_MANAGER or ours is None:
        return None
    # After our own write the field is ours, so another owner has written later. Where the API server does not say
    # when, our own write stands for it: each of ours that is overwritten is one round of the fight.
    manager, time = target.writer
    return manager, time or ours
