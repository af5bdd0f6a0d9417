"""Who may go at scale-in: asks every worker of a Deployment, and keeps the marks on its pods true.

`reconcile` calls it, only when a pool is about to be scaled in. It decides nothing: `decide` chooses the pods.
"""

import asyncio
from typing import Protocol

from queueworkerpool.model import Key, PodSeen, PoolSpec, Target, Worker, WorkerState

LOOK_SECONDS = 10.0
"""For one look at all workers of a pool; those not asked by then count as silent."""

MOST_AT_ONCE = 32
"""Workers of one pool that are asked at the same time, so that a pool of silent ones delays nobody else."""


class Pods(Protocol):
    """Where pods are listed and marked."""

    async def pods(self, deployment: Key, selector: str, limit: int | None = None) -> list[PodSeen]:
        """The pods of a Deployment. Raises ClusterError."""

    async def mark(self, namespace: str, pod: str, *, first: bool) -> None:
        """Mark a pod to go first, or take the mark away. Raises ClusterError."""


class States(Protocol):
    """Who asks a worker."""

    async def ask(self, address: str, port: int) -> WorkerState | None:
        """What the worker tells; None when it tells nothing."""


class Crews:
    """The workers of the Deployments that are about to be scaled in, and the marks on their pods."""

    def __init__(self, pods: Pods, states: States) -> None:
        self._pods = pods
        self._states = states
        self._may_carry_marks: set[Key] = set()

    async def look(self, deployment: Key, spec: PoolSpec, target: Target) -> tuple[Worker, ...]:
        """Every pod of the Deployment, with what its worker tells. Raises ClusterError."""
        turns = asyncio.Semaphore(MOST_AT_ONCE)
        ends = asyncio.get_running_loop().time() + LOOK_SECONDS

        async def ask(pod: PodSeen) -> Worker:
            async with turns:
                if not pod.running or not pod.address or asyncio.get_running_loop().time() > ends:
                    return Worker(pod)
                return Worker(pod, await self._states.ask(pod.address, spec.state_port))

        pods = await self._pods.pods(deployment, target.selector)
        return tuple(await asyncio.gather(*(ask(pod) for pod in pods)))

    async def mark(self, deployment: Key, crew: tuple[Worker, ...], victims: tuple[str, ...]) -> None:
        """Mark exactly these of the crew's pods. Raises ClusterError."""
        wrong = [worker.pod for worker in crew if worker.pod.marked != (worker.pod.name in victims)]
        if wrong:
            self._may_carry_marks.add(deployment)
        await self._turn(deployment, wrong)

    async def clear(self, deployment: Key, target: Target) -> None:
        """Take our marks from pods that did not go after all. Raises ClusterError.

        Not before the last scale-in has taken its pods: the marks tell which.
        """
        if deployment in self._may_carry_marks and target.settled:
            pods = await self._pods.pods(deployment, target.selector)
            await self._turn(deployment, [pod for pod in pods if pod.marked])
            self._may_carry_marks.discard(deployment)

    def spotted(self, deployment: Key) -> None:
        """Take in that some pod carries a mark: perhaps one of before a restart."""
        self._may_carry_marks.add(deployment)

    async def _turn(self, deployment: Key, pods: list[PodSeen]) -> None:
        """Mark those that are not marked, and unmark those that are."""
        await asyncio.gather(*(self._pods.mark(deployment.namespace, pod.name, first=not pod.marked) for pod in pods))
