"""Brings together all that a decision may depend on: the operator and `qwp explain` decide from the same. Pure."""

from datetime import datetime

from queueworkerpool.model import Facts, Memory, Pool, PoolSpec, QueueReading, Target, told_time
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
        memory=Memory.parse(pool.status.get("memory", {})),
        now=now,
        ready=target.ready_replicas,
        rolling_out=target.rolling_out,
        writer=_rival(pool, target),
    )


def _rival(pool: Pool, target: Target) -> tuple[str, datetime] | None:
    """Who else wrote the replicas since our own last write. Before our first, nobody is a rival."""
    ours = told_time(pool.status.get("lastScaleTime"))
    if target.writer is None or target.writer[0] == FIELD_MANAGER or ours is None:
        return None
    # After our own write the field is ours, so another owner has written later. Where the API server does not say
    # when, our own write stands for it: each of ours that is overwritten is one round of the fight.
    manager, time = target.writer
    return manager, time or ours
