"""Which Events a tick posts, and which of them people have just been told. Pure.

`reconcile` posts them after the status was written. A pool's status holds the present cause, so a restart repeats
nothing; a cause that comes and goes would be posted at each turn, so the last Events are remembered here for a while.
They are worth no place in the status: forgotten at a restart, they cost one more Event.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from queueworkerpool.model import (
    CompetingWriter,
    Event,
    NamespacedName,
    Observation,
    PoolStatus,
    SizeChange,
    StoredPool,
)
from queueworkerpool.names import ConditionType, EventType, Reason

REPEAT_INTERVAL = timedelta(minutes=10)
"""A cause that comes and goes is posted at most this often."""

_OWN_CAUSES = frozenset({ConditionType.READY, ConditionType.SCALE_CONFLICT, ConditionType.WORKERS_PROTECTED})
"""Conditions with causes of their own; what the others say is a cause of Ready."""


class EventDeduplicator:
    """The Events that were posted for each pool, and when."""

    def __init__(self) -> None:
        # A cause is a reason and the generation of the spec: after an edit, the same trouble is another one. At most
        # as many entries per pool as there are reasons, for a newer generation replaces an older one.
        self._posted: dict[NamespacedName, dict[str, tuple[int, datetime]]] = {}

    def unpublished(self, pool: StoredPool, events: Iterable[Event], now: datetime) -> list[Event]:
        """Return the Events that were not posted just now, and remember them as posted."""
        return [event for event in events if self._is_new(pool, event, now)]

    def forget(self, pool: NamespacedName) -> None:
        """Drop what is known of a pool that is gone."""
        self._posted.pop(pool, None)

    def _is_new(self, pool: StoredPool, event: Event, now: datetime) -> bool:
        if event.reason == Reason.SUCCESSFUL_RESCALE:  # each one is a change of its own
            return True
        posted = self._posted.setdefault(pool.key, {})
        last = posted.get(event.reason)
        # A clock that was set back must not silence the operator for longer than the interval.
        if last and last[0] == pool.generation and abs(now - last[1]) < REPEAT_INTERVAL:
            return False
        posted[event.reason] = (pool.generation, now)
        return True


def rescale_events(observation: Observation) -> Iterator[Event]:
    """Yield an Event for a new size, and one for another writer's change that it corrects."""
    decision, before = observation.decision, observation.scaled_from
    if before is None or decision is None:
        return
    size = f"from {before} to {decision.replicas} replicas: {decision.message}"
    change = SizeChange(before, decision.replicas, decision.reason)
    yield Event(EventType.NORMAL, Reason.SUCCESSFUL_RESCALE, size, change)
    if writer := _new_competing_writer(observation):
        corrected = f"{writer.manager} had set {before} replicas: change the pool instead, or pause it"
        yield Event(EventType.NORMAL, Reason.REPLICAS_CORRECTED, corrected)


def condition_events(before: PoolStatus, after: PoolStatus) -> Iterator[Event]:
    """Yield an Event for each new cause of not being ready, of not writing, and of protecting no worker."""
    for new in after.conditions:
        if not new.posts_event or new.type not in _OWN_CAUSES:
            continue
        old = before.condition(ConditionType(new.type))
        if old is None or old.reason != new.reason:
            yield Event(EventType.WARNING, new.reason, new.message)


def _new_competing_writer(observation: Observation) -> CompetingWriter | None:
    """Return another writer whose change is corrected for the first time."""
    writer = observation.decision.memory.competing_writer if observation.decision else None
    is_first = writer is not None and writer.writes == 1 and observation.pool.status.memory.competing_writer is None
    return writer if is_first else None
