"""Asks every worker of what is scaled before a scale-in, and marks the pods to delete first.

`reconcile` calls it, only when a pool is about to be scaled in. It decides nothing: `decide` chooses the pods. A mark
is the annotation controller.kubernetes.io/pod-deletion-cost, by which a ReplicaSet chooses the pods that it deletes.
"""

import asyncio
import logging
from dataclasses import replace
from typing import Protocol

from queueworkerpool.errors import ClusterRefusedError
from queueworkerpool.model import Pod, PoolSpec, ScaleTarget, Target, Worker, WorkerState

logger = logging.getLogger(__name__)

QUERY_SECONDS = 1.5
"""The limit for asking all workers of a pool; those that have not answered by then count as silent this time. The tick
waits for it, and it is short enough that the pool's next reading, which may call for more pods, is not late."""

MOST_AT_ONCE = 32
"""Workers of one pool that are asked at the same time."""


class Pods(Protocol):
    """Where pods are listed and marked."""

    async def pods(self, scale_target: ScaleTarget, selector: str, limit: int | None = None) -> list[Pod]:
        """Return the pods of what is scaled. Raises ClusterError."""

    async def mark(self, namespace: str, pod: str, *, first: bool) -> None:
        """Mark a pod to go first, or remove the mark. Raises ClusterError."""


class States(Protocol):
    """What asks a worker for its state."""

    def silent_since(self, pod: Pod) -> float:
        """Return when the pod was asked last and did not answer, else 0."""

    async def ask(self, scale_target: ScaleTarget, pod: Pod, port: int) -> WorkerState | None:
        """Return what the worker reports; None when it reports nothing."""


class ScaleInCoordinator:
    """The queries and marks that surround scale-ins, for all scale targets."""

    def __init__(self, pods: Pods, states: States) -> None:
        """Create a coordinator; asks and marks nothing yet.

        Args:
            pods: Lists and marks the pods of what is scaled.
            states: Asks a worker for its state.
        """
        self._pods = pods
        self._states = states
        self._may_carry_marks: set[ScaleTarget] = set()
        self._refusals: dict[ScaleTarget, ClusterRefusedError] = {}

    async def query(self, scale_target: ScaleTarget, spec: PoolSpec, target: Target) -> tuple[Worker, ...]:
        """Return every pod of what is scaled, with what its worker answers. Raises ClusterError.

        Nobody is asked where a `/scale` names no selector: an empty one matches every pod of the namespace.
        """
        if target.needs_scale and not target.selector:
            return ()
        listed = await self._pods.pods(scale_target, target.selector)
        pods = [replace(pod, running=pod.runs_worker(spec.state_port)) for pod in listed]
        states = await self._ask(scale_target, [pod for pod in listed if pod.is_up and pod.address], spec.state_port)
        return tuple(Worker(pod, states.get(pod.uid)) for pod in pods)

    async def _ask(self, scale_target: ScaleTarget, pods: list[Pod], port: int) -> dict[str, WorkerState]:
        """Return what workers answer within the time, by their pods' uids; those that answered last time come first."""
        answers: dict[str, WorkerState] = {}
        unasked = iter(sorted(pods, key=self._states.silent_since))

        async def ask() -> None:
            for pod in unasked:
                if state := await self._states.ask(scale_target, pod, port):
                    answers[pod.uid] = state

        asking = [asyncio.create_task(ask(), name=f"ask workers of {scale_target}") for _ in pods[:MOST_AT_ONCE]]
        if asking:
            try:
                ended, _ = await asyncio.wait(asking, timeout=QUERY_SECONDS)
            finally:
                for task in asking:
                    task.cancel()
            for task in ended:
                task.result()  # raises what only a bug can have raised
        return answers

    async def mark(self, scale_target: ScaleTarget, pods: tuple[Worker, ...], victims: tuple[str, ...]) -> None:
        """Mark exactly the victims among these pods to go first. Raises ClusterError.

        A refusal is kept for `refusal`: the marks only choose the pods, and the scale-in goes on without them.
        """
        wrong = [worker.pod for worker in pods if worker.pod.marked != (worker.pod.name in victims)]
        if wrong:
            self._may_carry_marks.add(scale_target)
        await self._invert_marks(scale_target, wrong)

    async def clear(self, scale_target: ScaleTarget, target: Target) -> None:
        """Remove our marks from pods that were not deleted after all, as far as that is allowed. Raises ClusterError.

        Does nothing until the last scale-in has deleted its pods, because the marks say which.
        """
        if scale_target in self._may_carry_marks and target.settled:
            pods = await self._pods.pods(scale_target, target.selector)
            await self._invert_marks(scale_target, [pod for pod in pods if pod.marked])
            self._may_carry_marks.discard(scale_target)

    def refusal(self, scale_target: ScaleTarget) -> ClusterRefusedError | None:
        """Return why the last marks of this target's pods were refused; None when they were not."""
        return self._refusals.get(scale_target)

    def mark_found(self, scale_target: ScaleTarget) -> None:
        """Record that a pod of this target carries a mark, perhaps from before a restart."""
        self._may_carry_marks.add(scale_target)

    async def _invert_marks(self, scale_target: ScaleTarget, pods: list[Pod]) -> None:
        """Mark the pods that are not marked, and remove the marks of the others."""
        if not pods:
            return
        marks = (self._pods.mark(scale_target.namespace, pod.name, first=not pod.marked) for pod in pods)
        try:
            await asyncio.gather(*marks)
        except ClusterRefusedError as error:
            reported = self._refusals.get(scale_target)
            if reported is None or not error.repeats(str(reported)):
                logger.warning("pods not marked", extra={"target": str(scale_target), "error": str(error)})
                self._refusals[scale_target] = error
        else:
            self._refusals.pop(scale_target, None)
