"""How objects of the API server are named."""

from typing import NamedTuple


class NamespacedName(NamedTuple):
    """Namespace and name of a namespaced object."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ScaleTarget(NamedTuple):
    """What a pool scales. Its API version does not matter: every version shows the same object."""

    namespace: str
    name: str
    kind: str = "Deployment"
    group: str = "apps"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def label(self) -> str:
        """Kind and name, as messages call it."""
        return f"{self.kind} {self.name}"
