"""What a decision takes (Facts), what it gives (Decision), and the steps in between."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from queueworkerpool.model.memory import Memory
from queueworkerpool.model.pods import Worker
from queueworkerpool.model.queues import QueueReading, total
from queueworkerpool.model.spec import PoolSpec
from queueworkerpool.model.workloads import Removal
from queueworkerpool.names import Reason
from queueworkerpool.sizing import AtReading


class Bounds(NamedTuple):
    """The bounds that hold now, and the names of the schedules that set them."""

    min_replicas: int
    max_replicas: int
    schedules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What the workers and pods reported at one time; None is what they did not report.

    `service_seconds` is the mean time that one message takes, as far as is known by now, over `service_messages`.
    `service_before` is that mean before it changed, if it has changed lately.
    `last_handled` is the last time at which a worker is known to have handled something.
    """

    time: datetime
    service_seconds: float | None = None
    service_messages: float = 0.0
    concurrency: float | None = None
    startup_seconds: float | None = None
    last_handled: datetime | None = None
    service_before: float | None = None


class Facts(NamedTuple):
    """All that a decision may depend on. `readings` stand in the order of the spec's queues; None is unknown.

    `writer` is who else wrote the target's replicas since our own last write, and when; None: nobody.
    `pods` are the target's pods with what their workers answer; None when they were not asked. `removal`: which of them
    go at a scale-in; `first_ordinal`: the lowest of their ordinals, where they have one.
    """

    spec: PoolSpec
    bounds: Bounds
    replicas: int
    readings: tuple[QueueReading | None, ...]
    memory: Memory
    now: datetime
    ready: int = 0
    rolling_out: bool = False
    sample: Sample | None = None
    writer: tuple[str, datetime] | None = None
    pods: tuple[Worker, ...] | None = None
    removal: Removal = Removal.MARKED
    first_ordinal: int = 0

    def load(self, reading: QueueReading) -> int:
        """Return the messages of a reading that count as load."""
        return self.spec.load(reading)

    @property
    def at_reading(self) -> AtReading:
        """How the pool is, as sizing rules see it."""
        return AtReading(self.ready, self.spec.poll_seconds)

    @property
    def reading(self) -> QueueReading | None:
        """The sum over the queues that could be read; None when none could."""
        return self.readings[0] if len(self.readings) == 1 else total(self.readings)

    @property
    def all_read(self) -> bool:
        """Whether every queue could be read."""
        return bool(self.readings) and all(self.readings)


class StepKind(Enum):
    """What a step does to the number of pods."""

    RECOMMENDATION = auto()  # the load sets it
    HOLD = auto()  # the state of the pool keeps it from what the load needs
    BOUND = auto()  # the user's bounds, schedules or policies set it, which the condition ScalingLimited reports


class Step(NamedTuple):
    """One step of a decision: the pods after it, why in a word, and why in a sentence with its numbers.

    `until` is when time alone ends the step; None when time alone does not. `waits_for_workers`: pods stay only until
    their workers are idle. `asks_workers`: what the workers report may end the step. `yields`: another writer keeps
    the size before it from being written. `recheck_seconds`: the decision must be made again this soon, not after the
    usual interval.
    """

    replicas: int
    reason: Reason
    message: str
    until: datetime | None = None
    kind: StepKind = StepKind.HOLD
    waits_for_workers: bool = False
    asks_workers: bool = False
    yields: bool = False
    recheck_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """How many pods there should be, every step that led there, and what to remember for the next decision.

    `victims`: the pods that should go first.
    """

    trail: tuple[Step, ...]
    memory: Memory
    victims: tuple[str, ...] = ()

    @property
    def last_step(self) -> Step:
        """The step that set the number."""
        return self.trail[-1]

    @property
    def replicas(self) -> int:
        """The number of pods decided on."""
        return self.last_step.replicas

    @property
    def recommended(self) -> int | None:
        """The pods that the load needs, before any limit; None when the load is not known."""
        return next((step.replicas for step in self.trail if step.kind is StepKind.RECOMMENDATION), None)

    @property
    def reason(self) -> Reason:
        """The reason of the step that set the number."""
        return self.last_step.reason

    @property
    def message(self) -> str:
        """The sentence of the step that set the number."""
        return self.last_step.message

    @property
    def recheck_seconds(self) -> float | None:
        """Seconds after which to decide again when that cannot wait for the usual interval, else None."""
        for step in self.trail:  # a loop, for this is asked at each tick, and a generator takes three times as long
            if step.recheck_seconds is not None:
                return step.recheck_seconds
        return None

    @property
    def waits_for_workers(self) -> bool:
        """Whether pods stay only until their workers are idle."""
        return any(step.waits_for_workers for step in self.trail)

    @property
    def asks_workers(self) -> bool:
        """Whether what the workers report may end a step."""
        for step in self.trail:  # noqa: SIM110 -- as above
            if step.asks_workers:
                return True
        return False

    @property
    def waiting_pods(self) -> int:
        """The pods that would go if their workers were idle."""
        for before, step in zip(self.trail, self.trail[1:], strict=False):
            if step.waits_for_workers:
                return step.replicas - before.replicas
        return 0
