"""Requests for the Lease, over a connection of their own. `leadership` calls it, through a Protocol.

It decides nothing: who may write the Lease is up to `election`, and that two cannot is up to the API server, for every
write carries the version that it was decided on. It creates no Lease, for a right to do so cannot be limited to a name.
"""

from typing import Any

from queueworkerpool.cluster.connection import Connection, NotFoundError
from queueworkerpool.election import LEASE_SECONDS, Lease
from queueworkerpool.errors import ClusterError
from queueworkerpool.fence import no_fence
from queueworkerpool.health import Jobs
from queueworkerpool.model import Key

READ_TIMEOUT_SECONDS = 4.0
"""A request that hangs must leave time for another before the Lease is lost."""


class LeaseDoor:
    """Reads and writes one Lease. Close it to end its thread."""

    def __init__(self, lease: Key) -> None:
        """Take the Lease's name. Raises ClusterError when there is no KUBECONFIG or service account to read."""
        self._lease = lease
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{lease.namespace}/leases/{lease.name}"
        self._connection = Connection(1, no_fence(), READ_TIMEOUT_SECONDS)

    @property
    def jobs(self) -> Jobs:
        """What the thread does."""
        return self._connection.jobs

    def close(self) -> None:
        """End the thread and the connection."""
        self._connection.close()

    async def read(self) -> Lease:
        """The Lease as it is now. Raises ClusterError, also when there is none."""
        try:
            return _parse(await self._connection.ask("GET", self._path))
        except NotFoundError as error:
            raise ClusterError(f"there is no Lease {self._lease}: `helm upgrade` makes it, or create one") from error

    async def write(self, lease: Lease) -> Lease:
        """Write the Lease if it still is at this version; returns it as it now is.

        Raises ClusterConflictError when somebody else has written it, ClusterError when it could not be written.
        """
        spec = {
            # Kubernetes refuses an empty name; null takes the field away.
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
        seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS,
        renewed=spec.get("renewTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
    )
