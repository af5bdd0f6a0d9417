"""Asks every worker of a Deployment before a scale-in, and marks the pods to delete first.

`reconcile` calls it, only when a pool is about to be scaled in. It decides nothing: `decide` chooses the pods. A mark
is the annotation controller.kubernetes.io/pod-deletion-cost, by which a ReplicaSet chooses the pods that it deletes.
"""

import asyncio
import logging
from dataclasses import replace
from typing import Protocol

from queueworkerpool.errors import ClusterRefusedError
from queueworkerpool.model import NamespacedName, Pod, PoolSpec, Target, Worker, WorkerState

logger = logging.getLogger(__name__)

QUERY_SECONDS = 1.5
"""The limit for asking all workers of a pool; those that have not answered by then count as silent this time. The tick
waits for it, and it is short enough that the pool's next reading, which may call for more pods, is not late."""

MOST_AT_ONCE = 32
"""Workers of one pool that are asked at the same time."""


class Pods(Protocol):
    """Where pods are listed and marked."""

    async def pods(self, deployment: NamespacedName, selector: str, limit: int | None = None) -> list[Pod]:
        """Return the pods of a Deployment. Raises ClusterError."""

    async def mark(self, namespace: str, pod: str, *, first: bool) -> None:
        """Mark a pod to go first, or remove the mark. Raises ClusterError."""


class States(Protocol):
    """What asks a worker for its state."""

    def silent_since(self, pod: Pod) -> float:
        """Return when the pod was asked last and did not answer, else 0."""

    async def ask(self, deployment: NamespacedName, pod: Pod, port: int) -> WorkerState | None:
        """Return what the worker reports; None when it reports nothing."""


class ScaleInCoordinator:
    """The queries and marks that surround scale-ins, for all Deployments."""

    def __init__(self, pods: Pods, states: States) -> None:
        """Create a coordinator; asks and marks nothing yet.

        Args:
            pods: Lists and marks the pods of a Deployment.
            states: Asks a worker for its state.
        """
        self._pods = pods
        self._states = states
        self._may_carry_marks: set[NamespacedName] = set()
        self._refusals: dict[NamespacedName, ClusterRefusedError] = {}

    async def query(self, deployment: NamespacedName, spec: PoolSpec, target: Target) -> tuple[Worker, ...]:
        """Return every pod of the Deployment, with what its worker answers. Raises ClusterError."""
        listed = await self._pods.pods(deployment, target.selector)
        pods = [replace(pod, running=pod.runs_worker(spec.state_port)) for pod in listed]
        states = await self._ask(deployment, [pod for pod in listed if pod.is_up and pod.address], spec.state_port)
        return tuple(Worker(pod, states.get(pod.uid)) for pod in pods)

    async def _ask(self, deployment: NamespacedName, pods: list[Pod], port: int) -> dict[str, WorkerState]:
        """Return what workers answer within the time, by their pods' uids; those that answered last time come first."""
        answers: dict[str, WorkerState] = {}
        unasked = iter(sorted(pods, key=self._states.silent_since))

        async def ask() -> None:
            for pod in unasked:
                if state := await self._states.ask(deployment, pod, port):
                    answers[pod.uid] = state

        asking = [asyncio.create_task(ask(), name=f"ask workers of {deployment}") for _ in pods[:MOST_AT_ONCE]]
        if asking:
            try:
                ended, _ = await asyncio.wait(asking, timeout=QUERY_SECONDS)
            finally:
                for task in asking:
                    task.cancel()
            for task in ended:
                task.result()  # raises what only a bug can have raised
        return answers

    async def mark(self, deployment: NamespacedName, pods: tuple[Worker, ...], victims: tuple[str, ...]) -> None:
        """Mark exactly the victims among these pods to go first. Raises ClusterError.

        A refusal is kept for `refusal`: the marks only choose the pods, and the scale-in goes on without them.
        """
        wrong = [worker.pod for worker in pods if worker.pod.marked != (worker.pod.name in victims)]
        if wrong:
            self._may_carry_marks.add(deployment)
        await self._invert_marks(deployment, wrong)

    async def clear(self, deployment: NamespacedName, target: Target) -> None:
        """Remove our marks from pods that were not deleted after all, as far as that is allowed. Raises ClusterError.

        Does nothing until the last scale-in has deleted its pods, because the marks say which.
        """
        if deployment in self._may_carry_marks and target.settled:
            pods = await self._pods.pods(deployment, target.selector)
            await self._invert_marks(deployment, [pod for pod in pods if pod.marked])
            self._may_carry_marks.discard(deployment)

    def refusal(self, deployment: NamespacedName) -> ClusterRefusedError | None:
        """Return why the last marks of this Deployment's pods were refused; None when they were not."""
        return self._refusals.get(deployment)

    def mark_found(self, deployment: NamespacedName) -> None:
        """Record that a pod of this Deployment carries a mark, perhaps from before a restart."""
        self._may_carry_marks.add(deployment)

    async def _invert_marks(self, deployment: NamespacedName, pods: list[Pod]) -> None:
        """Mark the pods that are not marked, and remove the marks of the others."""
        if not pods:
            return
        marks = (self._pods.mark(deployment.namespace, pod.name, first=not pod.marked) for pod in pods)
        try:
            await asyncio.gather(*marks)
        except ClusterRefusedError as error:
            reported = self._refusals.get(deployment)
            if reported is None or not error.repeats(str(reported)):
                logger.warning("pods not marked", extra={"deployment": str(deployment), "error": str(error)})
                self._refusals[deployment] = error
        else:
            self._refusals.pop(deployment, None)
