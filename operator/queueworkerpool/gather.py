"""Brings together all that a decision may depend on. Pure.

The operator and `qwp explain` both decide on what `gather` returns.
"""

from dataclasses import replace
from datetime import datetime

from queueworkerpool.model import (
    UNKNOWN_WRITER,
    Change,
    Facts,
    Memory,
    MemoryOwner,
    Mode,
    Pool,
    QueueReading,
    Sample,
    Target,
    digest,
)
from queueworkerpool.names import FIELD_MANAGER
from queueworkerpool.schedules import bounds


def gather(
    pool: Pool,
    target: Target,
    readings: tuple[QueueReading | None, ...],
    now: datetime,
    sample: Sample | None = None,
) -> Facts:
    """Return the facts about a pool. Raises SpecInvalidError for a schedule that makes no sense."""
    pool = with_own_memory(pool, target)
    return Facts(
        spec=pool.spec,
        bounds=bounds(pool.spec, now),
        replicas=target.replicas,
        readings=readings,
        memory=_memory(pool, target, now),
        now=now,
        ready=target.ready_replicas,
        rolling_out=target.rolling_out,
        sample=sample,
        writer=_other_writer(pool, target),
        removal=target.removal,
        first_ordinal=target.first_ordinal,
    )


def with_own_memory(pool: Pool, target: Target) -> Pool:
    """Return the pool without what its status remembers of another pool, another target or other queues."""
    owner = MemoryOwner(pool.uid, target.uid, digest(pool.spec.queues))
    status, before = pool.status, pool.status.memory.belongs_to
    if before == owner:
        return pool
    if before is not None and not before.same_target(owner):
        status = replace(status, replicas=None, last_scale_time=None)
    return replace(pool, status=replace(status, memory=status.memory.of(owner), is_as_written=False))


def _memory(pool: Pool, target: Target, now: datetime) -> Memory:
    """Return the status's memory, with a change of ours that it lacks: killed after the scale, before the status.

    A change that may be another writer's counts too: that only delays the next step.
    """
    memory, reported = pool.status.memory, pool.status.replicas
    waits = memory.waiting_since or memory.held_since
    if waits and pool.spec.mode is Mode.ACTIVE and pool.status.is_of_a_dry_run:
        # A dry run has let nobody go and marked nobody: what it waited for has not begun.
        memory = replace(memory, waiting_since=None, held_since=None)
    if (target.writer and target.writer[0] != FIELD_MANAGER) or reported is None or reported == target.replicas:
        return memory
    # The API server does not say when the scale subresource was written. Now is late, which only delays the next step.
    change = Change(now, target.replicas - reported)
    return replace(memory, changes=(*memory.changes, change))


def _other_writer(pool: Pool, target: Target) -> tuple[str, datetime] | None:
    """Return who else wrote the replicas since our own last write, and when. Before our first, nobody competes."""
    ours, reported = pool.status.last_scale_time, pool.status.replicas
    if ours is None:
        return None
    if target.writer is None:
        return None if reported in {None, target.replicas} else (UNKNOWN_WRITER, ours)
    if target.writer[0] == FIELD_MANAGER:
        return None
    # After our own write the field is ours, so another owner has written later. Where the API server does not say
    # when, our own write stands for it: each of ours that is overwritten counts as one write of the other.
    manager, time = target.writer
    return manager, time or ours
