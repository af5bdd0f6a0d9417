"""The list and watch of Deployments, against a small server that answers as the API server does, and fails as told."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from queueworkerpool.errors import TargetsUnknownError
from queueworkerpool.health import HealthState
from queueworkerpool.model import NamespacedName, Target
from queueworkerpool.watch import deployments
from queueworkerpool.watch.deployments import watch_deployments
from queueworkerpool.watch.index import Deployments
from queueworkerpool.watch.kinds import WATCHED
from tests.adapters.operator.conftest import until


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


def kubeconfig(path: Path, port: int) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "test", "user": {}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    serving, app = Server(), web.Application()
    for path in ("/apis/apps/v1/deployments", "/apis/apps/v1/namespaces/{namespace}/deployments"):
        app.router.add_get(path, serving.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", runner.addresses[0][1])))
    monkeypatch.setattr(deployments, "RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr(deployments, "FORBIDDEN_RETRY_SECONDS", 0.1)
    monkeypatch.setattr("queueworkerpool.watch.session.RECONNECT_SECONDS", 0.05)
    yield serving
    await runner.cleanup()


@pytest.fixture
def health() -> HealthState:
    return HealthState(time.monotonic())


@contextlib.asynccontextmanager
async def watching(health: HealthState, *namespaces: str) -> AsyncIterator[Deployments]:
    index, stop = Deployments(namespaces), asyncio.Event()
    task = asyncio.create_task(watch_deployments(index, namespaces, health, stop))
    try:
        await asyncio.wait_for(index.answered(), 20)
        yield index
    finally:
        stop.set()
        await task


def found(index: Deployments, name: str, namespace: str = "shop") -> int | None:
    target = index.find(NamespacedName(namespace, name))
    return target.replicas if target else None


def is_known(index: Deployments, namespace: str) -> bool:
    try:
        index.find(NamespacedName(namespace, "a"))
    except TargetsUnknownError:
        return False
    return True


async def test_a_long_list_comes_in_pages_that_grow_while_they_are_small(server: Server, health: HealthState) -> None:
    server.items = [deployment(f"d{n:04}", n % 7) for n in range(2000)]
    async with watching(health) as index:
        assert [found(index, f"d{n:04}") for n in range(2000)] == [n % 7 for n in range(2000)]
    assert [start for start, _ in server.lists] == [0, 20, 340, 840, 1340, 1840]


async def test_large_objects_come_in_pages_of_few(server: Server, health: HealthState) -> None:
    server.items = [deployment(f"d{n:03}", size=240_000) for n in range(60)]
    async with watching(health):
        assert {limit for _, limit in server.lists[1:]} == {8}


async def test_a_page_beyond_the_limit_is_requested_again_with_fewer_objects(
    server: Server, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueworkerpool.watch.pages.MAX_PAGE_BYTES", 100_000)
    server.items = [deployment(f"d{n:03}", size=30_000) for n in range(30)]
    async with watching(health) as index:
        assert found(index, "d029") == 1
    assert server.lists[:2] == [(0, 20), (0, 2)]


@pytest.mark.parametrize("status", [500, 503, 429, 401])
async def test_a_list_that_cannot_begin_is_tried_again(status: int, server: Server, health: HealthState) -> None:
    server.items, server.failures = [deployment("a")], [status, status]
    async with watching(health) as index:
        assert found(index, "a") == 1
    assert len(server.lists) == 3


async def test_a_list_that_breaks_goes_on_at_the_page_that_failed(server: Server, health: HealthState) -> None:
    server.items, server.fail_page = [deployment(f"d{n:03}") for n in range(600)], 3
    async with watching(health) as index:
        assert found(index, "d599") == 1
    assert [start for start, _ in server.lists] == [0, 20, 340, 340]


async def test_a_list_whose_token_is_too_old_begins_again(server: Server, health: HealthState) -> None:
    server.items, server.failures = [deployment("a")], [410]
    async with watching(health) as index:
        assert found(index, "a") == 1


async def test_what_was_known_serves_until_a_new_list_is_complete(server: Server, health: HealthState) -> None:
    server.items = [deployment("a", 3)]
    async with watching(health) as index:
        await until(lambda: server.watches == 1, "nothing was watched")
        server.items, server.failures = [deployment("a", 5)], [500] * 20
        await server.events.put({"type": "ERROR", "object": {"code": 410}})
        await until(lambda: len(server.lists) >= 4, "nothing was listed again")
        assert found(index, "a") == 3
        await until(lambda: found(index, "a") == 5, "the new list was not recorded")


async def test_events_change_what_is_known(server: Server, health: HealthState) -> None:
    server.items = [deployment("a", 1)]
    async with watching(health) as index:
        for kind, item in (
            ("ADDED", deployment("b", 2, version=101)),
            ("MODIFIED", deployment("a", 9, version=102)),
            ("DELETED", deployment("b", 2, version=103)),
            ("BOOKMARK", {"metadata": {"resourceVersion": "104"}}),
        ):
            await server.events.put({"type": kind, "object": item})
        await until(lambda: (found(index, "a"), found(index, "b")) == (9, None), "the events were not recorded")
        assert health.readiness_failures(time.monotonic(), WATCHED) == ["queueworkerpools are not listed yet"]


async def test_an_event_may_be_as_large_as_the_largest_deployment_is_in_json(
    server: Server, health: HealthState
) -> None:
    """The API server stores 1.5 MiB, and writes each `<` in it as six characters."""
    server.items = [deployment("a", 1)]
    async with watching(health) as index:
        await server.events.put({"type": "ADDED", "object": deployment("large", 2, version=101, size=10_000_000)})
        await server.events.put({"type": "MODIFIED", "object": deployment("a", 9, version=102)})
        await until(lambda: (found(index, "large"), found(index, "a")) == (2, 9), "the events were not recorded")


async def test_an_event_that_is_too_long_costs_a_list_and_not_the_watch(
    server: Server, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server would send it again to whoever goes on before it, for ever."""
    monkeypatch.setattr("queueworkerpool.watch.pages.MAX_LINE_BYTES", 100_000)
    server.items = [deployment("a", 1)]
    async with watching(health) as index:
        server.items = [deployment("a", 9, version=102), deployment("large", 2, version=101, size=3_000_000)]
        await server.events.put({"type": "ADDED", "object": server.items[1]})
        await until(lambda: (found(index, "large"), found(index, "a")) == (2, 9), "nothing was listed again")


