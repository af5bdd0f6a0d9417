"""kopf in a thread of its own: what it shows comes over, and its ends and hangs are its own."""

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from devcluster.faults import Fault, Proxy
from queueworkerpool.health import HealthState
from queueworkerpool.model import NamespacedName, Pool
from queueworkerpool.watch import supervisor
from queueworkerpool.watch.adapter import WATCHED, Deployments, Watched
from tests.adapters.operator.conftest import Namespace

PATIENCE_SECONDS = 60.0


@dataclass
class EventDeduplicator:
    """What was told, and in which thread."""

    pools: list[Pool] = field(default_factory=list)
    deleted: list[NamespacedName] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def seen(self, pool: Pool) -> None:
        self.threads.add(threading.get_ident())
        self.pools.append(pool)

    def gone(self, key: NamespacedName, uid: str) -> None:
        assert uid in {pool.uid for pool in self.pools}
        self.threads.add(threading.get_ident())
        self.deleted.append(key)


async def until(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, complaint
        await asyncio.sleep(0.02)


def watch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "watch"]


@pytest.fixture
def told() -> EventDeduplicator:
    return EventDeduplicator()


@pytest.fixture
def watched(told: EventDeduplicator) -> Watched:
    return Watched(told, Deployments(), HealthState(time.monotonic()))


@pytest.fixture
async def proxy(namespace: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """Between the watch and the API server."""
    config = yaml.safe_load(namespace.cluster.kubeconfig.read_text())
    server = config["clusters"][0]["cluster"]
    made = Proxy(server["server"], namespace.cluster.directory / "keys")
    async with made.serving():
        server["server"] = made.url
        config["users"][0]["user"] = {
            "token": await asyncio.to_thread(token, namespace)
        }  # a certificate ends at the proxy
        changed = tmp_path / "kubeconfig"
        changed.write_text(yaml.safe_dump(config))
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        monkeypatch.setenv("KUBECONFIG", str(changed))
        yield made


def token(namespace: Namespace) -> str:
    """Of a service account that may do everything in this namespace."""
    account = f"--serviceaccount={namespace.name}:default"
    namespace.kubectl("create", "rolebinding", "all", "--clusterrole=cluster-admin", account)
    return namespace.kubectl("create", "token", "default").strip()


@contextlib.asynccontextmanager
async def running(watched: Watched, namespace: str) -> AsyncIterator["asyncio.Task[None]"]:
    """The watch, meanwhile."""
    stop = asyncio.Event()
    task = asyncio.create_task(supervisor.watch(watched, (namespace,), stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_SECONDS)
        await until(lambda: watch_threads() == [], "its thread went on")
        gc.collect()  # a connection that was left open is complained of here, and not in some later test


async def test_what_is_seen_in_the_other_thread_is_told_in_ours(
    namespace: Namespace, proxy: Proxy, told: EventDeduplicator, watched: Watched
) -> None:
    assert proxy.url
    async with running(watched, namespace.name):
        key = await asyncio.to_thread(namespace.pool, "jobs")
        await until(lambda: bool(told.pools), "the pool was not told")
        await asyncio.to_thread(namespace.kubectl, "delete", "qwp", "jobs")
        await until(lambda: told.deleted == [key], "the deletion was not told")
    assert told.threads == {threading.get_ident()}


async def test_when_kopf_ends_our_tasks_go_on_and_it_can_be_begun_anew(
    namespace: Namespace, proxy: Proxy, told: EventDeduplicator, watched: Watched
) -> None:
    async with running(watched, namespace.name) as task:
        await until(lambda: set(watched.health.watch_responses) == set(WATCHED), "nothing was heard")
        younger = asyncio.create_task(asyncio.sleep(600))
        proxy.begin(Fault("error 500", "watch"))
        await asyncio.wait_for(asyncio.shield(task), PATIENCE_SECONDS)
    proxy.end()
    assert not younger.done()
    younger.cancel()
    await asyncio.to_thread(namespace.pool, "jobs")
    async with running(watched, namespace.name):
        await until(lambda: bool(told.pools), "the pool was not told")


@pytest.mark.parametrize("cancellations", [1, 2], ids=["it heeds the first end by force", "only the second"])
async def test_a_watch_that_hangs_is_ended(
    cancellations: int, watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As kopf did: it swallowed the cancellation of its watch, and waited for somebody who was gone."""
    heeded: list[int] = []

    async def hang(_: Watched, __: tuple[str, ...], ___: asyncio.Event) -> None:
        while len(heeded) < cancellations:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heeded.append(len(heeded))
        raise asyncio.CancelledError

    monkeypatch.setattr(handlers, "watch", hang)
    monkeypatch.setattr(watching, "HUNG_SECONDS", 0.5)
    monkeypatch.setattr(watching, "LEAVE_SECONDS", 0.5)
    async with running(watched, "default") as task:
        await asyncio.wait_for(asyncio.shield(task), PATIENCE_SECONDS)
    told = [record.message for record in caplog.records if record.name == supervisor.__name__]
    assert [message for message in told if "hangs" in message] == ["the watch hangs, and begins anew"]
    assert watched.health.watch_attempts == {}, "to be begun is no sign of life"
