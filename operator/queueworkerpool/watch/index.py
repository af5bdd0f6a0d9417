"""The Deployments that are known, as Targets. `deployments` fills it, ticks read it through `scheduler.store`.

Everything happens on the main event loop. A namespace that is not listed is not an empty one: nothing is known of it.
"""

import asyncio

from queueworkerpool.errors import TargetsUnknownError
from queueworkerpool.model import DEPLOYMENT, NamespacedName, Target


class Deployments:
    """The Deployments of the watched namespaces."""

    def __init__(self, namespaces: tuple[str, ...] = ()) -> None:
        """Know nothing yet of these namespaces; none named: of all."""
        self._unlisted = dict.fromkeys(namespaces or ("",), "they are not listed yet")
        self._pending = set(self._unlisted)
        self._namespaced = bool(namespaces)
        self._known: dict[str, dict[NamespacedName, Target]] = {}
        self._answered = asyncio.Event()
        self.lists = 0
        """How many lists have replaced what was known: our own assumptions of before are worth nothing then."""

    async def answered(self) -> None:
        """Wait until every namespace was listed, or refused."""
        await self._answered.wait()

    def unlisted(self) -> dict[str, str]:
        """Return the namespaces that cannot be seen, and why; the empty name is all of them."""
        return dict(self._unlisted)

    def refused(self) -> set[str]:
        """Return the namespaces whose Deployments cannot be listed; the empty name is all of them."""
        return set(self._unlisted) - self._pending

    def find(self, deployment: NamespacedName) -> Target | None:
        """Return the Deployment of this name, if there is one. Raises TargetsUnknownError where nothing is known."""
        scope = deployment.namespace if self._namespaced else ""
        if scope in self._unlisted:
            raise TargetsUnknownError(f"the {DEPLOYMENT.plural} are unknown: {self._unlisted[scope]}")
        return self._known.get(scope, {}).get(deployment)

    def replace(self, scope: str, targets: dict[NamespacedName, Target]) -> None:
        """Record a complete list."""
        self._known[scope] = targets
        self._unlisted.pop(scope, None)
        self.lists += 1
        self._note_answer(scope)

    def put(self, scope: str, name: NamespacedName, target: Target) -> None:
        """Record one Deployment."""
        self._known[scope][name] = target

    def remove(self, scope: str, name: NamespacedName) -> None:
        """Record a deletion."""
        self._known[scope].pop(name, None)

    def lose(self, scope: str, why: str) -> None:
        """Record that a namespace cannot be seen."""
        self._known.pop(scope, None)
        self._unlisted[scope] = f"they cannot be listed ({why})"
        self._note_answer(scope)

    def _note_answer(self, scope: str) -> None:
        self._pending.discard(scope)
        if not self._pending:
            self._answered.set()
