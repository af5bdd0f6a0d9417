"""How long to wait after failures. Pure: the randomness is an argument, a number from 0 to 1."""

from queueworker.model import MAX_VISIBILITY_SECONDS

MAX_RETRY_DELAY_SECONDS = 15 * 60
"""A failed message is shown again after at most this long, however often it has failed."""

_MAX_DOUBLINGS = 20  # enough to reach any limit; a receive count may be large


def retry_delay_seconds(base: int, receive_count: int, jitter: float) -> int:
    """Return the seconds until a failed message is shown again.

    The delay doubles with each receive, less up to half at random.
    """
    full = min(base * 2.0 ** min(receive_count - 1, _MAX_DOUBLINGS), max(base, MAX_RETRY_DELAY_SECONDS))
    return min(round(full * (1 - jitter / 2)), MAX_VISIBILITY_SECONDS)


def request_delay_seconds(base: float, limit: float, failures: int, jitter: float) -> float:
    """Return the seconds to wait before the next request after `failures` in a row (at least one)."""
    full = min(base * 2.0 ** min(failures - 1, _MAX_DOUBLINGS), limit)
    return full * (1 - jitter / 2)
