"""The adapter to kopf against a real API server: what it reports of pools and Deployments."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from queueworkerpool.health import HealthState
from queueworkerpool.model import DEFAULT_WORKLOADS, NamespacedName, Pool, ScaleTarget, StoredPool, Target
from queueworkerpool.watch import adapter, targets
from queueworkerpool.watch.adapter import Sinks
from queueworkerpool.watch.index import Targets
from queueworkerpool.watch.kinds import watched_kinds
from queueworkerpool.watch.targets import watch_targets
from tests.adapters.operator.conftest import Namespace, open_files, until

WATCHED = watched_kinds(DEFAULT_WORKLOADS)


@dataclass
class RecordedPools:
    """The pools that were reported, each with its Deployment as it could be found at that moment."""

    targets: Targets = field(default_factory=Targets)
    pools: list[tuple[Pool, Target | None]] = field(default_factory=list)
    deleted: list[tuple[NamespacedName, str]] = field(default_factory=list)

    def pool_changed(self, pool: StoredPool, *, listed: bool = False) -> None:  # noqa: ARG002 -- the Protocol's
        assert isinstance(pool, Pool)
        self.pools.append((pool, self.targets.find(pool.scale_target)))

    def pool_deleted(self, key: NamespacedName, uid: str) -> None:
        self.deleted.append((key, uid))

    def generations(self, key: NamespacedName) -> list[int]:
        return [pool.generation for pool, _ in self.pools if pool.key == key]


async def kubectl(namespace: Namespace, *arguments: str) -> str:
    return await asyncio.to_thread(namespace.kubectl, *arguments)


@contextlib.asynccontextmanager
async def watching(reported: RecordedPools, health: HealthState, *namespaces: str) -> AsyncIterator[None]:
    """Watch these namespaces, or all when none is named, while the body runs."""
    files, stop = open_files(), asyncio.Event()
    reported.targets = Targets(namespaces)
    tasks = [asyncio.create_task(watch_targets(reported.targets, namespaces, health, stop))]
    await asyncio.wait_for(reported.targets.answered(), 60)
    tasks.append(asyncio.create_task(adapter.watch(Sinks(reported, health), namespaces, stop)))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
        await until(lambda: open_files() <= files, "connections stayed open")  # TLS takes a moment to close


@pytest.fixture
def reported() -> RecordedPools:
    return RecordedPools()


@pytest.fixture
def health(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> HealthState:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(namespace.cluster.kubeconfig))
    return HealthState(time.monotonic())


async def test_pools_are_reported_when_they_are_created_edited_and_deleted(
    namespace: Namespace, reported: RecordedPools, health: HealthState
) -> None:
    async with watching(reported, health, namespace.name):
        key = await asyncio.to_thread(namespace.pool, "jobs")
        await until(lambda: reported.generations(key) == [1], "the new pool was not reported")
        await asyncio.to_thread(namespace.pool, "jobs", maxReplicas=99)
        await until(lambda: 2 in reported.generations(key), "the edit was not reported")
        assert reported.deleted == []
        await kubectl(namespace, "delete", "qwp", "jobs")
        await until(lambda: bool(reported.deleted), "the deletion was not reported")
    assert reported.deleted == [(key, reported.pools[0][0].uid)]


async def test_deployments_are_known_before_the_first_pool_is_reported(
    namespace: Namespace, reported: RecordedPools, health: HealthState
) -> None:
    """Else each start would report to every pool that its Deployment is missing."""
    for number in range(8):
        name = f"jobs-{number}"
        await asyncio.to_thread(namespace.deployment, name)
        await asyncio.to_thread(namespace.pool, name)
    async with watching(reported, health, namespace.name):
        await until(lambda: len(reported.pools) == 8, "not all pools were reported")
    assert all(target is not None for _, target in reported.pools)


async def test_deployments_are_found_as_they_change(
    namespace: Namespace, reported: RecordedPools, health: HealthState
) -> None:
    key = ScaleTarget(namespace.name, "jobs")

    def replicas() -> int | None:
        found = reported.targets.find(key)
        return None if found is None else found.replicas

    async with watching(reported, health, namespace.name):
        assert replicas() is None
        await asyncio.to_thread(namespace.deployment, "jobs", 1)
        await until(lambda: replicas() == 1, "the new Deployment was not found")
        await kubectl(namespace, "scale", "deployment", "jobs", "--replicas=3")
        await until(lambda: replicas() == 3, "the new size was not found")
        await kubectl(namespace, "delete", "deployment", "jobs")
        await until(lambda: replicas() is None, "the deleted Deployment was still found")


async def test_other_namespaces_are_not_watched(
    namespace: Namespace, reported: RecordedPools, health: HealthState
) -> None:
    here = await asyncio.to_thread(namespace.pool, "here")
    elsewhere = Namespace(namespace.cluster, "default")
    await asyncio.to_thread(elsewhere.pool, "elsewhere")
    try:
        async with watching(reported, health, namespace.name):
            await until(lambda: bool(reported.pools), "the pool was not reported")
        assert {pool.key for pool, _ in reported.pools} == {here}
        everywhere = RecordedPools()
        async with watching(everywhere, health):
            await until(lambda: len(everywhere.pools) >= 2, "not all pools were reported")
        assert {here, NamespacedName("default", "elsewhere")} <= {pool.key for pool, _ in everywhere.pools}
    finally:
        await kubectl(elsewhere, "delete", "qwp", "elsewhere")


async def test_watching_leaves_nothing_on_the_pools_and_can_be_stopped_while_they_are_deleted(
    namespace: Namespace, reported: RecordedPools, health: HealthState
) -> None:
    """A finalizer or an annotation of the operator's would make deletions hang while it is down."""
    await asyncio.to_thread(namespace.deployment, "jobs")
    key = await asyncio.to_thread(namespace.pool, "jobs")
    before = namespace.get("qwp", "jobs")["metadata"]
    async with watching(reported, health, namespace.name):
        await until(lambda: reported.generations(key) == [1], "the pool was not reported")
    assert namespace.get("qwp", "jobs")["metadata"] == before
    assert "finalizers" not in before
    assert "finalizers" not in namespace.get("deployment", "jobs")["metadata"]
    await kubectl(namespace, "delete", "qwp", "jobs", "--timeout=60s")


