"""A QueueWorkerPool, sized by the operator's own `gather`, `decide` and `sampled`: none of them is written anew here.

What it says of the cluster is what the operator would see: counts of the queue, a Deployment, and what workers report,
to samples and before a scale-in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from random import Random

from queueplanner.policies import limits
from queueplanner.simulation import Move, PodState, SimulatedPod, View
from queueworkerpool.decide import decide
from queueworkerpool.gather import gather
from queueworkerpool.model import (
    BusyWorkers,
    Decision,
    Facts,
    Freshness,
    Memory,
    Mode,
    NamespacedName,
    Pod,
    Pool,
    PoolSpec,
    PoolStatus,
    QueueReading,
    Sample,
    Target,
    Worker,
    WorkerState,
    must_be_new,
)
from queueworkerpool.names import FIELD_MANAGER
from queueworkerpool.sizing import ServiceTime, WorkerEstimates
from queueworkerpool.workers.sampler import MOST_PODS, Sampling, sampled

SAME_TICK_SECONDS = 1e-6
"""Two ticks that are no further apart are one: sums of floating point are no more exact."""

LATEST_SECONDS = 0.02
"""How long a tick takes at most until it has the counts, and so its time."""

READY_SECONDS = 0.7
"""From a worker's first receive until its pod is reported as ready: half a period of a probe, and a little more."""

_UID = "planned"


def by_chance(_: float, random: Random) -> float:
    """Draw how long a tick takes until it has the counts."""
    return random.random() * LATEST_SECONDS


@dataclass(frozen=True, slots=True)
class Ticks:
    """When a pool is looked at.

    Args:
        phase_seconds: From its first tick to one that comes at its usual time.
        lateness: Returns how long a tick that is due at a time takes until it has the counts.
    """

    phase_seconds: float = 0.0
    lateness: Callable[[float, Random], float] = by_chance


class PlannedPool:
    """A pool's decisions, from one tick to the next."""

    def __init__(self, name: str, spec: PoolSpec, concurrency: int, ticks: Ticks = Ticks()) -> None:
        """Begin with a pool that has decided nothing.

        Args:
            name: What people call it.
            spec: The pool's.
            concurrency: Messages that a worker handles at the same time.
            ticks: When it is looked at.
        """
        self.name = name
        key = NamespacedName("planner", "pool")
        self._with = partial(Pool, key=key, uid=_UID, created="", generation=1, resource_version=1, spec=spec)
        self._pool = self._with()
        self._concurrency = concurrency
        self._queue = spec.queues[0].label
        self._fresh_for = timedelta(seconds=Freshness.of_interval(spec.poll_seconds).max_age_seconds)
        self._sample_interval = timedelta(seconds=spec.target.sample_interval_seconds)
        self._limits = limits.of_pool(spec)
        self._ticks = ticks
        self._random = Random(name)  # noqa: S311 -- chance in a simulation
        self._scaled_at: datetime | None = None
        self._last_target: Target | None = None
        self._sample_due: datetime | None = None
        self._sample: Sample | None = None
        self._rests = False
        self._reading: QueueReading | None = None
        self._sampling = Sampling(_UID, ServiceTime(), declared_seconds=spec.target.declared_service_seconds)

    @property
    def workers(self) -> WorkerEstimates:
        """What it has learned of its workers by now."""
        return self._pool.status.memory.workers

    def decide(self, view: View) -> Move:
        """Decide as a tick does: on the counts, and before a scale-in once more on what the workers say."""
        now = view.time + timedelta(seconds=self._ticks.lateness(view.now, self._random))
        pool, spec = self._pool.at(now), self._pool.spec
        reading, reads = (None, 0) if pool.spec.mode is Mode.PAUSED else self._read(view, now)
        if self._rests and _is_idle(view, reading):
            return Move(0, until_next(view.now, spec.poll_seconds, self._ticks.phase_seconds), reads=reads)
        ready = [pod for pod in view.pods if pod.state is PodState.READY and view.now - pod.ready_at >= READY_SECONDS]
        readings = (reading,) if reading else ()
        facts = gather(pool, self._target(view, len(ready)), readings, now, self._taken(view, ready, now))
        decision = decide(facts, self._limits)
        if _asks_workers(facts, decision):
            pods = tuple([self._worker(pod, view.now) for pod in view.pods])
            decision = decide(facts._replace(pods=pods), self._limits)
        self._rests = _is_idle(view, reading) and self._sample is None and will_repeat(facts, decision)
        self._remember(facts, decision, now)
        soon = decision.recheck_seconds
        next_seconds = until_next(view.now, spec.poll_seconds, self._ticks.phase_seconds) if soon is None else soon
        return Move(decision.replicas, next_seconds, decision.victims, reads)

    def _read(self, view: View, now: datetime) -> tuple[QueueReading, int]:
        """Return the counts and how often they were read: those of a moment ago serve once more, as `SharedReadings`.

        A count that may be wrong is read again in any case.
        """
        last, confirms = self._reading, must_be_new(self._pool.spec, self._pool.status.memory, view.replicas, now)
        if last and not confirms and now - last.time < self._serves_for(view, now):
            return last, 0
        self._reading = QueueReading(view.counts.visible, view.counts.in_flight, 0, now)
        return self._reading, 1

    def _serves_for(self, view: View, now: datetime) -> timedelta:
        interval = self._pool.reading_interval(view.replicas, now) if self._pool.spec.idle_poll_seconds else None
        if interval is None or not interval.idle:
            return self._fresh_for
        return timedelta(seconds=interval.freshness(self._queue, now).max_age_seconds)

    def _remember(self, facts: Facts, decision: Decision, now: datetime) -> None:
        before = self._pool.status
        if decision.replicas != facts.replicas:
            self._scaled_at, self._last_target = now, None
        elif before.replicas == decision.replicas and before.memory == decision.memory:
            return
        status = PoolStatus(1, decision.replicas, last_scale_time=self._scaled_at, memory=decision.memory)
        self._pool = self._with(status=status)

    def _target(self, view: View, ready: int) -> Target:
        """Return what it scales, the same object as long as nothing about it changes."""
        settled, last = len(view.pods) == view.replicas, self._last_target
        if last and (last.replicas, last.ready_replicas, last.settled) == (view.replicas, ready, settled):
            return last
        writer = (FIELD_MANAGER, self._scaled_at) if self._scaled_at else None
        self._last_target = Target(
            view.replicas, ready, 1, settled=settled, selector="app=pool", writer=writer, uid=_UID
        )
        return self._last_target

    def _taken(self, view: View, ready: Sequence[SimulatedPod], now: datetime) -> Sample | None:
        """Return the sample that an earlier tick began, and begin one when it is due: a tick waits for no answers."""
        sample, self._sample = self._sample, None
        if ready and (self._sample_due is None or now >= self._sample_due):
            self._sample_due = now + self._sample_interval
            states = {pod.name: self._report(pod, view.now) for pod in sorted(ready, key=_place)[:MOST_PODS]}
            startups = [pod.ready_at + READY_SECONDS - pod.created for pod in ready]
            self._sample = sampled(self._sampling, states, {pod.name for pod in view.pods}, startups, now)
        return sample

    def _worker(self, pod: SimulatedPod, now: float) -> Worker:
        if pod.state is not PodState.READY:
            return Worker(_starting(pod.name))
        listed = _ready(pod.name) if now - pod.ready_at >= READY_SECONDS else _starting(pod.name)
        return Worker(listed, self._report(pod, now))

    def _report(self, pod: SimulatedPod, now: float) -> WorkerState:
        if not pod.in_hand:
            return WorkerState(0, self._concurrency, pod.finished, pod.busy_seconds)
        in_hand = [now - begun for begun in pod.in_hand.values()]
        busy_seconds = pod.busy_seconds + sum(in_hand)
        return WorkerState(len(in_hand), self._concurrency, pod.finished, busy_seconds, max(in_hand, default=0.0))


