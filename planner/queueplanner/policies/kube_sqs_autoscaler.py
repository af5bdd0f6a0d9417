"""Wattpad's kube-sqs-autoscaler: one pod more, or less, at a time, by thresholds of the visible messages.

Source: main.go and scale/scale.go of Wattpad/kube-sqs-autoscaler. It stops pods without asking whether they are busy.
"""

from dataclasses import dataclass

from queueplanner.simulation import Move, View

POLL_SECONDS = 5.0


@dataclass(slots=True)
class KubeSqsAutoscaler:
    """Its flags, with its defaults.

    Args:
        name: What people call it.
        up_messages: --scale-up-messages.
        down_messages: --scale-down-messages.
        up_cooldown_seconds: --scale-up-cool-down.
        down_cooldown_seconds: --scale-down-cool-down.
        least: --min-pods.
        most: --max-pods.
    """

    name: str
    up_messages: int = 100
    down_messages: int = 10
    up_cooldown_seconds: float = 10.0
    down_cooldown_seconds: float = 30.0
    least: int = 1
    most: int = 5
    _up_at: float = 0.0
    _down_at: float = 0.0

    def decide(self, view: View) -> Move:
        """Do one poll. A Deployment begins with the fewest pods."""
        size = max(view.replicas, self.least) if view.now == 0 else view.replicas
        visible, now = view.counts.visible, view.now
        if visible >= self.up_messages:
            if now - self._up_at >= self.up_cooldown_seconds and size < self.most:
                size, self._up_at = size + 1, now
        elif visible <= self.down_messages and now - self._down_at >= self.down_cooldown_seconds and size > self.least:
            size, self._down_at = size - 1, now
        return Move(size, POLL_SECONDS)
