"""How long a pool waits before it follows, and when such a wait is over. Pure; all of `decide` uses it."""

from datetime import datetime, timedelta

from queueworkerpool.model import BusyWorkers, Facts, Memory, Removal

PROTECTED_WINDOW_SECONDS = 10
"""The default window of scaling in where workers report whether they are busy (ADR 0006)."""

UNPROTECTED_WINDOW_SECONDS = 60
"""The default window where they do not: each scale-in may stop a busy worker, so there should be few."""

RECHECK_SECONDS = 1.5
"""How soon a count that may be an error of SQS's is read again."""

EARLY_SHARE = 0.1
"""A wait may end early by so much of the time between two ticks."""


def is_due(facts: Facts, due: datetime, at: datetime | None = None) -> bool:
    """Return whether a time is reached by now, or by `at`, or is nearer than a tenth of the time to the next tick.

    Ticks come a little earlier or later than planned. Exactly compared, a wait of a whole number of ticks would end at
    the tick that is meant or at the one after it, by chance. Only rate policies and another writer's pause are exact:
    those are promises to others.
    """
    return (at or facts.now) + timedelta(seconds=EARLY_SHARE * facts.spec.poll_seconds) >= due


def scale_down_window(facts: Facts, memory: Memory) -> int:
    """Return the window of scaling in, in seconds: the user's, else by whether workers report that they are busy."""
    if facts.spec.scale_down.window_seconds is not None:
        return facts.spec.scale_down.window_seconds
    return PROTECTED_WINDOW_SECONDS if has_protected_window(facts, memory) else UNPROTECTED_WINDOW_SECONDS


def has_protected_window(facts: Facts, memory: Memory) -> bool:
    """Return whether the window of scaling in is the default one where workers report that they are busy."""
    return facts.spec.scale_down.window_seconds is None and protects(facts, memory)


def protects(facts: Facts, memory: Memory) -> bool:
    """Return whether busy workers are spared: it is wanted and possible, and some worker has reported."""
    wanted = facts.spec.busy_workers is BusyWorkers.PROTECT and facts.removal is not Removal.UNKNOWN
    return wanted and memory.workers.concurrency is not None


def clock(time: datetime) -> str:
    """Write a time of day."""
    return f"{time.hour:02}:{time.minute:02}:{time.second:02}Z"