async def test_a_list_that_is_too_old_each_time_is_not_tried_without_a_pause(
    server: Server, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "RECONNECT_SECONDS", 0.2)
    server.items, server.failures = [deployment("a")], [410] * 5
    began = time.monotonic()
    async with watching(health) as index:
        assert found(index, "a") == 1
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("status", [403, 404])
async def test_a_proxy_that_refuses_in_the_api_servers_place_is_not_believed(
    status: int, server: Server, health: HealthState
) -> None:
    server.items = [deployment("a", 3)]
    async with watching(health) as index:
        await until(lambda: server.watches == 1, "nothing was watched")
        server.items, server.failures = [deployment("a", 5)], [status] * 10
        await server.events.put({"type": "ERROR", "object": {"code": 410}})
        await until(lambda: len(server.lists) >= 4, "nothing was listed again")
        assert found(index, "a") == 3
        await until(lambda: found(index, "a") == 5, "the new list was not recorded")


async def test_a_state_that_was_restored_to_an_older_one_is_believed(server: Server, health: HealthState) -> None:
    server.items, server.version = [deployment("a", 8, version=900)], 900
    async with watching(health) as index:
        before = index.lists
        server.items, server.version = [deployment("a", 2, version=100)], 100
        await server.events.put({"type": "ERROR", "object": {"code": 410}})
        await until(lambda: found(index, "a") == 2, "the older state was not recorded")
        assert index.lists == before + 1


async def test_a_namespace_that_is_refused_is_unknown_costs_the_others_nothing_and_comes_back(
    server: Server, health: HealthState
) -> None:
    server.items = [deployment("a", 4), deployment("a", 6, namespace="gone")]
    server.refused = {"gone"}
    async with watching(health, "shop", "gone") as index:
        assert found(index, "a") == 4
        assert not is_known(index, "gone")
        assert list(index.unlisted()) == ["gone"]
        server.refused = set()
        await until(lambda: is_known(index, "gone"), "the namespace did not come back")
        assert found(index, "a", "gone") == 6


ODD: dict[str, Callable[[dict[str, Any]], Any]] = {
    "replicas absent": lambda raw: raw["spec"].pop("replicas"),
    "a manager without a name": lambda raw: raw["metadata"].update(
        managedFields=[{"fieldsV1": {"f:spec": {"f:replicas": {}}}, "time": "2026-11-23T12:00:00Z"}]
    ),
    "no status": lambda raw: raw.pop("status", None),
    "a selector by expressions": lambda raw: raw["spec"].update(
        selector={"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}
    ),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
async def test_it_understands(change: Callable[[dict[str, Any]], Any], server: Server, health: HealthState) -> None:
    raw = deployment("a", 1)
    change(raw)
    server.items = [raw]
    async with watching(health) as index:
        assert found(index, "a") == 1


SELECTORS: dict[str, tuple[dict[str, Any], str]] = {
    "labels": ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
    "expressions": (
        {
            "matchLabels": {"a": "1"},
            "matchExpressions": [
                {"key": "t", "operator": "In", "values": ["x", "y"]},
                {"key": "u", "operator": "NotIn", "values": ["z"]},
                {"key": "v", "operator": "Exists"},
                {"key": "w", "operator": "DoesNotExist"},
            ],
        },
        "a=1,t in (x,y),u notin (z),v,!w",
    ),
}


@pytest.mark.parametrize(("raw", "selector"), SELECTORS.values(), ids=SELECTORS)
def test_a_selector_of_every_form_becomes_a_query(raw: dict[str, Any], selector: str) -> None:
    body = deployment("a")
    body["spec"]["selector"] = raw
    assert Target.parse(body).selector == selector


@pytest.mark.parametrize(("differs", "paused"), [({}, False), ({"paused": True}, True), ({"paused": False}, False)])
def test_a_paused_deployment_is_seen(differs: dict[str, Any], paused: bool) -> None:
    body = deployment("a")
    body["spec"] |= differs
    assert Target.parse(body).paused is paused
