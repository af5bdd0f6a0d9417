"""Kinds beside Deployments: watched once they are asked for, told when they cannot be scaled, back when they can."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiohttp import web

from queueworkerpool.errors import (
    ClusterError,
    TargetKindMissingError,
    TargetKindNotAllowedError,
    TargetsUnknownError,
)
from queueworkerpool.health import WATCH_DEAD_SECONDS, HealthState
from queueworkerpool.model import DEPLOYMENT, ROLLOUT, STATEFUL_SET, ScaleTarget, Workload
from queueworkerpool.watch import index
from queueworkerpool.watch.index import Targets
from tests.adapters.operator import deployment_server
from tests.adapters.operator.conftest import until
from tests.adapters.operator.deployment_server import answering

INDEX = Workload(kind="Index", group="example.com", version="v1", plural="indices")
KINDS = (DEPLOYMENT, STATEFUL_SET, ROLLOUT, INDEX)
JOBS = ScaleTarget("shop", "jobs")
STATEFUL = JOBS._replace(kind="StatefulSet")
ROLLED = JOBS._replace(kind="Rollout", group="argoproj.io")
NOT_FOUND = "404 page not found"  # as the API server answers for what it does not serve


class Api:
    """An API server with some kinds: `served` holds their resources, by the path of group and version."""

    def __init__(self) -> None:
        self.served: dict[str, dict[str, str]] = {"/apis/apps/v1": {"deployments": "Deployment"}}
        self.forbidden: set[str] = set()
        self.proxy_fails = False
        self.cluster_wide: set[str] = set()
        self.requests: list[str] = []

    def serve(self, workload: Workload, *, scale: bool = True) -> None:
        names = {workload.plural: workload.kind} | ({f"{workload.plural}/scale": "Scale"} if scale else {})
        self.served.setdefault(workload.root, {}).update(names)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.requests.append(path)
        if self.proxy_fails:
            return web.Response(status=404, text="no such backend")
        if path == "/apis":
            return web.json_response({"kind": "APIGroupList", "groups": []})
        if path in self.served:
            resources = [
                {"name": name, "kind": kind, "namespaced": name not in self.cluster_wide}
                for name, kind in self.served[path].items()
            ]
            return web.json_response({"kind": "APIResourceList", "resources": resources})
        return await self._objects(request)

    async def _objects(self, request: web.Request) -> web.StreamResponse:
        root, _, plural = request.path.rpartition("/")
        if plural in self.forbidden:
            return web.json_response({"kind": "Status", "code": 403}, status=403)
        if plural not in self.served.get(root, {}):
            return web.Response(status=404, text=NOT_FOUND)
        if "watch" in request.query:
            await asyncio.sleep(0.3)  # as the API server ends a watch, sooner
            return web.Response()
        metadata = {"name": "jobs", "resourceVersion": "7"}
        if plural not in self.cluster_wide:
            metadata["namespace"] = "shop"
        item = {"metadata": metadata, "spec": {"replicas": 3}}
        return web.json_response({"kind": "List", "metadata": {"resourceVersion": "9"}, "items": [item]})


@pytest.fixture
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    served, app = Api(), web.Application()
    app.router.add_get("/{path:.*}", served.handle)
    monkeypatch.setattr("queueworkerpool.watch.session.WATCH_INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr(index, "FIRST_LIST_SECONDS", 200.0)  # who waits for it waits for an answer
    async with answering(app, tmp_path, monkeypatch):
        yield served


@pytest.fixture
def health() -> HealthState:
    return HealthState(time.monotonic())


def watching(health: HealthState, workloads: tuple[Workload, ...] = KINDS) -> AbstractAsyncContextManager[Targets]:
    return deployment_server.watching(health, workloads=workloads)


def fails(known: Targets, target: ScaleTarget, kind: type[ClusterError]) -> Callable[[], bool]:
    def check() -> bool:
        try:
            known.find(target)
        except kind:
            return True
        except ClusterError:
            return False
        return False

    return check


def finds(known: Targets, target: ScaleTarget) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return known.find(target) is not None
        except ClusterError:
            return False

    return check


async def test_nobody_asks_for_a_kind_that_no_pool_names(api: Api, health: HealthState) -> None:
    """Who scales Deployments only has no request more than before."""
    async with watching(health) as known:
        await known.listed(JOBS)
        assert finds(known, JOBS)()
        await until(lambda: len(api.requests) >= 3, "nothing is watched")
    assert set(api.requests) == {"/apis/apps/v1/deployments"}
    assert set(health.watch_attempts) == {"deployments"}


async def test_a_kind_is_watched_once_a_pool_names_it(api: Api, health: HealthState) -> None:
    api.serve(STATEFUL_SET)
    async with watching(health) as known:
        with pytest.raises(TargetsUnknownError):
            known.find(STATEFUL)
        await asyncio.gather(*(known.listed(STATEFUL) for _ in range(5)))
        found = known.find(STATEFUL)
        assert found
        assert (found.replicas, found.removal) == (3, STATEFUL_SET.removal)
        await until(lambda: "statefulsets" in health.watch_responses, "its watch shows no sign of life")
    assert api.requests.count("/apis/apps/v1/statefulsets") >= 1


async def test_a_kind_that_is_not_served_is_told_and_works_once_it_is(api: Api, health: HealthState) -> None:
    async with watching(health) as known:
        await known.listed(ROLLED)
        with pytest.raises(TargetKindMissingError, match=r"serves no Rollout of argoproj.io/v1alpha1 .*: install its"):
            known.find(ROLLED)
        assert finds(known, JOBS)()
        api.serve(ROLLOUT)
        await until(finds(known, ROLLED), "it does not work once it is served")
        del api.served[ROLLOUT.root]
        await until(fails(known, ROLLED, TargetKindMissingError), "nobody tells that it is gone")
        assert health.liveness_failures(time.monotonic() + WATCH_DEAD_SECONDS / 2) == []


async def test_a_kind_that_has_no_scale_is_told_and_works_once_it_has_one(api: Api, health: HealthState) -> None:
    api.serve(INDEX, scale=False)
    index_target = JOBS._replace(kind="Index", group="example.com")
    async with watching(health) as known:
        await known.listed(index_target)
        with pytest.raises(TargetKindNotAllowedError, match=r"Index of example.com/v1 has no /scale: add subresources"):
            known.find(index_target)
        api.serve(INDEX)
        await until(finds(known, index_target), "it does not work once it has a scale")
        del api.served[INDEX.root]["indices/scale"]
        await until(fails(known, index_target, TargetKindNotAllowedError), "nobody tells that its scale is gone")


async def test_a_kind_whose_objects_are_in_no_namespace_is_told(api: Api, health: HealthState) -> None:
    api.serve(INDEX)
    api.cluster_wide = {INDEX.plural}
    index_target = JOBS._replace(kind="Index", group="example.com")
    async with watching(health) as known:
        await asyncio.wait_for(known.listed(index_target), 60)
        with pytest.raises(TargetKindNotAllowedError, match=r"Index of example.com/v1 has no namespaces: correct"):
            known.find(index_target)


async def test_a_kind_that_may_not_be_listed_is_told(api: Api, health: HealthState) -> None:
    api.serve(STATEFUL_SET)
    api.forbidden = {"statefulsets"}
    async with watching(health) as known:
        await known.listed(STATEFUL)
        with pytest.raises(TargetKindNotAllowedError, match=r"may not list statefulsets in the cluster .*scaleTargets"):
            known.find(STATEFUL)
        api.forbidden = set()
        await until(finds(known, STATEFUL), "it does not work once it may be listed")


async def test_a_kind_that_is_not_listed_in_the_settings_is_told_and_never_asked_for(
    api: Api, health: HealthState
) -> None:
    async with watching(health, (DEPLOYMENT,)) as known:
        await known.listed(STATEFUL)
        with pytest.raises(TargetKindNotAllowedError, match="the operator does not scale the kind StatefulSet of apps"):
            known.find(STATEFUL)
    assert set(api.requests) == {"/apis/apps/v1/deployments"}


async def test_without_deployments_in_the_settings_nobody_waits_for_them(api: Api, health: HealthState) -> None:
    api.serve(STATEFUL_SET)
    async with watching(health, (STATEFUL_SET,)) as known:
        await known.listed(STATEFUL)
        assert finds(known, STATEFUL)()
        assert (known.deployments, known.refused()) == (None, set())
    assert set(api.requests) == {"/apis/apps/v1/statefulsets"}


async def test_a_proxy_that_answers_in_the_api_servers_place_says_nothing_of_a_kind(
    api: Api, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "FIRST_LIST_SECONDS", 0.5)
    async with watching(health) as known:
        api.serve(ROLLOUT)
        api.proxy_fails = True
        await known.listed(ROLLED)
        assert fails(known, ROLLED, TargetsUnknownError)()
        api.proxy_fails = False
        await until(finds(known, ROLLED), "it does not come back")
