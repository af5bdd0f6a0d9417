"""What the watch shows of pools, and what one tick saw and decided."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from queueworkerpool.errors import ClusterRefusedError, QueueUnreadableError, SpecInvalidError, TargetKindError
from queueworkerpool.model.facts import Decision
from queueworkerpool.model.history import SizeChange
from queueworkerpool.model.identity import NamespacedName, ScaleTarget
from queueworkerpool.model.pods import Worker
from queueworkerpool.model.queues import QueueReading, QueueVariable, total
from queueworkerpool.model.readings import ReadingInterval, reading_interval
from queueworkerpool.model.spec import PoolSpec
from queueworkerpool.model.status import PoolStatus
from queueworkerpool.model.targets import Target
from queueworkerpool.names import EventType

INVALID_POLL_SECONDS = 300
"""How often a pool whose spec cannot be read is reported again, besides at each edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _PoolObject(ABC):
    """A QueueWorkerPool as the watch shows it, or as our own last write left it, whichever is newer."""

    key: NamespacedName
    uid: str
    created: str
    generation: int
    resource_version: int
    status: PoolStatus = field(default_factory=PoolStatus)

    @property
    @abstractmethod
    def scale_target(self) -> ScaleTarget | None:
        """What the pool scales; None when its spec cannot be read."""

    @property
    @abstractmethod
    def poll_seconds(self) -> int:
        """The interval of the pool's ticks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool(_PoolObject):
    """A pool whose spec is readable."""

    spec: PoolSpec

    @property
    def scale_target(self) -> ScaleTarget:
        """What the pool scales."""
        return self.spec.scale_target_ref.within(self.key.namespace)

    @property
    def poll_seconds(self) -> int:
        """`spec.pollSeconds`."""
        return self.spec.poll_seconds

    def reading_interval(self, replicas: int | None, now: datetime) -> ReadingInterval | None:
        """Return how often its queues are read, while its target asks for so many pods; None when they are not.

        The pool is as it holds now (`at`). One that was edited is read anew, whatever it was before.
        """
        status = self.status
        if status.observed_generation != self.generation:
            replicas = None
        delayed = status.backlog.delayed if status.backlog else 0
        return reading_interval(self.spec, status.memory, replicas, delayed, now)

    def at(self, now: datetime) -> "Pool":
        """Return the pool with its spec as it holds at a time."""
        spec = self.spec.at(now)
        return self if spec is self.spec else replace(self, spec=spec)

    def resolved(self, target: Target) -> "Pool":
        """Return the pool with the queues that the Deployment's environment names, as far as it does."""
        if not any(isinstance(queue, QueueVariable) for queue in self.spec.queues):
            return self
        return replace(self, spec=replace(self.spec, queues=target.environment.resolved(self.spec.queues)))

    def invalid(self, error: SpecInvalidError) -> "InvalidPool":
        """Return the same pool, once it has shown at run time that its spec makes no sense."""
        return InvalidPool(
            key=self.key,
            uid=self.uid,
            created=self.created,
            generation=self.generation,
            resource_version=self.resource_version,
            status=self.status,
            error=error,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidPool(_PoolObject):
    """A pool whose spec cannot be read. Nothing is read or scaled for it; its status says what is wrong."""

    error: SpecInvalidError

    @property
    def scale_target(self) -> None:
        """Nothing: it is not known what."""
        return

    @property
    def poll_seconds(self) -> int:
        """Rarely: only an edit mends it."""
        return INVALID_POLL_SECONDS


StoredPool = Pool | InvalidPool
"""A QueueWorkerPool as the API server stores it, whatever its spec."""


def parse_pool(body: Mapping[str, Any], sent: Mapping[str, Any] | None = None) -> StoredPool:
    """Parse a raw QueueWorkerPool. `sent`: the patch of its status that it is the answer to."""
    metadata = body["metadata"]
    common: dict[str, Any] = {
        "key": NamespacedName(metadata["namespace"], metadata["name"]),
        "uid": metadata["uid"],
        "created": metadata["creationTimestamp"],
        "generation": metadata["generation"],
        "resource_version": int(metadata["resourceVersion"]),
        "status": PoolStatus.parse(dict(body.get("status") or {}), sent),
    }
    try:
        return Pool(**common, spec=PoolSpec.parse(body["spec"]))
    except SpecInvalidError as error:
        return InvalidPool(**common, error=error)


@dataclass(frozen=True, slots=True)
class Event:
    """What people are told at once, as a Kubernetes Event; `change` is the change of size that it tells of."""

    type: EventType
    reason: str
    message: str
    change: SizeChange | None = None


Counts = tuple[QueueReading | QueueUnreadableError, ...]
"""What the queues of a pool answered, in the order of its spec."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one tick of a readable pool saw and decided; the status, the metrics and the Events report it.

    `owner` is the older pool that already scales the same target, if there is one. `forbidden`: no pool may scale the
    target, because it is the operator's own Deployment. `kind_problem`: why objects of its kind cannot be scaled.
    `counts` stand in the order of the spec's queues; they are empty when the queues were not read. `pods` are those
    whose workers were asked before a scale-in. `scaled_from` is the number of replicas that this tick changed, None
    when it changed none. `refusal`: why the size could not be written. `mark_refusal`: why pods could not be marked.
    """

    pool: Pool
    target: Target | None
    owner: NamespacedName | None = None
    forbidden: bool = False
    kind_problem: TargetKindError | None = None
    counts: Counts = ()
    decision: Decision | None = None
    pods: tuple[Worker, ...] = ()
    scaled_from: int | None = None
    refusal: ClusterRefusedError | None = None
    mark_refusal: ClusterRefusedError | None = None

    @property
    def may_scale(self) -> bool:
        """Whether the target exists and is this pool's to scale."""
        return self.target is not None and self.owner is None and not self.forbidden

    @property
    def reading(self) -> QueueReading | None:
        """The sum over the queues; None when any of them is unknown, or none was read."""
        return None if self.failure else total(self.counts)

    @property
    def failure(self) -> QueueUnreadableError | None:
        """Why the sum is unknown: the first queue's error."""
        return next((count for count in self.counts if isinstance(count, QueueUnreadableError)), None)
