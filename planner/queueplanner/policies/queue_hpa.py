"""A Horizontal Pod Autoscaler on an external metric of the queue, without KEDA: it never goes to zero.

Source: `hpa`, and a metrics adapter that says how many messages there are. It stops pods without asking whether they
are busy.
"""

from dataclasses import dataclass

from queueplanner.policies.hpa import SYNC_SECONDS, Hpa, Pods
from queueplanner.simulation import Move, View


@dataclass(slots=True)
class QueueHpa:
    """An HPA at work.

    Args:
        name: What people call it.
        hpa: Its bounds, its target and its behavior; `hpa.least` is 1 or more.
        in_flight: Whether its metric counts messages in flight beside the visible ones.
    """

    name: str
    hpa: Hpa
    in_flight: bool = True

    def decide(self, view: View) -> Move:
        """Do one sync. A Deployment begins with the fewest pods."""
        size = max(view.replicas, self.hpa.least) if view.now == 0 else view.replicas
        load = view.counts.visible + (view.counts.in_flight if self.in_flight else 0)
        return Move(self.hpa.sync(view.now, size, load, Pods.of(view, size)), SYNC_SECONDS)
