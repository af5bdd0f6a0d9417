"""What keeps the load's wish in check: small functions, each with one reason. Pure. Their order stands in `chain`.

Each takes the facts, the memory that this decision leaves, and the number of pods so far; it answers with a step of its
own, or with None when it has no objection. A sentence says times of day, not durations, so that it stays the same while
it is true.
"""

from datetime import datetime, timedelta

from queueworkerpool.decide import rates, scale_in, wishes
from queueworkerpool.decide.recall import BLIP_MESSAGES
from queueworkerpool.model import RIVAL_QUIET, BusyWorkers, Facts, InFlight, Memory, Step
from queueworkerpool.names import Reason

PROTECTED_WINDOW_SECONDS = 15
"""The default window of scaling in where workers tell whether they are busy (ADR 0006)."""

UNPROTECTED_WINDOW_SECONDS = 60
"""The default window where they do not: each scale-in may stop a busy worker, so there should be few."""


def tolerate(facts: Facts, _: Memory, wish: int) -> Step | None:
    """Stay while the wish differs from the size by less than the tolerance of its direction."""
    rules = facts.spec.scale_up if wish > facts.replicas else facts.spec.scale_down
    if not rules.tolerance or facts.replicas in {0, wish} or facts.known is None:
        return None
    ratio = wishes.ratio(facts, facts.load(facts.known))
    if not 1 - rules.tolerance <= ratio <= 1 + rules.tolerance:  # as the HPA writes it: its edges are within
        return None
    because = f"the wish is {ratio:.2f} of the size, within the tolerance of {rules.tolerance:g}"
    return Step(facts.replicas, Reason.WITHIN_TOLERANCE, because)


def respect_activation(facts: Facts, _: Memory, wish: int) -> Step | None:
    """Let a pool at zero sleep through a few messages."""
    threshold = facts.spec.activation_messages
    if facts.replicas > 0 or wish == 0 or facts.known is None or facts.load(facts.known) > threshold:
        return None
    return Step(0, Reason.BELOW_ACTIVATION, f"at zero, and the load is not above activationMessages ({threshold})")


