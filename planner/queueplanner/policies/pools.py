"""A QueueWorkerPool, sized by the operator's own `gather`, `decide` and `sampled`: none of them is written anew here.

What it says of the cluster is what the operator would see: counts of the queue, a Deployment, and what workers report,
to samples and before a scale-in.
"""

from dataclasses import replace
from datetime import datetime

from queueplanner.simulation import Counts, Move, PodState, SimulatedPod, View
from queueworkerpool.decide import decide
from queueworkerpool.gather import gather
from queueworkerpool.model import (
    BusyWorkers,
    Decision,
    Facts,
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
)
from queueworkerpool.names import FIELD_MANAGER
from queueworkerpool.sizing import ServiceTime
from queueworkerpool.workers.sampler import MOST_PODS, Sampling, sampled

_UID = "planned"


class PlannedPool:
    """A pool's decisions, from one tick to the next."""

    def __init__(self, name: str, spec: PoolSpec, concurrency: int) -> None:
        """Begin with a pool that has decided nothing.

        Args:
            name: What people call it.
            spec: The pool's.
            concurrency: Messages that a worker handles at the same time.
        """
        self.name = name
        self._pool = Pool(
            key=NamespacedName("planner", "pool"), uid=_UID, created="", generation=1, resource_version=1, spec=spec
        )
        self._concurrency = concurrency
        self._scaled_at: datetime | None = None
        self._sampled_at = -float("inf")
        self._sampling = Sampling(_UID, ServiceTime(), declared_seconds=spec.target.declared_service_seconds)

    def decide(self, view: View) -> Move:
        """Decide as a tick does: on the counts, and before a scale-in once more on what the workers say."""
        now = view.time
        spec = self._pool.spec
        facts = gather(self._pool, self._target(view), (_reading(view.counts, now),), now, self._sample(view, now))
        decision = decide(facts)
        if decision.replicas < facts.replicas and spec.busy_workers is BusyWorkers.PROTECT:
            decision = decide(replace(facts, pods=tuple(self._worker(pod, view.now) for pod in view.pods)))
        self._remember(facts, decision, now)
        soon = decision.recheck_seconds
        return Move(decision.replicas, spec.poll_seconds if soon is None else soon, decision.victims)

    def _remember(self, facts: Facts, decision: Decision, now: datetime) -> None:
        if decision.replicas != facts.replicas:
            self._scaled_at = now
        status = PoolStatus(replicas=decision.replicas, last_scale_time=self._scaled_at, memory=decision.memory)
        self._pool = replace(self._pool, status=status)

    def _target(self, view: View) -> Target:
        ready = sum(pod.state is PodState.READY for pod in view.pods)
        writer = (FIELD_MANAGER, self._scaled_at) if self._scaled_at else None
        settled = len(view.pods) == view.replicas
        return Target(view.replicas, ready, 1, settled=settled, selector="app=pool", writer=writer, uid=_UID)

    def _sample(self, view: View, now: datetime) -> Sample | None:
        """Return what a few ready workers report, when a sample is due."""
        ready = [pod for pod in view.pods if pod.state is PodState.READY]
        if not ready or view.now - self._sampled_at < self._pool.spec.target.sample_interval_seconds:
            return None
        self._sampled_at = view.now
        states = {pod.name: self._report(pod, view.now) for pod in ready[:MOST_PODS]}
        return sampled(self._sampling, states, [_listed(pod) for pod in view.pods], now)

    def _worker(self, pod: SimulatedPod, now: float) -> Worker:
        listed = _listed(pod)
        return Worker(listed, self._report(pod, now) if listed.ready else None)

    def _report(self, pod: SimulatedPod, now: float) -> WorkerState:
        in_hand = [now - begun for begun in pod.in_hand.values()]
        busy_seconds = pod.busy_seconds + sum(in_hand)
        return WorkerState(len(in_hand), self._concurrency, pod.finished, busy_seconds, max(in_hand, default=0.0))


def _listed(pod: SimulatedPod) -> Pod:
    """Return a pod as the API server lists it; its name serves as its uid."""
    ready = pod.state is PodState.READY
    startup = pod.ready_at - pod.created if ready else None
    return Pod(pod.name, pod.name, ready=ready, running=ready, startup_seconds=startup)


def _reading(counts: Counts, now: datetime) -> QueueReading:
    return QueueReading(counts.visible, counts.in_flight, 0, now)
