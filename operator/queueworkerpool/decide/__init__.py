"""Facts in, Decision out: how many pods there should be, and why. Pure.

`reconcile` and `explain` call `decide`. Nothing here reads a clock, a queue or a cluster, or logs: the same facts
always give the same decision. The parts: `chain` (the whole, in order; the order is behaviour), `wishes` (what the
load calls for), `recall` (what to remember), `limits` (what keeps the wish in check), `rates` (autoscaling/v2's
rate policies).
"""

from queueworkerpool.decide.chain import LIMITS, Limit, decide

__all__ = ["LIMITS", "Limit", "decide"]
