"""What a simulation is given, shows to a policy and returns. Pure values; every module of the simulation uses them.

Time is in seconds from the start. Messages are numbers in the order in which they are sent.
"""

import math
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import NamedTuple, Protocol

from queueplanner.work import Work

UNKNOWN = math.nan

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
"""When what has no date of its own begins: midnight of a Monday, as weekly loads do."""


class Counts(NamedTuple):
    """What the queue says of itself."""

    visible: int
    in_flight: int


class PodState(Enum):
    """Where a pod is in its life."""

    STARTING = auto()
    READY = auto()
    ENDING = auto()
    GONE = auto()


@dataclass(slots=True, eq=False)
class SimulatedPod:
    """A pod and its worker.

    `in_hand`: when each message that it handles was begun, by number. `finished` and `busy_seconds` are of messages
    that it has handled, well or not, without those in hand. `polls_since`: when its last receive began.
    """

    number: int
    created: float
    state: PodState = PodState.STARTING
    ready_at: float = UNKNOWN
    in_hand: dict[int, float] = field(default_factory=dict)
    finished: int = 0
    busy_seconds: float = 0.0
    polls_since: float = UNKNOWN

    @property
    def name(self) -> str:
        """Its name."""
        return f"pod-{self.number}"


class View(NamedTuple):
    """What a policy may see.

    Args:
        now: The time.
        counts: Of the queue.
        replicas: Pods that are asked for.
        pods: Those that have not been told to end.
        sent: Messages that were sent since the start.
        received: Those that were received since then, each time counted.
        began: When the start was, for schedules.
    """

    now: float
    counts: Counts
    replicas: int
    pods: Sequence[SimulatedPod]
    sent: int = 0
    received: int = 0
    began: datetime = MONDAY

    @property
    def time(self) -> datetime:
        """The time as a calendar has it."""
        return self.began + timedelta(seconds=self.now)


class Move(NamedTuple):
    """What a policy decides.

    Args:
        replicas: Pods to ask for from now on.
        next_seconds: When it wants to be asked again.
        victims: Names of the pods that go first.
        reads: Readings of the queue that the decision took.
        spares_busy: Whether pods with messages in hand stay although fewer are asked for, until they are idle, as
            instances do that are protected from scale-in.
    """

    replicas: int
    next_seconds: float
    victims: Sequence[str] = ()
    reads: int = 1
    spares_busy: bool = False


class Policy(Protocol):
    """What decides how many pods there are."""

    @property
    def name(self) -> str:
        """What people call it."""

    def decide(self, view: View) -> Move:
        """Decide on what is seen."""


@dataclass(frozen=True, slots=True)
class Primary:
    """A server that holds the jobs itself and assigns them to workers, instead of a queue.

    Args:
        assignments_per_second: How many it manages.
        heartbeat_seconds: After so long without a sign of life a worker is lost, and its jobs are assigned anew.
        failures: From when to when it is down. Meanwhile nothing is assigned, and what is sent waits at the senders.
        keeps_jobs: Whether it still knows its jobs afterwards; else those that it held are lost. Workers finish what
            they have in hand all the same, but it is lost with its worker, or when it fails.
    """

    assignments_per_second: float = 100.0
    heartbeat_seconds: float = 30.0
    failures: Sequence[tuple[float, float]] = ()
    keeps_jobs: bool = True


@dataclass(frozen=True, slots=True)
class System:
    """What a policy sizes, but for the load.

    Args:
        work: What messages and workers are like.
        seconds: For how long it is watched, at least. What is still in the queue then is handled within twice that
            time, or not.
        counts_age_seconds: How old the queue's counts may be when they are read (see `PastCounts`).
        replicas: Pods that there are at the start, ready.
        primary: Assigns the messages, where there is no queue.
        began: When the start is, for schedules.
    """

    work: Work
    seconds: float
    counts_age_seconds: float = 0.0
    replicas: int = 0
    primary: Primary | None = None
    began: datetime = MONDAY


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes over time: a row wherever one of them changed."""

    times: MutableSequence[float]
    asked: MutableSequence[int]
    ready: MutableSequence[int]


class Mode(StrEnum):
    """How a run is calculated."""

    EXACT = "exact"
    AGGREGATED = "aggregated"


@dataclass(frozen=True, slots=True)
class Sample:
    """Which messages have a row of their own in a run: every so many-th, in the order in which they are sent.

    Args:
        every: 1: all of them.
        messages: Messages that were sent.
        handled: Messages that were handled.
    """

    every: int
    messages: int
    handled: int


@dataclass(frozen=True, slots=True)
class Run:
    """What happened.

    Args:
        arrivals: When each message was sent.
        begun: When its handling began for the first time; NaN: never.
        done: When it was handled; NaN: not by the end.
        pod_seconds: Of all pods, from creation to their end.
        wasted_seconds: Of work that was cut off.
        repeated: How often a message was begun again because its worker was gone.
        failed: Attempts that failed.
        dead_lettered: Messages that went to the dead-letter queue.
        lost: Messages that are nowhere any more.
        receives: Messages that were received from a queue, each time counted; none are from a primary.
        empty_receives: Receives that returned nothing after their longest wait of 20 seconds; a pod makes one at a
            time.
        scale_writes: How often the size was changed.
        reads: Readings of the queue.
        seconds: How long it lasted.
        sizes: Pods asked for and ready.
        sample: Of the aggregated mode: for which messages `arrivals`, `begun` and `done` stand. None: for each.
    """

    arrivals: Sequence[float]
    begun: Sequence[float]
    done: Sequence[float]
    pod_seconds: float
    wasted_seconds: float
    repeated: int
    failed: int
    dead_lettered: int
    lost: int
    receives: int
    empty_receives: int
    scale_writes: int
    reads: int
    seconds: float
    sizes: Sizes
    sample: Sample | None = None
