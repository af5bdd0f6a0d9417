"""The watch of pools with large annotations: how much of them is in memory. The server answers as the API server."""

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from queueworkerpool.health import HealthState
from queueworkerpool.model import NamespacedName, StoredPool
from queueworkerpool.names import GROUP, KIND, PLURAL, VERSION
from queueworkerpool.watch import adapter
from queueworkerpool.watch.adapter import Sinks
from tests.adapters.operator.conftest import until
from tests.serving import kubeconfig
from tests.unit.operator.builders import raw_pool

MIB = 1024 * 1024
POOLS = 300
PADDING = "x" * 240_000


def padded_pool(number: int, version: int = 1) -> bytes:
    raw = raw_pool()
    metadata = {"name": f"pool-{number:03}", "uid": f"uid-{number}", "resourceVersion": str(version)}
    raw["metadata"] |= metadata | {"annotations": {"padding": PADDING}}
    return json.dumps(raw).encode()


def kind(plural: str, name: str, *, namespaced: bool) -> dict[str, Any]:
    """Return how the API server tells of a kind."""
    verbs = ["list", "watch", "patch"]
    return {"name": plural, "singularName": "", "kind": name, "namespaced": namespaced, "verbs": verbs}


@dataclass
class Server:
    """Serves pools, in pages, and then shows each of them again."""

    pages: list[int] = field(default_factory=list)

    async def discovery(self, request: web.Request) -> web.Response:
        version = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
        group = {"name": GROUP, "versions": [version], "preferredVersion": version}
        answers: dict[str, Any] = {
            "/api": {"versions": ["v1"]},
            "/api/v1": {"resources": [kind("namespaces", "Namespace", namespaced=False)]},
            "/apis": {"groups": [group]},
        }
        own = {"resources": [kind(PLURAL, KIND, namespaced=True)]}
        return web.json_response(answers.get(request.path, own))

    async def pools(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        parts = self._events() if "watch" in request.query else self._page(request)
        async for part in parts:
            await answer.write(part)
        return answer

    async def _page(self, request: web.Request) -> AsyncIterator[bytes]:
        start, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        end = min(POOLS, start + limit)
        self.pages.append(end - start)
        following: dict[str, Any] = {"continue": str(end)} if end < POOLS else {}
        yield b'{"kind": "List", "metadata": %s, "items": [' % json.dumps({"resourceVersion": "1"} | following).encode()
        for number in range(start, end):
            yield (b"," if number > start else b"") + padded_pool(number)
        yield b"]}"

    async def _events(self) -> AsyncIterator[bytes]:
        for number in range(POOLS):
            yield b'{"type": "MODIFIED", "object": %s}\n' % padded_pool(number, version=2)
        await asyncio.sleep(60)


@dataclass
class Seen:
    """The versions of the pools that were reported."""

    versions: dict[str, int] = field(default_factory=dict)

    def pool_changed(self, pool: StoredPool, *, listed: bool = False) -> None:  # noqa: ARG002 -- the Protocol's
        self.versions[pool.key.name] = pool.resource_version

    def pool_deleted(self, key: NamespacedName, uid: str) -> None:
        raise AssertionError((key, uid))


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    serving, app = Server(), web.Application()
    for path in ("/api", "/api/v1", "/apis", f"/apis/{GROUP}/{VERSION}"):
        app.router.add_get(path, serving.discovery)
    app.router.add_get(f"/apis/{GROUP}/{VERSION}/{PLURAL}", serving.pools)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", runner.addresses[0][1])))
    yield serving
    await runner.cleanup()


@pytest.mark.usefixtures("server")
async def test_large_pools_are_not_kept_when_they_have_been_reported() -> None:
    """Of 72 MB of annotations, once listed and once changed, a few pages at most are in memory at any time."""
    seen, stop = Seen(), asyncio.Event()
    tracemalloc.start()
    watching = asyncio.create_task(adapter.watch(Sinks(seen, HealthState(time.monotonic())), (), stop))
    try:
        await until(
            lambda: set(seen.versions.values()) == {2} and len(seen.versions) == POOLS, "pools were not shown", 200
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        stop.set()
        await watching
    assert peak < 32 * MIB
