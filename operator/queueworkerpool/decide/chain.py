"""The chain of a decision: wish, memory, limits.

It follows the HPA's (recommend, stabilise, limit); ADR 0005 tells where it differs, and why.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from queueworkerpool.decide import limits, recall, scale_in, wishes
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
    limits.spare_busy_workers,  # nobody who works is sent away
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
    # A wish within the tolerance is no wish for another size: it ends a lull.
    steady = limits.tolerate(facts, facts.memory, trail[0].replicas) or trail[0]
    memory = recall.remember(facts, steady.replicas)
    for limit in chain:
        if step := limit(facts, memory, trail[-1].replicas):
            trail.append(step)
    reasons = {step.reason for step in trail}
    memory = recall.waited(facts, memory, waits=Reason.WAITING_FOR_IDLE_WORKERS in reasons)
    size = trail[-1].replicas
    return Decision(
        tuple(trail),
        recall.changed(facts, memory, size - facts.replicas),
        look_again_seconds=LOOK_AGAIN_SECONDS if Reason.AWAITING_SECOND_READING in reasons else None,
        victims=_victims(facts, memory, size),
        least_latency_seconds=wishes.least_latency(facts),
    )


def _victims(facts: Facts, memory: Memory, size: int) -> tuple[str, ...]:
    """Who goes when the size is lowered; left to the ReplicaSet when nobody is protected."""
    if facts.crew is None or size >= facts.replicas or not limits.protects(facts, memory):
        return ()
    # The limits have made sure that the size costs no work, or that the wait is over.
    return scale_in.plan_scale_in(facts.crew, facts.replicas, size, overdue=True).victims


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
    for limit in (limits.respect_bounds, limits.spare_busy_workers, limits.give_way):
        if step := limit(facts, memory, trail[-1].replicas):
            trail.append(step)
    waits = any(step.reason is Reason.WAITING_FOR_IDLE_WORKERS for step in trail)
    memory = recall.waited(facts, memory, waits=waits)
    return Decision(tuple(trail), memory, victims=_victims(facts, memory, trail[-1].replicas))
