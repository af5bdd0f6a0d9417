"""A queue, its pods and their workers, event by event. `simulate` is the only way in; it asks a policy for sizes.

Time is in seconds from the start. Messages are numbers in the order in which they are sent. It decides nothing: which
pods go at a scale-in follows the ReplicaSet controller's ranking (Kubernetes 1.36) unless the policy names them.
"""

import math
from array import array
from collections import deque
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from heapq import heappop, heappush
from random import Random
from typing import Protocol

from queueplanner.work import Work

UNKNOWN = math.nan


@dataclass(frozen=True, slots=True)
class Counts:
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
    that it has handled, without those in hand.
    """

    number: int
    created: float
    state: PodState = PodState.STARTING
    ready_at: float = UNKNOWN
    in_hand: dict[int, float] = field(default_factory=dict)
    finished: int = 0
    busy_seconds: float = 0.0

    @property
    def name(self) -> str:
        """Its name."""
        return f"pod-{self.number}"


@dataclass(frozen=True, slots=True)
class View:
    """What a policy may see.

    Args:
        now: The time.
        counts: Of the queue.
        replicas: Pods that are asked for.
        pods: Those that have not been told to end.
        sent: Messages that were sent since the start.
        received: Those that were received since then, each time counted.
    """

    now: float
    counts: Counts
    replicas: int
    pods: Sequence[SimulatedPod]
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Move:
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
        keeps_jobs: Whether it still knows its jobs afterwards; else those that it held are lost.
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
        counts_age_seconds: How old the queue's counts may be when they are read.
        replicas: Pods that there are at the start, ready.
        primary: Assigns the messages, where there is no queue.
    """

    work: Work
    seconds: float
    counts_age_seconds: float = 0.0
    replicas: int = 0
    primary: Primary | None = None


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
        receives: Messages that were received, each time counted.
        empty_receives: Receives that returned nothing after their longest wait of 20 seconds.
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


def simulate(policy: Policy, arrivals: Sequence[float], system: System, random: Random) -> Run:
    """Let a policy size the pods for a load, until the time is over or, after it, until nothing is left to do.

    Args:
        policy: It decides, beginning at time 0.
        arrivals: When messages are sent, in order.
        system: What it sizes.
        random: Draws service times, start-up times and what is chosen by chance.
    """
    return _Simulation(policy, arrivals, system, random).run()


