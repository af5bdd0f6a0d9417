"""What changes a recommendation: small functions, each with one reason. Pure. `chain` defines their order.

Each takes the facts, the memory that this decision leaves, and the number of pods so far; it returns a step of its
own, or None when it has no objection. A message says times of day, not durations, so that it stays the same while
it is true.
"""

from datetime import datetime, timedelta
from itertools import takewhile

from queueworkerpool.decide import rates, scale_in
from queueworkerpool.decide.last_pod import stay
from queueworkerpool.decide.remember import COUNT_ERROR_MESSAGES
from queueworkerpool.decide.windows import (
    RECHECK_SECONDS,
    clock,
    has_protected_window,
    is_due,
    protects,
    scale_down_window,
)
from queueworkerpool.model import COMPETING_WRITER_QUIET, Facts, InFlight, Memory, Removal, Step, StepKind
from queueworkerpool.names import Reason


def tolerate(facts: Facts, _: Memory, desired: int) -> Step | None:
    """Stay while the recommendation differs from the size by less than the tolerance of its direction."""
    rules = facts.spec.scale_up if desired > facts.replicas else facts.spec.scale_down
    if not rules.tolerance or facts.replicas in {0, desired} or facts.reading is None:
        return None
    load, workers = facts.load(facts.reading), facts.memory.workers
    ratio = facts.spec.target.ratio(load, facts.replicas, workers, facts.at_reading)
    if not 1 - rules.tolerance <= ratio <= 1 + rules.tolerance:  # as the HPA writes it: its edges are within
        return None
    message = f"the recommendation is {ratio:.2f} of the size, within the tolerance of {rules.tolerance:g}"
    return Step(facts.replicas, Reason.WITHIN_TOLERANCE, message)


def respect_activation(facts: Facts, _: Memory, desired: int) -> Step | None:
    """Let a pool at zero ignore a few messages."""
    threshold = facts.spec.activation_messages
    if facts.replicas > 0 or desired == 0 or facts.reading is None or facts.load(facts.reading) > threshold:
        return None
    return Step(0, Reason.BELOW_ACTIVATION, f"at zero, and the load is not above activationMessages ({threshold})")


