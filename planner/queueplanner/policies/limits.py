"""Which limits of the operator's decisions may change a pool's size here. Pure. `pools` calls it.

A search decides millions of times, and most limits ask for a field that few pools have: those are not asked at all.
"""

from collections.abc import Callable, Mapping, Sequence

from queueworkerpool.decide import LIMITS, Limit, holds, limits
from queueworkerpool.model import InFlight, PoolSpec, ScalingRules, Select


def _has_rate(rules: ScalingRules) -> bool:
    return bool(rules.policies) or rules.select is Select.DISABLED


_NEEDS: Mapping[Limit, Callable[[PoolSpec], object]] = {
    limits.tolerate: lambda spec: spec.scale_up.tolerance or spec.scale_down.tolerance,
    limits.keep_busy_pods: lambda spec: spec.in_flight is InFlight.HOLD,
    limits.stabilise_scale_up: lambda spec: spec.scale_up_window_seconds,
    limits.respect_rates: lambda spec: _has_rate(spec.scale_up) or _has_rate(spec.scale_down),
    limits.follow_schedules: lambda spec: spec.schedules,
    limits.respect_active_minimum: lambda spec: spec.active_min_replicas,
    holds.hold_while_rolling_out: lambda _: False,  # nothing is rolled out here
    limits.yield_to_competing_writer: lambda _: False,  # nobody else writes the size
}
"""Limits that have nothing to say of a pool whose spec lacks something. What is not here is always asked."""


def of_pool(spec: PoolSpec) -> Sequence[Limit]:
    """Return the limits, in their order, without those that never change the size of a pool with this spec."""
    return [limit for limit in LIMITS if limit not in _NEEDS or _NEEDS[limit](spec)]
