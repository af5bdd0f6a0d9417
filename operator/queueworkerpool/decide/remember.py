"""What the next decision needs to know of this one (ADR 0002). Pure.

`chain` calls it. Whatever it keeps stays the same while nothing happens, so that quiet pools write nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median

from queueworkerpool.decide import stabilization
from queueworkerpool.decide.changes import merged
from queueworkerpool.decide.last_pod import quiet_spells
from queueworkerpool.decide.windows import RECHECK_SECONDS
from queueworkerpool.model import (
    Change,
    CompetingWriter,
    Decision,
    Facts,
    Memory,
    Mode,
    Sample,
    ScaleDownStabilization,
    ScaleUpStabilization,
    Worker,
)
from queueworkerpool.sizing import WorkerEstimates

COMPETING_WRITER_FORGOTTEN = timedelta(minutes=10)
"""Changes by another writer that are further apart than this do not compete with ours."""

COUNT_ERROR_MESSAGES = 2
"""SQS's counts of an empty queue are reported to be off by up to this many, briefly."""

_SMOOTHING = 0.1  # weight of a new measurement: with more, one slow node would move the number
_CHANGED = 2.0  # so many times longer or shorter does not count as noise: it moves nothing, ...
_CHANGES_TO_BELIEVE = 3  # ... until so many measurements in a row say so; then the last of them is the number
_IGNORED_CHANGE = 0.1  # a change below a tenth is not worth a write
_IGNORED_DRIFT = 0.03  # nor one below this of a mean over many messages


def remember(facts: Facts, recommendation: int) -> Memory:
    """Return the memory after a tick in which at least one queue could be read.

    Since when pods have stayed is up to `stayed`. It is the same object where nothing changed.
    """
    before = facts.memory
    down, up = _scale_down_stabilization(facts, recommendation), _scale_up_stabilization(facts, recommendation)
    pending_since = _activation_pending_since(facts)
    empty_since = _empty_since(facts, pending_since)
    spells = quiet_spells(facts, empty_since)
    writer, workers = _competing_writer(facts), _workers(before.workers, facts.sample, facts)
    after = (down, up, empty_since, pending_since, None, writer, workers, spells)
    if after == (
        before.scale_down_stabilization,
        before.scale_up_stabilization,
        before.empty_since,
        before.activation_pending_since,
        before.unreadable_since,
        before.competing_writer,
        before.workers,
        before.quiet_spells,
    ):
        return before  # as at most ticks, and a new one takes as long as all of the above
    return Memory(
        scale_down_stabilization=down,
        scale_up_stabilization=up,
        changes=before.changes,
        empty_since=empty_since,
        activation_pending_since=pending_since,
        competing_writer=writer,
        workers=workers,
        quiet_spells=spells,
        belongs_to=before.belongs_to,
    )


def unreadable(facts: Facts, since: datetime) -> Memory:
    """Return the memory after a tick in which no queue could be read. What workers report does not depend on that."""
    return replace(
        facts.memory,
        unreadable_since=since,
        scale_down_stabilization=stabilization.continued(facts),
        workers=_workers(facts.memory.workers, facts.sample, facts),
        empty_since=None,  # nobody knows whether the queues have stayed empty
    )


def fallen_back(facts: Facts, memory: Memory, size: int) -> Memory:
    """Return the memory once the fallback asks for a size: that counts as a recommendation."""
    known = memory.scale_down_stabilization
    if known is None or size >= facts.replicas:
        return replace(memory, scale_down_stabilization=None)
    return replace(memory, scale_down_stabilization=stabilization.raised(known, size))


def paused(facts: Facts) -> Memory:
    """Return the memory of a paused pool: a pause ends every period; what was learned stays."""
    before = facts.memory
    workers = _workers(before.workers, facts.sample, facts)
    return Memory(workers=workers, quiet_spells=before.quiet_spells, belongs_to=before.belongs_to)


def stayed(facts: Facts, memory: Memory, *, waits: bool, holds: bool) -> Memory:
    """Return the memory once it is known why pods stay.

    Args:
        facts: What was decided on.
        memory: The memory by now.
        waits: Pods stay only until their workers are idle.
        holds: Messages that wait, or a rollout, may keep pods.
    """
    before, now = facts.memory, facts.now
    waiting_since = min(before.waiting_since or now, now) if waits else None
    held_since = min(before.held_since or now, now) if holds else None
    if (memory.waiting_since, memory.held_since) == (waiting_since, held_since):
        return memory
    return replace(memory, waiting_since=waiting_since, held_since=held_since)


def still_waited(facts: Facts, memory: Memory) -> Memory:
    """Return the memory when workers are not waited for any longer, and yet their pods stay: the wait stays over."""
    return replace(memory, waiting_since=memory.waiting_since or facts.memory.waiting_since)


def changed(facts: Facts, memory: Memory, by: int) -> Memory:
    """Return the memory once the size changes by so many pods. Only rate policies need to know of changes."""
    periods = [p.period_seconds for rules in (facts.spec.scale_up, facts.spec.scale_down) for p in rules.policies]
    if not periods:
        return replace(memory, changes=()) if memory.changes else memory
    oldest = facts.now - timedelta(seconds=max(periods))
    kept = tuple(change for change in memory.changes if change.time > oldest)
    written = by and facts.spec.mode is Mode.ACTIVE  # a dry run has changed nothing
    changes = (*kept, Change(facts.now, by)) if written else kept
    return replace(memory, changes=merged(changes, periods, facts.now))


