"""What the watch shows, and what one tick saw and decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from queueworkerpool.errors import QueueUnreadableError, SpecInvalidError
from queueworkerpool.model.crew import Worker
from queueworkerpool.model.facts import Decision
from queueworkerpool.model.queues import QueueReading, total
from queueworkerpool.model.spec import Key, PoolSpec
from queueworkerpool.names import EventType


@dataclass(frozen=True, slots=True)
class Target:
    """A Deployment as the watch shows it: pods asked for, pods ready, and the version these numbers are of.

    `rolling_out`: some pods are of an older template. `settled`: there are as many pods as are asked for, so the last
    scale-in has taken its pods. `selector`: the label selector of its pods. `writer`: the field manager that last
    wrote the replicas, and when; None when that is not known.
    """

    replicas: int
    ready_replicas: int
    resource_version: int
    rolling_out: bool = False
    settled: bool = False
    selector: str = ""
    writer: tuple[str, datetime | None] | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a raw Deployment."""
        status, metadata = body.get("status", {}), body["metadata"]
        labels = body["spec"].get("selector", {}).get("matchLabels", {})
        replicas = body["spec"].get("replicas", 1)
        current = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
        return cls(
            replicas=replicas,
            ready_replicas=status.get("readyReplicas", 0),
            resource_version=int(metadata["resourceVersion"]),
            rolling_out=status.get("updatedReplicas", 0) < status.get("replicas", 0),
            settled=current and status.get("replicas", 0) == replicas,
            selector=",".join(f"{name}={value}" for name, value in sorted(labels.items())),
            writer=_writer(metadata.get("managedFields", ())),
        )


def _writer(managed: Iterable[Mapping[str, Any]]) -> tuple[str, datetime | None] | None:
    """Who last wrote spec.replicas, and when, by the API server's own records."""
    owners = [entry for entry in managed if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})]
    last = max(owners, key=lambda entry: str(entry.get("time", "")), default=None)
    if last is None:
        return None
    return last["manager"], datetime.fromisoformat(last["time"]) if "time" in last else None


@dataclass(frozen=True, slots=True)
class Pool:
    """A QueueWorkerPool as the watch shows it, or as our own last write left it, whichever is newer."""

    key: Key
    uid: str
    created: str
    generation: int
    resource_version: int
    spec: PoolSpec | SpecInvalidError
    status: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a raw object. An unreadable spec is kept as the error, for the status to tell."""
        metadata = body["metadata"]
        spec: PoolSpec | SpecInvalidError
        try:
            spec = PoolSpec.parse(body["spec"])
        except SpecInvalidError as error:
            spec = error
        return cls(
            key=Key(metadata["namespace"], metadata["name"]),
            uid=metadata["uid"],
            created=metadata["creationTimestamp"],
            generation=metadata["generation"],
            resource_version=int(metadata["resourceVersion"]),
            spec=spec,
            status=dict(body.get("status") or {}),
        )


@dataclass(frozen=True, slots=True)
class News:
    """What people are told at once, as a Kubernetes Event."""

    kind: EventType
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one tick saw and decided; the status, the metrics and the Events tell of it.

    `owner` is the older pool that already scales the Deployment, if there is one. `forbidden`: no pool may scale it,
    for it is the operator's own. `counts` stand in the order of
    the spec's queues, and are empty when the queues were not read. `crew` are the workers that were asked whether they
    may go. `scaled_from` is the number of replicas that this tick changed, None when it changed none.
    """

    pool: Pool
    target: Target | None
    owner: Key | None = None
    forbidden: bool = False
    counts: tuple[QueueReading | QueueUnreadableError, ...] = ()
    decision: Decision | None = None
    crew: tuple[Worker, ...] = ()
    scaled_from: int | None = None

    @property
    def reading(self) -> QueueReading | None:
        """The sum over the queues; None when any of them is unknown, or none was read."""
        return None if self.trouble else total(self.counts)

    @property
    def trouble(self) -> QueueUnreadableError | None:
        """Why the sum is unknown: the first queue's error."""
        return next((count for count in self.counts if isinstance(count, QueueUnreadableError)), None)
