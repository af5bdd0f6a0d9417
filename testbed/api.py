"""A small asynchronous client of the API server: creates objects quickly, and watches with monotonic timestamps."""

import asyncio
import base64
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
MAX_CONCURRENT_REQUESTS = 16
"""More requests at the same time do not make the API server of a small machine faster."""
_MAX_EVENT_BYTES = 2**22


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event of a watch, and when it arrived, in seconds of the machine's monotonic clock."""

    time: float
    kind: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.body["metadata"]["name"])


class ApiClient:
    """Sends requests as the cluster's administrator."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str) -> Any:
        """Return the decoded body of a GET."""
        async with self._session.get(path) as answer:
            return await answer.json()

    async def create(self, path: str, body: Mapping[str, Any]) -> None:
        """Create one object."""
        async with self._session.post(path, json=body) as answer:
            await answer.read()

    async def patch(self, path: str, body: Mapping[str, Any], user: str = "") -> None:
        """Merge a patch into one object, by the rights of another user when one is named."""
        headers = {"Content-Type": "application/merge-patch+json"} | ({"Impersonate-User": user} if user else {})
        async with self._session.patch(path, json=body, headers=headers) as answer:
            await answer.read()

    async def delete(self, path: str) -> None:
        """Delete one object, or every object of a collection."""
        async with self._session.delete(path) as answer:
            await answer.read()

    @asynccontextmanager
    async def watching(self, path: str, on_event: Callable[[WatchEvent], None]) -> AsyncIterator[None]:
        """Call `on_event` for every change of a collection while the body runs; none is missed.

        An API server that has just got a resource definition ends the watches of that resource: they are continued.

        Raises:
            ExceptionGroup: The watch could not be continued. The body is cancelled then.
        """
        version, opened = (await self.get(f"{path}?limit=1"))["metadata"]["resourceVersion"], asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._watch(path, version, on_event, opened))
            await opened.wait()
            try:
                yield
            finally:
                task.cancel()

    async def _watch(
        self, path: str, version: str, on_event: Callable[[WatchEvent], None], opened: asyncio.Event
    ) -> None:
        while True:
            query = f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=3600"
            async with self._session.get(query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
                opened.set()
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise ConnectionError(f"the API server ended a watch: {event['object'].get('message')}")
                    version = event["object"]["metadata"]["resourceVersion"]
                    on_event(WatchEvent(time.monotonic(), event["type"], event["object"]))


async def holds_within(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds, at most this long; return whether it does."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 -- conditions over what watches recorded
        await asyncio.sleep(0.05)
    return condition()


@asynccontextmanager
async def connected(config: Mapping[str, Any]) -> AsyncIterator[ApiClient]:
    """Connect with a kubeconfig that contains a certificate, as devcluster writes it."""
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pair:  # ssl reads certificates from files only
        pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pair.flush()
        tls.load_cert_chain(pair.name)
    connector = aiohttp.TCPConnector(ssl=tls, limit=0)
    async with aiohttp.ClientSession(
        cluster["server"], connector=connector, raise_for_status=True, read_bufsize=_MAX_EVENT_BYTES
    ) as session:
        yield ApiClient(session)


async def for_each_concurrently(do: Callable[[str], Awaitable[None]], names: Iterable[str]) -> None:
    """Call `do` for each name in order, MAX_CONCURRENT_REQUESTS at a time."""
    left = iter(names)

    async def one_after_the_other() -> None:
        for name in left:
            await do(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(MAX_CONCURRENT_REQUESTS):
            group.create_task(one_after_the_other())


def deployment(name: str, replicas: int) -> dict[str, Any]:
    """Return a Deployment that can be scaled and creates no pods.

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
    """Return a pool as in the quickstart, with one queue."""
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
