"""What is known of each pool for /metrics, and what is shown of it that must be calculated first. Pure.

`metrics` feeds the records, `pool_series` shows them, in another thread.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from queueworkerpool.errors import QueueUnreadableError
from queueworkerpool.model import (
    Condition,
    Decision,
    Observation,
    PoolSpec,
    QueueReading,
    QueueRef,
    ReadingInterval,
    Target,
    monthly_cost_usd,
    reading_interval,
)
from queueworkerpool.names import ReadOutcome


class Seen(NamedTuple):
    """What the last tick of a pool saw and decided. It is replaced as a whole, because scrapes run in other threads.

    Args:
        readings: The last good reading of each queue.
    """

    spec: PoolSpec | None = None
    target: Target | None = None
    decision: Decision | None = None
    readings: Mapping[QueueRef, QueueReading] = MappingProxyType({})


_NOTHING: Final = Seen()


@dataclass(slots=True)
class PoolRecord:
    """What is known of one pool."""

    seen: Seen = _NOTHING
    conditions: Sequence[Condition] = ()
    decisions: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)

    def record(self, observation: Observation) -> None:
        """Record what a tick saw and decided, and how its readings ended."""
        # A failed reading leaves the last good one in place, whose age then grows; an edited-out queue goes.
        spec, before = observation.pool.spec, self.seen.readings
        kept = {queue: reading for queue, reading in before.items() if queue in spec.queues}
        for queue, count in zip(spec.queues, observation.counts, strict=False):
            if isinstance(count, QueueReading) and isinstance(queue, QueueRef):
                self.reads[ReadOutcome.OK] += before.get(queue) is not count  # an idle pool meets it again
                kept[queue] = count
            elif isinstance(count, QueueUnreadableError):
                self.reads[count.outcome] += 1
        if observation.decision:
            self.decisions[observation.decision.reason] += 1
        self.seen = Seen(spec, observation.target, observation.decision, kept)


class ShownPool(NamedTuple):
    """A pool that a scrape shows. What is known may change meanwhile, so each line takes what was seen once.

    Args:
        namespace: The label `namespace`, escaped.
        pool: The label `pool`, escaped.
        record: What is known of it.
        now: The time of the scrape.
    """

    namespace: str
    pool: str
    record: PoolRecord
    now: datetime

    def interval_seconds(self) -> float | None:
        """Return how often the pool's queues are read, in seconds; None while they are not."""
        interval = _interval(self.record.seen, self.now)
        return interval.seconds if interval else None

    def monthly_cost_usd(self) -> float | None:
        """Return what the readings cost in 30 days, in US dollars; None while the spec cannot be read."""
        seen = self.record.seen
        if seen.spec is None:
            return None
        return monthly_cost_usd(seen.spec, _interval(seen, self.now))

    def reading_age(self) -> float | None:
        """Return the age of the oldest reading, in seconds."""
        spec, _, _, readings = self.record.seen
        if spec is None or not readings:
            return None
        return max(0.0, (self.now - min(reading.time for reading in readings.values())).total_seconds())

    def backlog_per_pod(self) -> float | None:
        """Return the load for each pod that the target asks for."""
        spec, target, _, readings = self.record.seen
        if spec is None or not readings:
            return None
        return sum(spec.load(reading) for reading in readings.values()) / max(1, target.replicas if target else 0)


def _interval(seen: Seen, now: datetime) -> ReadingInterval | None:
    spec, target, decision, readings = seen
    if spec is None or target is None or decision is None:
        return None
    delayed = sum(reading.delayed for reading in readings.values())
    return reading_interval(spec, decision.memory, target.replicas, delayed, now)