async def test_signs_of_life_are_recorded_for_each_kind(
    namespace: Namespace, reported: RecordedPools, health: HealthState
) -> None:
    async with watching(reported, health, namespace.name):
        await until(
            lambda: not health.readiness_failures(time.monotonic(), WATCHED),
            "the watches showed no sign of life",
        )
    assert set(health.watch_attempts) >= set(WATCHED)
    assert health.liveness_failures(time.monotonic()) == []


async def test_a_quiet_watch_shows_signs_of_life_and_lists_nothing_again(
    namespace: Namespace, reported: RecordedPools, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (adapter, targets):
        monkeypatch.setattr(module, "SERVER_TIMEOUT_SECONDS", 1)

    async def answered_again() -> dict[str, float]:
        before = dict(health.watch_responses)
        await until(
            lambda: all(health.watch_responses.get(kind, 0) > before.get(kind, 0) for kind in WATCHED),
            "no answer",
        )
        return health.watch_responses

    async with watching(reported, health):  # all namespaces, for Kubernetes lists what is in one that ends
        await until(
            lambda: not health.readiness_failures(time.monotonic(), WATCHED),
            "the watches showed no sign of life",
        )
        await answered_again()
        listed = await list_requests(namespace)
        for _ in range(3):
            await answered_again()
        assert await list_requests(namespace) == listed


async def test_a_watch_whose_task_died_is_reported(
    namespace: Namespace, reported: RecordedPools, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (adapter, targets):
        monkeypatch.setattr(module, "SERVER_TIMEOUT_SECONDS", 1)
    monkeypatch.setattr("queueworkerpool.health.WATCH_DEAD_SECONDS", 5.0)
    dead = {f"the watch of {kind} is dead" for kind in WATCHED}

    def failures() -> set[str]:
        health.loop = time.monotonic()
        return {each.partition(" for ")[0] for each in health.liveness_failures(health.loop)}

    async with watching(reported, health, namespace.name):
        await until(
            lambda: not health.readiness_failures(time.monotonic(), WATCHED),
            "the watches showed no sign of life",
        )
        for task in asyncio.all_tasks():
            if task.get_name().startswith(("watcher for", "deployments ")):
                task.cancel()
        await until(lambda: failures() == dead, "the dead watches were not reported")


async def list_requests(namespace: Namespace) -> list[str]:
    """Return the API server's counters of lists, over all namespaces, of the kinds that are watched."""
    counted = (await kubectl(namespace, "get", "--raw", "/metrics")).splitlines()
    return [
        line
        for line in counted
        if line.startswith("apiserver_request_total")
        and 'verb="LIST"' in line
        and 'scope="cluster"' in line
        and any(f'resource="{kind}"' in line for kind in WATCHED)
    ]
