"""Requests for the Lease, over a connection of their own. The elector calls it, through a Protocol.

It decides nothing: `leader.lease` says who may write the Lease. Two processes cannot both write it, because every
write carries the version that it was decided on. It creates no Lease, because the right to create cannot be limited to
a name.
"""

from typing import Any

from queueworkerpool.cluster.connection import Connection, NotFoundError
from queueworkerpool.errors import ClusterError
from queueworkerpool.health import Jobs
from queueworkerpool.leader.fence import no_fence
from queueworkerpool.leader.lease import LEASE_DURATION_SECONDS, Lease
from queueworkerpool.model import NamespacedName

READ_TIMEOUT_SECONDS = 4.0
"""The limit for an answer: a request that hangs must leave time for another one before the Lease expires."""


class LeaseClient:
    """A client that reads and writes one Lease. Close it to end its thread."""

    def __init__(self, lease: NamespacedName) -> None:
        """Read KUBECONFIG, else the pod's service account; sends nothing.

        Raises ClusterError when neither can be read.
        """
        self._lease = lease
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{lease.namespace}/leases/{lease.name}"
        self._connection = Connection(1, no_fence(), READ_TIMEOUT_SECONDS)

    @property
    def jobs(self) -> Jobs:
        """The requests under way, for the health check."""
        return self._connection.jobs

    def close(self) -> None:
        """End the thread and the connection."""
        self._connection.close()

    async def read(self) -> Lease:
        """Return the Lease as it is now. Raises ClusterError, also when there is no Lease."""
        try:
            return _parse(await self._connection.ask("GET", self._path))
        except NotFoundError as error:
            raise ClusterError(f"there is no Lease {self._lease}: `helm upgrade` makes it, or create one") from error

    async def write(self, lease: Lease) -> Lease:
        """Write the Lease if it is still at this version; return it as it now is.

        Raises ClusterConflictError when another process has written it, ClusterError when it could not be written.
        """
        spec = {
            # Kubernetes refuses an empty name; null removes the field.
            "holderIdentity": lease.holder or None,
            "leaseDurationSeconds": int(lease.seconds),
            "renewTime": lease.renewed,
            "leaseTransitions": lease.transitions,
        }
        body = {"metadata": {"resourceVersion": lease.version}, "spec": spec}
        return _parse(await self._connection.ask("PATCH", self._path, body))


def _parse(body: dict[str, Any]) -> Lease:
    spec = body.get("spec") or {}
    return Lease(
        version=body["metadata"]["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        seconds=spec.get("leaseDurationSeconds") or LEASE_DURATION_SECONDS,
        renewed=spec.get("renewTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
    )
