"""The interface of a sizing rule, and the values that pass through it. Pure; imports `names` alone."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from queueworkerpool.names import Reason


@dataclass(frozen=True, slots=True)
class WorkerEstimates:
    """What was measured of a pool's workers, smoothed; None is unknown.

    `service_seconds` is the mean time that one message takes, over `service_messages`, `concurrency` the messages that
    a pod handles at the same time, `startup_seconds` the time from a pod's creation to its readiness.
    `startup_changes`: how many measurements in a row were far longer than that, or, below 0, far shorter.
    `service_before`: the mean before it changed lately; None when it has not.
    """

    service_seconds: float | None = None
    concurrency: float | None = None
    startup_seconds: float | None = None
    service_messages: float | None = None
    startup_changes: int = 0
    service_before: float | None = None


class AtReading(NamedTuple):
    """How a pool is when its load is read: its ready pods, and how often it is read, in seconds."""

    ready: int
    poll_seconds: float


class Recommendation(NamedTuple):
    """The pods that a load needs, before any limit; why in a word, and why in a sentence with its numbers."""

    replicas: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What a target asks for and no number of pods can give; why in a word, and why in a sentence with its numbers."""

    reason: Reason
    message: str


class SizedPool(Protocol):
    """What a rule sees of the pool's other settings when it looks for contradictions; see the CRD for their meaning."""

    @property
    def min_replicas(self) -> int: ...  # noqa: D102 -- the CRD describes the fields

    @property
    def activation_messages(self) -> int: ...  # noqa: D102 -- as above

    @property
    def poll_seconds(self) -> int: ...  # noqa: D102 -- as above

    @property
    def idle_poll_seconds(self) -> int | None: ...  # noqa: D102 -- as above

    @property
    def scale_to_zero_after_seconds(self) -> int | None: ...  # noqa: D102 -- as above

    @property
    def scale_up_window_seconds(self) -> int: ...  # noqa: D102 -- as above


class SizingRule(ABC):
    """One way to size a pool. An instance is a parsed `spec.target`."""

    field: ClassVar[str]
    """The field of `spec.target` that selects the rule."""

    gauges: ClassVar[Mapping[str, str]] = {}
    """The metrics that show the target: names without prefix, with their help texts. `gauge_values` fills them."""

    sample_interval_seconds: ClassVar[float]
    """How often the workers are sampled."""

    learns_service_time: ClassVar[bool] = False
    """Whether the rule needs the workers' service time."""

    @classmethod
    @abstractmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Parse the raw `spec.target`, in which the rule's field is present."""

    @abstractmethod
    def recommend(self, load: int, workers: WorkerEstimates, at: AtReading) -> Recommendation:
        """Return the pods that a load, in messages, needs."""

    @abstractmethod
    def ratio(self, load: int, replicas: int, workers: WorkerEstimates, at: AtReading) -> float:
        """Return the needed pods, not rounded, over the pods there are (at least one), for the HPA's tolerance."""

    def shortfall(self, workers: WorkerEstimates) -> Shortfall | None:  # noqa: ARG002 -- most rules can always be kept
        """Return what the target asks for and cannot be had; None when it can be kept."""
        return None

    def gauge_values(self) -> Mapping[str, float]:
        """Return the values of `gauges`."""
        return {}

    @property
    def declared_service_seconds(self) -> float | None:
        """The time that a message takes by the target's own word; None when it does not say."""
        return None

    @property
    def declared_startup_seconds(self) -> float | None:
        """The time that a pod takes to start by the target's own word; None when it does not say."""
        return None

    def warnings(self, pool: SizedPool) -> Iterator[tuple[str, str]]:  # noqa: ARG002 -- as above
        """Yield contradictions between the target and the pool's other settings: field, and problem with the fix."""
        yield from ()

    def worker_warnings(self, concurrency: int, workload: str) -> Iterator[tuple[str, str]]:  # noqa: ARG002 -- as above
        """Yield what does not fit a workload whose workers handle so many messages at the same time."""
        yield from ()
