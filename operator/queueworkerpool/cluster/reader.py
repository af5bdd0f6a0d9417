"""What the commands for people read beside single pools: lists, Events, and which versions are installed.

The commands of `cli` call it, as the user who calls them. It writes nothing, and leaves nothing out silently: what may
not be read is an error, whose text is the API server's own sentence.
"""

from collections.abc import Mapping
from typing import Any

from queueworkerpool.cluster.connection import Connection, NotFoundError
from queueworkerpool.cluster.login import Login
from queueworkerpool.cluster.objects import parse_event
from queueworkerpool.cluster.pages import PagedLists
from queueworkerpool.leader.fence import no_fence
from queueworkerpool.model import (
    DEPLOYMENT,
    InstalledOperator,
    NamespacedName,
    RecordedEvent,
    StoredPool,
    parse_pool,
)
from queueworkerpool.names import GROUP, KIND, PLURAL, VERSION

READ_TIMEOUT_SECONDS = 15.0
"""The limit until an answer begins, and again for the whole of it: a person waits."""

OPERATORS = "app.kubernetes.io/name=queueworkerpool,app.kubernetes.io/component=operator"
VERSION_LABEL = "app.kubernetes.io/version"
DEFINITION_VERSION = f"{GROUP}/version"
"""The annotation of our custom resource definition that names its version."""

_DEFINITION = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{PLURAL}.{GROUP}"


class ClusterReader:
    """A client that reads lists, as the user who calls. Close it to end its thread."""

    def __init__(self, login: Login) -> None:
        """Read the kubeconfig; sends nothing. Raises ClusterError when there is none that can be used."""
        self._connection = Connection(1, no_fence(), READ_TIMEOUT_SECONDS, login=login)
        self._lists = PagedLists(self._connection, 1)

    def close(self) -> None:
        """End the thread and the connection."""
        self._connection.close()

    async def pools(self, namespace: str) -> list[StoredPool]:
        """Return the pools of a namespace, in the order of their names; the empty name is all namespaces.

        Raises ClusterError, also where the cluster does not serve pools.
        """
        place = f"/namespaces/{namespace}" if namespace else ""
        path = f"/apis/{GROUP}/{VERSION}{place}/{PLURAL}"
        found = [parse_pool(item) async for item in self._lists.items(path, {})]
        return sorted(found, key=lambda pool: pool.key)

    async def events(self, pool: StoredPool) -> list[RecordedEvent]:
        """Return the Events about a pool that the API server still keeps, the oldest first. Raises ClusterError."""
        of_pool = {"involvedObject.kind": KIND, "involvedObject.name": pool.key.name, "involvedObject.uid": pool.uid}
        query = {"fieldSelector": ",".join(f"{name}={value}" for name, value in of_pool.items())}
        items = self._lists.items(f"/api/v1/namespaces/{pool.key.namespace}/events", query)
        return sorted([parse_event(item) async for item in items], key=lambda event: event.time)

    async def operators(self, namespace: str) -> list[InstalledOperator]:
        """Return the operators of a namespace, by their labels; the empty name is all. Raises ClusterError."""
        place = f"/namespaces/{namespace}" if namespace else ""
        path = f"/apis/{DEPLOYMENT.group}/{DEPLOYMENT.version}{place}/{DEPLOYMENT.plural}"
        items = self._lists.items(path, {"labelSelector": OPERATORS})
        return sorted([_operator(item) async for item in items], key=lambda operator: operator.key)

    async def definition_version(self) -> str | None:
        """Return the version of the custom resource definition; empty: it names none; None: there is none.

        Raises ClusterError.
        """
        try:
            found = await self._connection.ask("GET", _DEFINITION)
        except NotFoundError:
            return None
        return str(found["metadata"].get("annotations", {}).get(DEFINITION_VERSION, ""))


def _operator(item: Mapping[str, Any]) -> InstalledOperator:
    metadata = item["metadata"]
    containers = item["spec"]["template"]["spec"].get("containers", ())
    return InstalledOperator(
        NamespacedName(metadata["namespace"], metadata["name"]),
        metadata.get("labels", {}).get(VERSION_LABEL, ""),
        containers[0].get("image", "") if containers else "",
    )
