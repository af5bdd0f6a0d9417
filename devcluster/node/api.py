"""The node's requests to the Kubernetes API. It retries what a restarting API server may refuse."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Set
from typing import Any

from devcluster.node.http import Http, HttpError, UnreachableError
from devcluster.node.status import Json

log = logging.getLogger(__name__)

NOT_FOUND, CONFLICT, TOO_MANY, SERVER_ERROR = 404, 409, 429, 500
RETRY_DELAYS_SECONDS = (0.1, 0.2, 0.5, 1.0)
TOKEN_LIFETIME_SECONDS = 3600
STRATEGIC = "application/strategic-merge-patch+json"


class GoneError(Exception):
    """The object is not there (any more)."""


class Api:
    """The API server, seen by one node."""

    def __init__(self, http: Http, node: str) -> None:
        self._http = http
        self._node = node

    async def list_pods(self) -> tuple[list[Json], str]:
        """Return the pods bound to this node, and the resource version of the list."""
        answer = await self._http.json("GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self._node}")
        return answer.get("items", []), answer["metadata"]["resourceVersion"]

    async def watch_pods(self, version: str) -> AsyncIterator[tuple[str, Json]]:
        """Yield (event type, pod) from VERSION on, until the watch ends."""
        parameters = {
            "watch": "1",
            "fieldSelector": f"spec.nodeName={self._node}",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
        }
        async for line in self._http.lines("/api/v1/pods", parameters):
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise HttpError(event["object"].get("code", SERVER_ERROR), event["object"].get("message", ""))
            if event["type"] != "BOOKMARK":
                yield event["type"], event["object"]

    async def report(self, pod: Json, status: Json) -> None:
        """Write the pod's status; raises GoneError, HttpError."""
        # The API server would add the address to those that the pod had on an earlier run of this node.
        addresses = [*status["podIPs"], {"$patch": "replace"}]
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": {**status, "podIPs": addresses}}
        await self._retry(lambda: self._http.json("PATCH", f"{pod_path(pod)}/status", body, STRATEGIC), {NOT_FOUND})

    async def delete(self, pod: Json) -> None:
        """Remove the pod from the API server, now that nothing of it runs; raises GoneError."""
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        # A conflict: by now another pod has this name.
        await self._retry(lambda: self._http.json("DELETE", pod_path(pod), body), {NOT_FOUND, CONFLICT})

    async def token(self, pod: Json) -> str:
        """Return a token of the pod's service account, good for TOKEN_LIFETIME_SECONDS and while the pod exists."""
        namespace, account = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default")
        reference = {key: pod["metadata"][key] for key in ("name", "uid")}
        body = {
            "spec": {
                "audiences": [],
                "expirationSeconds": TOKEN_LIFETIME_SECONDS,
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", **reference},
            }
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        answer = await self._retry(lambda: self._http.json("POST", path, body), {NOT_FOUND, CONFLICT})
        return str(answer["status"]["token"])

    async def source(self, namespace: str, resource: str, name: str) -> Json | None:
        """Return a config map or secret; None when it is not there."""
        try:
            answer: Json = await self._retry(
                lambda: self._http.json("GET", f"/api/v1/namespaces/{namespace}/{resource}/{name}"), {NOT_FOUND}
            )
        except GoneError:
            return None
        return answer

    async def put_node(self, node: Json) -> None:
        """Create this node, or renew its status."""
        path = f"/api/v1/nodes/{self._node}"
        try:
            await self._http.json("PATCH", f"{path}/status", {"status": node["status"]}, STRATEGIC)
        except HttpError as error:
            if error.status != NOT_FOUND:
                raise
            await self._http.json("POST", "/api/v1/nodes", node)

    async def put_lease(self, lease: Json) -> None:
        """Create this node's lease, or renew it."""
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        try:
            await self._http.json("PATCH", f"{path}/{self._node}", lease, STRATEGIC)
        except HttpError as error:
            if error.status != NOT_FOUND:
                raise
            await self._http.json("POST", path, lease)

    async def _retry(self, request: Callable[[], Awaitable[Any]], gone: Set[int]) -> Any:
        """Return REQUEST's answer; retry while the API server is away or busy.

        Raises GoneError for a status code in GONE, HttpError for a refusal that time will not change.
        """
        attempt = 0
        while True:
            try:
                return await request()
            except HttpError as error:
                if error.status in gone:
                    raise GoneError(str(error)) from error
                if error.status < SERVER_ERROR and error.status not in {CONFLICT, TOO_MANY}:
                    raise
                problem: Exception = error
            except UnreachableError as error:
                problem = error
            log.debug("the request is retried: %s", problem)
            await asyncio.sleep(RETRY_DELAYS_SECONDS[min(attempt, len(RETRY_DELAYS_SECONDS) - 1)])
            attempt += 1


def pod_path(pod: Mapping[str, Any]) -> str:
    """Return the API path of a pod."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
