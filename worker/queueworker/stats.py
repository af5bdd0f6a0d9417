"""Plain numbers about the work, kept cheaply while it runs. The state server and the metrics read them.

Counting is on the path of every message, so nothing here knows about labels or formats.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from queueworker.errors import REASONS


class Count(StrEnum):
    """What is counted, in messages. The value is the middle of the metric's name."""

    RECEIVED = "received"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RELEASED = "released"  # given back to the queue, for now or for later
    EXTENDED = "extended"
    DELETED = "deleted"
    STRANDED = "stranded"  # neither deleted nor released: SQS shows it again when its visibility timeout ends


AGE_BUCKETS = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class Run:
    """One handler that runs."""

    __slots__ = ("since",)

    def __init__(self, since: float) -> None:
        self.since = since


@dataclass(slots=True)
class Snapshot:
    """The numbers at one moment. Times are in seconds; a bucket holds what is not longer than its bound."""

    counts: dict[Count, int] = field(default_factory=lambda: dict.fromkeys(Count, 0))
    receive_errors: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    durations: list[int] = field(default_factory=lambda: [0] * (len(DURATION_BUCKETS) + 1))
    finished_seconds: float = 0.0
    ages: list[int] = field(default_factory=lambda: [0] * (len(AGE_BUCKETS) + 1))
    ages_sum: float = 0.0
    busy: int = 0
    busy_seconds: float = 0.0
    oldest_seconds: float = 0.0
    """For how long the handler that has run longest of those that run now has done so."""


class Stats:
    """Counts of one worker since its start; safe to share between threads."""

    def __init__(self, clock: Callable[[], float], wall_clock: Callable[[], float] = time.time) -> None:
        """Take a monotonic clock and that of the calendar, in seconds; SQS's times are compared with the latter."""
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._now = Snapshot()
        self._running: dict[Run, None] = {}  # a set in the order of their starts

    def add(self, what: Count, number: int = 1) -> None:
        """Count messages."""
        with self._lock:
            self._now.counts[what] += number

    def receive_failed(self, reason: str) -> None:
        """Count a receive that SQS did not answer with messages."""
        with self._lock:
            self._now.receive_errors[reason] += 1

    def start(self, sent: float | None = None) -> Run:
        """Count a handler as running, on a message sent then (seconds since 1970); returns what `finish` takes."""
        run = Run(self._clock())
        age = None if sent is None else max(0.0, self._wall_clock() - sent)
        with self._lock:
            self._now.counts[Count.STARTED] += 1
            self._running[run] = None
            if age is not None:
                self._now.ages[bisect_left(AGE_BUCKETS, age)] += 1
                self._now.ages_sum += age
        return run

    def finish(self, run: Run, *, succeeded: bool) -> float:
        """Count a handler as ended; returns the seconds that it took."""
        seconds = self._clock() - run.since
        with self._lock:
            self._now.counts[Count.SUCCEEDED if succeeded else Count.FAILED] += 1
            self._now.durations[bisect_left(DURATION_BUCKETS, seconds)] += 1
            self._now.finished_seconds += seconds
            del self._running[run]
        return seconds

    def snapshot(self) -> Snapshot:
        """Copy the numbers. Busy time includes that of handlers that still run."""
        with self._lock:
            since = [run.since for run in self._running]
            now, clock = self._now, self._clock()
            return replace(
                now,
                counts=dict(now.counts),
                receive_errors=dict(now.receive_errors),
                durations=list(now.durations),
                ages=list(now.ages),
                busy=len(since),
                busy_seconds=now.finished_seconds + sum(max(0.0, clock - start) for start in since),
                oldest_seconds=max(0.0, clock - since[0]) if since else 0.0,
            )
