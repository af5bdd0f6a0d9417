"""A small server that answers lists and watches of Deployments as the API server does, and fails as it is asked to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from queueworkerpool.errors import TargetsUnknownError
from queueworkerpool.health import HealthState
from queueworkerpool.model import DEFAULT_WORKLOADS, ScaleTarget, Workload
from queueworkerpool.watch import targets
from queueworkerpool.watch.index import Targets
from queueworkerpool.watch.targets import watch_targets
from tests.serving import kubeconfig


def deployment(name: str, replicas: int = 1, *, namespace: str = "shop", version: int = 1, size: int = 0) -> Any:
    annotations = {"size": "x" * size}
    metadata = {"namespace": namespace, "name": name, "resourceVersion": str(version), "annotations": annotations}
    return {"metadata": metadata, "spec": {"replicas": replicas}}


@dataclass
class Server:
    """Lists and watches.

    `failures`: the statuses that the next list requests get instead. `fail_page`: the number of the list request that
    gets a 500. `refused`: namespaces that may not be listed. `events`: what the watch shows.
    """

    items: list[Any] = field(default_factory=list)
    version: int = 100
    failures: list[int] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    fail_page: int | None = None
    lists: list[tuple[int, int]] = field(default_factory=list)
    events: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    watches: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        namespace = request.match_info.get("namespace", "")
        if namespace in self.refused:
            return web.json_response({"kind": "Status", "code": 403}, status=403)
        return await self._watch(request) if "watch" in request.query else self._list(request, namespace)

    def _list(self, request: web.Request, namespace: str) -> web.Response:
        start, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        self.lists.append((start, limit))
        if self.failures:
            return web.Response(status=self.failures.pop(0))
        if self.fail_page == len(self.lists):
            return web.Response(status=500)
        items = [item for item in self.items if not namespace or item["metadata"]["namespace"] == namespace]
        metadata = {"resourceVersion": str(self.version)}
        if start + limit < len(items):
            metadata["continue"] = str(start + limit)
        return web.json_response({"kind": "List", "metadata": metadata, "items": items[start : start + limit]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watches += 1
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while event := await asyncio.wait_for(self.events.get(), 5):
                await answer.write(json.dumps(event).encode() + b"\n")
        return answer


@contextlib.asynccontextmanager
async def answering(app: web.Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let a server stand for the API server, and the watches try again soon."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", runner.addresses[0][1])))
    monkeypatch.setattr(targets, "RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr(targets, "FORBIDDEN_RETRY_SECONDS", 0.1)
    yield
    await runner.cleanup()


@contextlib.asynccontextmanager
async def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    server, app = Server(), web.Application()
    for path in ("/apis/apps/v1/deployments", "/apis/apps/v1/namespaces/{namespace}/deployments"):
        app.router.add_get(path, server.handle)
    monkeypatch.setattr("queueworkerpool.watch.session.RECONNECT_SECONDS", 0.05)
    async with answering(app, tmp_path, monkeypatch):
        yield server


@contextlib.asynccontextmanager
async def watching(
    health: HealthState, *namespaces: str, workloads: Sequence[Workload] = DEFAULT_WORKLOADS
) -> AsyncIterator[Targets]:
    index, stop = Targets(namespaces, workloads), asyncio.Event()
    task = asyncio.create_task(watch_targets(index, namespaces, health, stop))
    try:
        await asyncio.wait_for(index.answered(), 60)
        yield index
    finally:
        stop.set()
        await task


def found(index: Targets, name: str, namespace: str = "shop") -> int | None:
    target = index.find(ScaleTarget(namespace, name))
    return target.replicas if target else None


def is_known(index: Targets, namespace: str) -> bool:
    try:
        index.find(ScaleTarget(namespace, "a"))
    except TargetsUnknownError:
        return False
    return True
