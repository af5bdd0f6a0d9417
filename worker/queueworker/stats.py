"""Counts of the work, kept cheaply while it runs. The state server and the metrics read them.

Counting is on the path of every message, so labels and formats are up to the readers.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from queueworker.errors import REASONS


class Count(StrEnum):
    """What is counted, in messages. The value is the middle of the metric's name."""

    RECEIVED = "received"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RELEASED = "released"  # returned to the queue, visible now or later
    EXTENDED = "extended"
    DELETED = "deleted"
    STRANDED = "stranded"  # neither deleted nor released: SQS shows it again when its visibility timeout ends


AGE_BUCKETS = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class HandlerRun:
    """One running handler, by its start time."""

    __slots__ = ("started_at",)

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at


@dataclass(slots=True)
class Snapshot:
    """The numbers at one moment. Times are in seconds; a bucket counts what is not longer than its bound."""

    counts: dict[Count, int] = field(default_factory=lambda: dict.fromkeys(Count, 0))
    receive_errors: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    durations: list[int] = field(default_factory=lambda: [0] * (len(DURATION_BUCKETS) + 1))
    finished_seconds: float = 0.0
    ages: list[int] = field(default_factory=lambda: [0] * (len(AGE_BUCKETS) + 1))
    ages_sum: float = 0.0
    busy: int = 0
    busy_seconds: float = 0.0
    oldest_busy_seconds: float = 0.0
    """How long the handler that has run longest has been running."""


class Stats:
    """Counts of one queue's work since the worker's start; safe to share between threads."""

    def __init__(self, clock: Callable[[], float], wall_clock: Callable[[], float] = time.time) -> None:
        """Take a monotonic clock and a calendar clock, in seconds; SQS's timestamps are compared with the latter."""
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._current = Snapshot()
        self._running: dict[HandlerRun, None] = {}  # a set in the order of their starts

    def add(self, count: Count, number: int = 1) -> None:
        """Count messages."""
        with self._lock:
            self._current.counts[count] += number

    def receive_failed(self, reason: str) -> None:
        """Count a receive request that SQS did not answer with messages."""
        with self._lock:
            self._current.receive_errors[reason] += 1

    def start(self, sent_timestamp: float | None = None) -> HandlerRun:
        """Count a handler as running, on a message sent then (seconds since 1970); return what `finish` takes."""
        run = HandlerRun(self._clock())
        age = None if sent_timestamp is None else max(0.0, self._wall_clock() - sent_timestamp)
        with self._lock:
            self._current.counts[Count.STARTED] += 1
            self._running[run] = None
            if age is not None:
                self._current.ages[bisect_left(AGE_BUCKETS, age)] += 1
                self._current.ages_sum += age
        return run

    def finish(self, run: HandlerRun, *, succeeded: bool) -> float:
        """Count a handler as finished; return the seconds that it took."""
        seconds = self._clock() - run.started_at
        with self._lock:
            self._current.counts[Count.SUCCEEDED if succeeded else Count.FAILED] += 1
            self._current.durations[bisect_left(DURATION_BUCKETS, seconds)] += 1
            self._current.finished_seconds += seconds
            del self._running[run]
        return seconds

    def snapshot(self) -> Snapshot:
        """Copy the numbers. Busy time includes that of handlers that are still running."""
        with self._lock:
            starts = [run.started_at for run in self._running]
            current, now = self._current, self._clock()
            return replace(
                current,
                counts=dict(current.counts),
                receive_errors=dict(current.receive_errors),
                durations=list(current.durations),
                ages=list(current.ages),
                busy=len(starts),
                busy_seconds=current.finished_seconds + sum(max(0.0, now - start) for start in starts),
                oldest_busy_seconds=max(0.0, now - starts[0]) if starts else 0.0,
            )


def total(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Return the numbers of several queues together."""
    return Snapshot(
        counts={count: sum(each.counts[count] for each in snapshots) for count in Count},
        receive_errors={reason: sum(each.receive_errors[reason] for each in snapshots) for reason in REASONS},
        durations=[sum(bucket) for bucket in zip(*(each.durations for each in snapshots), strict=True)],
        finished_seconds=sum(each.finished_seconds for each in snapshots),
        ages=[sum(bucket) for bucket in zip(*(each.ages for each in snapshots), strict=True)],
        ages_sum=sum(each.ages_sum for each in snapshots),
        busy=sum(each.busy for each in snapshots),
        busy_seconds=sum(each.busy_seconds for each in snapshots),
        oldest_busy_seconds=max(each.oldest_busy_seconds for each in snapshots),
    )
