"""What the next decision needs to know of this one (ADR 0002). Pure. Whatever it keeps stays the same while nothing
happens, so that quiet pools write nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median

from queueworkerpool.model import Change, Facts, LatencyTarget, Lull, Memory, Mode, Rival, Sample, Surge, Workers

RIVAL_FORGOTTEN = timedelta(minutes=10)
"""Changes by others further apart than this are not a fight."""

BLIP_MESSAGES = 2
"""SQS's counts of an empty queue are reported to be off by up to this many, briefly."""

_SMOOTHING = 0.3  # weight of a new measurement: three agreeing ones move the number by two thirds
_DEAF_CHANGE = 0.1  # a change below a tenth is not worth a write


def remember(facts: Facts, wish: int) -> Memory:
    """The memory after a look in which at least one queue could be read."""
    return Memory(
        lull=_lull(facts, wish),
        surge=_surge(facts, wish),
        changes=facts.memory.changes,
        empty_since=_empty_since(facts),
        glimpsed=_glimpsed(facts),
        rival=_rival(facts),
        workers=_workers(facts.memory.workers, facts.sample, facts),
    )


def paused(facts: Facts) -> Memory:
    """A pause ends every stretch of time; what is known of the workers stays."""
    return Memory(workers=facts.memory.workers)


def waited(facts: Facts, memory: Memory, *, waits: bool) -> Memory:
    """The memory once it is known whether pods stay only until their workers are idle."""
    since = min(facts.memory.waiting_since or facts.now, facts.now)
    return replace(memory, waiting_since=since if waits else None)


def changed(facts: Facts, memory: Memory, by: int) -> Memory:
    """The memory once a change was written; without rate policies nobody needs it."""
    periods = [p.period_seconds for rules in (facts.spec.scale_up, facts.spec.scale_down) for p in rules.policies]
    if not periods:
        return replace(memory, changes=())
    oldest = facts.now - timedelta(seconds=max(periods))
    kept = tuple(change for change in memory.changes if change.time > oldest)
    written = by and facts.spec.mode is Mode.ACTIVE  # a dry run has changed nothing
    return replace(memory, changes=(*kept, Change(facts.now, by)) if written else kept)


def _lull(facts: Facts, wish: int) -> Lull | None:
    if max(wish, facts.bounds.min_replicas) >= facts.replicas:
        return None
    lull = facts.memory.lull
    if lull is None or lull.peak >= facts.replicas:  # none yet, or the pool has come down to it: a new one begins
        return Lull(facts.now, wish)
    # A clock that was set back must not stretch the lull.
    return Lull(min(lull.since, facts.now), max(lull.peak, wish))


def _surge(facts: Facts, wish: int) -> Surge | None:
    if not facts.spec.scale_up.window_seconds or min(wish, facts.bounds.max_replicas) <= facts.replicas:
        return None
    surge = facts.memory.surge
    if surge is None or surge.trough <= facts.replicas:
        return Surge(facts.now, wish)
    return Surge(min(surge.since, facts.now), min(surge.trough, wish))


def _empty_since(facts: Facts) -> datetime | None:
    known = facts.known
    if known is None or not facts.sees_all:
        return None
    held_back = known.delayed if facts.spec.count_delayed else 0
    # A message in flight is a busy worker, so it always counts here, whatever spec.count says.
    if known.visible or known.in_flight or held_back:
        return None
    since = min(facts.memory.empty_since or known.time, known.time)
    # Workers that are quick between two readings still live: warmth counts from the last message handled.
    alive = facts.sample.alive if facts.sample else None
    return min(max(since, alive), known.time) if alive else since


def _glimpsed(facts: Facts) -> datetime | None:
    known = facts.known
    if facts.replicas or known is None or not 0 < facts.load(known) <= BLIP_MESSAGES:
        return None
    return min(facts.memory.glimpsed or known.time, known.time)


def _rival(facts: Facts) -> Rival | None:
    rival, writer = facts.memory.rival, facts.writer
    if rival and facts.now - rival.last > RIVAL_FORGOTTEN and (writer is None or writer[1] <= rival.last):
        return None
    if writer is None or (rival and writer[1] <= rival.last):
        return rival
    return Rival(writer[0], rival.rounds + 1 if rival else 1, writer[1])


def _workers(known: Workers, sample: Sample | None, facts: Facts) -> Workers:
    known = _told_by_crew(known, facts)
    if sample is None:
        return known
    latency = isinstance(facts.spec.target, LatencyTarget)
    service = sample.busy_seconds / sample.finished if latency and sample.finished > 0 else None
    return Workers(
        service_seconds=_smooth(known.service_seconds, service),
        concurrency=known.concurrency if sample.concurrency is None else sample.concurrency,
        startup_seconds=_smooth(known.startup_seconds, sample.startup_seconds),
    )


def _told_by_crew(known: Workers, facts: Facts) -> Workers:
    """What those tell who were asked whether they may go."""
    if facts.crew is None:
        return known
    told = [worker.state.concurrency for worker in facts.crew if worker.state]
    if told:
        return known if known.concurrency is not None else replace(known, concurrency=float(median(told)))
    # Nobody answers any more, for as long as may be waited: these workers do not tell, whatever earlier ones did.
    since, wait = facts.memory.waiting_since, timedelta(seconds=facts.spec.max_wait_seconds)
    return replace(known, concurrency=None) if since and facts.now >= since + wait else known


def _smooth(known: float | None, measured: float | None) -> float | None:
    if measured is None or known is None:
        return known if measured is None else _rounded(measured)
    smoothed = known + _SMOOTHING * (measured - known)
    # Compared with the measurement: a lasting difference gets through, a small one never does.
    return known if abs(measured - known) <= _DEAF_CHANGE * known else _rounded(smoothed)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
