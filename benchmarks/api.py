"""The bench's own hands and eyes at the API server: fast creation, and watches with monotonic stamps."""

import asyncio
import base64
import contextlib
import json
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

NAMESPACE = "bench"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
POOLS = f"/apis/queueworker.dev/v1alpha1/namespaces/{NAMESPACE}/queueworkerpools"
AT_ONCE = 16
"""Creations under way at the same time: more does not make the API server of a small machine faster."""
_LONGEST_EVENT = 2**22


@dataclass(frozen=True, slots=True)
class Seen:
    """One watch event, and when it came, in seconds of the machine's monotonic clock."""

    time: float
    kind: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.body["metadata"]["name"])


class Api:
    """Requests as the cluster's administrator."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str) -> Any:
        """The decoded body of a GET."""
        async with self._session.get(path) as answer:
            return await answer.json()

    async def create(self, path: str, body: Mapping[str, Any]) -> None:
        """Create one object."""
        async with self._session.post(path, json=body) as answer:
            await answer.read()

    async def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Merge a patch into one object."""
        headers = {"Content-Type": "application/merge-patch+json"}
        async with self._session.patch(path, json=body, headers=headers) as answer:
            await answer.read()

    async def delete(self, path: str) -> None:
        """Delete one object."""
        async with self._session.delete(path) as answer:
            await answer.read()

    async def delete_all(self, path: str) -> None:
        """Delete every object of a collection."""
        async with self._session.delete(path) as answer:
            await answer.read()

    @asynccontextmanager
    async def watching(self, path: str, note: Callable[[Seen], None]) -> AsyncIterator[None]:
        """Note every change of a collection while the body runs; none is missed. Raises what ends a watch early."""
        version = (await self.get(f"{path}?limit=1"))["metadata"]["resourceVersion"]
        query = f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=3600"
        async with self._session.get(query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            task = asyncio.create_task(_note_all(answer.content, note))
            try:
                yield
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def _note_all(lines: aiohttp.StreamReader, note: Callable[[Seen], None]) -> None:
    async for line in lines:
        event = json.loads(line)
        note(Seen(time.monotonic(), event["type"], event["object"]))
    raise ConnectionError("the API server ended a watch")


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds, at most so long; returns whether it does."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 -- conditions over what watches have noted
        await asyncio.sleep(0.05)
    return condition()


@asynccontextmanager
async def connected(config: Mapping[str, Any]) -> AsyncIterator[Api]:
    """A connection by a kubeconfig with a certificate inside, as devcluster writes it."""
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pair:  # ssl reads certificates from files only
        pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pair.flush()
        tls.load_cert_chain(pair.name)
    connector = aiohttp.TCPConnector(ssl=tls, limit=0)
    async with aiohttp.ClientSession(
        cluster["server"], connector=connector, raise_for_status=True, read_bufsize=_LONGEST_EVENT
    ) as session:
        yield Api(session)


async def each_at_once(do: Callable[[str], Awaitable[None]], names: Iterable[str]) -> None:
    """Do it for each name in order, AT_ONCE at a time."""
    left = iter(names)

    async def one_after_the_other() -> None:
        for name in left:
            await do(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_the_other())


def deployment(name: str, replicas: int) -> dict[str, Any]:
    """A Deployment that can be scaled and makes no pods.

    It is paused before its first ReplicaSet: the API server is on the machine that is measured, and thousands of pods
    that nobody runs would only take its time.
    """
    labels = {"app": name}
    container = {"name": "worker", "image": "worker", "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "paused": True,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def pool(name: str, queue_url: str, poll_seconds: int) -> dict[str, Any]:
    """A pool as in the quickstart, on a queue of its own."""
    return {
        "apiVersion": "queueworker.dev/v1alpha1",
        "kind": "QueueWorkerPool",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"name": name},
            "queues": [{"url": queue_url}],
            "maxReplicas": 100,
            "target": {"messagesPerPod": 5},
            "pollSeconds": poll_seconds,
        },
    }
