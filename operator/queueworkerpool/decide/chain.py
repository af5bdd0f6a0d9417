"""The chain of a decision: wish, memory, limits.

It follows the HPA's (recommend, stabilise, limit); ADR 0005 tells where it differs, and why.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from queueworkerpool.decide import limits, recall, wishes
from queueworkerpool.model import Decision, Facts, Memory, Mode, QueueReading, Step
from queueworkerpool.names import Reason

Limit = Callable[[Facts, Memory, int], Step | None]
"""Answers with a step of its own, or has no objection to this number of pods."""

LIMITS: Sequence[Limit] = (
    limits.tolerate,  # a wish that hardly differs is no reason to move
    limits.respect_activation,  # a pool at zero sleeps through a few messages
    limits.confirm_waking,  # and does not wake for a blip of SQS's counts
    limits.keep_busy_pods,  # messages in flight keep the pods that can be holding them
    limits.hold_while_messages_wait,  # idle pods are few while messages wait
    limits.hold_while_rolling_out,  # which pods would go is anybody's guess during a roll-out
    limits.stabilise_scale_up,  # a short peak must not add pods, if the user says so
    limits.stabilise_scale_down,  # a short lull must not drop pods
    limits.respect_rates,  # no faster than the user's policies
    limits.follow_schedules,  # bounds for a time
    limits.confirm_empty,  # the last pod goes only from a queue that is surely empty
    limits.respect_bounds,  # the user's bounds come after all that, so nothing can break them
    limits.give_way,  # two writers would fight for ever
)

LOOK_AGAIN_SECONDS = 1.5
"""How soon to look again at a reading that may be a blip."""


def decide(facts: Facts, chain: Sequence[Limit] = LIMITS) -> Decision:
    """Decide how many pods the pool should have. Raises nothing, touches nothing.

    `chain` is for comparing with other autoscalers: with fewer limits it behaves like theirs.
    """
    if facts.spec.mode is Mode.PAUSED:
        return Decision((Step(facts.replicas, Reason.PAUSED, "spec.mode is Paused"),), recall.paused(facts))
    if facts.known is None:
        return _blind(facts)
    decision = _decided(facts, facts.known, chain)
    return decision if facts.sees_all else _never_lower(facts, decision)


def _decided(facts: Facts, known: QueueReading, chain: Sequence[Limit]) -> Decision:
    trail = [wishes.wish(facts, facts.load(known))]
    memory = recall.remember(facts, trail[0].replicas)
    for limit in chain:
        if step := limit(facts, memory, trail[-1].replicas):
            trail.append(step)
    change = trail[-1].replicas - facts.replicas
    waits = any(step.reason is Reason.AWAITING_SECOND_READING for step in trail)
    return Decision(
        tuple(trail),
        recall.changed(facts, memory, change),
        look_again_seconds=LOOK_AGAIN_SECONDS if waits else None,
        least_latency_seconds=wishes.least_latency(facts),
    )


def _never_lower(facts: Facts, decision: Decision) -> Decision:
    """With some queues unread, what is known may raise the size and nothing may lower it."""
    memory = replace(decision.memory, lull=facts.memory.lull, empty_since=None)
    if decision.replicas >= facts.replicas:
        return replace(decision, memory=memory)
    held = Step(facts.replicas, Reason.HOLDING_BLIND, "a queue could not be read, so nothing lowers the size")
    return Decision((*decision.trail, held), replace(memory, changes=facts.memory.changes))


def _blind(facts: Facts) -> Decision:
    """Stand still, or take the declared fallback after its time."""
    since, fallback = min(facts.memory.blind_since or facts.now, facts.now), facts.spec.fallback
    memory = replace(facts.memory, blind_since=since)
    due = since + timedelta(seconds=fallback.after_seconds) if fallback else None
    held = Step(facts.replicas, Reason.HOLDING_BLIND, "no queue could be read, so the size stays as it is", due)
    if fallback is None or due is None or facts.now < due:
        return Decision((held,), memory)
    size = max(fallback.replicas, facts.replicas) if fallback.only_if_higher else fallback.replicas
    because = f"blind since {limits.clock(since)}: spec.fallback wants {size} pods"
    trail = [held, Step(size, Reason.FALLBACK, because)]
    for limit in (limits.respect_bounds, limits.give_way):
        if step := limit(facts, memory, trail[-1].replicas):
            trail.append(step)
    return Decision(tuple(trail), memory)