class _Simulation:
    def __init__(self, policy: Policy, arrivals: Sequence[float], system: System, random: Random) -> None:
        self._policy, self._arrivals, self._work = policy, arrivals, system.work
        self._seconds, self._random = system.seconds, random
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[int, int], None], int, int]] = []
        self._order = 0
        self._sent = 0
        self._visible: deque[int] = deque()
        self._in_flight = 0
        self._left = len(arrivals)
        self._pods: dict[int, SimulatedPod] = {}
        self._created = 0
        self._free: list[SimulatedPod] = []
        self._replicas = 0
        self._begun = array("d", [UNKNOWN]) * len(arrivals)
        self._done = array("d", [UNKNOWN]) * len(arrivals)
        self._pod_seconds = self._wasted_seconds = 0.0
        self._repeated = self._receives = self._scale_writes = self._reads = 0
        self._sizes = Sizes(array("d"), array("l"), array("l"))

    def run(self) -> Run:
        self._later(0.0, self._tick)
        while (time := self._next()) <= self._end():
            self._now = time
            if self._sent < len(self._arrivals) and self._arrivals[self._sent] <= time:
                self._arrive()
            else:
                _, _, event, first, second = heappop(self._events)
                event(first, second)
        self._now = max(self._now, self._seconds)
        self._pod_seconds += sum(self._now - pod.created for pod in self._pods.values())
        return Run(
            self._arrivals,
            self._begun,
            self._done,
            self._pod_seconds,
            self._wasted_seconds,
            self._repeated,
            0,
            0,
            0,
            self._receives,
            0,
            self._scale_writes,
            self._reads,
            self._now,
            self._sizes,
        )

    def _next(self) -> float:
        following = self._events[0][0]
        return min(following, self._arrivals[self._sent]) if self._sent < len(self._arrivals) else following

    def _end(self) -> float:
        return self._seconds if not self._left else 2 * self._seconds

    def _later(self, time: float, event: Callable[[int, int], None], first: int = 0, second: int = 0) -> None:
        self._order += 1
        heappush(self._events, (time, self._order, event, first, second))

    # Messages

    def _arrive(self) -> None:
        self._visible.append(self._sent)
        self._sent += 1
        self._receive()

    def _receive(self) -> None:
        """Give messages to workers that wait, to any of them."""
        while self._visible and self._free:
            chosen = int(self._random.random() * len(self._free))
            pod, self._free[chosen] = self._free[chosen], self._free[-1]
            self._free.pop()
            if pod.state is PodState.READY:
                self._begin(pod, self._visible.popleft())

    def _begin(self, pod: SimulatedPod, message: int) -> None:
        if math.isnan(self._begun[message]):
            self._begun[message] = self._now
        else:
            self._repeated += 1
        pod.in_hand[message] = self._now
        self._in_flight += 1
        self._receives += 1
        self._later(self._now + self._work.service(self._random), self._finish, pod.number, message)

    def _finish(self, number: int, message: int) -> None:
        pod = self._pods.get(number)
        begun = pod.in_hand.pop(message, None) if pod else None
        if pod is None or begun is None:  # it was cut off
            return
        self._done[message] = self._now
        self._in_flight -= 1
        self._left -= 1
        pod.finished += 1
        pod.busy_seconds += self._now - begun
        if pod.state is PodState.READY:
            self._free.append(pod)
            self._receive()
        elif not pod.in_hand:
            self._remove(pod)

    def _show_again(self, message: int, _: int) -> None:
        self._in_flight -= 1
        self._visible.append(message)
        self._receive()

    # Pods

    def _tick(self, *_: int) -> None:
        pods = [pod for pod in self._pods.values() if pod.state is not PodState.ENDING]
        counts = Counts(len(self._visible), self._in_flight)
        move = self._policy.decide(View(self._now, counts, self._replicas, pods, self._sent, self._receives))
        self._reads += move.reads
        self._resize(move, pods)
        self._later(self._now + move.next_seconds, self._tick)

    def _resize(self, move: Move, pods: Sequence[SimulatedPod]) -> None:
        if move.replicas == self._replicas:
            return
        self._replicas = move.replicas
        self._scale_writes += 1
        for _ in range(move.replicas - len(pods)):
            self._create()
        for pod in self._chosen(pods, len(pods) - move.replicas, set(move.victims)):
            self._stop(pod)
        self._record()

    def _create(self) -> None:
        self._created += 1
        pod = self._pods[self._created] = SimulatedPod(self._created, self._now)
        self._later(self._now + self._work.startup(self._random), self._start, pod.number)

    def _start(self, number: int, _: int) -> None:
        pod = self._pods.get(number)
        if pod is None:
            return
        pod.state, pod.ready_at = PodState.READY, self._now
        self._free += [pod] * self._work.concurrency
        self._record()
        self._receive()

    def _chosen(self, pods: Sequence[SimulatedPod], count: int, victims: set[str]) -> list[SimulatedPod]:
        """Return the pods that a ReplicaSet deletes: the named, those that are not ready, and the youngest.

        Ages count by their logarithm, and pods of one class go in an order of chance (LogarithmicScaleDown).
        """
        if count <= 0:
            return []

        def rank(pod: SimulatedPod) -> tuple[bool, bool, int, float]:
            age = 0 if pod.state is PodState.STARTING else int(math.log2(max(self._now - pod.ready_at, 1)))
            return (pod.state is PodState.READY, pod.name not in victims, age, self._random.random())

        return sorted(pods, key=rank)[:count]

    def _stop(self, pod: SimulatedPod) -> None:
        pod.state = PodState.ENDING
        if not pod.in_hand:
            self._remove(pod)
            return
        self._later(self._now + self._work.grace_seconds, self._cut_off, pod.number)

    def _cut_off(self, number: int, _: int) -> None:
        pod = self._pods.get(number)
        if pod is None:
            return
        for message, begun in pod.in_hand.items():
            self._wasted_seconds += self._now - begun
            delay = 0.0 if self._work.releases else self._work.visibility_seconds
            self._later(self._now + delay, self._show_again, message)
        pod.in_hand.clear()
        self._remove(pod)

    def _remove(self, pod: SimulatedPod) -> None:
        pod.state = PodState.GONE
        del self._pods[pod.number]
        self._pod_seconds += self._now - pod.created
        self._record()

    def _record(self) -> None:
        ready = sum(pod.state is PodState.READY for pod in self._pods.values())
        self._sizes.times.append(self._now)
        self._sizes.asked.append(self._replicas)
        self._sizes.ready.append(ready)
