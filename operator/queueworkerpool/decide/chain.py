"""The chain of a decision: recommendation, memory, limits.

It follows the HPA's (recommend, stabilise, limit); ADR 0005 lists where it differs, and why.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from queueworkerpool.decide import holds, limits, remember, scale_in
from queueworkerpool.decide.windows import clock, is_due, protects
from queueworkerpool.model import Decision, Facts, Fallback, Memory, Mode, QueueReading, Step, StepKind
from queueworkerpool.names import Reason

Limit = Callable[[Facts, Memory, int], Step | None]
"""Given the facts, the new memory and the number of pods so far, returns a step of its own or None (no objection)."""

LIMITS: Sequence[Limit] = (
    limits.tolerate,  # a recommendation that hardly differs is no reason to move
    limits.respect_activation,  # a pool at zero ignores a few messages
    limits.confirm_activation,  # and does not start for an error of SQS's counts
    limits.keep_busy_pods,  # messages in flight keep the pods that can be holding them
    holds.hold_while_messages_wait,  # idle pods are few while messages wait
    limits.stabilise_scale_up,  # a short peak must not add pods, if the user says so
    limits.stabilise_scale_down,  # a short dip must not drop pods
    limits.respect_rates,  # no faster than the user's policies
    limits.follow_schedules,  # bounds for a time
    limits.confirm_empty,  # the last pods go only from a queue that is surely empty
    limits.respect_active_minimum,  # the user's bound while it is not
    limits.respect_bounds,  # the user's bounds come after all that, so nothing can break them
    holds.hold_while_rolling_out,  # which pods would go is not known during a rollout, whoever lowers the size
    limits.spare_busy_workers,  # no busy worker is stopped
    limits.yield_to_competing_writer,  # two writers would fight for ever
)

FALLBACK_LIMITS: Sequence[Limit] = (
    limits.respect_bounds,
    holds.hold_while_rolling_out,
    limits.spare_busy_workers,
    limits.yield_to_competing_writer,
)
"""What the size of `spec.fallback` has to pass: the limits that do not depend on a reading."""


def decide(facts: Facts, chain: Sequence[Limit] = LIMITS) -> Decision:
    """Decide how many pods the pool should have. Raises nothing, touches nothing.

    `chain` is for comparing with other autoscalers: with fewer limits it behaves like theirs.
    """
    if facts.spec.mode is Mode.PAUSED:
        return Decision((_paused(facts),), remember.paused(facts))
    reading = facts.reading
    if reading is None:
        return _unreadable(facts)
    decision = _by_load(facts, reading, chain)
    return decision if facts.all_read else _never_lower(facts, decision)


def _paused(facts: Facts) -> Step:
    """Keep the size; a pause with an end is over when it is, and not at the next usual tick."""
    until = facts.spec.paused_until
    left = max(0.0, (until - facts.now).total_seconds()) if until else math.inf
    soon = left if left < facts.spec.poll_seconds else None
    return Step(facts.replicas, Reason.PAUSED, facts.spec.pause, until, recheck_seconds=soon)


def _by_load(facts: Facts, reading: QueueReading, chain: Sequence[Limit]) -> Decision:
    recommended = facts.spec.target.recommend(facts.load(reading), facts.memory.workers, facts.at_reading)
    first = Step(recommended.replicas, recommended.reason, recommended.message, kind=StepKind.RECOMMENDATION)
    # A recommendation within the tolerance does not ask for another size: it ends a scale-down stabilization.
    steady = limits.tolerate(facts, facts.memory, first.replicas) or first
    memory = remember.remember(facts, steady.replicas)
    trail = _limited(facts, memory, (first,), chain)
    size = trail[-1].replicas
    memory = remember.changed(facts, _with_waits(facts, memory, trail), size - facts.replicas)
    return Decision(trail, memory, _victims(facts, memory, size))


def _limited(facts: Facts, memory: Memory, trail: tuple[Step, ...], chain: Sequence[Limit]) -> tuple[Step, ...]:
    """Pass the number of pods through a chain of limits; return the trail with the steps that they add."""
    steps, replicas = list(trail), trail[-1].replicas
    for limit in chain:
        if step := limit(facts, memory, replicas):
            steps.append(step)
            replicas = step.replicas
    return tuple(steps)


def _with_waits(facts: Facts, memory: Memory, trail: Sequence[Step]) -> Memory:
    """Return the memory with since when pods stay that the load does not call for."""
    waits = lowers = False
    for step in trail:  # a loop, for this runs in each decision, and two generators take three times as long
        waits, lowers = waits or step.waits_for_workers, lowers or step.replicas < facts.replicas
    memory = remember.stayed(facts, memory, waits=waits, holds=lowers and holds.is_held(facts, memory))
    if trail[-1].yields and trail[-2].replicas < facts.replicas:
        return remember.still_waited(facts, memory)
    return memory


def _victims(facts: Facts, memory: Memory, size: int) -> tuple[str, ...]:
    """Return the pods that go when the size is lowered; nobody is chosen when no worker is protected."""
    if facts.pods is None or size >= facts.replicas or not protects(facts, memory):
        return ()
    # The limits have made sure that the size costs no work, or that the wait is over.
    return scale_in.plan(facts, facts.pods, size, overdue=True).victims


def _never_lower(facts: Facts, decision: Decision) -> Decision:
    """With some queues unread, what is known may raise the size and nothing may lower it."""
    if decision.replicas >= facts.replicas:
        return decision
    held = Step(facts.replicas, Reason.QUEUE_UNREADABLE, "a queue could not be read, so nothing lowers the size")
    memory = remember.still_waited(facts, decision.memory)
    memory = replace(memory, changes=facts.memory.changes)
    return Decision((*decision.trail, held), memory)


def _unreadable(facts: Facts) -> Decision:
    """Hold the size, or take the declared fallback after its time."""
    since, fallback = min(facts.memory.unreadable_since or facts.now, facts.now), facts.spec.fallback
    memory = remember.unreadable(facts, since)
    due = since + timedelta(seconds=fallback.after_seconds) if fallback else None
    held = Step(facts.replicas, Reason.QUEUE_UNREADABLE, "no queue could be read, so the size stays as it is", due)
    if fallback is None or due is None or not is_due(facts, due):
        return Decision((held,), memory)
    size = _fallback_size(fallback, facts.replicas)
    message = f"no queue could be read since {clock(since)}: spec.fallback wants {size} pods"
    memory = remember.fallen_back(facts, memory, fallback.replicas)
    trail = _limited(facts, memory, (held, Step(size, Reason.FALLBACK, message)), FALLBACK_LIMITS)
    memory = _with_waits(facts, memory, trail)
    return Decision(trail, memory, _victims(facts, memory, trail[-1].replicas))


def _fallback_size(fallback: Fallback, replicas: int) -> int:
    return max(fallback.replicas, replicas) if fallback.only_if_higher else fallback.replicas
