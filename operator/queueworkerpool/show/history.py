"""What happened to a pool: its last changes of size, and since when its conditions are as they are. Pure.

`qwp history` calls it, with the Events that the API server still keeps and the pool's status.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from queueworkerpool.model import PoolStatus, RecordedEvent, format_time
from queueworkerpool.show.text import UNKNOWN, printable, table

EVENTS_LIVE = "Kubernetes keeps Events for an hour, unless its API server is told otherwise (--event-ttl)"
_AT_ONCE = timedelta(seconds=5)
"""How far the Event of a change, and its time in the status, lie apart at most."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; without `before` and `after` it was no change of size, or it is not known which."""

    time: datetime
    reason: str
    message: str
    before: int | None = None
    after: int | None = None


def history(status: PoolStatus, events: Iterable[RecordedEvent]) -> list[Entry]:
    """Return what is known of a pool's past, the oldest first."""
    told = [_entry(event) for event in events]
    return sorted([*told, *_of_status(status, told)], key=lambda entry: entry.time)


def _entry(event: RecordedEvent) -> Entry:
    if change := event.change:
        return Entry(event.time, change.reason, event.message, change.before, change.after)
    return Entry(event.time, event.reason, event.message)


def _of_status(status: PoolStatus, told: Sequence[Entry]) -> Iterator[Entry]:
    for condition in status.conditions:
        if condition.last_transition_time:
            message = f"{condition.type} is {condition.status} since then, now because: {condition.message}"
            yield Entry(condition.last_transition_time, condition.reason, message)
    last = status.last_scale_time
    if last and not any(entry.after is not None and abs(entry.time - last) <= _AT_ONCE for entry in told):
        yield Entry(last, UNKNOWN, "the operator last changed the size; no Event tells of it any more")


def history_lines(status: PoolStatus, entries: Sequence[Entry]) -> list[str]:
    """Return a table of what happened, and below it the decision that holds now."""
    rows = [(format_time(each.time), _sizes(each), each.reason, each.message) for each in entries]
    lines = table(("TIME", "PODS", "REASON", "MESSAGE"), rows)
    decision = status.last_decision
    if decision is None:
        return [*lines, "now: nothing is decided yet"]
    now = f"now: {status.desired_replicas} pods, by {decision.reason}: {decision.message}"
    return [*lines, printable(now)]


def _sizes(entry: Entry) -> str:
    return UNKNOWN if entry.after is None else f"{entry.before} -> {entry.after}"


def history_document(status: PoolStatus, entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the same as JSON."""
    decision = status.last_decision
    return {
        "entries": [
            {
                "time": format_time(entry.time),
                "from": entry.before,
                "to": entry.after,
                "reason": entry.reason,
                "message": entry.message,
            }
            for entry in entries
        ],
        "now": decision
        and {"desiredReplicas": status.desired_replicas, "reason": decision.reason, "message": decision.message},
    }
