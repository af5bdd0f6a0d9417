"""The only door to the Kubernetes client: it writes (kopf watches). Raises our errors; decides and remembers nothing.

`reconcile` calls it. The official client blocks, so the calls run in a bounded pool of threads, each with explicit
time-outs. Nothing is retried here: the next tick looks again, which is what a retry should do.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from queueworkerpool.errors import ClusterConflictError, ClusterError, PoolGoneError, TargetGoneError
from queueworkerpool.model import Key, News, PodSeen, Pool, Target
from queueworkerpool.names import FIELD_MANAGER, GROUP, KIND, PLURAL, VERSION

CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 10.0

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
MARK = str(-(2**31) + 1)
"""A cost that hardly anybody else gives, so that the mark is known as ours."""

T = TypeVar("T")
_MERGE_PATCH = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}


class _NotFoundError(ClusterError):
    """The API server answered 404; the caller knows what is gone."""


class KubernetesCluster:
    """Writes scales, statuses and Events. Close it to end its threads."""

    def __init__(self, workers: int) -> None:
        """Take how many requests may be under way at once. Reads KUBECONFIG, else the pod's service account."""
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
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{key.namespace}/{PLURAL}/{key.name}"
        return Pool.parse(await self._pool_request("GET", path))

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
        found = await self._pool_request("GET", _pool_path(pool))
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

        Raises PoolGoneError when the pool was deleted, ClusterConflictError when it was created anew.
        """
        body = {"metadata": {"uid": pool.uid}, "status": patch}
        return Pool.parse(await self._pool_request("PATCH", f"{_pool_path(pool)}/status", body))

    async def pods(self, deployment: Key, selector: str, limit: int | None = None) -> list[PodSeen]:
        """The pods of a Deployment that are not being deleted.

        With a limit: up to so many that the selector matches, as the API server's cache has them.
        """
        query = {"labelSelector": selector} | ({"limit": limit, "resourceVersion": "0"} if limit else {})
        path = f"/api/v1/namespaces/{deployment.namespace}/pods?{urlencode(query)}"
        listed = await self._in_thread(lambda: self._request("GET", path))
        return [_pod(item) for item in listed["items"] if _belongs(item, deployment)]

    async def mark(self, namespace: str, pod: str, *, first: bool) -> None:
        """Mark a pod to be deleted first at the next scale-in, or take the mark away. A pod that is gone needs none."""
        body = {"metadata": {"annotations": {DELETION_COST: MARK if first else None}}}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        with contextlib.suppress(_NotFoundError):
            await self._in_thread(lambda: self._request("PATCH", path, body))

    async def post_event(self, pool: Pool, news: News, now: datetime) -> None:
        """Post an Event about a pool."""
        event = _event(pool, news, now)
        path = f"/api/v1/namespaces/{pool.key.namespace}/events"
        await self._in_thread(lambda: self._request("POST", path, event))

    async def _pool_request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            return await self._in_thread(lambda: self._request(method, path, body))
        except _NotFoundError as error:
            raise PoolGoneError("the pool was deleted") from error

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
            return dict(json.loads(answer.data))
        except ValueError as error:
            raise ClusterError(f"{method} {path}: the answer is not JSON") from error

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
        settings = client.Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call] # theirs
        else:
            config.load_kube_config(client_configuration=settings)  # type: ignore[no-untyped-call] # theirs
        settings.connection_pool_maxsize = self._workers
        settings.retries = 0
        return client.ApiClient(settings)


def _pod(item: Mapping[str, Any]) -> PodSeen:
    metadata, status = item["metadata"], item.get("status", {})
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    ready = next((c for c in status.get("conditions", ()) if c["type"] == "Ready" and c["status"] == "True"), None)
    restarted = any(container.get("restartCount", 0) for container in status.get("containerStatuses", ()))
    startup = None
    if ready and not restarted and ready.get("lastTransitionTime"):
        startup = (datetime.fromisoformat(ready["lastTransitionTime"]) - created).total_seconds()
    return PodSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        address=status.get("podIP", ""),
        ready=bool(ready),
        startup_seconds=startup,
        assigned=bool(item["spec"].get("nodeName")),
        pending=status.get("phase") == "Pending",
        running=any("running" in container.get("state", {}) for container in status.get("containerStatuses", ())),
        marked=metadata.get("annotations", {}).get(DELETION_COST) == MARK,
    )


def _belongs(item: Mapping[str, Any], deployment: Key) -> bool:
    """Whether a pod is one of the Deployment's, by its ReplicaSet's name, and neither ended nor being deleted."""
    metadata = item["metadata"]
    template = metadata.get("labels", {}).get("pod-template-hash")
    owners = metadata.get("ownerReferences", ())
    of_set = any(
        owner["kind"] == "ReplicaSet" and owner.get("controller") and owner["name"] == f"{deployment.name}-{template}"
        for owner in owners
    )
    ended = item.get("status", {}).get("phase") in {"Succeeded", "Failed"}
    return of_set and not ended and "deletionTimestamp" not in metadata


def _pool_path(pool: Pool) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{pool.key.namespace}/{PLURAL}/{pool.key.name}"


def _event(pool: Pool, news: News, now: datetime) -> dict[str, Any]:
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        # The name only has to be unique; other components use the same shape.
        "metadata": {"namespace": pool.key.namespace, "name": f"{pool.key.name}.{time.time_ns():x}"},
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "namespace": pool.key.namespace,
            "name": pool.key.name,
            "uid": pool.uid,
        },
        "type": news.kind,
        "reason": news.reason,
        "message": news.message[:1024],  # the API server's limit
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
