"""What was recommended within the window of scaling in, as few steps down. Pure; `remember` calls it.

The highest recommendation of the last `window` seconds is what the pool may scale in to, as for the HPA. Of its list
of recommendations only those matter that nothing higher has followed: "since a time, at most so many pods". These are
kept across a scale-in, so that the next one does not wait a window of its own. A recommendation holds until the next
tick, so all is later than with the HPA by one reading (ADR 0005).
"""

from collections.abc import Sequence
from datetime import timedelta

from queueworkerpool.decide.windows import is_due, scale_down_window
from queueworkerpool.model import Facts, RecommendedSince, ScaleDownStabilization

STEPS_PER_WINDOW = 8
"""A step down follows another one no sooner than this part of the window: the list stays short, and the status quiet.

What is lower until then counts as what was recommended before: a scale-in may come that much later, never sooner.
"""


def recommended(facts: Facts, replicas: int) -> ScaleDownStabilization | None:
    """Return what is known once so many pods are recommended, which are fewer than there are; None without a window."""
    window_seconds = scale_down_window(facts, facts.memory)
    if not window_seconds:
        return None
    known = continued(facts)
    steps = [step for step in known.steps if step.highest < facts.replicas] if known else []
    if known is None or not steps:
        # What only a part of the queues recommends may be too little: it neither begins a window nor ends one early.
        return ScaleDownStabilization(facts.now, replicas) if facts.all_read else None
    if replicas >= steps[-1].highest:
        steps = _raised(steps, replicas)
    elif facts.all_read:
        steps = _lowered(facts, steps, RecommendedSince(facts.now, replicas), timedelta(seconds=window_seconds))
    first, *lower = steps
    return ScaleDownStabilization(*first, known.paused_since, tuple(lower))


def raised(known: ScaleDownStabilization, replicas: int) -> ScaleDownStabilization:
    """Return what is known once at least so many pods are recommended."""
    first, *lower = _raised(known.steps, replicas)
    return ScaleDownStabilization(*first, known.paused_since, tuple(lower))


def continued(facts: Facts) -> ScaleDownStabilization | None:
    """Return what is known as it goes on at this tick: the time in which queues were not read does not count."""
    known, now = facts.memory.scale_down_stabilization, facts.now
    if known is None:
        return None
    if facts.all_read and known.paused_since is None and max(known.steps).since <= now:
        return known
    paused = min(known.paused_since or now, now)
    by = now - paused if facts.all_read else timedelta(0)
    # A clock that was set back must not stretch the window.
    first, *lower = (RecommendedSince(min(min(step.since, now) + by, now), step.highest) for step in known.steps)
    return ScaleDownStabilization(*first, None if facts.all_read else paused, tuple(lower))


def _raised(steps: Sequence[RecommendedSince], replicas: int) -> list[RecommendedSince]:
    kept = [step for step in steps if step.highest > replicas]
    if len(kept) == len(steps):
        return kept
    return [*kept, RecommendedSince(steps[len(kept)].since, replicas)]


def _lowered(
    facts: Facts, steps: list[RecommendedSince], lower: RecommendedSince, window: timedelta
) -> list[RecommendedSince]:
    over = sum(is_due(facts, step.since + window) for step in steps)
    kept = steps[max(0, over - 1) :]  # of the steps that the pool may take by now, the last is the lowest
    is_soon = lower.since - kept[-1].since < window / STEPS_PER_WINDOW
    return steps if is_soon or len(kept) > STEPS_PER_WINDOW else [*kept, lower]
