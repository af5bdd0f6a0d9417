"""What a decision takes (Facts) and what it gives (Decision), and the memory that leads from one to the next."""

from dataclasses import dataclass
from datetime import datetime

from queueworkerpool.model.crew import Worker
from queueworkerpool.model.memory import Memory
from queueworkerpool.model.queues import QueueReading, total
from queueworkerpool.model.spec import PoolSpec
from queueworkerpool.names import Reason


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds that hold now, and the names of the schedules that set them."""

    min_replicas: int
    max_replicas: int
    schedules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What the workers and pods told at one time; None is what they did not tell.

    `busy_seconds` and `finished` are sums since the sample before, over the pods in both: their quotient is the
    service time. `alive` is the last time at which a worker had handled something.
    """

    time: datetime
    busy_seconds: float = 0.0
    finished: float = 0.0
    concurrency: float | None = None
    startup_seconds: float | None = None
    alive: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision may depend on. `readings` stand in the order of the spec's queues; None is unknown.

    `writer` is who else wrote the Deployment's replicas since our own last write, and when; None: nobody.
    `crew` are the Deployment's pods with what their workers answer; None when they were not asked.
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
    crew: tuple[Worker, ...] | None = None

    def load(self, reading: QueueReading) -> int:
        """The messages of a reading that count as load."""
        return self.spec.load(reading)

    @property
    def known(self) -> QueueReading | None:
        """The sum over the queues that could be read; None when none could."""
        return total(self.readings)

    @property
    def sees_all(self) -> bool:
        """Whether every queue could be read."""
        return bool(self.readings) and None not in self.readings


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a decision: the pods after it, why in a word, and why in a sentence with its numbers.

    `until` is when time alone ends what the step says; None when time alone does not.
    """

    replicas: int
    reason: Reason
    because: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """How many pods there should be, every step that led there, and what to remember for the next decision."""

    trail: tuple[Step, ...]
    memory: Memory
    look_again_seconds: float | None = None  # when the next look cannot wait for the usual interval
    victims: tuple[str, ...] = ()  # the pods that should go first
    least_latency_seconds: float | None = None  # what can be promised at the least, when the target asks for less

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

    @property
    def waiting_pods(self) -> int:
        """The pods that would go if their workers were idle."""
        for before, step in zip(self.trail, self.trail[1:], strict=False):
            if step.reason is Reason.WAITING_FOR_IDLE_WORKERS:
                return step.replicas - before.replicas
        return 0
