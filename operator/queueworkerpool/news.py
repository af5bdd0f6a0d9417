"""What a tick has to tell people at once, as Events, and what it keeps to itself because they were told just now. Pure.

`reconcile` asks it after the status was written. It posts nothing. A pool's status says which cause people know of, so
a restart repeats nothing; what flaps would be told at each turn, and so the last Events are remembered here for a
while. They are worth no place in the status: forgotten at a restart, they cost one more Event.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from queueworkerpool.model import Key, News, Observation, Rival
from queueworkerpool.names import EVENT_REASONS, ConditionType, EventType, Reason

REPEAT_INTERVAL = timedelta(minutes=10)
"""A cause that comes and goes is told at most this often."""


class Told:
    """What was told of each pool, and when."""

    def __init__(self) -> None:
        # A cause is a reason and the generation of the spec: after an edit, the same trouble is another one. At most
        # as many entries per pool as there are reasons, for a newer generation replaces an older one.
        self._told: dict[Key, dict[str, tuple[int, datetime]]] = {}

    def fresh(self, seen: Observation, old: Mapping[str, Any], new: Mapping[str, Any], now: datetime) -> list[News]:
        """What this tick tells, by the status before and after it, without what people have just been told."""
        return [news for news in news_of(seen, old, new) if self._is_fresh(seen, news, now)]

    def forget(self, pool: Key) -> None:
        """Drop what is known of a pool that is gone."""
        self._told.pop(pool, None)

    def _is_fresh(self, seen: Observation, news: News, now: datetime) -> bool:
        if news.reason == Reason.SUCCESSFUL_RESCALE:  # each one is a change of its own
            return True
        told, generation = self._told.setdefault(seen.pool.key, {}), seen.pool.generation
        last = told.get(news.reason)
        # A clock that was set back must not silence the operator for longer than the interval.
        if last and last[0] == generation and abs(now - last[1]) < REPEAT_INTERVAL:
            return False
        told[news.reason] = (generation, now)
        return True


def news_of(seen: Observation, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[News]:
    """Tell of a new size, somebody's change that it corrects, and a new cause for not being ready or for giving way."""
    if seen.scaled_from is not None and seen.decision:
        size = f"from {seen.scaled_from} to {seen.decision.replicas} replicas: {seen.decision.because}"
        yield News(EventType.NORMAL, Reason.SUCCESSFUL_RESCALE, size)
        if rival := _new_rival(seen, old):
            corrected = f"{rival.manager} had set {seen.scaled_from} replicas: change the pool instead, or pause it"
            yield News(EventType.NORMAL, Reason.REPLICAS_CORRECTED, corrected)
    for kind in (ConditionType.READY, ConditionType.SCALE_CONFLICT):
        before, after = (_condition(status, kind) for status in (old, new))
        if after["reason"] in EVENT_REASONS and after["reason"] != before.get("reason"):
            yield News(EventType.WARNING, after["reason"], after["message"])


def _new_rival(seen: Observation, old: Mapping[str, Any]) -> Rival | None:
    """Somebody whose change is corrected for the first time."""
    rival = seen.decision.memory.rival if seen.decision else None
    return rival if rival and rival.rounds == 1 and "rival" not in old.get("memory", {}) else None


def _condition(status: Mapping[str, Any], kind: ConditionType) -> Mapping[str, Any]:
    return next((condition for condition in status.get("conditions", ()) if condition["type"] == kind), {})
