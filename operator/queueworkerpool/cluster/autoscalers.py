"""Lists what other autoscalers follow, for `qwp import --from-cluster`. Reads only.

`import_command` calls it. A kind that the cluster does not have, or that the caller may not list, is left out and told.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from queueworkerpool.cluster.connection import Connection, ForbiddenError, NotFoundError
from queueworkerpool.cluster.login import Login
from queueworkerpool.cluster.pages import PagedLists
from queueworkerpool.errors import UnknownPathError
from queueworkerpool.leader.fence import no_fence

READ_TIMEOUT_SECONDS = 30.0


class Kind(NamedTuple):
    """A kind that is listed.

    Args:
        api_version: Its group and version.
        kind: Its name, which the items of a list do not carry.
        plural: Its name in paths.
        is_namespaced: Whether its objects are in namespaces.
    """

    api_version: str
    kind: str
    plural: str
    is_namespaced: bool = True

    def path(self, namespace: str) -> str:
        """Return the path of its list; of all namespaces for the empty name."""
        within = f"namespaces/{namespace}/" if namespace and self.is_namespaced else ""
        return f"/apis/{self.api_version}/{within}{self.plural}"


KINDS = (
    Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects"),
    Kind("keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications"),
    Kind("keda.sh/v1alpha1", "ClusterTriggerAuthentication", "clustertriggerauthentications", is_namespaced=False),
    Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Kind("metrics.aws/v1alpha1", "ExternalMetric", "externalmetrics"),
    Kind("k8s.practo.dev/v1", "WorkerPodAutoScaler", "workerpodautoscalers"),
    Kind("apps/v1", "Deployment", "deployments"),
    Kind("apps/v1", "StatefulSet", "statefulsets"),
)
"""Autoscalers, what they refer to, and the workloads whose variables name queues."""


class Listing(NamedTuple):
    """The objects that were found, and a sentence for each kind that may not be listed."""

    objects: list[dict[str, Any]]
    refusals: list[str]


async def list_autoscalers(namespace: str, login: Login) -> Listing:
    """Return the objects of a namespace, or of all for the empty name. Raises ClusterError."""
    connection = Connection(1, no_fence(), READ_TIMEOUT_SECONDS, login=login)
    lists = PagedLists(connection, 1)
    listing = Listing([], [])
    try:
        for kind in KINDS:
            try:
                found = [item async for item in lists.items(kind.path(namespace), {})]
            except (NotFoundError, UnknownPathError):
                continue
            except ForbiddenError as error:
                listing.refusals.append(f"{kind.kind}: {error}")
            else:
                listing.objects.extend(_complete(found, kind))
    finally:
        connection.close()
    return listing


def _complete(items: list[dict[str, Any]], kind: Kind) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list with the kind that only the list carries, but not an HPA that KEDA made."""
    for item in items:
        owners = item["metadata"].get("ownerReferences", ())
        if not any(owner["kind"] == "ScaledObject" for owner in owners):
            yield {"apiVersion": kind.api_version, "kind": kind.kind} | item
