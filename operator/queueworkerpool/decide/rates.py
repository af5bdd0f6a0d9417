"""The rate policies of autoscaling/v2: how far the pods may move now, given our own earlier changes. Pure.

Source: the HPA's calculateScaleUpLimitWithScalingRules and calculateScaleDownLimitWithBehaviors (Kubernetes 1.35).
"""

import math
from datetime import datetime, timedelta

from queueworkerpool.model import Change, Facts, Memory, Policy, Select


def scale_up_limit(facts: Facts, memory: Memory) -> int | None:
    """Return the most pods that scaleUp's policies allow now; None without policies."""
    rules = facts.spec.scale_up
    if rules.select is Select.DISABLED:
        return facts.replicas
    if not rules.policies:
        return None
    allowed = [_raised(_at_start(policy, memory.changes, facts, upwards=True), policy) for policy in rules.policies]
    limit = max(allowed) if rules.select is Select.MAX else min(allowed)
    # A percentage of no pods is no pods: the HPA never leaves zero by it, we count it as one (ADR 0005).
    return max(limit, facts.replicas, 1)


def scale_down_limit(facts: Facts, memory: Memory) -> int | None:
    """Return the fewest pods that scaleDown's policies allow now; None without policies."""
    rules = facts.spec.scale_down
    if rules.select is Select.DISABLED:
        return facts.replicas
    if not rules.policies:
        return None
    allowed = [_lowered(_at_start(policy, memory.changes, facts, upwards=False), policy) for policy in rules.policies]
    limit = min(allowed) if rules.select is Select.MAX else max(allowed)
    return max(0, min(limit, facts.replicas))


def next_change(facts: Facts, memory: Memory, policies: tuple[Policy, ...]) -> datetime | None:
    """Return when the oldest of our changes that still counts leaves its period; None when none counts."""
    leaving = [
        change.time + timedelta(seconds=policy.period_seconds)
        for policy in policies
        for change in memory.changes
        if change.time > facts.now - timedelta(seconds=policy.period_seconds)
    ]
    return min(leaving, default=None)


def _at_start(policy: Policy, changes: tuple[Change, ...], facts: Facts, *, upwards: bool) -> int:
    """The pods at the beginning of the policy's period: our changes since then undone, in both directions.

    Of a change that stands for several, those in the policy's own direction count while the last of them does, the
    others while the first one does: either way the policy allows less, never more.
    """
    begun = facts.now - timedelta(seconds=policy.period_seconds)
    counted = (change for change in changes if (change.time if (change.by > 0) is upwards else change.begun) > begun)
    return facts.replicas - sum(change.by for change in counted)


def _raised(start: int, policy: Policy) -> int:
    return math.ceil(start * (100 + policy.value) / 100) if policy.percent else start + policy.value


def _lowered(start: int, policy: Policy) -> int:
    return int(start * (100 - policy.value) / 100) if policy.percent else start - policy.value
