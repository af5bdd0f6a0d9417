"""Requests to the API server. `reconcile` calls it, through the tick's Protocols.

The official client blocks, so the calls run in a bounded pool of threads, each with explicit
time-outs. Nothing is retried here: the next tick looks again, which is what a retry should do.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from queueworkerpool.cluster.objects import DELETION_COST, MARK, belongs, event_of, pod_seen
from queueworkerpool.errors import ClusterConflictError, ClusterError, PoolGoneError, TargetGoneError
from queueworkerpool.model import Key, News, PodSeen, Pool, Target
from queueworkerpool.names import FIELD_MANAGER, GROUP, PLURAL, VERSION

CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 10.0

T = TypeVar("T")
_MERGE_PATCH = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}


class _NotFoundError(ClusterError):
    """The API server answered 404; the caller knows what is gone."""


class KubernetesCluster:
    """Writes scales, statuses and Events. Close it to end its threads."""

    def __init__(self, workers: int) -> None:
        """Take how many requests may be under way at once. Reads KUBECONFIG, else the pod's service account.

        Raises ClusterError when neither can be read.
        """
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="cluster")
        self._workers = workers
        self._api = self._connect()

    def close(self) -> None:
        """End the threads and connections; calls under way end by their time-outs."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._api.rest_client.close()

    def is_served(self) -> bool:
        """Whether the API server knows our custom resource. Blocks; for the start only. Raises ClusterError."""
        try:
            self._request("GET", f"/apis/{GROUP}/{VERSION}")
        except _NotFoundError:
            return False
        return True

    async def pool(self, key: Key) -> Pool:
        """The pool of this name. Raises PoolGoneError when there is none."""
        return Pool.parse(await self._pool_request("GET", _pool_path(key)))

    async def target(self, deployment: Key) -> Target:
        """The Deployment of this name. Raises TargetGoneError when there is none."""
        path = f"/apis/apps/v1/namespaces/{deployment.namespace}/deployments/{deployment.name}"
        try:
            return Target.parse(await self._in_thread(lambda: self._request("GET", path)))
        except _NotFoundError as error:
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
            scaled = await self._in_thread(lambda: self._request("PATCH", path, body))
        except _NotFoundError as error:
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
        listed = await self._in_thread(lambda: self._request("GET", path))
        return [pod_seen(item) for item in listed["items"] if belongs(item, deployment)]

    async def mark(self, namespace: str, pod: str, *, first: bool) -> None:
        """Mark a pod to be deleted first at the next scale-in, or take the mark away. A pod that is gone needs none."""
        body = {"metadata": {"annotations": {DELETION_COST: MARK if first else None}}}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        with contextlib.suppress(_NotFoundError):
            await self._in_thread(lambda: self._request("PATCH", path, body))

    async def post_event(self, pool: Pool, news: News, now: datetime) -> None:
        """Post an Event about a pool."""
        event = event_of(pool, news, now)
        path = f"/api/v1/namespaces/{pool.key.namespace}/events"
        await self._in_thread(lambda: self._request("POST", path, event))

    async def _pool_request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            return await self._in_thread(lambda: self._request(method, path, body))
        except _NotFoundError as error:
            raise PoolGoneError("there is no such pool; it may have been deleted") from error

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        api, answer = self._api, self._send(method, path, body)
        if answer.status == HTTPStatus.UNAUTHORIZED:  # the token was rotated: read it again, and try once more
            if self._api is api:
                self._api = self._connect()
            answer = self._send(method, path, body)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise _NotFoundError(f"{method} {path}: not found")
        if answer.status == HTTPStatus.CONFLICT:
            raise ClusterConflictError(f"{method} {path}: conflict")
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ClusterError(f"{method} {path}: status {answer.status}")
        try:
            told = json.loads(answer.data)
        except (ValueError, RecursionError) as error:
            raise ClusterError(f"{method} {path}: the answer is not JSON") from error
        if not isinstance(told, dict) or "kind" not in told:  # some proxies answer for an API server that is down
            raise ClusterError(f"{method} {path}: the answer is not the API server's")
        return told

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = _MERGE_PATCH if method == "PATCH" else _JSON
        query = [("fieldManager", FIELD_MANAGER)] if body else []
        request = self._api.param_serialize(
            method, path, header_params=dict(headers), query_params=query, body=body, auth_settings=["BearerToken"]
        )
        try:
            answer = self._api.call_api(*request, _request_timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS))
            answer.read()
        except (ApiException, HTTPError, OSError) as error:
            raise ClusterError(f"{method} {path}: no answer ({type(error).__name__})") from error
        return answer

    def _connect(self) -> Any:
        try:
            return self._client()
        except (config.ConfigException, OSError) as error:  # later on: whoever rotates the token may not be done yet
            raise ClusterError(f"no usable KUBECONFIG or service account ({type(error).__name__})") from error

    def _client(self) -> Any:
        settings = client.Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call] # theirs
        else:
            path = os.environ.get("KUBECONFIG")  # told, for else it is what it was when the library was imported
            config.load_kube_config(path, client_configuration=settings)  # type: ignore[no-untyped-call] # theirs
        settings.connection_pool_maxsize = self._workers
        settings.retries = 0
        return client.ApiClient(settings)


def _pool_path(pool: Key) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{pool.namespace}/{PLURAL}/{pool.name}"
