"""A queue, its pods and their workers in memory, event by event. `simulate` is the only way in.

It asks a policy for sizes, and decides nothing. The parts: `engine` lets things happen in their order and asks the
policy; `pods` creates, stops and loses pods; `workers` handles messages; `messages` is the queue, `primary` a server in
its place; `counts` is what a policy reads, `events` the time, `values` what goes in and comes out.
"""

from queueplanner.simulation.engine import PolicyError, simulate
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
from queueplanner.simulation.workers import EndlessError

__all__ = [
    "MONDAY",
    "UNKNOWN",
    "Counts",
    "EndlessError",
    "Mode",
    "Move",
    "PodState",
    "Policy",
    "PolicyError",
    "Primary",
    "Run",
    "Sample",
    "SimulatedPod",
    "Sizes",
    "System",
    "View",
    "simulate",
]
