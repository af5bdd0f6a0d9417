"""The door to kopf against a real API server: what the scheduler is told of pools and Deployments."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from queueworkerpool import health
from queueworkerpool.health import HealthState
from queueworkerpool.model import NamespacedName, Pool, PoolSpec, Target
from queueworkerpool.watch.adapter import WATCHED, Deployments, Watched, watch
from tests.adapters.operator.conftest import Namespace, open_files

PATIENCE_SECONDS = 30.0


@dataclass
class EventDeduplicator:
    """What was told, and what was to be found of the Deployment at that moment."""

    deployments: Deployments = field(default_factory=Deployments)
    pools: list[tuple[Pool, Target | None]] = field(default_factory=list)
    deleted: list[tuple[NamespacedName, str]] = field(default_factory=list)

    def seen(self, pool: Pool) -> None:
        assert isinstance(pool.spec, PoolSpec)
        self.pools.append((pool, self.deployments.find(NamespacedName(pool.key.namespace, pool.spec.deployment))))

    def gone(self, key: NamespacedName, uid: str) -> None:
        self.deleted.append((key, uid))

    def generations(self, key: NamespacedName) -> list[int]:
        return [pool.generation for pool, _ in self.pools if pool.key == key]


async def until(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, complaint
        await asyncio.sleep(0.02)


async def kubectl(namespace: Namespace, *arguments: str) -> str:
    return await asyncio.to_thread(namespace.kubectl, *arguments)


@contextlib.asynccontextmanager
async def watching(told: EventDeduplicator, health: HealthState, *namespaces: str) -> AsyncIterator[None]:
    """Watch these namespaces (none: all) meanwhile."""
    files, stop = open_files(), asyncio.Event()
    task = asyncio.create_task(watch(Watched(told, told.deployments, health), namespaces, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)
        await until(lambda: open_files() <= files, "connections stayed open")  # TLS takes a moment to say goodbye


@pytest.fixture
def told() -> EventDeduplicator:
    return EventDeduplicator()


@pytest.fixture
def health(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> HealthState:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(namespace.cluster.kubeconfig))
    return HealthState(time.monotonic())


async def test_pools_are_told_when_they_are_created_edited_and_deleted(
    namespace: Namespace, told: EventDeduplicator, health: HealthState
) -> None:
    async with watching(told, health, namespace.name):
        key = await asyncio.to_thread(namespace.pool, "jobs")
        await until(lambda: told.generations(key) == [1], "the new pool was not told")
        await asyncio.to_thread(namespace.pool, "jobs", maxReplicas=99)
        await until(lambda: 2 in told.generations(key), "the edit was not told")
        assert told.deleted == []
        await kubectl(namespace, "delete", "qwp", "jobs")
        await until(lambda: bool(told.deleted), "the deletion was not told")
    assert told.deleted == [(key, told.pools[0][0].uid)]


async def test_deployments_are_known_before_the_first_pool_is_told(
    namespace: Namespace, told: EventDeduplicator, health: HealthState
) -> None:
    """Else each start would tell every pool that its Deployment is missing."""
    for number in range(8):
        name = f"jobs-{number}"
        await asyncio.to_thread(namespace.deployment, name)
        await asyncio.to_thread(namespace.pool, name)
    async with watching(told, health, namespace.name):
        await until(lambda: len(told.pools) == 8, "not all pools were told")
    assert all(target is not None for _, target in told.pools)


async def test_deployments_are_found_as_they_change(
    namespace: Namespace, told: EventDeduplicator, health: HealthState
) -> None:
    key = NamespacedName(namespace.name, "jobs")

    def replicas() -> int | None:
        found = told.deployments.find(key)
        return None if found is None else found.replicas

    async with watching(told, health, namespace.name):
        assert replicas() is None
        await asyncio.to_thread(namespace.deployment, "jobs", 1)
        await until(lambda: replicas() == 1, "the new Deployment was not found")
        await kubectl(namespace, "scale", "deployment", "jobs", "--replicas=3")
        await until(lambda: replicas() == 3, "the new size was not found")
        await kubectl(namespace, "delete", "deployment", "jobs")
        await until(lambda: replicas() is None, "the deleted Deployment was still found")


async def test_other_namespaces_are_not_watched(
    namespace: Namespace, told: EventDeduplicator, health: HealthState
) -> None:
    here = await asyncio.to_thread(namespace.pool, "here")
    elsewhere = Namespace(namespace.cluster, "default")
    await asyncio.to_thread(elsewhere.pool, "elsewhere")
    try:
        async with watching(told, health, namespace.name):
            await until(lambda: bool(told.pools), "the pool was not told")
        assert {pool.key for pool, _ in told.pools} == {here}
        everywhere = EventDeduplicator()
        async with watching(everywhere, health):
            await until(lambda: len(everywhere.pools) >= 2, "not all pools were told")
        assert {here, NamespacedName("default", "elsewhere")} <= {pool.key for pool, _ in everywhere.pools}
    finally:
        await kubectl(elsewhere, "delete", "qwp", "elsewhere")


async def test_watching_leaves_nothing_on_the_pools_and_can_be_stopped_while_they_are_deleted(
    namespace: Namespace, told: EventDeduplicator, health: HealthState
) -> None:
    """A finalizer or an annotation of the operator's would make deletions hang while it is down."""
    await asyncio.to_thread(namespace.deployment, "jobs")
    key = await asyncio.to_thread(namespace.pool, "jobs")
    before = namespace.get("qwp", "jobs")["metadata"]
    async with watching(told, health, namespace.name):
        await until(lambda: told.generations(key) == [1], "the pool was not told")
    assert namespace.get("qwp", "jobs")["metadata"] == before
    assert "finalizers" not in before
    assert "finalizers" not in namespace.get("deployment", "jobs")["metadata"]
    await kubectl(namespace, "delete", "qwp", "jobs", "--timeout=5s")


