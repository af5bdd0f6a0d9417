"""The values that the operator passes around: frozen, typed, parsed once.

Everybody above builds and reads them. They do no input or output and know no library. `PoolSpec.parse` and
`Memory.parse` are the only readers of the raw dictionaries; defaults and bounds live in the CRD.
"""

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from queueworkerpool.errors import QueueUnreadableError, SpecInvalidError
from queueworkerpool.names import EventType, Reason


class Mode(StrEnum):
    """`spec.mode`: whether the operator scales, only decides, or does nothing."""

    ACTIVE = "Active"
    DRY_RUN = "DryRun"
    PAUSED = "Paused"


class Key(NamedTuple):
    """Namespace and name of a namespaced object."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class QueueRef(NamedTuple):
    """An SQS queue: its URL, and its region when the pool names one."""

    url: str
    region: str | None = None

    @property
    def name(self) -> str:
        """The queue's name, as people call it."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class QueueReading:
    """Message counts of one queue, or the sum over several, and when they were read (the oldest of several)."""

    visible: int
    in_flight: int
    delayed: int
    time: datetime

    def __add__(self, other: "QueueReading") -> "QueueReading":
        return QueueReading(
            self.visible + other.visible,
            self.in_flight + other.in_flight,
            self.delayed + other.delayed,
            min(self.time, other.time),
        )


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """The `spec` of a QueueWorkerPool; the fields' meaning, units and bounds are described in the CRD."""

    deployment: str
    queues: tuple[QueueRef, ...]
    max_replicas: int
    messages_per_pod: int
    min_replicas: int = 0
    count_in_flight: bool = True
    count_delayed: bool = False
    activation_messages: int = 0
    poll_seconds: int = 5
    scale_to_zero_after_seconds: int = 60
    scale_down_window_seconds: int = 60
    mode: Mode = Mode.ACTIVE

    @classmethod
    def parse(cls, spec: Mapping[str, Any]) -> Self:
        """Read the raw `spec` of a stored object, in which the API server has filled in the CRD's defaults.

        Raises SpecInvalidError, naming the field, when the object and this operator's CRD disagree.
        """
        try:
            return cls(
                deployment=spec["scaleTargetRef"]["name"],
                queues=tuple(QueueRef(queue["url"], queue.get("region")) for queue in spec["queues"]),
                max_replicas=spec["maxReplicas"],
                messages_per_pod=spec["target"]["messagesPerPod"],
                min_replicas=spec["minReplicas"],
                count_in_flight=spec["count"]["inFlight"] == "Count",
                count_delayed=spec["count"]["delayed"] == "Count",
                activation_messages=spec["activationMessages"],
                poll_seconds=spec["pollSeconds"],
                scale_to_zero_after_seconds=spec["scaleToZeroAfterSeconds"],
                scale_down_window_seconds=spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"],
                mode=Mode(spec["mode"]),
            )
        except KeyError as error:
            raise SpecInvalidError(
                f"the stored spec lacks {error}; apply the pool again under the current CRD"
            ) from error
        except (TypeError, ValueError) as error:
            raise SpecInvalidError("the stored spec does not fit the current CRD; apply the pool again") from error

    def load(self, reading: QueueReading) -> int:
        """The messages that count as load."""
        counted = reading.visible
        counted += reading.in_flight if self.count_in_flight else 0
        return counted + (reading.delayed if self.count_delayed else 0)


@dataclass(frozen=True, slots=True)
class Lull:
    """A stretch of time in which fewer pods were wished for than there are, and the most wished for in it."""

    since: datetime
    peak: int


@dataclass(frozen=True, slots=True)
class Memory:
    """All that a decision needs to know of the past (ADR 0002). It lives in `.status.memory`."""

    lull: Lull | None = None
    empty_since: datetime | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Read the raw `.status.memory`. What cannot be read is forgotten: that only delays a scale-in."""
        try:
            lull, empty_since = raw.get("lull"), raw.get("emptySince")
            return cls(
                lull=Lull(datetime.fromisoformat(lull["since"]), int(lull["peak"])) if lull else None,
                empty_since=datetime.fromisoformat(empty_since) if empty_since else None,
            )
        except (KeyError, TypeError, ValueError):
            return cls()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision may depend on. `reading` is None when any queue could not be read."""

    spec: PoolSpec
    replicas: int
    reading: QueueReading | None
    memory: Memory
    now: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a decision: the pods after it, why in a word, and why in a sentence with its numbers."""

    replicas: int
    reason: Reason
    because: str


@dataclass(frozen=True, slots=True)
class Decision:
    """How many pods there should be, every step that led there, and what to remember for the next decision."""

    trail: tuple[Step, ...]
    memory: Memory

    @property
    def replicas(self) -> int:
        """The number of pods decided on."""
        return self.trail[-1].replicas

    @property
    def reason(self) -> Reason:
        """The reason of the step that set the number."""
        return self.trail[-1].reason

    @property
    def because(self) -> str:
        """The sentence of the step that set the number."""
        return self.trail[-1].because


@dataclass(frozen=True, slots=True)
class Target:
    """A Deployment as the watch shows it: pods asked for, pods ready, and the version these numbers are of."""

    replicas: int
    ready_replicas: int
    resource_version: int


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

    `owner` is the older pool that already scales the Deployment, if there is one. `counts` stand in the order of
    the spec's queues, and are empty when the queues were not read. `scaled_from` is the number of replicas that this
    tick changed, None when it changed none.
    """

    pool: Pool
    target: Target | None
    owner: Key | None = None
    counts: tuple[QueueReading | QueueUnreadableError, ...] = ()
    decision: Decision | None = None
    scaled_from: int | None = None

    @property
    def reading(self) -> QueueReading | None:
        """The sum over the queues; None when any of them is unknown, or none was read."""
        known = [count for count in self.counts if isinstance(count, QueueReading)]
        return functools.reduce(operator.add, known) if known and len(known) == len(self.counts) else None

    @property
    def trouble(self) -> QueueUnreadableError | None:
        """Why the sum is unknown: the first queue's error."""
        return next((count for count in self.counts if isinstance(count, QueueUnreadableError)), None)
