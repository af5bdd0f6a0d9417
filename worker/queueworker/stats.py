"""Plain numbers about the work, kept cheaply while it runs. The state server and the metrics read them.

Counting is on the path of every message, so nothing here knows about labels or formats.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
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


DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


@dataclass(slots=True)
class Snapshot:
    """The numbers at one moment. Durations are in seconds; a bucket holds what is not longer than its bound."""

    counts: dict[Count, int] = field(default_factory=lambda: dict.fromkeys(Count, 0))
    receive_errors: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    buckets: list[int] = field(default_factory=lambda: [0] * (len(DURATION_BUCKETS) + 1))
    finished_seconds: float = 0.0
    busy: int = 0
    busy_seconds: float = 0.0


class Stats:
    """Counts of one worker since its start; safe to share between threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a monotonic clock, in seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._now = Snapshot()
        self._started_sum = 0.0  # of the handlers that run now; busy time follows from it without a list of them

    def add(self, what: Count, number: int = 1) -> None:
        """Count messages."""
        with self._lock:
            self._now.counts[what] += number

    def receive_failed(self, reason: str) -> None:
        """Count a receive that SQS did not answer with messages."""
        with self._lock:
            self._now.receive_errors[reason] += 1

    def start(self) -> float:
        """Count a handler as running; returns its start for `finish`."""
        now = self._clock()
        with self._lock:
            self._now.counts[Count.STARTED] += 1
            self._now.busy += 1
            self._started_sum += now
        return now

    def finish(self, started: float, *, succeeded: bool) -> float:
        """Count a handler as ended; returns the seconds that it took."""
        seconds = self._clock() - started
        with self._lock:
            self._now.counts[Count.SUCCEEDED if succeeded else Count.FAILED] += 1
            self._now.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1
            self._now.finished_seconds += seconds
            self._now.busy -= 1
            self._started_sum -= started
        return seconds

    def snapshot(self) -> Snapshot:
        """Copy the numbers. Busy time includes that of handlers that still run."""
        with self._lock:
            now = self._now
            running = now.busy * self._clock() - self._started_sum if now.busy else 0.0
            return Snapshot(
                dict(now.counts),
                dict(now.receive_errors),
                list(now.buckets),
                now.finished_seconds,
                now.busy,
                now.finished_seconds + max(0.0, running),
            )
