"""One tick of one pool, top to bottom. The adapters arrive as Protocols.

The scheduler calls `reconcile` whenever a pool is due. It decides nothing itself (`decide` does), words nothing itself
(`report` does) and handles no failure of the cluster: those are raised, nothing below them happens, and the next
tick tries again.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from queueworkerpool.decide import decide, unwritten
from queueworkerpool.dependencies import Dependencies
from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterRefusedError,
    NotLeadingError,
    QueueUnreadableError,
    SpecInvalidError,
    TargetKindError,
)
from queueworkerpool.gather import gather, with_own_memory
from queueworkerpool.model import (
    BusyWorkers,
    Counts,
    Event,
    Freshness,
    InvalidPool,
    Mode,
    NamespacedName,
    Observation,
    Pool,
    PoolStatus,
    QueueReading,
    QueueRef,
    QueueVariable,
    StoredPool,
    Target,
    must_be_new,
)
from queueworkerpool.names import FIELD_MANAGER, ConditionType
from queueworkerpool.report.events import condition_events, rescale_events
from queueworkerpool.report.status import invalid_status, is_worth_writing, next_status, patch

logger = logging.getLogger(__name__)

CONFIRMATION = Freshness.of_interval(1.0)
"""The second reading of a count that may be wrong must be new, even when another pool has just read the queue."""

MOST_WRITES = 5
"""Times that a scale is written while nothing but the target's status changes in between."""

WATCH_LAG_SECONDS = 0.1
"""The time in which the watch shows what another one has written."""


async def reconcile(
    pool: StoredPool, owner: NamespacedName | None, dependencies: Dependencies
) -> tuple[StoredPool, float | None]:
    """Bring one pool to its size and report it.

    Returns the pool as it now is, and the seconds to the next tick when that cannot wait for the usual time. `owner`
    is the older pool that already scales the same target, if there is one. Raises ClusterError when something
    could not be written; then nothing that follows it was done. A size that is refused is no such failure: it is
    reported in the status.
    """
    if isinstance(pool, InvalidPool):
        return await _report_invalid(pool, None, dependencies), None
    began = dependencies.clock()  # before the tick's own time: whether to read, and how new a reading must be
    observation = await _found(pool.at(began), owner, dependencies)
    counts = await _read(observation, began, dependencies) if observation.may_scale else ()
    now = dependencies.clock()  # the tick's one time; readings carry their own, which is a little earlier
    try:
        observation = await _decide(observation, counts, now, dependencies)
    except SpecInvalidError as error:  # a schedule that shows only at run time that it makes no sense
        return await _report_invalid(pool.invalid(error), observation.target, dependencies), None
    dependencies.metrics.observe(observation)
    observation = await _scale(observation, now, dependencies)
    status = next_status(observation, now)
    events = [*rescale_events(observation), *condition_events(pool.status, status)]
    recheck_seconds = observation.decision.recheck_seconds if observation.decision else None
    return await _publish(pool, Report(status, events, now), dependencies), recheck_seconds


@dataclass(frozen=True, slots=True)
class Report:
    """What a tick has to say, and its time."""

    status: PoolStatus
    events: Sequence[Event]
    now: datetime


async def _found(pool: Pool, owner: NamespacedName | None, dependencies: Dependencies) -> Observation:
    scale_target = pool.scale_target
    try:
        target = await dependencies.targets.current(scale_target)
    except TargetKindError as error:
        return Observation(pool, None, owner, kind_problem=error)
    known = with_own_memory(pool.resolved(target), target) if target else pool
    return Observation(known, target, owner, forbidden=scale_target == dependencies.own_deployment)


async def _read(observation: Observation, began: datetime, dependencies: Dependencies) -> Counts:
    pool, target = observation.pool, observation.target
    interval = pool.reading_interval(target.replicas, began) if target else None
    if target is None or interval is None:
        return ()
    confirms = must_be_new(pool.spec, pool.status.memory, target.replicas, began)

    async def read(queue: QueueRef | QueueVariable) -> QueueReading | QueueUnreadableError:
        try:
            if isinstance(queue, QueueVariable):  # it could not be resolved, and says why
                queue = QueueRef(target.environment.url(queue), queue.region)
            freshness = CONFIRMATION if confirms else interval.freshness(queue.url, began)
            return await dependencies.queues.read(dependencies.tenants.admit(pool, queue), freshness)
        except QueueUnreadableError as error:
            return error

    queues = pool.spec.queues
    if len(queues) == 1:  # as nearly always; a task of its own, as `asyncio.gather` makes, costs as much as a decision
        return (await read(queues[0]),)
    return tuple(await asyncio.gather(*(read(queue) for queue in queues)))


async def _decide(observation: Observation, counts: Counts, now: datetime, dependencies: Dependencies) -> Observation:
    """Add the queues' counts, and the decision on them. Raises SpecInvalidError."""
    pool, target = observation.pool, observation.target
    if target is None or not observation.may_scale:
        return observation
    readings = tuple([count if isinstance(count, QueueReading) else None for count in counts])
    sample = dependencies.sampler.take(pool, target)
    decision = decide(gather(pool, target, readings, now, sample))
    decided = replace(observation, counts=counts, decision=decision)
    protects = pool.spec.busy_workers is BusyWorkers.PROTECT and target.spares_workers
    lowers = decision.replicas < target.replicas and protects
    raises = decision.replicas > target.replicas  # more pods wait for no answer: none could lower what raises them
    if raises or not (lowers or decision.asks_workers):
        return decided
    try:
        pods = await dependencies.scale_in.query(pool.scale_target, pool.spec, target)
    except ClusterRefusedError as error:
        return _refused(decided, error, now)
    # Asking takes seconds, in which the target's status may have changed: what is decided is about how it is now.
    target = _latest(pool, target, dependencies)
    facts = gather(pool, target, readings, now, sample)._replace(pods=pods)
    return replace(decided, target=target, pods=pods, decision=decide(facts))


