"""Requests about pools, Deployments and pods. `reconcile` calls it, through the tick's Protocols.

Nothing is retried here: the next tick looks again, which is what a retry should do.
"""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from queueworkerpool.cluster.connection import Connection, NotFoundError
from queueworkerpool.cluster.objects import DELETION_COST, MARK, belongs, event_of, pod_seen
from queueworkerpool.errors import ClusterConflictError, PoolGoneError, TargetGoneError
from queueworkerpool.fence import Fence, no_fence
from queueworkerpool.health import Jobs
from queueworkerpool.model import Key, News, PodSeen, Pool, Target
from queueworkerpool.names import GROUP, PLURAL, VERSION

READ_TIMEOUT_SECONDS = 7.0
"""Until an answer begins, and for the whole of it. What was asked of a server that went silent must not delay what can
be asked again when it is back."""

_API = f"/apis/{GROUP}/{VERSION}"


class KubernetesCluster:
    """Writes scales, statuses and Events. Close it to end its threads."""

    def __init__(self, workers: int, fence: Fence | None = None) -> None:
        """Take how many requests may be under way at once, and what a write has to pass, if it has to pass anything.

        Reads KUBECONFIG, else the pod's service account. Raises ClusterError when neither can be read.
        """
        self._connection = Connection(workers, fence or no_fence(), READ_TIMEOUT_SECONDS)

    @property
    def jobs(self) -> Jobs:
        """What the threads do."""
        return self._connection.jobs

    def close(self) -> None:
        """End the threads and connections; calls under way end by their time-outs."""
        self._connection.close()

    def renew(self) -> None:
        """Use no connection of before."""
        self._connection.renew()

    def is_served(self) -> bool:
        """Whether the API server knows our custom resource. Blocks; for the start only. Raises ClusterError."""
        try:
            self._connection.request("GET", _API)
        except NotFoundError:
            return False
        return True

    async def pool(self, key: Key) -> Pool:
        """The pool of this name. Raises PoolGoneError when there is none."""
        return Pool.parse(await self._pool_request("GET", _pool_path(key)))

    async def pools(self, namespaces: tuple[str, ...]) -> list[Pool]:
        """All pools of these namespaces, or of all of them when none is named, as they are now."""
        places = [f"/namespaces/{namespace}" for namespace in namespaces] or [""]
        listed = [await self._connection.ask("GET", f"{_API}{place}/{PLURAL}") for place in places]
        return [Pool.parse(item) for found in listed for item in found["items"]]

    async def target(self, deployment: Key) -> Target:
        """The Deployment of this name. Raises TargetGoneError when there is none."""
        path = f"/apis/apps/v1/namespaces/{deployment.namespace}/deployments/{deployment.name}"
        try:
            return Target.parse(await self._connection.ask("GET", path))
        except NotFoundError as error:
            raise TargetGoneError(f"there is no Deployment {deployment}") from error

    async def confirm(self, pool: Pool) -> None:
        """Make sure that a pool is still the one that was decided on.

        kopf does not tell of a deletion that it missed while its watch was broken, so a write asks first. Raises
        PoolGoneError when the pool was deleted, ClusterConflictError when its spec was edited.
        """
        found = await self._pool_request("GET", _pool_path(pool.key))
        if found["metadata"]["uid"] != pool.uid:
            raise PoolGoneError(f"pool {pool.key} was deleted and created anew")
        if found["metadata"]["generation"] != pool.generation:
            raise ClusterConflictError(f"pool {pool.key} was edited")

    async def scale(self, deployment: Key, replicas: int, resource_version: int) -> int:
        """Set a Deployment's replicas if it still is at this version; returns its new version.

        Raises ClusterConflictError when it is not, TargetGoneError when there is no such Deployment.
        """
        path = f"/apis/apps/v1/namespaces/{deployment.namespace}/deployments/{deployment.name}/scale"
        body = {"metadata": {"resourceVersion": str(resource_version)}, "spec": {"replicas": replicas}}
        try:
            scaled = await self._connection.ask("PATCH", path, body)
        except NotFoundError as error:
            raise TargetGoneError(f"Deployment {deployment} was deleted") from error
        return int(scaled["metadata"]["resourceVersion"])

    async def write_status(self, pool: Pool, patch: Mapping[str, Any]) -> Pool:
        """Merge a patch into the pool's status; returns the pool as it now is.

        Raises PoolGoneError when the pool was deleted or created anew.
        """
        try:
            return await self._write_status(pool, patch)
        except ClusterConflictError:
            # Edited meanwhile, which is no reason to forget what was done; or created anew, which only the version
            # shows: the API server does not look at the uid in a write of a custom resource's status.
            found = await self.pool(pool.key)
            if found.uid != pool.uid:
                raise PoolGoneError(f"pool {pool.key} was deleted and created anew") from None
            return await self._write_status(found, patch)

    async def _write_status(self, pool: Pool, patch: Mapping[str, Any]) -> Pool:
        body = {"metadata": {"resourceVersion": str(pool.resource_version)}, "status": patch}
        return Pool.parse(await self._pool_request("PATCH", f"{_pool_path(pool.key)}/status", body))

    async def pods(self, deployment: Key, selector: str, limit: int | None = None) -> list[PodSeen]:
        """The pods of a Deployment that are not being deleted.

        With a limit: up to so many that the selector matches, as the API server's cache has them.
        """
        query = {"labelSelector": selector} | ({"limit": limit, "resourceVersion": "0"} if limit else {})
        path = f"/api/v1/namespaces/{deployment.namespace}/pods?{urlencode(query)}"
        listed = await self._connection.ask("GET", path)
        return [pod_seen(item) for item in listed["items"] if belongs(item, deployment)]

    async def mark(self, namespace: str, pod: str, *, first: bool) -> None:
        """Mark a pod to be deleted first at the next scale-in, or take the mark away. A pod that is gone needs none."""
        body = {"metadata": {"annotations": {DELETION_COST: MARK if first else None}}}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        with contextlib.suppress(NotFoundError):
            await self._connection.ask("PATCH", path, body)

    async def post_event(self, pool: Pool, news: News, now: datetime) -> None:
        """Post an Event about a pool."""
        event = event_of(pool, news, now)
        path = f"/api/v1/namespaces/{pool.key.namespace}/events"
        await self._connection.ask("POST", path, event)

    async def _pool_request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            return await self._connection.ask(method, path, body)
        except NotFoundError as error:
            raise PoolGoneError("there is no such pool; it may have been deleted") from error


def _pool_path(pool: Key) -> str:
    return f"{_API}/namespaces/{pool.namespace}/{PLURAL}/{pool.name}"
