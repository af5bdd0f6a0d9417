"""What pools scale, as far as it is known, kind by kind. `targets` fills it, ticks read it through `scheduler.store`.

Everything happens on the main event loop. A namespace that is not listed is not an empty one: nothing is known of it.
A kind is watched once a pool names it, Deployments from the start.
"""

import asyncio
from collections.abc import Sequence

from queueworkerpool.errors import (
    ClusterError,
    TargetKindNotAllowedError,
    TargetsUnknownError,
)
from queueworkerpool.model import DEFAULT_WORKLOADS, DEPLOYMENT, ScaleTarget, Target, Workload

FIRST_LIST_SECONDS = 10.0
"""How long a tick waits for the first list of a kind."""


class KindIndex:
    """The objects of one kind in the watched namespaces."""

    def __init__(self, namespaces: tuple[str, ...] = (), workload: Workload = DEPLOYMENT) -> None:
        """Know nothing yet of these namespaces; none named: of all."""
        self.workload = workload
        self._unlisted: dict[str, ClusterError] = {
            scope: TargetsUnknownError(f"the {workload.plural} are unknown: they are not listed yet")
            for scope in namespaces or ("",)
        }
        self._pending = set(self._unlisted)
        self._namespaced = bool(namespaces)
        self._known: dict[str, dict[tuple[str, str], Target]] = {}
        self._answered = asyncio.Event()
        self.lists = 0
        """How many lists have replaced what was known: our own assumptions of before are worth nothing then."""

    async def answered(self) -> None:
        """Wait until every namespace was listed, or refused."""
        await self._answered.wait()

    def is_answered(self) -> bool:
        """Return whether every namespace was listed, or refused."""
        return self._answered.is_set()

    def unlisted(self) -> dict[str, str]:
        """Return the namespaces that cannot be seen, and why; the empty name is all of them."""
        return {scope: str(error) for scope, error in self._unlisted.items()}

    def refused(self) -> set[str]:
        """Return the namespaces whose objects cannot be listed; the empty name is all of them."""
        return set(self._unlisted) - self._pending

    def find(self, scale_target: ScaleTarget) -> Target | None:
        """Return the object of this name, if there is one.

        Raises TargetsUnknownError where nothing is known, TargetKindError where the kind cannot be scaled.
        """
        scope = scale_target.namespace if self._namespaced else ""
        if scope in self._unlisted:
            error = self._unlisted[scope]
            raise type(error)(str(error))
        return self._known.get(scope, {}).get((scale_target.namespace, scale_target.name))

    def replace(self, scope: str, targets: dict[tuple[str, str], Target]) -> None:
        """Record a complete list."""
        self._known[scope] = targets
        self._unlisted.pop(scope, None)
        self.lists += 1
        self._note_answer(scope)

    def put(self, scope: str, name: tuple[str, str], target: Target) -> None:
        """Record one object, by its namespace and name."""
        self._known[scope][name] = target

    def remove(self, scope: str, name: tuple[str, str]) -> None:
        """Record a deletion."""
        self._known[scope].pop(name, None)

    def lose(self, scope: str, why: str) -> None:
        """Record that the API server does not let us list a namespace."""
        resource = self.workload.resource
        if self.workload == DEPLOYMENT:
            problem = f"the {resource} are unknown: they cannot be listed ({why})"
            return self.lose_kind(scope, TargetsUnknownError(problem))
        remedy = "list the kind in scaleTargets of the operator's chart, which gives it the right"
        where = f"in {scope}" if scope else "in the cluster"
        problem = f"the operator may not list {resource} {where} ({why}): {remedy}, or correct spec.scaleTargetRef.kind"
        return self.lose_kind(scope, TargetKindNotAllowedError(problem))

    def lose_kind(self, scope: str, error: ClusterError) -> None:
        """Record why nothing is known of a namespace."""
        self._known.pop(scope, None)
        self._unlisted[scope] = error
        self._note_answer(scope)

    def _note_answer(self, scope: str) -> None:
        self._pending.discard(scope)
        if not self._pending:
            self._answered.set()


class Targets:
    """The objects of all kinds that pools may scale."""

    def __init__(self, namespaces: tuple[str, ...] = (), workloads: Sequence[Workload] = DEFAULT_WORKLOADS) -> None:
        """Know nothing yet of these kinds in these namespaces; none named: in all."""
        self._kinds = {workload.identity: KindIndex(namespaces, workload) for workload in workloads}
        self.wanted: asyncio.Queue[KindIndex] = asyncio.Queue()
        """The kinds that are to be watched from now on."""
        self._asked: set[tuple[str, str]] = set()
        self.deployments = self._kinds.get(DEPLOYMENT.identity)
        """The Deployments; None where pools may scale none."""
        if self.deployments:
            self._want(self.deployments)

    async def answered(self) -> None:
        """Wait until the Deployments of every namespace were listed, or refused, where pools may scale any."""
        if self.deployments:
            await self.deployments.answered()

    def refused(self) -> set[str]:
        """Return the namespaces whose Deployments cannot be listed; the empty name is all of them."""
        return self.deployments.refused() if self.deployments else set()

    @property
    def lists(self) -> int:
        """How many lists have replaced what was known."""
        return sum(index.lists for index in self._kinds.values())

    async def listed(self, scale_target: ScaleTarget) -> None:
        """Wait for the first list of a kind, for some time; it is watched from now on."""
        index = self._kinds.get((scale_target.group, scale_target.kind))
        if index is None or index.is_answered():
            return
        self._want(index)
        try:
            async with asyncio.timeout(FIRST_LIST_SECONDS):
                await index.answered()
        except TimeoutError:
            return  # whoever looks for the object learns that nothing is known

    def find(self, scale_target: ScaleTarget) -> Target | None:
        """Return the object of this name, if there is one.

        Raises TargetKindNotAllowedError for a kind that pools may not scale, otherwise like KindIndex.
        """
        index = self._kinds.get((scale_target.group, scale_target.kind))
        if index is None:
            kind = f"{scale_target.kind} of {scale_target.group or 'the core group'}"
            remedy = "add it to scaleTargets of the operator's chart, or correct apiVersion and kind"
            raise TargetKindNotAllowedError(
                f"spec.scaleTargetRef: the operator does not scale the kind {kind}: {remedy}"
            )
        return index.find(scale_target)

    def _want(self, index: KindIndex) -> None:
        if index.workload.identity not in self._asked:
            self._asked.add(index.workload.identity)
            self.wanted.put_nowait(index)
