"""Practo's worker-pod-autoscaler.

Source: pkg/queue/sqs.go and pkg/controller/controller.go (`getDesiredWorkers`) of practo/k8s-worker-pod-autoscaler. It
stops pods without asking whether they are busy. What CloudWatch counts it reads again after a minute.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from queueplanner.simulation import Move, View

RESYNC_SECONDS = 20.0
SCALE_DOWN_DELAY_SECONDS = 600.0
SAME = 0.1
"""A size that differs by no more than this share of the present one is left alone."""
SENT_MINUTES = (10, 5)
"""From when to when, in minutes ago, it counts what was sent."""
IDLE_MINUTES = (20, 10)
"""The same of what was received, when nothing is left, to see whether the workers are idle."""
_MINUTE_SECONDS = 60.0


@dataclass(slots=True)
class WorkerPodAutoscaler:
    """A WorkerPodAutoScaler at work.

    Args:
        name: What people call it.
        target: targetMessagesPerWorker.
        least: minReplicas.
        most: maxReplicas.
        disruption: maxDisruption, as a share of the present size; idle workers are all stopped whatever it says.
        seconds_per_job: secondsToProcessOneJob; 0: what is sent does not count.
        disrupted: maxDisruption, in pods; None: it is a share.
        resync_seconds: The controller's --resync-period.
        delay_seconds: Its --scale-down-delay-after-last-scale-activity.
    """

    name: str
    target: float = 5
    least: int = 0
    most: int = 100
    disruption: float = 1.0
    seconds_per_job: float = 0.0
    disrupted: int | None = None
    resync_seconds: float = RESYNC_SECONDS
    delay_seconds: float = SCALE_DOWN_DELAY_SECONDS
    _scaled_at: float = -math.inf
    _counted_at: float = -math.inf
    _totals: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=max(IDLE_MINUTES) + 1))

    def decide(self, view: View) -> Move:
        """Do one resync."""
        if view.now >= self._counted_at + _MINUTE_SECONDS:
            self._counted_at = view.now
            self._totals.append((view.sent, view.received))
        wanted = self._wanted(view)
        waits = wanted < view.replicas and self._scaled_at + self.delay_seconds >= view.now
        if wanted == view.replicas or waits:
            return Move(view.replicas, self.resync_seconds, reads=2)
        self._scaled_at = view.now
        return Move(wanted, self.resync_seconds, reads=2)

    def _wanted(self, view: View) -> int:
        messages, replicas = view.counts.visible + view.counts.in_flight, view.replicas
        sent = self._per_minute(SENT_MINUTES, [sent for sent, _ in self._totals])
        least = max(self.least, math.ceil(self.seconds_per_job * sent / _MINUTE_SECONDS))
        wanted = math.ceil(messages / self.target)
        if replicas and messages and abs(wanted - replicas) / replicas <= SAME:
            wanted = replicas
        if replicas and not messages and not (sent and self.seconds_per_job) and self._idle():
            return min(self.most, least)
        return self._bounded(wanted, replicas, least)

    def _bounded(self, wanted: int, replicas: int, least: int) -> int:
        if least >= self.most:
            return self.most
        going = math.ceil(self.disruption * replicas) if self.disrupted is None else self.disrupted
        return min(max(wanted, replicas - going, least), self.most)

    def _idle(self) -> bool:
        return self._per_minute(IDLE_MINUTES, [received for _, received in self._totals]) == 0

    def _per_minute(self, minutes: tuple[int, int], totals: Sequence[int]) -> float:
        """Return the mean of each minute's sum in a part of the past; what was before the start is nothing."""
        begun, ended = (totals[-1 - ago] if ago < len(totals) else 0 for ago in minutes)
        return (ended - begun) / (minutes[0] - minutes[1])
