"""Requests for the Leases, over a connection of their own. The elector calls it, through a Protocol.

It decides nothing: `leader.lease` says who may write a Lease. Two processes cannot both write it, because every
write carries the version that it was decided on, and of two that create it one is refused. The Lease that several
processes hold together is renewed by a write that carries its holder instead.
"""

from typing import Any

from queueworkerpool.cluster.connection import Connection, ForbiddenError, InvalidError, NotFoundError, Requested
from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.health import Jobs
from queueworkerpool.leader.fence import no_fence
from queueworkerpool.leader.lease import LEASE_DURATION_SECONDS, RENEW_DEADLINE_SECONDS, Lease
from queueworkerpool.model import NamespacedName
from queueworkerpool.names import WANTED_BY

READ_TIMEOUT_SECONDS = RENEW_DEADLINE_SECONDS / 2
"""The limit for an answer: an API server that is slow, but answers within it, does not cost the lead, and a renewal
that hangs leaves time for another one."""


class LeaseClient:
    """A client that reads and writes one Lease. Close it to end its thread."""

    def __init__(
        self, lease: NamespacedName, requested: Requested | None = None, connection: Connection | None = None
    ) -> None:
        """Read KUBECONFIG, else the pod's service account; sends nothing.

        Args:
            lease: Where the Lease is.
            requested: Counts requests.
            connection: That of another client, which is to be shared, and which that one closes.

        Raises:
            ClusterError: Neither a kubeconfig nor a service account can be read.
        """
        self._lease = lease
        self._all = f"/apis/coordination.k8s.io/v1/namespaces/{lease.namespace}/leases"
        self._path = f"{self._all}/{lease.name}"
        self._connection = connection or Connection(1, no_fence(), READ_TIMEOUT_SECONDS, requested)

    @property
    def jobs(self) -> Jobs:
        """The requests under way, for the health check."""
        return self._connection.jobs

    def close(self) -> None:
        """End the thread and the connection."""
        self._connection.close()

    async def read(self) -> Lease:
        """Return the Lease as it is now, without a version when there is none. Raises ClusterError."""
        try:
            return _parse(await self._connection.ask("GET", self._path))
        except NotFoundError:
            return Lease(version="")

    async def write(self, lease: Lease) -> Lease:
        """Write the Lease if it is still at this version, or create it; return it as it now is.

        Raises ClusterConflictError when another process has written, created or deleted it, ClusterError when it could
        not be written.
        """
        spec = {
            # Kubernetes refuses an empty name; null removes the field.
            "holderIdentity": lease.holder or None,
            "leaseDurationSeconds": int(lease.seconds),
            "renewTime": lease.renewed,
            "leaseTransitions": lease.transitions,
        }
        if not lease.version:
            return await self._create(spec)
        return await self._patch({"metadata": {"resourceVersion": lease.version}, "spec": spec})

    async def renew(self, lease: Lease) -> Lease:
        """Write the Lease if it is still at this version; otherwise like `write`."""
        return await self.write(lease)

    async def _patch(self, body: dict[str, Any] | list[dict[str, Any]]) -> Lease:
        try:
            return _parse(await self._connection.ask("PATCH", self._path, body))
        except NotFoundError as error:
            raise ClusterConflictError(f"the Lease {self._lease} was deleted") from error

    async def _create(self, spec: dict[str, Any]) -> Lease:
        kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        try:
            return _parse(
                await self._connection.ask(
                    "POST", self._all, kind | {"metadata": {"name": self._lease.name}, "spec": spec}
                )
            )
        except (ForbiddenError, NotFoundError) as error:
            remedy = "allow it to (`create` on leases), or create the Lease"
            raise ClusterError(
                f"there is no Lease {self._lease}, and this process may not create it: {remedy}"
            ) from error


class SharedLeaseClient(LeaseClient):
    """A client of a Lease that several processes hold together, under one name."""

    async def renew(self, lease: Lease) -> Lease:
        """Renew the Lease if it still is its holder's, whichever process renewed it last; return it as it now is.

        Raises ClusterConflictError when another one holds it, ClusterError when it could not be written.
        """
        kept = {"op": "test", "path": "/spec/holderIdentity", "value": lease.holder}
        renewed = {"op": "replace", "path": "/spec/renewTime", "value": lease.renewed}
        try:
            return await self._patch([kept, renewed])
        except InvalidError as error:
            raise ClusterConflictError(f"the Lease {self._lease} has another holder") from error

    async def wish(self, text: str) -> None:
        """Write which shard a process wishes for, whoever holds the Lease. Raises ClusterError."""
        await self._patch({"metadata": {"annotations": {WANTED_BY: text}}})


class ShardLeaseClients:
    """Clients of the Lease of the number of shards, and of each shard's; they share a connection. Close it to end it.

    Attributes:
        number: The Lease by the name that is used without shards.
        shards: A Lease for each shard.
    """

    def __init__(self, lease: NamespacedName, shards: int, requested: Requested | None = None) -> None:
        """Read KUBECONFIG, else the pod's service account; sends nothing.

        Raises ClusterError when neither can be read.
        """
        # A thread for each: an API server that is slow must not delay one renewal by another.
        self._connection = Connection(1 + shards, no_fence(), READ_TIMEOUT_SECONDS, requested)
        names = [NamespacedName(lease.namespace, f"{lease.name}-shard-{shard}") for shard in range(shards)]
        self.number = SharedLeaseClient(lease, connection=self._connection)
        self.shards = [LeaseClient(name, connection=self._connection) for name in names]

    @property
    def jobs(self) -> Jobs:
        """The requests under way, for the health check."""
        return self._connection.jobs

    def close(self) -> None:
        """End the threads and the connections."""
        self._connection.close()


def _parse(body: dict[str, Any]) -> Lease:
    spec = body.get("spec") or {}
    return Lease(
        version=body["metadata"]["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        seconds=spec.get("leaseDurationSeconds") or LEASE_DURATION_SECONDS,
        renewed=spec.get("renewTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
        wanted=(body["metadata"].get("annotations") or {}).get(WANTED_BY, ""),
    )
