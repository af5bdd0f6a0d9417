"""The node: which pods are bound to it, and one `Pod` for each. Level-based: a new list corrects everything."""

import asyncio
import contextlib
import logging

from devcluster.node.addresses import Addresses
from devcluster.node.api import Api, GoneError
from devcluster.node.http import HttpError, UnreachableError
from devcluster.node.pod import Host, Pod
from devcluster.node.status import Json

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.2
SHUTDOWN_GRACE_SECONDS = 2.0
OVER = {"Succeeded", "Failed"}


class Node:
    """Runs the pods that the API server binds to it."""

    def __init__(self, host: Host, addresses: Addresses) -> None:
        self._api: Api = host.api
        self._host = host
        self._addresses = addresses
        self._pods: dict[str, Pod] = {}
        self._removals: dict[str, asyncio.Task[None]] = {}

    async def follow(self) -> None:
        """Follow the API server, forever; list again after each end of the watch."""
        while True:
            try:
                version = await self._look_around()
                async for kind, manifest in self._api.watch_pods(version):
                    self._apply(kind, manifest)
            except (HttpError, UnreachableError) as error:
                log.info("listing again: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def shut_down(self) -> None:
        """End all pods' processes; the Pods themselves stay in the API server."""
        for pod in self._pods.values():
            pod.stop(SHUTDOWN_GRACE_SECONDS)
        with contextlib.suppress(TimeoutError):  # a pod may wait for an API server that is not there any more
            async with asyncio.timeout(SHUTDOWN_GRACE_SECONDS + 1):
                await asyncio.gather(*(pod.ended() for pod in self._pods.values()))

    async def _look_around(self) -> str:
        manifests, version = await self._api.list_pods()
        listed = {manifest["metadata"]["uid"] for manifest in manifests}
        for uid, pod in list(self._pods.items()):
            if uid not in listed:
                self._apply("DELETED", pod.manifest)
        for manifest in manifests:
            self._apply("MODIFIED", manifest)
        return version

    def _apply(self, kind: str, manifest: Json) -> None:
        """Make what runs here agree with one Pod."""
        uid = manifest["metadata"]["uid"]
        if kind == "DELETED":
            if uid in self._pods:
                self._remove(manifest, 0)
        elif "deletionTimestamp" in manifest["metadata"]:
            grace_seconds = manifest["metadata"].get("deletionGracePeriodSeconds", 0)
            # No grace left and not running here: this is the event of our own deletion of the pod.
            if uid in self._pods or grace_seconds > 0:
                self._remove(manifest, grace_seconds)
        elif uid in self._pods:
            self._pods[uid].update(manifest)
        elif manifest.get("status", {}).get("phase") not in OVER:
            self._pods[uid] = Pod(manifest, self._addresses.take(), self._host)

    def _remove(self, manifest: Json, grace_seconds: float) -> None:
        uid = manifest["metadata"]["uid"]
        pod = self._pods.get(uid)
        if pod is not None:
            pod.stop(grace_seconds)
        if uid not in self._removals:
            self._removals[uid] = asyncio.create_task(self._removal(manifest, pod))

    async def _removal(self, manifest: Json, pod: Pod | None) -> None:
        if pod is not None:
            await pod.ended()
        with contextlib.suppress(GoneError):
            await self._api.delete(manifest)
        self._forget(manifest["metadata"]["uid"])

    def _forget(self, uid: str) -> None:
        self._removals.pop(uid, None)
        pod = self._pods.pop(uid, None)
        if pod is not None:
            self._addresses.free(pod.address)
