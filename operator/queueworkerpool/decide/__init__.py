"""Facts in, Decision out: how many pods there should be, and why. Pure.

`reconcile` and `explain` call `decide`. Nothing here reads a clock, a queue or a cluster, or logs: the same facts
always give the same decision. The parts: `chain` (the whole, in order; the order is behaviour), `remember` (what the
next decision needs to know), `limits` and `holds` (what changes the recommendation), `rates` (autoscaling/v2's rate
policies), `changes` (keeps what they remember small), `scale_in` (which pods go). What the load needs is up to the
package `sizing`.
"""

from queueworkerpool.decide.chain import LIMITS, Limit, decide
from queueworkerpool.decide.remember import unwritten

__all__ = ["LIMITS", "Limit", "decide", "unwritten"]
