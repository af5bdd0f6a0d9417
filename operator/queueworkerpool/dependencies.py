"""What a tick uses besides the pool, as Protocols: the ports that the adapters fit.

`reconcile` uses them, `wiring` connects them. Nothing here does anything.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from queueworkerpool.errors import ClusterRefusedError
from queueworkerpool.model import (
    Condition,
    Event,
    Freshness,
    NamespacedName,
    Observation,
    Pool,
    PoolSpec,
    QueueReading,
    QueueRef,
    Sample,
    ScaleTarget,
    StoredPool,
    Target,
    Worker,
)


class Queues(Protocol):
    """Where the queues' counts come from."""

    async def read(self, queue: QueueRef, freshness: Freshness) -> QueueReading:
        """Return a reading that is new enough. Raises QueueUnreadableError."""


class Tenants(Protocol):
    """Who may use which queue."""

    def admit(self, pool: Pool, queue: QueueRef) -> QueueRef:
        """Return the queue as this pool may read it. Raises QueueUnreadableError."""


class Targets(Protocol):
    """What pools scale, as it is known."""

    async def current(self, scale_target: ScaleTarget) -> Target | None:
        """Return the object of this name, if there is one, once its kind is listed.

        Raises TargetKindError when its kind cannot be scaled here, TargetsUnknownError where nothing is known.
        """

    def find(self, scale_target: ScaleTarget) -> Target | None:
        """Return the same at once. Raises the same."""

    def assume(self, scale_target: ScaleTarget, target: Target) -> None:
        """Remember our own write until the watch shows it."""


class Sampler(Protocol):
    """What the workers reported of themselves in the background."""

    def take(self, pool: Pool, target: Target) -> Sample | None:
        """Return the sample that has arrived since the last call, else None."""


class ScaleIn(Protocol):
    """The pods that may have to go."""

    async def query(self, scale_target: ScaleTarget, spec: PoolSpec, target: Target) -> tuple[Worker, ...]:
        """Return every pod of the target, with what its worker answers. Raises ClusterError."""

    async def mark(self, scale_target: ScaleTarget, pods: tuple[Worker, ...], victims: tuple[str, ...]) -> None:
        """Mark exactly these of the pods to go first, as far as that is allowed. Raises ClusterError."""

    async def clear(self, scale_target: ScaleTarget, target: Target) -> None:
        """Remove our marks from pods that did not go after all, as far as that is allowed. Raises ClusterError."""

    def refusal(self, scale_target: ScaleTarget) -> ClusterRefusedError | None:
        """Return why the last marks were refused; None when they were not."""


class Cluster(Protocol):
    """What may be written. Every method raises ClusterError or one of its kinds."""

    async def confirm(self, pool: Pool) -> None:
        """Make sure that the pool is still the one that was decided on."""

    async def scale(self, scale_target: ScaleTarget, replicas: int, resource_version: int) -> int:
        """Set the target's replicas; returns its new version. Raises ClusterRefusedError when it is not allowed."""

    async def write_status(self, pool: StoredPool, patch: Mapping[str, Any]) -> StoredPool:
        """Merge a patch into the pool's status; returns the pool as it now is."""

    async def post_event(self, pool: StoredPool, event: Event, now: datetime) -> None:
        """Post an Event about a pool."""


class Metrics(Protocol):
    """What counts and shows the ticks."""

    def observe(self, observation: Observation) -> None:
        """Record one tick of a pool."""

    def observe_invalid(self, pool: NamespacedName, target: Target | None) -> None:
        """Record one tick of a pool whose spec cannot be read."""

    def published(self, pool: NamespacedName, conditions: Sequence[Condition]) -> None:
        """Record the conditions that a pool's status now shows."""

    def rescaled(self, pool: NamespacedName, before: int, after: int) -> None:
        """Count one write of a target's replicas."""

    def event_lost(self) -> None:
        """Count an Event that could not be posted."""


class Deduplicator(Protocol):
    """What knows which Events were posted."""

    def unpublished(self, pool: StoredPool, events: Iterable[Event], now: datetime) -> list[Event]:
        """Return the Events that were not posted just now, and remember them as posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """All that a tick uses besides the pool.

    Args:
        tenants: Decides which queues a pool may read.
        queues: Reads the queues' counts.
        targets: Knows what pools scale, and our own writes that the watch has not shown yet.
        sampler: Brings what workers reported in the background.
        scale_in: Asks workers before a scale-in, and marks the pods that go.
        cluster: Writes scales, statuses and Events.
        metrics: Counts and shows the ticks.
        deduplicator: Keeps repeated Events back.
        clock: The time, with its zone.
        own_deployment: The operator's own Deployment, which no pool may scale.
    """

    tenants: Tenants
    queues: Queues
    targets: Targets
    sampler: Sampler
    scale_in: ScaleIn
    cluster: Cluster
    metrics: Metrics
    deduplicator: Deduplicator
    clock: Callable[[], datetime]
    own_deployment: ScaleTarget | None = None
