"""A queue, its pods and their workers in memory, event by event. `simulate` is the only way in.

It asks a policy for sizes, and decides nothing. The parts: `engine` lets things happen in their order; `asking` asks
the policy; `pods` creates, stops and loses pods, by `ranking`; `workers` handles messages; `messages` is the queue,
`primary` a server in its place; `counts` is what a policy reads, `events` the time, `values` what goes in and comes
out.
"""

from queueplanner.simulation.asking import Asked, PolicyError
from queueplanner.simulation.counts import PastCounts
from queueplanner.simulation.engine import Services, drawn, simulate
from queueplanner.simulation.ranking import leaving
from queueplanner.simulation.values import (
    MONDAY,
    UNKNOWN,
    Counts,
    Mode,
    Move,
    PodState,
    Policy,
    Primary,
    Run,
    Sample,
    SimulatedPod,
    Sizes,
    System,
    View,
)
from queueplanner.simulation.workers import EndlessError, poll_seconds, polls

__all__ = [
    "MONDAY",
    "UNKNOWN",
    "Asked",
    "Counts",
    "EndlessError",
    "Mode",
    "Move",
    "PastCounts",
    "PodState",
    "Policy",
    "PolicyError",
    "Primary",
    "Run",
    "Sample",
    "Services",
    "SimulatedPod",
    "Sizes",
    "System",
    "View",
    "drawn",
    "leaving",
    "poll_seconds",
    "polls",
    "simulate",
]
