"""One tick of one pool, top to bottom. The doors arrive as Protocols.

The scheduler calls `reconcile` whenever a pool is due. It decides nothing itself (`decide` does), words nothing itself
(`status` does) and handles no failure of the cluster: those are raised, nothing below them happens, and the next
tick looks again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from queueworkerpool.decide import decide
from queueworkerpool.errors import ClusterError, NotLeadingError, QueueUnreadableError, SpecInvalidError
from queueworkerpool.gather import gather
from queueworkerpool.model import (
    BusyWorkers,
    Key,
    Mode,
    News,
    Observation,
    Pool,
    PoolSpec,
    QueueReading,
    QueueRef,
    Sample,
    Target,
    Worker,
)
from queueworkerpool.names import FIELD_MANAGER
from queueworkerpool.news import Told
from queueworkerpool.status import is_worth_telling, next_status, patch

logger = logging.getLogger(__name__)

BLIP_AGE_SECONDS = 1.0
"""A second reading must be new, even when another pool has just read the queue."""


class Queues(Protocol):
    """Where the queues' counts come from."""

    async def read(self, queue: QueueRef, max_age_seconds: float) -> QueueReading:
        """A reading no older than this. Raises QueueUnreadableError."""


class Tenants(Protocol):
    """Who may use which queue."""

    def admit(self, pool: Pool, queue: QueueRef) -> QueueRef:
        """The queue as this pool may read it. Raises QueueUnreadableError."""


class Targets(Protocol):
    """The Deployments as they are known."""

    def find(self, deployment: Key) -> Target | None:
        """The Deployment of this name, if there is one."""

    def wrote(self, deployment: Key, target: Target) -> None:
        """Remember our own write until the watch shows it."""


class Samples(Protocol):
    """What the workers told of themselves."""

    def take(self, pool: Pool, spec: PoolSpec, target: Target) -> Sample | None:
        """A sample that has arrived since the last call, else None."""


class Crews(Protocol):
    """The workers that may have to go."""

    async def look(self, deployment: Key, spec: PoolSpec, target: Target) -> tuple[Worker, ...]:
        """Every pod of the Deployment, with what its worker tells. Raises ClusterError."""

    async def mark(self, deployment: Key, crew: tuple[Worker, ...], victims: tuple[str, ...]) -> None:
        """Mark exactly these of the crew's pods. Raises ClusterError."""

    async def clear(self, deployment: Key, target: Target) -> None:
        """Take our marks from pods that did not go after all. Raises ClusterError."""


class Cluster(Protocol):
    """What may be written. Every method raises ClusterError or one of its kinds."""

    async def confirm(self, pool: Pool) -> None:
        """Make sure that the pool is still the one that was decided on."""

    async def scale(self, deployment: Key, replicas: int, resource_version: int) -> int:
        """Set a Deployment's replicas; returns its new version."""

    async def write_status(self, pool: Pool, patch: Mapping[str, Any]) -> Pool:
        """Merge a patch into the pool's status; returns the pool as it now is."""

    async def post_event(self, pool: Pool, news: News, now: datetime) -> None:
        """Post an Event about a pool."""


class Metrics(Protocol):
    """Who counts."""

    def observe(self, seen: Observation) -> None:
        """Take in one tick of a pool."""

    def told(self, pool: Key, conditions: Sequence[Mapping[str, Any]]) -> None:
        """Take in the conditions that a pool's status now shows."""

    def resized(self, pool: Key, before: int, after: int) -> None:
        """Count one write of a Deployment's replicas."""


@dataclass(frozen=True, slots=True)
class World:
    """All that lies outside of a decision. `own`: the operator's own Deployment, which no pool may scale."""

    tenants: Tenants
    queues: Queues
    targets: Targets
    samples: Samples
    crews: Crews
    cluster: Cluster
    metrics: Metrics
    told: Told
    clock: Callable[[], datetime]
    own: Key | None = None


async def reconcile(pool: Pool, owner: Key | None, world: World) -> tuple[Pool, float | None]:
    """Bring one pool to its size and tell about it.

    Returns the pool as it now is, and after how many seconds to look again when that cannot wait for the usual time.
    `owner` is the older pool that already scales the same Deployment, if there is one. Raises ClusterError when
    something could not be written; then nothing that follows it was done.
    """
    seen = await _observe(pool, owner, world)
    world.metrics.observe(seen)
    seen = await _scale(seen, world)
    return await _tell(seen, world), seen.decision.look_again_seconds if seen.decision else None