async def test_signs_of_life_are_noted_for_each_kind(
    namespace: Namespace, told: EventDeduplicator, health: HealthState
) -> None:
    async with watching(told, health, namespace.name):
        await until(
            lambda: not health.readiness_failures(time.monotonic(), WATCHED), "the watches showed no sign of life"
        )
    assert set(health.watch_attempts) >= set(WATCHED)
    assert health.trouble(time.monotonic()) == []


async def test_a_quiet_watch_shows_signs_of_life_and_lists_nothing_again(
    namespace: Namespace, told: EventDeduplicator, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "WATCH_SECONDS", 1)

    async def heard_anew() -> dict[str, float]:
        before = dict(health.watch_responses)
        await until(
            lambda: all(health.watch_responses.get(kind, 0) > before.get(kind, 0) for kind in WATCHED), "silence"
        )
        return health.watch_responses

    async with watching(told, health):  # all namespaces, for Kubernetes lists what is in one that ends
        await until(
            lambda: not health.readiness_failures(time.monotonic(), WATCHED), "the watches showed no sign of life"
        )
        await heard_anew()
        listed = await lists(namespace)
        for _ in range(3):
            await heard_anew()
        assert await lists(namespace) == listed


async def test_a_watch_whose_task_died_is_told(
    namespace: Namespace, told: EventDeduplicator, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "WATCH_SECONDS", 1)
    monkeypatch.setattr(health, "WATCH_TRIES_SECONDS", 5.0)
    dead = {f"the watch of {kind} is dead" for kind in WATCHED}

    def trouble() -> set[str]:
        health.loop = time.monotonic()
        return {each.partition(" for ")[0] for each in health.trouble(health.loop)}

    async with watching(told, health, namespace.name):
        await until(
            lambda: not health.readiness_failures(time.monotonic(), WATCHED), "the watches showed no sign of life"
        )
        for task in asyncio.all_tasks():
            if task.get_name().startswith("watcher for"):
                task.cancel()
        await until(lambda: trouble() == dead, "the dead watches were not told")


async def lists(namespace: Namespace) -> list[str]:
    """How often the kinds that are watched have been listed in all namespaces, as the API server counts it."""
    counted = (await kubectl(namespace, "get", "--raw", "/metrics")).splitlines()
    return [
        line
        for line in counted
        if line.startswith("apiserver_request_total")
        and 'verb="LIST"' in line
        and 'scope="cluster"' in line
        and any(f'resource="{kind}"' in line for kind in WATCHED)
    ]
