"""How objects of the API server are named."""

from typing import NamedTuple


class NamespacedName(NamedTuple):
    """Namespace and name of a namespaced object."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