def _latest(pool: Pool, target: Target, dependencies: Dependencies) -> Target:
    """Return the target as it is now where only its status has changed; otherwise the write will be refused."""
    latest = dependencies.targets.find(pool.scale_target)
    return latest if latest and latest.differs_in_status_only(target) else target


async def _scale(observation: Observation, now: datetime, dependencies: Dependencies) -> Observation:
    pool, target, decision = observation.pool, observation.target, observation.decision
    if target is None or decision is None or observation.refusal or pool.spec.mode is not Mode.ACTIVE:
        return observation
    if decision.replicas == target.replicas:
        if target.heeds_marks:
            await dependencies.scale_in.clear(pool.scale_target, target)
        return _with_mark_refusal(observation, dependencies)
    await dependencies.cluster.confirm(pool)
    if target.heeds_marks:
        await dependencies.scale_in.mark(pool.scale_target, observation.pods, decision.victims)
    observation = _with_mark_refusal(observation, dependencies)
    try:
        version = await _write_scale(pool, target, decision.replicas, dependencies)
    except ClusterRefusedError as error:
        return _refused(observation, error, now)
    scaled = replace(
        target,
        replicas=decision.replicas,
        resource_version=version,
        settled=False,
        writer=(FIELD_MANAGER, now),
    )
    dependencies.targets.assume(pool.scale_target, scaled)
    dependencies.metrics.rescaled(pool.key, target.replicas, scaled.replicas)
    observation = replace(observation, target=scaled, scaled_from=target.replicas)
    _log_rescale(observation)
    return observation


def _with_mark_refusal(observation: Observation, dependencies: Dependencies) -> Observation:
    refusal = dependencies.scale_in.refusal(observation.pool.scale_target)
    return replace(observation, mark_refusal=refusal) if refusal else observation


def _log_rescale(observation: Observation) -> None:
    if observation.decision:
        logger.info(
            "pool rescaled",
            extra={
                "pool": str(observation.pool.key),
                "from": observation.scaled_from,
                "to": observation.decision.replicas,
                "reason": observation.decision.reason,
                "details": observation.decision.message,
            },
        )


def _refused(observation: Observation, error: ClusterRefusedError, now: datetime) -> Observation:
    """Return what there is to report when the size may not be written: the decision stands, and no change happened."""
    pool, target, decision = observation.pool, observation.target, observation.decision
    if target is None or decision is None:
        return observation
    before = pool.status.condition(ConditionType.ABLE_TO_SCALE)
    if before and error.repeats(before.message):
        error = ClusterRefusedError(before.message)  # told already: one status, whatever numbers differ each time
    else:
        logger.warning("size refused", extra={"pool": str(pool.key), "to": decision.replicas, "error": str(error)})
    memory = unwritten(gather(pool, target, (), now), decision)
    return replace(observation, refusal=error, decision=replace(decision, memory=memory))


async def _write_scale(pool: Pool, target: Target, replicas: int, dependencies: Dependencies) -> int:
    """Write the replicas, unless something else than the target's status has changed; return the new version.

    A status that changes several times a second makes the version old before it arrives; the watch then shows a newer.
    """
    latest = _latest(pool, target, dependencies)
    for _ in range(MOST_WRITES - 1):
        try:
            return await dependencies.cluster.scale(pool.scale_target, replicas, latest.resource_version)
        except ClusterConflictError:
            await asyncio.sleep(WATCH_LAG_SECONDS)
            before, latest = latest, _latest(pool, target, dependencies)
            if latest.resource_version <= before.resource_version:
                raise
    return await dependencies.cluster.scale(pool.scale_target, replicas, latest.resource_version)


async def _report_invalid(pool: InvalidPool, target: Target | None, dependencies: Dependencies) -> StoredPool:
    """Report that a pool's spec makes no sense; nothing is read or scaled for it."""
    now = dependencies.clock()
    dependencies.metrics.observe_invalid(pool.key, target)
    status = invalid_status(pool, target, now)
    events = list(condition_events(pool.status, status))
    return await _publish(pool, Report(status, events, now), dependencies)


async def _publish(pool: StoredPool, report: Report, dependencies: Dependencies) -> StoredPool:
    """Write the status if it says something new, then post the Events; returns the pool as it now is."""
    written = pool
    if is_worth_writing(pool.status, report.status, report.now):
        written = await dependencies.cluster.write_status(pool, patch(pool.status.stored, report.status.dump()))
    dependencies.metrics.published(pool.key, report.status.conditions)
    for event in dependencies.deduplicator.unpublished(pool, report.events, report.now):
        await _post(written, event, report.now, dependencies)
    return written


async def _post(pool: StoredPool, event: Event, now: datetime, dependencies: Dependencies) -> None:
    try:
        await dependencies.cluster.post_event(pool, event, now)
    except NotLeadingError:
        raise
    except ClusterError as error:  # an Event that is lost must not cost the tick
        dependencies.metrics.event_lost()
        logger.warning("event not posted", extra={"pool": str(pool.key), "event": event.reason, "error": str(error)})
