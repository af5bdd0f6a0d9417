"""How long to wait after failures. Pure: the randomness is an argument, a number from 0 to 1."""

from queueworker.model import MAX_VISIBILITY_SECONDS

RETRY_LIMIT_SECONDS = 15 * 60
"""A failed message comes back after at most so long, however often it has failed."""

_DOUBLINGS = 20  # enough to reach any limit; a receive count may be large


def retry_seconds(base: int, receive_count: int, jitter: float) -> int:
    """Seconds after which a failed message is shown again: doubles with each receive, less up to half at random."""
    full = min(base * 2.0 ** min(receive_count - 1, _DOUBLINGS), max(base, RETRY_LIMIT_SECONDS))
    return min(round(full * (1 - jitter / 2)), MAX_VISIBILITY_SECONDS)


def pause_seconds(base: float, limit: float, failures: int, jitter: float) -> float:
    """Seconds to wait before the next request after so many failures in a row (at least one)."""
    full = min(base * 2.0 ** min(failures - 1, _DOUBLINGS), limit)
    return full * (1 - jitter / 2)