def confirm_waking(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Wake for one or two messages only when a second reading agrees: SQS's counts of an empty queue have blips."""
    if facts.replicas > 0 or wish == 0 or memory.glimpsed is None or facts.known is None:
        return None
    if facts.known.time > memory.glimpsed:
        return None
    because = f"at zero, and {BLIP_MESSAGES} or fewer messages may be a blip of SQS's counts: a second reading decides"
    return Step(0, Reason.AWAITING_SECOND_READING, because)


def keep_busy_pods(facts: Facts, _: Memory, wish: int) -> Step | None:
    """With count.inFlight: Hold, keep the pods that can be holding the messages in flight, at one each."""
    if facts.spec.in_flight is not InFlight.HOLD or facts.known is None:
        return None
    held = min(facts.replicas, facts.known.in_flight)
    if wish >= held:
        return None
    return Step(held, Reason.IN_FLIGHT_HELD, f"{facts.known.in_flight} messages in flight can be held by {held} pods")


def hold_while_messages_wait(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Do not scale in while more messages wait than half of the slots: the pods about to go would soon be busy."""
    if wish >= facts.replicas or facts.known is None:
        return None
    slots = facts.ready * (memory.workers.concurrency or 1.0)
    if facts.known.visible <= slots / 2:
        return None
    because = "more messages wait than half of what the ready pods can handle at once"
    return Step(facts.replicas, Reason.MESSAGES_WAITING, because)


def hold_while_rolling_out(facts: Facts, _: Memory, wish: int) -> Step | None:
    """Do not scale in while the Deployment moves to a new template."""
    if wish >= facts.replicas or not facts.rolling_out:
        return None
    return Step(facts.replicas, Reason.ROLLING_OUT, "the Deployment is moving to a new template")


def stabilise_scale_up(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Scale out only to the fewest pods wished for during the whole scale-up window."""
    surge = memory.surge
    if surge is None or wish <= facts.replicas:
        return None
    due = surge.since + timedelta(seconds=facts.spec.scale_up.window_seconds or 0)
    if facts.now < due:
        because = f"more pods are wished for since {clock(surge.since)}: may scale out at {clock(due)}"
        return Step(facts.replicas, Reason.SCALE_UP_STABILIZED, because, due)
    if surge.trough >= wish:
        return None
    return Step(surge.trough, Reason.SCALE_UP_STABILIZED, f"the fewest pods wished for since {clock(surge.since)}")


def stabilise_scale_down(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Scale in only to the most pods wished for during the whole stabilization window."""
    lull, window = memory.lull, timedelta(seconds=scale_down_window(facts, memory))
    if lull is None or wish >= facts.replicas or not window:
        return None
    due = lull.since + window
    if facts.now < due:
        because = f"fewer pods are wished for since {clock(lull.since)}: may scale in at {clock(due)}"
        return Step(facts.replicas, Reason.SCALE_DOWN_STABILIZED, because, due)
    if lull.peak <= wish:
        return None
    return Step(lull.peak, Reason.SCALE_DOWN_STABILIZED, f"the most pods wished for since {clock(lull.since)}")


def scale_down_window(facts: Facts, memory: Memory) -> int:
    """The window of scaling in, in seconds: the user's, else by whether workers tell that they are busy."""
    if facts.spec.scale_down.window_seconds is not None:
        return facts.spec.scale_down.window_seconds
    return PROTECTED_WINDOW_SECONDS if protects(facts, memory) else UNPROTECTED_WINDOW_SECONDS


def protects(facts: Facts, memory: Memory) -> bool:
    """Whether busy workers are spared: it is wanted, and some worker of the pool has ever told whether it is busy."""
    return facts.spec.busy_workers is BusyWorkers.PROTECT and memory.workers.concurrency is not None


def respect_rates(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Move no faster than the user's policies."""
    if wish > facts.replicas:
        most = rates.highest(facts, memory)
        if most is None or wish <= most:
            return None
        return Step(most, Reason.SCALE_UP_LIMIT, *_rate_words(facts, memory, "scaleUp"))
    fewest = rates.lowest(facts, memory)
    if fewest is None or wish >= min(fewest, facts.replicas):
        return None
    return Step(fewest, Reason.SCALE_DOWN_LIMIT, *_rate_words(facts, memory, "scaleDown"))


def follow_schedules(facts: Facts, _: Memory, wish: int) -> Step | None:
    """Keep the bounds of the schedules that are active now."""
    bounds = facts.bounds
    size = min(max(wish, bounds.min_replicas), bounds.max_replicas)
    if not bounds.schedules or size == wish:
        return None
    names = ", ".join(bounds.schedules)
    because = f"active schedules ({names}) want {bounds.min_replicas} to {bounds.max_replicas} pods"
    return Step(size, Reason.SCHEDULED, because)


def confirm_empty(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Keep the last pod until the queues were seen empty at least twice, and long enough."""
    if wish > 0 or facts.replicas == 0 or facts.bounds.min_replicas > 0 or facts.known is None:
        return None
    since, wait = memory.empty_since, timedelta(seconds=facts.spec.scale_to_zero_after_seconds)
    if since is None:
        return Step(1, Reason.AWAITING_EMPTY_CONFIRMATION, "the last pod stays while messages wait or are in flight")
    if facts.known.time > since and facts.known.time - since >= wait:
        return None
    because = f"empty since {clock(since)}: may go to zero at {clock(since + wait)}, when seen empty again"
    return Step(1, Reason.AWAITING_EMPTY_CONFIRMATION, because, since + wait)


def respect_bounds(facts: Facts, _: Memory, wish: int) -> Step | None:
    """Keep the user's bounds."""
    bounds = facts.bounds
    if wish > bounds.max_replicas:
        return Step(bounds.max_replicas, Reason.TOO_MANY_REPLICAS, f"maxReplicas is {bounds.max_replicas}")
    if wish < bounds.min_replicas:
        return Step(bounds.min_replicas, Reason.TOO_FEW_REPLICAS, f"minReplicas is {bounds.min_replicas}")
    return None


def spare_busy_workers(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Take only pods whose workers are idle, until the wait for the others has become too long."""
    if facts.crew is None or wish >= facts.replicas or not protects(facts, memory):
        return None
    until = (facts.memory.waiting_since or facts.now) + timedelta(seconds=facts.spec.max_wait_seconds)
    plan = scale_in.plan_scale_in(facts.crew, facts.replicas, wish, overdue=facts.now >= until)
    if plan.replicas <= wish:
        return None
    because = f"more pods may go when their workers are idle, and at {clock(until)} in any case"
    return Step(plan.replicas, Reason.WAITING_FOR_IDLE_WORKERS, because, until)


def give_way(facts: Facts, memory: Memory, wish: int) -> Step | None:
    """Stop fighting somebody else who keeps writing the replicas, until that one stops."""
    rival = memory.rival
    if wish == facts.replicas or rival is None or not rival.fights(facts.now):
        return None
    quiet = rival.last + RIVAL_QUIET
    because = f"{rival.manager} keeps writing the replicas too: given way until {clock(quiet)}"
    return Step(facts.replicas, Reason.SCALE_CONFLICT, because, quiet)


def clock(time: datetime) -> str:
    """A time of day."""
    return time.strftime("%H:%M:%SZ")


def _rate_words(facts: Facts, memory: Memory, direction: str) -> tuple[str, datetime | None]:
    policies = (facts.spec.scale_up if direction == "scaleUp" else facts.spec.scale_down).policies
    frees = rates.next_change(facts, memory, policies)
    until = f"; more at {clock(frees)}" if frees else ""
    return f"spec.behavior.{direction} allows no more{until}", frees
