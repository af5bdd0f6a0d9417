"""Memories, bounds and the type that the rows of decisions share."""

from dataclasses import replace
from typing import Any

from queueworkerpool.model import Bounds, Change, CompetingWriter, Fallback, Memory
from queueworkerpool.names import Reason
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import ago

FALLBACK = Fallback(after_seconds=300, replicas=20, only_if_higher=True)

UNREADABLE_LONG = Memory(unreadable_since=ago(300))

COMPETING = Memory(competing_writer=CompetingWriter("kubectl", 3, ago(60)))

LATENCY = Latency(latency_seconds=60)

MEASURED = Memory(workers=WorkerEstimates(service_seconds=2, concurrency=4, startup_seconds=20))

REPORTING = Memory(workers=WorkerEstimates(concurrency=4))


def measured(**memory: Any) -> Memory:
    return replace(MEASURED, **memory)


def learned(*spells: float, startup: float | None = 20, **memory: Any) -> Memory:
    """A memory of workers that report, and of quiet spells of so many seconds."""
    return Memory(workers=WorkerEstimates(concurrency=4, startup_seconds=startup), quiet_spells=spells, **memory)


def changed(*changes: tuple[float, int]) -> Memory:
    return Memory(changes=tuple(Change(ago(seconds), by) for seconds, by in changes))


def joined(first: float, last: float, by: int) -> Memory:
    """A memory of several changes that became one, the first of them and the last so many seconds ago."""
    return Memory(changes=(Change(ago(last), by, ago(first)),))


def scheduled(low: int, high: int) -> Bounds:
    return Bounds(low, high, ("office-hours",))


Row = tuple[dict[str, Any], int, Reason]
