"""How often a pool's queues are read, how new a reading must be, and what the readings cost. Pure.

A pool is looked at every `pollSeconds`, idle or not, so that an edit, a schedule or another writer is seen as soon as
ever. While it is idle a reading serves longer, and so fewer are paid for. `reconcile` reads by it, `explain`, `show`
and `report` tell of it, and so does the planner.
"""

from datetime import datetime
from typing import NamedTuple, Self
from zlib import crc32

from queueworkerpool.model.memory import Memory
from queueworkerpool.model.spec import Mode, PoolSpec

FRESH_SHARE = 0.75
"""A reading serves until this share of the asking pool's interval has passed, so that a pool whose ticks fall just
short of an interval apart (a due time never is exact) still reads every time, and pools out of step still share."""

USD_PER_MILLION_REQUESTS = 0.40
"""What a million requests to a standard queue cost in us-east-1 (2026). The million a month that is free is left out:
it is one for the whole account, workers included."""

USD_PER_MILLION_FIFO_REQUESTS = 0.50
"""What they cost to a FIFO queue, there."""

MONTH_SECONDS = 30 * 86_400

_FEW_CENTS = 0.1


class Freshness(NamedTuple):
    """How new a reading must be, in seconds: begun less than `max_age` ago. It is kept for others for `kept`."""

    max_age_seconds: float
    kept_seconds: float

    @classmethod
    def of_interval(cls, seconds: float) -> Self:
        """Return what a pool needs that reads this often."""
        return cls(seconds * FRESH_SHARE, seconds)

    @classmethod
    def of_idle_interval(cls, seconds: int, queue: str, now: datetime) -> Self:
        """Return what an idle pool needs: a reading since the last time at which the queue was due.

        Due times follow from the queue: all pools that share it share a reading, and the queues of pools that became
        idle together, as at a start of the operator, are not read together.
        """
        return cls(seconds - seconds_until_due(seconds, queue, now), seconds)


class ReadingInterval(NamedTuple):
    """How often the queues of a pool are read, and whether that is so because it is idle."""

    seconds: int
    idle: bool = False

    def monthly_cost_usd(self, queues: int, fifo_queues: int = 0) -> float:
        """Return what so many queues cost in 30 days at this interval, of which so many are FIFO queues."""
        standard = (queues - fifo_queues) * USD_PER_MILLION_REQUESTS
        fifo = fifo_queues * USD_PER_MILLION_FIFO_REQUESTS
        return MONTH_SECONDS / self.seconds * (standard + fifo) / 1e6

    def freshness(self, queue: str, now: datetime) -> Freshness:
        """Return how new a reading of a queue, by its URL, must be."""
        if self.idle:
            return Freshness.of_idle_interval(self.seconds, queue, now)
        return Freshness.of_interval(self.seconds)


def reading_interval(
    spec: PoolSpec, memory: Memory, replicas: int | None, delayed: int, now: datetime
) -> ReadingInterval | None:
    """Return how often a pool is read; None when it is not.

    It is idle once it has no pods, and its queues have been seen empty for `idlePollSeconds`: nothing waits, is in
    flight or is delayed. So at least two readings have agreed, for that is no less than `pollSeconds`.

    Args:
        spec: The pool's, as it holds now.
        memory: What its last decision left.
        replicas: Pods that the target asks for.
        delayed: Messages that were delayed at the last reading.
        now: The time.
    """
    if spec.mode is Mode.PAUSED:
        return None
    idle_seconds, since = spec.idle_poll_seconds, memory.empty_since
    usual = ReadingInterval(spec.poll_seconds)
    if idle_seconds is None or idle_seconds <= spec.poll_seconds or replicas != 0 or since is None or delayed:
        return usual
    return ReadingInterval(idle_seconds, idle=True) if (now - since).total_seconds() >= idle_seconds else usual


def must_be_new(spec: PoolSpec, memory: Memory, replicas: int, now: datetime) -> bool:
    """Return whether the next reading must be one of its own, even when another pool has just read the queue.

    It confirms an earlier one: a few messages at zero pods may be an error of the counts, and so may queues that are
    empty, for which the last pods would go. Until `scaleToZeroAfterSeconds` are over they do not.
    """
    if memory.activation_pending_since is not None:
        return True
    since, least_seconds = memory.empty_since, spec.scale_to_zero_after_seconds or 0
    if since is None or (now - since).total_seconds() < least_seconds:
        return False
    scheduled = (each.min_replicas for each in spec.schedules if each.min_replicas is not None)
    return min((spec.min_replicas, *scheduled)) < min(replicas, spec.active_min_replicas or 1)


def monthly_cost_usd(spec: PoolSpec, interval: ReadingInterval | None) -> float:
    """Return what the readings of a pool cost in 30 days at an interval, as if no other pool read its queues."""
    return interval.monthly_cost_usd(len(spec.queues), spec.fifo_queues) if interval else 0.0


def dollars(amount: float) -> str:
    """Return an amount for people: in cents, or with two digits where there are only a few cents."""
    return f"{amount:.2g}" if 0 < amount < _FEW_CENTS else f"{amount:.2f}"


def seconds_until_due(interval: int, queue: str, now: datetime) -> float:
    """Return the seconds until a queue, by its URL, is due again for the pools that are idle and share it."""
    return interval - (now.timestamp() - crc32(queue.encode()) % interval) % interval