def unwritten(facts: Facts, decision: Decision) -> Memory:
    """Return the memory when the new size could not be written: no change has happened, and no wait begins anew."""
    memory = replace(decision.memory, changes=facts.memory.changes)
    return changed(facts, still_waited(facts, memory) if decision.replicas < facts.replicas else memory, 0)


def _scale_down_stabilization(facts: Facts, recommendation: int) -> ScaleDownStabilization | None:
    if max(recommendation, _least(facts)) >= facts.replicas:
        return None
    return stabilization.recommended(facts, recommendation)


def _least(facts: Facts) -> int:
    """Return the user's lower bound as it holds now; below it nothing is recommended that a later size may rest on."""
    low, active_low = facts.bounds.min_replicas, facts.spec.active_min_replicas
    if active_low is None or not facts.all_read or _empty_since(facts) is not None:
        return low
    return max(low, min(active_low, facts.bounds.max_replicas))


def _scale_up_stabilization(facts: Facts, recommendation: int) -> ScaleUpStabilization | None:
    if not facts.spec.scale_up_window_seconds or min(recommendation, facts.bounds.max_replicas) <= facts.replicas:
        return None
    known = facts.memory.scale_up_stabilization
    if known is None or known.lowest <= facts.replicas:
        return ScaleUpStabilization(facts.now, recommendation)
    return ScaleUpStabilization(min(known.since, facts.now), min(known.lowest, recommendation))


def _empty_since(facts: Facts, pending_since: datetime | None = None) -> datetime | None:
    """Return since when the queues are empty; `pending_since`: since when a pool at zero has too few to be sure."""
    reading = facts.reading
    if reading is None or not facts.all_read:
        return None
    if pending_since is not None and reading.time <= pending_since:
        return facts.memory.empty_since  # the next reading shows whether they were messages at all
    held_back = reading.delayed if facts.spec.count_delayed else 0
    # A message in flight is a busy worker, so it always counts here, whatever spec.count says.
    if reading.visible or reading.in_flight or held_back:
        return None
    since = min(facts.memory.empty_since or reading.time, reading.time)
    # Workers may handle messages between two readings that show none: the time counts from the last message handled.
    handled = facts.sample.last_handled if facts.sample else None
    return min(max(since, handled), reading.time) if handled else since


def _activation_pending_since(facts: Facts) -> datetime | None:
    reading, known = facts.reading, facts.memory.activation_pending_since
    if facts.replicas or reading is None or facts.load(reading) > COUNT_ERROR_MESSAGES:
        return None
    if facts.load(reading):
        return min(known or reading.time, reading.time)
    # SQS's counts lag: one early reading without the messages does not take them back, the usual one after it does.
    early = timedelta(seconds=RECHECK_SECONDS + facts.spec.poll_seconds / 2)
    return known if known and reading.time - known < early else None


def _competing_writer(facts: Facts) -> CompetingWriter | None:
    known, writer = facts.memory.competing_writer, facts.writer
    is_new = writer is not None and (known is None or writer[1] > known.last_time)
    if not is_new and known and facts.now - known.last_time > COMPETING_WRITER_FORGOTTEN:
        return None
    if writer is None or not is_new:
        return known
    return CompetingWriter(writer[0], known.writes + 1 if known else 1, writer[1])


def _workers(known: WorkerEstimates, sample: Sample | None, facts: Facts) -> WorkerEstimates:
    if known.concurrency is None and facts.pods:
        known = _reported_before_scale_in(known, facts.pods)
    if sample is None:
        return known
    concurrency = known.concurrency if sample.concurrency is None else sample.concurrency
    startup_seconds, startup_changes = _startup(known, sample.startup_seconds)
    seconds, messages, before = known.service_seconds, known.service_messages, known.service_before
    if sample.service_seconds is not None and facts.spec.target.learns_service_time and _says_more(known, sample):
        seconds, messages = _rounded(sample.service_seconds), float(round(sample.service_messages))
        before = sample.service_before and _rounded(sample.service_before)
    return WorkerEstimates(seconds, concurrency, startup_seconds, messages, startup_changes, before)


def _says_more(known: WorkerEstimates, sample: Sample) -> bool:
    """Return whether the service time of a sample differs enough, or rests on so much more, to be worth a write."""
    if known.service_seconds is None or sample.service_seconds is None:
        return True
    if (known.service_before is None) != (sample.service_before is None):
        return True
    differs = abs(sample.service_seconds - known.service_seconds) > _IGNORED_DRIFT * known.service_seconds
    return differs or sample.service_messages >= 2 * (known.service_messages or 1.0)


def _reported_before_scale_in(known: WorkerEstimates, pods: Sequence[Worker]) -> WorkerEstimates:
    """Add what the workers reported that were asked whether they may go."""
    # Silence takes nothing back: workers that cannot be reached, for however long, may be at work all the same.
    reported = [worker.state.concurrency for worker in pods if worker.state]
    return replace(known, concurrency=float(median(reported))) if reported else known


def _startup(known: WorkerEstimates, measured: float | None) -> tuple[float | None, int]:
    """Return the start-up time, and how many measurements in a row say that it has changed."""
    before = known.startup_seconds
    if measured is None:
        return before, known.startup_changes
    if not before:
        return _rounded(measured), 0
    if side := (measured >= _CHANGED * before) - (_CHANGED * measured <= before):
        changes = known.startup_changes + side if known.startup_changes * side > 0 else side
        return (before, changes) if abs(changes) < _CHANGES_TO_BELIEVE else (_rounded(measured), 0)
    # Compared with the measurement: a lasting difference gets through, a small one never does.
    if abs(measured - before) <= _IGNORED_CHANGE * before:
        return before, 0
    return _rounded(before + _SMOOTHING * (measured - before)), 0


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