def confirm_activation(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Start from zero for one or two messages only when a second reading agrees: SQS's counts of an empty queue err.

    Counts lag as well as err, so of the two readings after the first one has to agree, not both.
    """
    pending = memory.activation_pending_since
    if desired == 0 or pending is None or facts.reading is None:
        return None
    if facts.reading.time > pending:
        return None
    message = (
        f"at zero, and {COUNT_ERROR_MESSAGES} or fewer messages may be an error of the counts: a second reading decides"
    )
    return Step(0, Reason.AWAITING_SECOND_READING, message, recheck_seconds=RECHECK_SECONDS)


def keep_busy_pods(facts: Facts, _: Memory, desired: int) -> Step | None:
    """With count.inFlight: Hold, keep the pods that can be holding the messages in flight, at one each."""
    if facts.spec.in_flight is not InFlight.HOLD or facts.reading is None:
        return None
    held = min(facts.replicas, facts.reading.in_flight)
    if desired >= held:
        return None
    message = f"{facts.reading.in_flight} messages in flight can be held by {held} pods"
    return Step(held, Reason.IN_FLIGHT_HELD, message)


def stabilise_scale_up(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Scale out only to the lowest recommendation of the whole scale-up window."""
    stabilization = memory.scale_up_stabilization
    if stabilization is None or desired <= facts.replicas:
        return None
    due = stabilization.since + timedelta(seconds=facts.spec.scale_up_window_seconds)
    if not is_due(facts, due):
        message = f"more pods are recommended since {clock(stabilization.since)}: may scale out at {clock(due)}"
        return Step(facts.replicas, Reason.SCALE_UP_STABILIZED, message, due)
    if stabilization.lowest >= desired:
        return None
    message = f"the lowest recommendation since {clock(stabilization.since)}"
    return Step(stabilization.lowest, Reason.SCALE_UP_STABILIZED, message)


def stabilise_scale_down(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Scale in only to the highest recommendation of the last stabilization window.

    The default window of protected workers does not hold the last pods: how long these stay is up to `confirm_empty`.
    """
    stabilization = memory.scale_down_stabilization
    if stabilization is None:
        return None
    window = timedelta(seconds=scale_down_window(facts, memory))
    over = tuple(takewhile(lambda step: is_due(facts, step.since + window), stabilization.steps))
    most, to_come = over[-1].highest if over else facts.replicas, stabilization.steps[len(over) :]
    if most <= max(desired, _last_pods(facts) if has_protected_window(facts, memory) else 0):
        return None
    if not to_come:
        return Step(most, Reason.SCALE_DOWN_STABILIZED, f"the highest recommendation since {clock(over[-1].since)}")
    due = to_come[0].since + window
    if not over:
        message = f"fewer pods are recommended since {clock(to_come[0].since)}: may scale in at {clock(due)}"
    else:
        message = f"{most} pods were recommended until {clock(to_come[0].since)}: may scale in further at {clock(due)}"
    return Step(most, Reason.SCALE_DOWN_STABILIZED, message, due)


def respect_rates(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Move no faster than the user's policies."""
    if desired > facts.replicas:
        most = rates.scale_up_limit(facts, memory)
        if most is None or desired <= most:
            return None
        message, until = _rate_message("scaleUp", rates.next_change(facts, memory, facts.spec.scale_up.policies))
        return Step(most, Reason.SCALE_UP_LIMIT, message, until, kind=StepKind.BOUND)
    fewest = rates.scale_down_limit(facts, memory)
    if fewest is None or desired >= fewest:
        return None
    message, until = _rate_message("scaleDown", rates.next_change(facts, memory, facts.spec.scale_down.policies))
    return Step(fewest, Reason.SCALE_DOWN_LIMIT, message, until, kind=StepKind.BOUND)


def follow_schedules(facts: Facts, _: Memory, desired: int) -> Step | None:
    """Keep the bounds of the schedules that are active now."""
    bounds = facts.bounds
    size = min(max(desired, bounds.min_replicas), bounds.max_replicas)
    if not bounds.schedules or size == desired:
        return None
    names = ", ".join(bounds.schedules)
    message = f"active schedules ({names}) want {bounds.min_replicas} to {bounds.max_replicas} pods"
    return Step(size, Reason.SCHEDULED, message, kind=StepKind.BOUND)


def confirm_empty(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Keep the last pods until two readings at least, and far enough apart, have shown empty queues.

    The last pods are one, or those of activeMinReplicas: as many of them as there are. The reading that lets them go
    comes as soon as it may, and not at the next usual time.
    """
    last = min(_last_pods(facts), facts.replicas, max(facts.bounds.max_replicas, 1))
    lowest = facts.bounds.min_replicas
    if max(desired, lowest) >= last or facts.reading is None:
        return None
    since = memory.empty_since
    if since is None:
        message = "the last pod stays while messages wait or are in flight"
        return Step(1, Reason.AWAITING_EMPTY_CONFIRMATION, message) if desired == 0 and lowest == 0 else None
    seconds, basis = stay(facts, memory)
    due = since + timedelta(seconds=seconds)
    if facts.reading.time > since and is_due(facts, due, at=facts.reading.time):
        return None
    idle_size = f"{lowest} pods" if lowest else "zero"
    message = f"empty since {clock(since)}: may go to {idle_size} at {clock(due)}, when seen empty again"
    message = f"{message} ({basis})" if basis else message
    soon = max((due - facts.now).total_seconds(), RECHECK_SECONDS)
    return Step(
        last,
        Reason.AWAITING_EMPTY_CONFIRMATION,
        message,
        # The reading is a little older than now: when the time is over, the next reading ends the step.
        due if due > facts.now else None,
        recheck_seconds=soon if soon < facts.spec.poll_seconds else None,
    )


def respect_active_minimum(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Keep at least activeMinReplicas while messages wait or are in flight; `confirm_empty` knows what follows then.

    A pool at zero that nothing has started is idle, whatever few messages its activation ignores. A queue that could
    not be read is no reason for more pods.
    """
    least = min(facts.spec.active_min_replicas or 0, facts.bounds.max_replicas)
    if desired >= least or facts.reading is None or memory.empty_since is not None:
        return None
    is_known_active = facts.all_read or facts.load(facts.reading) > 0
    if not is_known_active or facts.replicas == desired == 0:
        return None
    message = f"not idle, and activeMinReplicas is {facts.spec.active_min_replicas}"
    return Step(least, Reason.ACTIVE_MINIMUM, message, kind=StepKind.BOUND)


def respect_bounds(facts: Facts, _: Memory, desired: int) -> Step | None:
    """Keep the user's bounds."""
    low, high = facts.bounds.min_replicas, facts.bounds.max_replicas
    if desired > high:
        return Step(high, Reason.TOO_MANY_REPLICAS, f"maxReplicas is {high}", kind=StepKind.BOUND)
    if desired < low:
        return Step(low, Reason.TOO_FEW_REPLICAS, f"minReplicas is {low}", kind=StepKind.BOUND)
    return None


def spare_busy_workers(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Take only pods whose workers are idle, until the wait for the others has become too long."""
    if facts.pods is None or desired >= facts.replicas or not protects(facts, memory):
        return None
    until = (facts.memory.waiting_since or facts.now) + timedelta(seconds=facts.spec.max_wait_seconds)
    plan = scale_in.plan(facts, facts.pods, desired, overdue=is_due(facts, until))
    if plan.replicas <= desired:
        return None
    which = "the pods with the highest ordinals" if facts.removal is Removal.HIGHEST_ORDINAL else "more pods"
    message = f"{which} may go when their workers are idle, and at {clock(until)} in any case"
    return Step(plan.replicas, Reason.WAITING_FOR_IDLE_WORKERS, message, until, waits_for_workers=True)


def yield_to_competing_writer(facts: Facts, memory: Memory, desired: int) -> Step | None:
    """Stop writing while another writer keeps changing the replicas, until it has been quiet for some time."""
    writer = memory.competing_writer
    if desired == facts.replicas or writer is None or not writer.competes(facts.now):
        return None
    until = writer.last_time + COMPETING_WRITER_QUIET
    message = f"{writer.manager} keeps writing the replicas too: no write until {clock(until)}"
    return Step(facts.replicas, Reason.SCALE_CONFLICT, message, until, yields=True)


def _last_pods(facts: Facts) -> int:
    """Return how many pods stay until the queues are surely empty."""
    return facts.spec.active_min_replicas or 1


def _rate_message(direction: str, until: datetime | None) -> tuple[str, datetime | None]:
    more = f"; more at {clock(until)}" if until else ""
    return f"spec.behavior.{direction} allows no more{more}", until