async def _observe(pool: Pool, owner: Key | None, world: World) -> Observation:
    if isinstance(pool.spec, SpecInvalidError):
        return Observation(pool, None)
    deployment = _deployment(pool, pool.spec)
    target, forbidden = world.targets.find(deployment), deployment == world.own
    if target is None or owner or forbidden:
        return Observation(pool, target, owner, forbidden)
    counts = await _read(pool, pool.spec, world)
    sample = world.samples.take(pool, pool.spec, target)
    seen = Observation(pool, target, counts=counts)
    try:
        known = tuple(count if isinstance(count, QueueReading) else None for count in counts)
        facts = replace(gather(pool, pool.spec, target, known, world.clock()), sample=sample)
        decision = decide(facts)
        if decision.replicas < target.replicas and pool.spec.busy_workers is BusyWorkers.PROTECT:
            crew = await world.crews.look(deployment, pool.spec, target)
            return replace(seen, crew=crew, decision=decide(replace(facts, crew=crew)))
        return replace(seen, decision=decision)
    except SpecInvalidError as error:  # a schedule that only shows at run time that it makes no sense
        return Observation(replace(pool, spec=error), target)


async def _read(pool: Pool, spec: PoolSpec, world: World) -> tuple[QueueReading | QueueUnreadableError, ...]:
    if spec.mode is Mode.PAUSED:
        return ()
    # What may be a blip is looked at again soon, by a reading of its own.
    max_age = BLIP_AGE_SECONDS if "glimpsed" in pool.status.get("memory", {}) else spec.poll_seconds

    async def read(queue: QueueRef) -> QueueReading | QueueUnreadableError:
        try:
            return await world.queues.read(world.tenants.admit(pool, queue), max_age)
        except QueueUnreadableError as error:
            return error

    return tuple(await asyncio.gather(*(read(queue) for queue in spec.queues)))


async def _scale(seen: Observation, world: World) -> Observation:
    spec, target, decision = seen.pool.spec, seen.target, seen.decision
    if isinstance(spec, SpecInvalidError) or target is None or decision is None or spec.mode is not Mode.ACTIVE:
        return seen
    deployment = _deployment(seen.pool, spec)
    if decision.replicas == target.replicas:
        await world.crews.clear(deployment, target)
        return seen
    await world.cluster.confirm(seen.pool)
    await world.crews.mark(deployment, seen.crew, decision.victims)
    version = await world.cluster.scale(deployment, decision.replicas, target.resource_version)
    scaled = replace(
        target,
        replicas=decision.replicas,
        resource_version=version,
        settled=False,
        writer=(FIELD_MANAGER, world.clock()),
    )
    world.targets.wrote(deployment, scaled)
    world.metrics.resized(seen.pool.key, target.replicas, scaled.replicas)
    logger.info(
        "pool resized",
        extra={
            "pool": str(seen.pool.key),
            "from": target.replicas,
            "to": scaled.replicas,
            "reason": decision.reason,
            "because": decision.because,
        },
    )
    return replace(seen, target=scaled, scaled_from=target.replicas)


async def _tell(seen: Observation, world: World) -> Pool:
    now = world.clock()
    old, new = seen.pool.status, next_status(seen, now)
    pool = seen.pool
    if is_worth_telling(old, new, now):
        pool = await world.cluster.write_status(pool, patch(old, new))
    world.metrics.told(pool.key, new["conditions"])
    for news in world.told.fresh(seen, old, new, now):
        await _post(pool, news, world)
    return pool


async def _post(pool: Pool, news: News, world: World) -> None:
    try:
        await world.cluster.post_event(pool, news, world.clock())
    except NotLeadingError:
        raise
    except ClusterError as error:  # an Event is a courtesy: it must not cost the tick
        logger.warning("event not posted", extra={"pool": str(pool.key), "event": news.reason, "error": str(error)})


def _deployment(pool: Pool, spec: PoolSpec) -> Key:
    return Key(pool.key.namespace, spec.deployment)
