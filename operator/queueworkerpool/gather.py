"""Brings together all that a decision may depend on: the operator and `qwp explain` decide from the same. Pure."""

from datetime import datetime

from queueworkerpool.model import Facts, Memory, Pool, PoolSpec, QueueReading, Target
from queueworkerpool.names import FIELD_MANAGER
from queueworkerpool.schedules import bounds


def gather(
    pool: Pool, spec: PoolSpec, target: Target, readings: tuple[QueueReading | None, ...], now: datetime
) -> Facts:
    """The facts about a pool whose spec is readable. Raises SpecInvalidError for a schedule that makes no sense."""
    # After our own write the field is ours, so another owner has written later. Before our first, nobody has.
    foreign = target.writer and target.writer[0] != FIELD_MANAGER and "lastScaleTime" in pool.status
    return Facts(
        spec=spec,
        bounds=bounds(spec, now),
        replicas=target.replicas,
        readings=readings,
        memory=Memory.parse(pool.status.get("memory", {})),
        now=now,
        ready=target.ready_replicas,
        rolling_out=target.rolling_out,
        writer=target.writer if foreign else None,
    )
