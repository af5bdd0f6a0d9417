"""How long a container that ended waits for its restart: the kubelet's figures. PURE."""

from dataclasses import dataclass

FIRST_SECONDS = 10.0
LONGEST_SECONDS = 300.0
# A container that ran this long is healthy: its next end counts as the first again.
FORGIVEN_AFTER_SECONDS = 600.0


@dataclass(frozen=True)
class Backoff:
    """The number of ends in a row that were not forgiven yet."""

    ends: int = 0

    def ended(self, ran_seconds: float) -> "Backoff":
        """Return the state after the container ended, having run for RAN_SECONDS."""
        return Backoff(1 if ran_seconds >= FORGIVEN_AFTER_SECONDS else self.ends + 1)

    @property
    def delay_seconds(self) -> float:
        """Seconds until the next start: none for the first restart, then 10, 20, 40 … 300."""
        if self.ends <= 1:
            return 0.0
        doublings = min(self.ends - 2, 10)  # enough to pass the longest; keeps the power small
        return float(min(FIRST_SECONDS * 2**doublings, LONGEST_SECONDS))
