"""A queue, its pods and their workers in groups, for loads of millions of messages. `simulate` is the only way in.

It does with arrays what `simulation` does with single events: a step lasts from one decision to the next, or as long as
its part of a service time, and messages are sent at random moments of the second that they are counted in. The parts:
`engine` goes from step to step and asks the policy; `arrivals` counts a load's messages, `messages` is the queue;
`workers` handles messages; `pods` creates, stops and loses pods. A
primary server is not modelled here: its jobs are few.
"""

from queueplanner.aggregated.arrivals import STEP_SECONDS, counts, expected, is_counted
from queueplanner.aggregated.engine import AggregatedError, simulate

__all__ = ["STEP_SECONDS", "AggregatedError", "counts", "expected", "is_counted", "simulate"]
