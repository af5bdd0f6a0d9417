"""What is promised of the wait, and how a run is judged by it. Pure."""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from queueplanner.outcome import Spread

Share = Literal["p50", "p95", "p99"]
SHARES: dict[Share, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

AIM = 0.95
"""Of the promise: what is chosen waits no longer than that, for another day is a little different."""


class Judged(Protocol):
    """What is known of a run, or of what it would be: as in `Outcome`."""

    @property
    def messages(self) -> float:
        """Messages that were sent."""

    @property
    def unhandled(self) -> float:
        """Those that were still in the queue."""

    @property
    def lost(self) -> float:
        """Those that are nowhere any more."""

    @property
    def wait(self) -> Spread | None:
        """From sent to begun."""

    @property
    def cost(self) -> float:
        """Of pods and requests."""


@dataclass(frozen=True, slots=True)
class Slo:
    """So many of the messages wait no longer than so many seconds, from sent to begun."""

    seconds: float
    share: Share = "p99"

    def waited(self, outcome: Judged) -> float:
        """Return the wait that the SLO is about, in seconds; infinity: too many were never handled."""
        missing = outcome.unhandled + outcome.lost
        if missing > (1 - SHARES[self.share]) * outcome.messages:
            return math.inf
        if outcome.wait is None:
            return 0.0
        waits: dict[Share, float] = {"p50": outcome.wait.p50, "p95": outcome.wait.p95, "p99": outcome.wait.p99}
        return waits[self.share]

    def is_kept(self, outcome: Judged) -> bool:
        """Return whether a run kept it."""
        return self.waited(outcome) <= self.seconds

    def is_kept_with_room(self, outcome: Judged) -> bool:
        """Return whether a run kept it and has something left."""
        return self.waited(outcome) <= AIM * self.seconds

    def __str__(self) -> str:
        return f"{self.share} of the wait within {self.seconds:g} s"
