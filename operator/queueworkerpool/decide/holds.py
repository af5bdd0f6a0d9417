"""The limits that keep pods for something that may never come, and so must end by themselves. Pure.

`chain` defines their place. Each ends by what it waits for, by what workers or the target report, and by time:
`spec.scaleIn.maxWaitSeconds` after fewer pods were recommended first.
"""

from datetime import datetime, timedelta

from queueworkerpool.decide.windows import EARLY_SHARE, clock, is_due, protects
from queueworkerpool.model import BusyWorkers, Facts, Memory, Step
from queueworkerpool.names import Reason

ASK_SECONDS = 15.0
"""Workers are asked about messages that have waited for so long, and then this often."""


def hold_while_messages_wait(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Do not scale in while more messages wait than half of the slots: the pods about to go would soon be busy.

    That ends when no pod is ready, when most workers report that they are idle (they do not get these messages, or
    cannot, as with FIFO groups), and by time.
    """
    if desired >= facts.replicas or facts.reading is None or not messages_wait(facts, memory):
        return None
    until = held_until(facts)
    if is_due(facts, until):
        return None
    size = max(desired, _at_work(facts))
    if size >= facts.replicas:
        waiting, slots = facts.reading.visible, _slots(facts, memory)
        message = f"{waiting} messages wait, more than half of the {slots:g} that ready pods can handle at once:"
        message = f"{message} until fewer do, or most workers report idle, or {clock(until)}"
        return Step(facts.replicas, Reason.MESSAGES_WAITING, message, until, asks_workers=_is_time_to_ask(facts))
    if size == desired:
        return None
    message = f"messages wait, and most workers are idle all the same: {size} are at work"
    return Step(size, Reason.MESSAGES_WAITING, message, until)


def messages_wait(facts: Facts, memory: Memory) -> bool:
    """Return whether more messages wait than half of what the ready pods can handle at once, if any is ready."""
    slots = _slots(facts, memory)
    return facts.reading is not None and slots > 0 and facts.reading.visible > slots / 2


def _slots(facts: Facts, memory: Memory) -> float:
    """Return how many messages the ready pods can handle at once."""
    return facts.ready * (memory.workers.concurrency or 1.0)


def is_held(facts: Facts, memory: Memory) -> bool:
    """Return whether there is something for which a scale-in waits, or has waited for long enough."""
    return facts.rolling_out or messages_wait(facts, memory)


def held_until(facts: Facts) -> datetime:
    """Return when messages that wait, or a rollout, do not keep pods any longer."""
    return min(facts.memory.held_since or facts.now, facts.now) + timedelta(seconds=facts.spec.max_wait_seconds)


def _at_work(facts: Facts) -> int:
    """Return the pods that may be at work: all of them, unless most workers report that they are idle."""
    workers = facts.pods or ()
    busy = sum(not worker.is_idle(facts.now) for worker in workers)
    answered = any(worker.state for worker in workers)
    return busy if answered and 2 * busy <= len(workers) else facts.replicas


def _is_time_to_ask(facts: Facts) -> bool:
    """Return whether to ask the workers: when messages have waited for some time, and then now and again."""
    if facts.spec.busy_workers is not BusyWorkers.PROTECT:
        return False
    since, poll_seconds = facts.memory.held_since or facts.now, facts.spec.poll_seconds
    if not is_due(facts, since + timedelta(seconds=ASK_SECONDS)):
        return False
    waited = (facts.now - since).total_seconds() + EARLY_SHARE * poll_seconds
    return waited % max(ASK_SECONDS, 2 * poll_seconds) < poll_seconds


def hold_while_rolling_out(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Do not scale in while the target moves to a new template, for some time.

    The user's bounds go before that where no worker is protected.
    """
    if not facts.rolling_out:
        return None
    until = held_until(facts)
    size = facts.replicas if protects(facts, memory) else min(facts.replicas, facts.bounds.max_replicas)
    if desired >= size or is_due(facts, until):
        return None
    kind = facts.spec.scale_target_ref.kind
    message = f"the {kind} is moving to a new template: until it has, or gives up, or {clock(until)}"
    return Step(size, Reason.ROLLING_OUT, message, until)
