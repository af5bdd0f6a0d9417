"""Worker pods without a node: their status is written as a kubelet would, and /state is answered on loopback."""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Self

import aiohttp

from devcluster.processes import free_port
from testbed.api import ApiClient

POLL_SECONDS = 0.5
LABEL = "chaos-workers"


class Mood(Enum):
    """How the workers of a pool answer."""

    IDLE = auto()
    BUSY = auto()  # with one message each, that is never finished
    SILENT = auto()  # they take the connection, and never answer
    LYING = auto()  # the answer makes no sense
    STRANGE = auto()  # the answer is another pod's


class Workers:
    """The pods of all pools that have any, by the label `chaos-workers`, and a server at the address of each."""

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self._api = api
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._addresses = (f"127.77.{number // 250}.{number % 250 + 1}" for number in itertools.count())
        self._servers: dict[str, asyncio.Server] = {}
        self._moods: dict[str, tuple[Mood, float]] = {}
        self.port = free_port("127.77.0.1")

    @classmethod
    @asynccontextmanager
    async def running(cls, api: ApiClient, namespace: str) -> AsyncIterator[Self]:
        """Run the pods of this namespace while the body runs."""
        workers = cls(api, namespace)
        task = asyncio.create_task(workers._run())
        try:
            yield workers
        finally:
            task.cancel()
            await asyncio.wait({task})
            for server in workers._servers.values():
                server.close()
        if not task.cancelled():
            task.result()

    def are(self, mood: Mood, pool: str) -> None:
        """Let the workers of a pool answer like this from now on."""
        self._moods[pool] = (mood, time.monotonic())

    def labels(self, pool: str) -> dict[str, str]:
        """Return the labels of the pods of a pool."""
        return {"app": pool, LABEL: pool}

    async def _run(self) -> None:
        while True:
            listed = (await self._api.get(f"{self._pods}?labelSelector={LABEL}"))["items"]
            alive = {each["metadata"]["name"] for each in listed}
            for name in self._servers.keys() - alive:
                self._servers.pop(name).close()
            for each in listed:
                if each["metadata"]["name"] not in self._servers:
                    await self._start(each)
            await asyncio.sleep(POLL_SECONDS)

    async def _start(self, pod: dict[str, Any]) -> None:
        name, pool, address = pod["metadata"]["name"], pod["metadata"]["labels"][LABEL], next(self._addresses)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                mood, since = self._moods.get(pool, (Mood.IDLE, 0.0))
                if mood is Mood.SILENT:
                    await reader.read()  # until the client gives up
                else:
                    writer.write(_answer(mood, since))
                    await writer.drain()
            writer.close()

        self._servers[name] = await asyncio.start_server(serve, address, self.port)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": now} for kind in ("Ready", "ContainersReady")
            ],
            "containerStatuses": [
                {
                    "name": "worker",
                    "image": "worker",
                    "imageID": "",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": now}},
                }
            ],
        }
        with contextlib.suppress(aiohttp.ClientResponseError):  # it is gone already
            await self._api.patch(f"{self._pods}/{name}/status", {"status": status})


def _answer(mood: Mood, since: float) -> bytes:
    busy = mood is Mood.BUSY
    seconds = time.monotonic() - since if busy else 0.0
    state: dict[str, Any] = {"busy": int(busy), "concurrency": 1, "processed": 0, "failed": 0}
    state |= {"busySeconds": seconds, "oldestBusySeconds": seconds}
    if mood is Mood.LYING:
        state["busy"] = "none"
    if mood is Mood.STRANGE:
        state["pod"] = "another-pod"
    body = json.dumps(state)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"{head}\r\n\r\n{body}".encode()
