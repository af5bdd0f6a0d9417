"""Asks a policy, and refuses answers that make no sense. Both modes do it this way."""

from queueplanner.simulation.values import Move, Policy, View

MOST_DECISIONS_PER_SECOND = 100


class PolicyError(ValueError):
    """A policy's answer makes no sense; the text names the policy, the time and the answer."""


class Asked:
    """A policy that is asked.

    Args:
        policy: It decides.

    `reads` counts the readings of the queue that its decisions took.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.reads = 0
        self._second, self._decisions = 0.0, 0

    def decide(self, view: View) -> Move:
        """Return what it decides. Raises PolicyError."""
        move = self._policy.decide(view)
        self._check(move, view.now)
        self.reads += move.reads
        return move

    def _check(self, move: Move, now: float) -> None:
        """Refuse an answer that makes no sense, or that would let the time stand still."""
        if now >= self._second + 1:
            self._second, self._decisions = now, 0
        self._decisions += 1
        if not move.replicas >= 0:
            raise PolicyError(f"{self._policy.name} asked for {move.replicas} pods at {now:g} s")
        if not move.next_seconds >= 0:
            raise PolicyError(f"{self._policy.name} wanted to decide again in {move.next_seconds} s at {now:g} s")
        if self._decisions > MOST_DECISIONS_PER_SECOND:
            often = f"more than {MOST_DECISIONS_PER_SECOND} times in a second"
            raise PolicyError(f"{self._policy.name} wanted to decide {often} at {now:g} s")
