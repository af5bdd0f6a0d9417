"""Facts in, Decision out: how many pods there should be, and why. Pure.

`reconcile` calls `decide`. Nothing here reads a clock, a queue or a cluster, logs, or remembers: the same facts
always give the same decision. The order of LIMITS is behaviour; each limit is one small function that answers with
a step of its own or has no objection.

The chain follows the HPA's (recommend, stabilise, limit); remembering only the current lull instead of a list of
recommendations is ADR 0002's.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from queueworkerpool.model import Decision, Facts, Lull, Memory, Mode, QueueReading, Step
from queueworkerpool.names import Reason

Limit = Callable[[Facts, Memory, int], Step | None]


def decide(facts: Facts) -> Decision:
    """Decide how many pods the pool should have. Raises nothing, touches nothing."""
    if facts.spec.mode is Mode.PAUSED:
        return Decision((Step(facts.replicas, Reason.PAUSED, "spec.mode is Paused"),), Memory())
    if facts.reading is None:
        held = Step(facts.replicas, Reason.HOLDING_BLIND, "a queue could not be read, so the size stays as it is")
        return Decision((held,), facts.memory)
    trail = [_wish(facts, facts.reading)]
    memory = _remember(facts, facts.reading, trail[0].replicas)
    for limit in LIMITS:
        if step := limit(facts, memory, trail[-1].replicas):
            trail.append(step)
    return Decision(tuple(trail), memory)


def _wish(facts: Facts, reading: QueueReading) -> Step:
    load, per_pod = facts.spec.load(reading), facts.spec.messages_per_pod
    wish = -(-load // per_pod)
    return Step(wish, Reason.SIZED_BY_BACKLOG, f"{load} messages / {per_pod} per pod = {wish} pods")


def _remember(facts: Facts, reading: QueueReading, wish: int) -> Memory:
    return Memory(lull=_lull(facts, wish), empty_since=_empty_since(facts, reading))


def _lull(facts: Facts, wish: int) -> Lull | None:
    if max(wish, facts.spec.min_replicas) >= facts.replicas:
        return None
    lull = facts.memory.lull
    if lull is None or lull.peak >= facts.replicas:  # none yet, or the pool has come down to it: a new one begins
        return Lull(facts.now, wish)
    # A clock that was set back must not stretch the lull.
    return Lull(min(lull.since, facts.now), max(lull.peak, wish))


def _empty_since(facts: Facts, reading: QueueReading) -> datetime | None:
    held_back = reading.delayed if facts.spec.count_delayed else 0
    # A message in flight is a busy worker, so it always counts here, whatever spec.count says.
    if reading.visible or reading.in_flight or held_back:
        return None
    return min(facts.memory.empty_since or reading.time, reading.time)


def respect_activation(facts: Facts, _: Memory, wish: int) -> Step | None:
    """Let a pool at zero sleep through a few messages."""
    threshold = facts.spec.activation_messages
    if facts.replicas > 0 or wish == 0 or facts.reading is None or facts.spec.load(facts.reading) > threshold:
        return None
    return Step(0, Reason.BELOW_ACTIVATION, f"at zero, and the load is not above activationMessages ({threshold})")


def stabilise_scale_down(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Scale in only to the most pods wished for during the whole stabilization window."""
    lull, window = memory.lull, timedelta(seconds=facts.spec.scale_down_window_seconds)
    if lull is None or wish >= facts.replicas or not window:
        return None
    due = lull.since + window
    if facts.now < due:
        because = f"fewer pods are wished for since {_clock(lull.since)}: may scale in at {_clock(due)}"
        return Step(facts.replicas, Reason.SCALE_DOWN_STABILIZED, because)
    if lull.peak <= wish:
        return None
    because = f"the most pods wished for since {_clock(lull.since)}"
    return Step(lull.peak, Reason.SCALE_DOWN_STABILIZED, because)


def confirm_empty(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Keep the last pod until the queues were seen empty at least twice, and long enough."""
    if wish > 0 or facts.replicas == 0 or facts.spec.min_replicas > 0 or facts.reading is None:
        return None
    since, wait = memory.empty_since, timedelta(seconds=facts.spec.scale_to_zero_after_seconds)
    if since is None:
        return Step(1, Reason.AWAITING_EMPTY_CONFIRMATION, "the last pod stays while messages wait or are in flight")
    if facts.reading.time > since and facts.reading.time - since >= wait:
        return None
    because = f"empty since {_clock(since)}: may go to zero at {_clock(since + wait)}, when seen empty again"
    return Step(1, Reason.AWAITING_EMPTY_CONFIRMATION, because)


def respect_bounds(facts: Facts, _: Memory, wish: int) -> Step | None:
    """Keep the user's bounds."""
    spec = facts.spec
    if wish > spec.max_replicas:
        return Step(spec.max_replicas, Reason.TOO_MANY_REPLICAS, f"maxReplicas is {spec.max_replicas}")
    if wish < spec.min_replicas:
        return Step(spec.min_replicas, Reason.TOO_FEW_REPLICAS, f"minReplicas is {spec.min_replicas}")
    return None


LIMITS: tuple[Limit, ...] = (
    respect_activation,  # a pool at zero sleeps through a few messages
    stabilise_scale_down,  # a short lull must not drop pods
    confirm_empty,  # the last pod goes only from a queue that is surely empty
    respect_bounds,  # the user's bounds come last, so nothing can break them
)


def _clock(time: datetime) -> str:
    """A time of day, so that a sentence stays the same while it is true."""
    return time.strftime("%H:%M:%SZ")
