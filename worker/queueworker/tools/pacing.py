"""Says how many messages may be sent now, so that a rate is kept: a token bucket. Pure; time is an argument."""

from typing import Final

BURST_SECONDS: Final = 0.1
"""How much of the rate may be sent at once after a pause; at least one message."""
_ROUNDING: Final = 1e-9
"""A token that is there but for this little counts: who waited as long as told must get it."""


class TokenBucket:
    """Tokens that come at a rate, one for each message. In any `t` seconds it gives `rate * (t + 0.1)`, plus one."""

    def __init__(self, rate: float, now: float) -> None:
        """Begin with one token.

        Args:
            rate: messages per second.
            now: the time of one monotonic clock, in seconds.
        """
        self._rate = rate
        self._capacity = max(1.0, rate * BURST_SECONDS)
        self._tokens = 1.0
        self._counted_at = now

    def take(self, wanted: int, now: float) -> int:
        """Return how many messages may be sent now, at most so many as are wanted."""
        self._tokens = min(self._capacity, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
        granted = min(wanted, int(self._tokens + _ROUNDING))
        self._tokens = max(0.0, self._tokens - granted)
        return granted

    def seconds_until_next(self) -> float:
        """Return for how long, after the last `take`, there is no token."""
        return max(0.0, (1 - self._tokens) / self._rate)
