"""A queue and its workers, second by second, sized by the operator's own `decide`. Pure: no clock, no chance.

`runs` says what is played. All that is made up is the load and how long messages and starts take.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from statistics import fmean

from queueworkerpool.decide import decide
from queueworkerpool.model import (
    BusyWorkers,
    Decision,
    Facts,
    Memory,
    Pod,
    PoolSpec,
    QueueReading,
    Sample,
    Worker,
    WorkerState,
)
from queueworkerpool.schedules import bounds
from queueworkerpool.sizing import WorkerEstimates

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""When a run begins: a Monday, 09:00:00Z."""


@dataclass(frozen=True, slots=True)
class Run:
    """What is played.

    Args:
        spec: The pool's.
        seconds: For how long.
        sent: How many messages are sent in a second of the run; in others none.
        service_seconds: How long messages take: the first, the second and so on, and again from the first.
        startup_seconds: From a pod's creation to its readiness.
        slots: Messages that a worker handles at the same time.
        replicas: Pods at the start, ready.
        memory: What is remembered at the start.
        unread: The seconds of the run in which the queue cannot be read.
    """

    spec: PoolSpec
    seconds: int
    sent: Mapping[int, int]
    service_seconds: tuple[int, ...] = (2,)
    startup_seconds: int = 20
    slots: int = 4
    replicas: int = 0
    memory: Memory | None = None
    unread: range = range(0)

    @property
    def remembered(self) -> Memory:
        """What is remembered at the start: what workers are like, if nothing else is said."""
        known = WorkerEstimates(fmean(self.service_seconds), float(self.slots), float(self.startup_seconds), 1000.0)
        return self.memory or Memory(workers=known)


@dataclass(frozen=True, slots=True)
class Tick:
    """One decision, and the second in which it was made."""

    second: int
    facts: Facts
    decision: Decision

    @property
    def reason(self) -> str:
        """Why the pool has its size from now on."""
        return self.decision.reason


@dataclass(frozen=True, slots=True)
class Second:
    """How things are at the end of a second."""

    waiting: int
    in_flight: int
    ready: int
    asked: int
    oldest_seconds: int


@dataclass(frozen=True, slots=True)
class Played:
    """What happened: every second, every tick, and how long each message took from sent to handled, in order."""

    run: Run
    seconds: Sequence[Second]
    ticks: Sequence[Tick]
    took: Sequence[int]

    def first(self, reason: str, *, after: int = 0) -> Tick:
        """Return the first tick from a second on whose size has this reason. Raises LookupError without one."""
        for tick in self.ticks:
            if tick.second >= after and tick.reason == reason:
                return tick
        raise LookupError(f"no decision has the reason {reason}")


def play(run: Run) -> Played:
    """Let a run happen."""
    return _Play(run).played()


@dataclass(slots=True, eq=False)
class _Pod:
    name: str
    ready_at: int
    in_hand: list[tuple[int, int]] = field(default_factory=list)
    """When each message will be done, and when it was sent."""


class _Play:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._pods = [_Pod(f"worker-{number}", 0) for number in range(run.replicas)]
        self._named = run.replicas
        self._services = cycle(run.service_seconds)
        self._waiting: list[int] = []
        self._took: list[int] = []
        self._memory = run.remembered

    def played(self) -> Played:
        seconds, ticks = [], []
        for second in range(self._run.seconds):
            self._work(second)
            if second % self._run.spec.poll_seconds == 0:
                ticks.append(self._tick(second))
            seconds.append(self._seen(second))
        return Played(self._run, seconds, ticks, self._took)

    def _work(self, second: int) -> None:
        run = self._run
        self._waiting += [second] * run.sent.get(second, 0)
        for pod in self._pods:
            self._took += [second - sent for done, sent in pod.in_hand if done <= second]
            pod.in_hand = [(done, sent) for done, sent in pod.in_hand if done > second]
        # One message each in turn: a queue gives its messages to whoever asks.
        for _ in range(run.slots):
            for pod in self._pods:
                if self._waiting and pod.ready_at <= second and len(pod.in_hand) < run.slots:
                    pod.in_hand.append((second + next(self._services), self._waiting.pop(0)))

    def _tick(self, second: int) -> Tick:
        facts = self._facts(second)
        decision = decide(facts)
        by = decision.replicas - facts.replicas
        if (by < 0 and facts.spec.busy_workers is BusyWorkers.PROTECT) or decision.asks_workers:
            facts = facts._replace(pods=tuple(self._answers(second)))
            decision = decide(facts)
        self._resize(second, decision)
        self._memory = decision.memory
        return Tick(second, facts, decision)

    def _facts(self, second: int) -> Facts:
        run, now = self._run, NINE + timedelta(seconds=second)
        read = QueueReading(len(self._waiting), self._in_flight(), 0, now) if second not in run.unread else None
        return Facts(
            spec=run.spec,
            bounds=bounds(run.spec, now),
            replicas=len(self._pods),
            readings=(read,),
            memory=self._memory,
            now=now,
            ready=self._ready(second),
            sample=self._sample(now),
        )

    def _sample(self, now: datetime) -> Sample | None:
        """Return that workers are at work, as samples say; what they are like is known from the start."""
        return Sample(now, last_handled=now) if self._in_flight() else None

    def _answers(self, second: int) -> Iterator[Worker]:
        for pod in self._pods:
            state = WorkerState(len(pod.in_hand), self._run.slots, 0, 0.0)
            ready = pod.ready_at <= second
            yield Worker(Pod(pod.name, pod.name, ready=ready), state if ready else None)

    def _resize(self, second: int, decision: Decision) -> None:
        by = decision.replicas - len(self._pods)
        for _ in range(by):
            self._pods.append(_Pod(f"worker-{self._named}", second + self._run.startup_seconds))
            self._named += 1
        gone = set(decision.victims) or {pod.name for pod in self._pods[by:]} if by < 0 else set()
        self._pods = [pod for pod in self._pods if pod.name not in gone]

    def _seen(self, second: int) -> Second:
        oldest = second - self._waiting[0] if self._waiting else 0
        return Second(len(self._waiting), self._in_flight(), self._ready(second), len(self._pods), oldest)

    def _in_flight(self) -> int:
        return sum(len(pod.in_hand) for pod in self._pods)

    def _ready(self, second: int) -> int:
        return sum(pod.ready_at <= second for pod in self._pods)
