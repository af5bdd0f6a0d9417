"""Samples the workers' /state in the background, so that a tick never waits for workers.

`reconcile` takes the samples that have arrived. A sample asks a few ready pods, as often as the pool's sizing rule
needs it. It decides nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Protocol

from queueworkerpool.errors import ClusterError
from queueworkerpool.model import NamespacedName, Pod, Pool, Sample, ScaleTarget, Target, WorkerState
from queueworkerpool.sizing import DECLARED_MESSAGES, MOST_MESSAGES, ServiceTime, WorkerEstimates
from queueworkerpool.workers.sums import has_finished, in_hand_of_gone, progress

logger = logging.getLogger(__name__)

MOST_PODS = 5
"""Pods that one sample asks at most."""


class Pods(Protocol):
    """Where pods are listed."""

    async def pods(self, scale_target: ScaleTarget, selector: str, limit: int | None = None) -> list[Pod]:
        """Return the pods of what is scaled. Raises ClusterError."""


class States(Protocol):
    """What asks a worker for its state."""

    def silent_since(self, pod: Pod) -> float:
        """Return when the pod was asked last and did not answer, else 0."""

    async def ask(self, scale_target: ScaleTarget, pod: Pod, port: int) -> WorkerState | None:
        """Return what the worker reports; None when it reports nothing."""


@dataclass(slots=True)
class Sampling:
    """The sampling of one pool.

    Args:
        target_uid: The target's uid. Another target is another sampling.
        service: The service time as learned by now. It goes on from what the pool's status says.
        began: When the last sample began, in seconds of the event loop's clock.
        task: The sample under way; None between samples.
        ready: The sample that has arrived and was not taken yet.
        sums: Each pod's last report, by its uid.
        counted: Each pod's report up to which its work is in `service`, by its uid.
        declared_seconds: The service time that the pool's spec declares.
    """

    target_uid: str
    service: ServiceTime
    began: float = 0.0
    task: asyncio.Task[None] | None = None
    ready: Sample | None = None
    sums: Mapping[str, WorkerState] = field(default_factory=dict)
    counted: Mapping[str, WorkerState] = field(default_factory=dict)
    declared_seconds: float | None = None


class WorkerSampler:
    """The samples of all pools' workers."""

    def __init__(
        self,
        pods: Pods,
        states: States,
        clock: Callable[[], datetime],
        mark_found: Callable[[ScaleTarget], None],
    ) -> None:
        """Create a sampler; asks nothing yet.

        Args:
            pods: Lists the pods of what is scaled.
            states: Asks a worker for its state.
            clock: The time of a sample, with its zone.
            mark_found: Called with a scale target of which a pod carries our mark.
        """
        self._pods = pods
        self._states = states
        self._clock = clock
        self._mark_found = mark_found
        self._samplings: dict[NamespacedName, Sampling] = {}

    def take(self, pool: Pool, target: Target) -> Sample | None:
        """Return the sample that has arrived since the last call, else None; begin the next one when it is due."""
        sampling = self._samplings.get(pool.key)
        if sampling and sampling.target_uid != target.uid:
            self.forget(pool.key)
            sampling = None
        if target.ready_replicas and target.selector and _is_due(sampling, pool):
            sampling = self._begin(sampling, pool, target)
        if sampling is None or sampling.ready is None:
            return None
        sample, sampling.ready = sampling.ready, None
        return sample

    def forget(self, pool: NamespacedName) -> None:
        """Drop what is kept about a pool that was deleted."""
        sampling = self._samplings.pop(pool, None)
        if sampling and sampling.task:
            sampling.task.cancel()

    def _begin(self, sampling: Sampling | None, pool: Pool, target: Target) -> Sampling:
        sampling = sampling or Sampling(target.uid, _remembered(pool.status.memory.workers))
        sampling.declared_seconds = pool.spec.target.declared_service_seconds
        sampling.began = asyncio.get_running_loop().time()
        sampling.task = asyncio.create_task(self._sample(sampling, pool, target), name=f"sample {pool.key}")
        self._samplings[pool.key] = sampling
        return sampling

    async def _sample(self, sampling: Sampling, pool: Pool, target: Target) -> None:
        try:
            listed = await self._pods.pods(pool.scale_target, target.selector, MOST_PODS * 4)
            if any(pod.marked for pod in listed):
                self._mark_found(pool.scale_target)
            answering = (pod for pod in listed if pod.ready and pod.address)
            asked = sorted(answering, key=self._states.silent_since)[:MOST_PODS]
            questions = (self._states.ask(pool.scale_target, pod, pool.spec.state_port) for pod in asked)
            answers = await asyncio.gather(*questions)
            states = {pod.uid: state for pod, state in zip(asked, answers, strict=True) if state}
            startups = [pod.startup_seconds for pod in listed if pod.ready and pod.startup_seconds is not None]
            sampling.ready = sampled(sampling, states, {pod.uid for pod in listed}, startups, self._clock())
        except ClusterError as error:  # decisions work without samples, so this is no failure
            logger.debug("workers not asked", extra={"namespace": pool.key.namespace, "error": str(error)})
        finally:
            sampling.task = None


def _remembered(workers: WorkerEstimates) -> ServiceTime:
    """Return the service time that a pool's status remembers, to go on from."""
    if not workers.service_seconds:
        return ServiceTime()
    # An operator before this one did not write over how many: enough that what is declared does not replace it.
    messages = min(workers.service_messages or DECLARED_MESSAGES, MOST_MESSAGES)
    return ServiceTime(workers.service_seconds, messages, replaced=workers.service_before)


def _is_due(sampling: Sampling | None, pool: Pool) -> bool:
    if sampling is None:
        return True
    age = asyncio.get_running_loop().time() - sampling.began
    return sampling.task is None and age >= pool.spec.target.sample_interval_seconds


def sampled(
    sampling: Sampling,
    states: Mapping[str, WorkerState],
    existing: Set[str],
    startups: Sequence[float],
    now: datetime,
) -> Sample:
    """Return one sample, and record what the workers have reported. The planner samples its workers by it, too.

    Args:
        sampling: What was recorded before.
        states: What workers answered, by their pods' uids.
        existing: The uids of the pods that exist.
        startups: The start-up times, in seconds, of those that are ready.
        now: The time of the sample.
    """
    gone = in_hand_of_gone(sampling.counted, sampling.sums, states, existing)
    sampling.service = sampling.service.with_longer(gone)
    done = progress(sampling.counted, states, resumed=bool(sampling.service.messages))
    finished = has_finished(sampling.sums, states)
    sampling.service = sampling.service.after(done.finished)
    # A pod that did not answer this time continues from what it reported last.
    sampling.sums = {uid: state for uid, state in sampling.sums.items() if uid in existing} | dict(states)
    sampling.counted = {uid: state for uid, state in done.counted.items() if uid in existing}
    learned = sampling.service.messages or done.running
    return Sample(
        time=now,
        service_seconds=sampling.service.expected(sampling.declared_seconds, done.running) if learned else None,
        service_messages=sampling.service.messages,
        concurrency=float(median(state.concurrency for state in states.values())) if states else None,
        startup_seconds=float(median(startups)) if startups else None,
        last_handled=now if finished else None,
        service_before=sampling.service.replaced,
    )
