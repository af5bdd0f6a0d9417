"""Practo's worker-pod-autoscaler, without the seconds per job that few give it (its `secondsToProcessOneJob` 0).

Source: pkg/queue/sqs.go and pkg/controller/controller.go (`getDesiredWorkers`) of practo/k8s-worker-pod-autoscaler. It
stops pods without asking whether they are busy.
"""

import math
from dataclasses import dataclass

from queueplanner.simulation import Move, View

RESYNC_SECONDS = 20.0
SCALE_DOWN_DELAY_SECONDS = 600.0
SAME = 0.1
"""A size that differs by no more than this share of the present one is left alone."""


@dataclass(slots=True)
class WorkerPodAutoscaler:
    """A WorkerPodAutoScaler at work.

    Args:
        name: What people call it.
        target: targetMessagesPerWorker.
        least: minReplicas.
        most: maxReplicas.
        disruption: maxDisruption, as a share of the present size.
    """

    name: str
    target: float = 5
    least: int = 0
    most: int = 100
    disruption: float = 1.0
    _scaled_at: float = -math.inf

    def decide(self, view: View) -> Move:
        """Do one resync."""
        wanted = self._wanted(view)
        waits = wanted < view.replicas and self._scaled_at + SCALE_DOWN_DELAY_SECONDS >= view.now
        if wanted == view.replicas or waits:
            return Move(view.replicas, RESYNC_SECONDS, reads=2)
        self._scaled_at = view.now
        return Move(wanted, RESYNC_SECONDS, reads=2)

    def _wanted(self, view: View) -> int:
        messages, replicas = view.counts.visible + view.counts.in_flight, view.replicas
        wanted = math.ceil(messages / self.target)
        if replicas and messages and abs(wanted - replicas) / replicas <= SAME:
            wanted = replicas
        if self.least >= self.most:
            return self.most
        fewest = replicas - math.ceil(self.disruption * replicas)
        return min(max(wanted, fewest, self.least), self.most)
