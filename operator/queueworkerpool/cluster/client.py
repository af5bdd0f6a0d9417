"""Requests about pools, what they scale, pods and Events. `reconcile` calls it, through the tick's Protocols.

It decides nothing and retries nothing: the next tick decides on what is then true, which is better than a retry.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from queueworkerpool.cluster.connection import Connection, ForbiddenError, NotFoundError, Requested
from queueworkerpool.cluster.login import Login
from queueworkerpool.cluster.objects import DELETION_COST, MARK, belongs, parse_pod, raw_event
from queueworkerpool.cluster.pages import PagedLists
from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterRefusedError,
    PoolGoneError,
    TargetGoneError,
    TargetKindNotAllowedError,
    UnknownPathError,
)
from queueworkerpool.health import Jobs
from queueworkerpool.leader.fence import WriteFence, no_fence
from queueworkerpool.model import (
    DEFAULT_WORKLOADS,
    DEPLOYMENT,
    Event,
    NamespacedName,
    Pod,
    Pool,
    Scale,
    ScaleTarget,
    StoredPool,
    Target,
    Workload,
    parse_pool,
    workload_of,
)
from queueworkerpool.model.pruning import names
from queueworkerpool.names import GROUP, PLURAL, VERSION

logger = logging.getLogger(__name__)

READ_TIMEOUT_SECONDS = 7.0
"""The limit until an answer begins, and again for the whole of it. A request to a server that fell silent must not
delay those that can be sent once it is back."""

PLACES_WITHOUT_REPORTS = 2
"""Of the requests that may be under way, so many are never statuses or Events: where thousands of pools are new, each
gets a status, and a size that must change does not wait for these."""

MOST_PAGES = 2
"""Pages of lists that are in memory at the same time."""

_API = f"/apis/{GROUP}/{VERSION}"


class KubernetesCluster:
    """A client that reads pools, what they scale and pods, and writes scales, statuses, marks and Events.

    Close it to end its threads.
    """

    def __init__(
        self,
        workers: int,
        fence: WriteFence | None = None,
        workloads: Sequence[Workload] = DEFAULT_WORKLOADS,
        requested: Requested | None = None,
        login: Login | None = None,
    ) -> None:
        """Read a kubeconfig, else the pod's service account; sends nothing.

        Args:
            workers: Requests that may be under way at the same time.
            fence: Checked before each write; None allows every write.
            workloads: The kinds that are scaled, and where the API server serves them.
            requested: Counts requests; None counts none.
            login: Which kubeconfig and context; None is KUBECONFIG, else the pod's service account.

        Raises:
            ClusterError: Neither a kubeconfig nor a service account can be read.
        """
        self._connection = Connection(workers, fence or no_fence(), READ_TIMEOUT_SECONDS, requested, login)
        self._lists = PagedLists(self._connection, MOST_PAGES)
        self._reports = asyncio.Semaphore(max(1, workers - PLACES_WITHOUT_REPORTS))
        self._workloads = {workload.identity: workload for workload in workloads}
        self._loses = False

    @property
    def jobs(self) -> Jobs:
        """The requests under way, for the health check."""
        return self._connection.jobs

    def close(self) -> None:
        """End the threads and connections; calls under way end by their time-outs."""
        self._connection.close()

    def renew(self) -> None:
        """Use new connections from now on."""
        self._connection.renew()

    def is_served(self, namespace: str = "") -> bool:
        """Return whether the API server serves our custom resource. Blocks; for the start only. Raises ClusterError.

        A fresh CRD is in the API's index before its objects can be listed, so one is listed.
        """
        try:
            self._connection.request("GET", f"{_pools_path(namespace)}?limit=1")
        except UnknownPathError:
            return False
        except (NotFoundError, ForbiddenError):
            return self._is_indexed()
        return True

    def _is_indexed(self) -> bool:
        try:
            self._connection.request("GET", _API)
        except (NotFoundError, UnknownPathError):
            return False
        return True

    async def may_list_pools(self, namespace: str) -> bool:
        """Return whether the API server lets us list pools in a namespace; the empty name is all of them.

        Raises nothing: when nothing is known, as in an outage, the answer is yes, and the watch finds out.
        """
        try:
            await self._connection.ask("GET", f"{_pools_path(namespace)}?limit=1")
        except (NotFoundError, ForbiddenError):
            return False
        except ClusterError:
            return True
        return True

    async def pool(self, key: NamespacedName) -> StoredPool:
        """Return the pool of this name. Raises PoolGoneError when there is none."""
        return parse_pool(await self._pool_request("GET", _pool_path(key)))

    async def pools(self, namespaces: tuple[str, ...]) -> AsyncIterator[StoredPool]:
        """Yield all pools of these namespaces as they are now; of all namespaces when none is named.

        A namespace that may not be listed is left out. The caller must not wait for anything between two pools.
        """
        for namespace in namespaces or ("",):
            with contextlib.suppress(ForbiddenError, NotFoundError):
                async for item in self._lists.items(_pools_path(namespace), {}):
                    yield parse_pool(item)

    async def target(self, scale_target: ScaleTarget, api_version: str = DEPLOYMENT.api_version) -> Target:
        """Return what a pool scales, as it is now. Raises TargetGoneError when there is no such object.

        `api_version`: the pool's, for a kind that the settings do not list.
        """
        listed = self._workloads.get((scale_target.group, scale_target.kind))
        workload = listed or workload_of(api_version, scale_target.kind)
        try:
            target = Target.parse(await self._connection.ask("GET", workload.path(scale_target)), workload)
            if workload.built_in:
                return target
            scale = await self._connection.ask("GET", _scale_path(workload, scale_target))
            return target.with_scale(Scale.parse(scale))
        except NotFoundError as error:
            raise TargetGoneError(f"there is no {scale_target.kind} {scale_target}") from error

    async def read_scale(self, scale_target: ScaleTarget) -> Scale:
        """Return what an object's `/scale` says. Raises TargetGoneError, TargetKindNotAllowedError."""
        try:
            return Scale.parse(await self._connection.ask("GET", self._scale_path(scale_target)))
        except ForbiddenError as error:
            remedy = "list the kind in scaleTargets of the operator's chart, which gives it the right"
            raise TargetKindNotAllowedError(f"the operator may not read its /scale: {remedy} ({error})") from error
        except ClusterRefusedError as error:
            # As of a custom resource that lacks what its definition names as spec.replicas.
            problem = f"the API server does not give the /scale of {scale_target.label}: {error}"
            raise TargetKindNotAllowedError(problem) from error
        except NotFoundError as error:
            raise TargetGoneError(f"{scale_target.label} was deleted") from error

    async def confirm(self, pool: Pool) -> None:
        """Check that a pool is still the one that was decided on.

        kopf does not report a deletion that it missed while its watch was broken, so this is called before a scale.
        Raises PoolGoneError when the pool was deleted, ClusterConflictError when its spec was edited.
        """
        found = await self._pool_request("GET", _pool_path(pool.key))
        if found["metadata"]["uid"] != pool.uid:
            raise PoolGoneError(f"pool {pool.key} was deleted and created anew")
        if found["metadata"]["generation"] != pool.generation:
            raise ClusterConflictError(f"pool {pool.key} was edited")

    async def scale(self, scale_target: ScaleTarget, replicas: int, resource_version: int) -> int:
        """Set the replicas of what is scaled if it is still at this version; return its new version.

        Raises ClusterConflictError when it is not, TargetGoneError when there is no such object,
        ClusterRefusedError when something in the cluster does not allow it.
        """
        path = self._scale_path(scale_target)
        body = {"metadata": {"resourceVersion": str(resource_version)}, "spec": {"replicas": replicas}}
        try:
            scaled = await self._connection.ask("PATCH", path, body)
        except NotFoundError as error:
            raise TargetGoneError(f"{scale_target.kind} {scale_target} was deleted") from error
        return int(scaled["metadata"]["resourceVersion"])

    async def write_status(self, pool: StoredPool, patch: Mapping[str, Any]) -> StoredPool:
        """Merge a patch into the pool's status; return the pool as it now is.

        Raises PoolGoneError when the pool was deleted, or deleted and created again.
        """
        try:
            return await self._write_status(pool, patch)
        except ClusterConflictError:
            # The pool was edited meanwhile, and what was done must still be recorded; or it was created again, which
            # only the version shows: for a custom resource's status the API server does not compare the uid.
            found = await self.pool(pool.key)
            if found.uid != pool.uid:
                raise PoolGoneError(f"pool {pool.key} was deleted and created anew") from None
            return await self._write_status(found, patch)

    async def _write_status(self, pool: StoredPool, patch: Mapping[str, Any]) -> StoredPool:
        body = {"metadata": {"resourceVersion": str(pool.resource_version)}, "status": patch}
        async with self._reports:
            stored = await self._pool_request("PATCH", f"{_pool_path(pool.key)}/status", body)
        written = parse_pool(stored, patch)
        if written.status.lost and not self._loses:
            self._loses = True
            remedy = "upgrade the custom resource definition, then restart the operator"
            extra = {"fields": " ".join(names(written.status.lost)), "remedy": remedy}
            logger.warning("the custom resource definition is older than this operator", extra=extra)
        return written

    async def pods(self, scale_target: ScaleTarget, selector: str, limit: int | None = None) -> list[Pod]:
        """Return the pods of what is scaled that are not being deleted.

        With a limit: its own among at most this many that the selector matches.
        """
        path, query = f"/api/v1/namespaces/{scale_target.namespace}/pods", {"labelSelector": selector}
        items = self._lists.items(path, query, limit)
        return [parse_pod(item) async for item in items if belongs(item, scale_target)]

    async def mark(self, namespace: str, pod: str, *, first: bool) -> None:
        """Mark a pod to be deleted first at the next scale-in, or remove the mark. A pod that is gone needs none."""
        body = {"metadata": {"annotations": {DELETION_COST: MARK if first else None}}}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        with contextlib.suppress(NotFoundError):
            await self._connection.ask("PATCH", path, body)

    async def post_event(self, pool: StoredPool, event: Event, now: datetime) -> None:
        """Post an Event about a pool."""
        path = f"/api/v1/namespaces/{pool.key.namespace}/events"
        async with self._reports:
            await self._connection.ask("POST", path, raw_event(pool, event, now))

    def _scale_path(self, scale_target: ScaleTarget) -> str:
        return _scale_path(self._workloads[scale_target.group, scale_target.kind], scale_target)

    async def _pool_request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            return await self._connection.ask(method, path, body)
        except NotFoundError as error:
            raise PoolGoneError("there is no such pool; it may have been deleted") from error


def _scale_path(workload: Workload, scale_target: ScaleTarget) -> str:
    return f"{workload.path(scale_target)}/scale"


def _pools_path(namespace: str) -> str:
    return f"{_API}{f'/namespaces/{namespace}' if namespace else ''}/{PLURAL}"


def _pool_path(pool: NamespacedName) -> str:
    return f"{_API}/namespaces/{pool.namespace}/{PLURAL}/{pool.name}"
