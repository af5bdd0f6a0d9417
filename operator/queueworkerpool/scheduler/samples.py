"""What the workers tell of themselves, in the background: a tick takes what has arrived, and never waits for it.

`reconcile` takes samples. A sample asks a few ready pods: often where the pool's size hangs on their service time (a
latency target), rarely where only their concurrency matters.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Protocol

from queueworkerpool.errors import ClusterError
from queueworkerpool.model import Key, LatencyTarget, PodSeen, Pool, PoolSpec, Sample, Target, WorkerState

logger = logging.getLogger(__name__)

OFTEN_SECONDS = 15.0
RARELY_SECONDS = 300.0
MOST_PODS = 5


class Pods(Protocol):
    """Where pods are listed."""

    async def pods(self, deployment: Key, selector: str, limit: int | None = None) -> list[PodSeen]:
        """The pods of a Deployment. Raises ClusterError."""


class States(Protocol):
    """Who asks a worker."""

    async def ask(self, address: str, port: int) -> WorkerState | None:
        """What the worker tells; None when it tells nothing."""


@dataclass(slots=True)
class _Pool:
    """One pool's sampling: when the last began, what it brought, and each pod's sums at that time."""

    began: float
    task: asyncio.Task[None] | None = None
    ready: Sample | None = None
    sums: dict[str, WorkerState] = field(default_factory=dict)


class Samples:
    """Samples of all pools' workers."""

    def __init__(
        self, pods: Pods, states: States, clock: Callable[[], datetime], spotted: Callable[[Key], None]
    ) -> None:
        """Take where pods are listed, who asks workers, the clock, and whom to tell that a pod carries our mark."""
        self._pods = pods
        self._spotted = spotted
        self._states = states
        self._clock = clock
        self._pools: dict[Key, _Pool] = {}

    def take(self, pool: Pool, spec: PoolSpec, target: Target) -> Sample | None:
        """A sample that has arrived since the last call, else None; begins the next one when it is due."""
        known = self._pools.get(pool.key)
        if target.ready_replicas and target.selector and self._is_due(known, spec):
            known = self._begin(pool.key, known, spec, target)
        if known is None or known.ready is None:
            return None
        sample, known.ready = known.ready, None
        return sample

    def forget(self, pool: Key) -> None:
        """Drop what is known of a pool that is gone."""
        known = self._pools.pop(pool, None)
        if known and known.task:
            known.task.cancel()

    def _is_due(self, known: _Pool | None, spec: PoolSpec) -> bool:
        interval = OFTEN_SECONDS if isinstance(spec.target, LatencyTarget) else RARELY_SECONDS
        if known is None:
            return True
        return known.task is None and asyncio.get_running_loop().time() - known.began >= interval

    def _begin(self, key: Key, known: _Pool | None, spec: PoolSpec, target: Target) -> _Pool:
        known = known or _Pool(began=0.0)
        known.began = asyncio.get_running_loop().time()
        known.task = asyncio.create_task(self._sample(known, key.namespace, spec, target), name=f"sample {key}")
        self._pools[key] = known
        return known

    async def _sample(self, known: _Pool, namespace: str, spec: PoolSpec, target: Target) -> None:
        try:
            deployment = Key(namespace, spec.deployment)
            listed = await self._pods.pods(deployment, target.selector, MOST_PODS * 4)
            if any(pod.marked for pod in listed):
                self._spotted(deployment)
            pods = [pod for pod in listed if pod.ready]
            asked = pods[:MOST_PODS]
            told = await asyncio.gather(*(self._states.ask(pod.address, spec.state_port) for pod in asked))
            states = {pod.uid: state for pod, state in zip(asked, told, strict=True) if state}
            known.ready = summed(known.sums, states, pods, self._clock())
            # One that was silent this time goes on from where it was heard last.
            here = {pod.uid for pod in listed}
            known.sums = {uid: state for uid, state in known.sums.items() if uid in here} | states
        except ClusterError as error:  # the workers' word is a help, not a need
            logger.debug("workers not asked", extra={"namespace": namespace, "error": str(error)})
        finally:
            known.task = None


def summed(before: dict[str, WorkerState], after: dict[str, WorkerState], pods: list[PodSeen], now: datetime) -> Sample:
    """One sample from what the pods told before and what they tell now.

    Sums of a pod that is heard for the first time say nothing of the time since the last sample, so it only begins to
    count; but the very first sample takes the averages since the workers' starts, to know anything at all.
    """
    start = WorkerState(0, 0, 0, 0.0)
    pairs = [(before.get(uid, start), state) for uid, state in after.items() if uid in before or not before]
    # A worker that restarted counts from zero again.
    pairs = [(old if _goes_on(old, new) else start, new) for old, new in pairs]
    finished = sum(new.finished - old.finished for old, new in pairs)
    startups = [pod.startup_seconds for pod in pods if pod.startup_seconds is not None]
    return Sample(
        time=now,
        busy_seconds=sum(new.busy_seconds - old.busy_seconds for old, new in pairs),
        finished=finished,
        concurrency=float(median(state.concurrency for state in after.values())) if after else None,
        startup_seconds=float(median(startups)) if startups else None,
        alive=now if before and finished else None,
    )


def _goes_on(old: WorkerState, new: WorkerState) -> bool:
    return old.finished <= new.finished and old.busy_seconds <= new.busy_seconds
