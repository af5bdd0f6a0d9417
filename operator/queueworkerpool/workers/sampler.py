"""Samples the workers' /state in the background, so that a tick never waits for workers.

`reconcile` takes the samples that have arrived. A sample asks a few ready pods, as often as the pool's sizing rule
needs it. It decides nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Protocol

from queueworkerpool.errors import ClusterError
from queueworkerpool.model import NamespacedName, Pod, Pool, Sample, Target, WorkerState

logger = logging.getLogger(__name__)

MOST_PODS = 5
"""Pods that one sample asks at most."""


class Pods(Protocol):
    """Where pods are listed."""

    async def pods(self, deployment: NamespacedName, selector: str, limit: int | None = None) -> list[Pod]:
        """Return the pods of a Deployment. Raises ClusterError."""


class States(Protocol):
    """What asks a worker for its state."""

    def silent_since(self, pod: Pod) -> float:
        """Return when the pod was asked last and did not answer, else 0."""

    async def ask(self, deployment: NamespacedName, pod: Pod, port: int) -> WorkerState | None:
        """Return what the worker reports; None when it reports nothing."""


@dataclass(slots=True)
class _Sampling:
    """The sampling of one pool.

    Args:
        began: When the last sample began, in seconds of the event loop's clock.
        task: The sample under way; None between samples.
        ready: The sample that has arrived and was not taken yet.
        sums: Each pod's last report, by its uid.
    """

    began: float
    task: asyncio.Task[None] | None = None
    ready: Sample | None = None
    sums: dict[str, WorkerState] = field(default_factory=dict)


class WorkerSampler:
    """The samples of all pools' workers."""

    def __init__(
        self,
        pods: Pods,
        states: States,
        clock: Callable[[], datetime],
        mark_found: Callable[[NamespacedName], None],
    ) -> None:
        """Create a sampler; asks nothing yet.

        Args:
            pods: Lists the pods of a Deployment.
            states: Asks a worker for its state.
            clock: The time of a sample, with its zone.
            mark_found: Called with a Deployment of which a pod carries our mark.
        """
        self._pods = pods
        self._states = states
        self._clock = clock
        self._mark_found = mark_found
        self._samplings: dict[NamespacedName, _Sampling] = {}

    def take(self, pool: Pool, target: Target) -> Sample | None:
        """Return the sample that has arrived since the last call, else None; begin the next one when it is due."""
        sampling = self._samplings.get(pool.key)
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

    def _begin(self, sampling: _Sampling | None, pool: Pool, target: Target) -> _Sampling:
        sampling = sampling or _Sampling(began=0.0)
        sampling.began = asyncio.get_running_loop().time()
        sampling.task = asyncio.create_task(self._sample(sampling, pool, target), name=f"sample {pool.key}")
        self._samplings[pool.key] = sampling
        return sampling

    async def _sample(self, sampling: _Sampling, pool: Pool, target: Target) -> None:
        try:
            listed = await self._pods.pods(pool.deployment, target.selector, MOST_PODS * 4)
            if any(pod.marked for pod in listed):
                self._mark_found(pool.deployment)
            pods = [pod for pod in listed if pod.ready]
            asked = sorted((pod for pod in pods if pod.address), key=self._states.silent_since)[:MOST_PODS]
            questions = (self._states.ask(pool.deployment, pod, pool.spec.state_port) for pod in asked)
            answers = await asyncio.gather(*questions)
            states = {pod.uid: state for pod, state in zip(asked, answers, strict=True) if state}
            sampling.ready = summed(sampling.sums, states, pods, self._clock())
            # A pod that did not answer this time continues from what it reported last.
            existing = {pod.uid for pod in listed}
            sampling.sums = {uid: state for uid, state in sampling.sums.items() if uid in existing} | states
        except ClusterError as error:  # decisions work without samples, so this is no failure
            logger.debug("workers not asked", extra={"namespace": pool.key.namespace, "error": str(error)})
        finally:
            sampling.task = None


def _is_due(sampling: _Sampling | None, pool: Pool) -> bool:
    if sampling is None:
        return True
    age = asyncio.get_running_loop().time() - sampling.began
    return sampling.task is None and age >= pool.spec.target.sample_interval_seconds


def summed(before: dict[str, WorkerState], after: dict[str, WorkerState], pods: list[Pod], now: datetime) -> Sample:
    """Return one sample: the differences between what the pods reported before and what they report now.

    A pod that reports for the first time is left out, because its sums say nothing about the time since the last
    sample. The very first sample takes all sums since the workers' starts, because there is nothing better.
    """
    start = WorkerState(0, 0, 0, 0.0)
    pairs = [(before.get(uid, start), state) for uid, state in after.items() if uid in before or not before]
    # The sums of a worker that restarted began at zero again.
    pairs = [(old if _continues(old, new) else start, new) for old, new in pairs]
    finished = sum(new.finished - old.finished for old, new in pairs)
    startups = [pod.startup_seconds for pod in pods if pod.startup_seconds is not None]
    return Sample(
        time=now,
        busy_seconds=sum(new.busy_seconds - old.busy_seconds for old, new in pairs),
        finished=finished,
        concurrency=float(median(state.concurrency for state in after.values())) if after else None,
        startup_seconds=float(median(startups)) if startups else None,
        last_handled=now if before and finished else None,
    )


def _continues(old: WorkerState, new: WorkerState) -> bool:
    return old.finished <= new.finished and old.busy_seconds <= new.busy_seconds