def until_next(now: float, interval: float, phase: float) -> float:
    """Return the seconds until a pool's next usual tick, which keeps its phase whatever happens in between."""
    left = interval - (now - phase) % interval
    return left if left > SAME_TICK_SECONDS else interval


def _is_idle(view: View, reading: QueueReading | None) -> bool:
    """Return whether it is known that there is nothing: no message, and no pod."""
    return reading is not None and not (reading.visible or reading.in_flight or view.replicas or view.pods)


def will_repeat(facts: Facts, decision: Decision) -> bool:
    """Return whether each later decision on a pool without messages and pods will be this one: time changes nothing.

    What it remembers has not changed and names no time but since when the queue is empty, which a pool at zero no
    longer waits for; nobody has set bounds by the hour, or an end of a pause.
    """
    memory, spec = decision.memory, facts.spec
    waits_for_nothing = Memory(
        workers=memory.workers,
        empty_since=memory.empty_since,
        quiet_spells=memory.quiet_spells,
        belongs_to=memory.belongs_to,
    )
    goes_on = not spec.schedules and spec.mode is Mode.ACTIVE and decision.recheck_seconds is None
    return goes_on and decision.replicas == 0 and facts.memory == memory == waits_for_nothing


def _asks_workers(facts: Facts, decision: Decision) -> bool:
    """Return whether the operator asks the workers before this decision, as `reconcile` does."""
    by = decision.replicas - facts.replicas
    return by <= 0 and ((by < 0 and facts.spec.busy_workers is BusyWorkers.PROTECT) or decision.asks_workers)


@lru_cache(maxsize=4096)  # workers are asked at every tick of a scale-in, and their pods are as they were
def _ready(name: str) -> Pod:
    """Return a pod as the API server lists it once it is ready; its name serves as its uid."""
    return Pod(name, name, ready=True)


@lru_cache(maxsize=4096)  # as above
def _starting(name: str) -> Pod:
    """Return a pod as the API server lists it before that. While it starts, its worker runs already."""
    return Pod(name, name)


def _place(pod: SimulatedPod) -> int:
    """Return a pod's place in a list of the API server: by its name, which ends by chance, and so not by its age."""
    return pod.number * 2_654_435_761 % 2**32  # Knuth's multiplicative hash
