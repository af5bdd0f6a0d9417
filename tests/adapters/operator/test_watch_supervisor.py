"""kopf in a thread of its own: what it shows is handed over to ours, and when it ends or hangs it is restarted."""

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from devcluster.faults import Fault, Proxy
from queueworkerpool.health import HealthState
from queueworkerpool.model import NamespacedName, StoredPool
from queueworkerpool.names import PLURAL
from queueworkerpool.watch import adapter, supervisor
from queueworkerpool.watch.adapter import Sinks
from tests.adapters.operator.conftest import Namespace, until

PATIENCE_SECONDS = 60.0


@dataclass
class RecordedPools:
    """The pools that were reported, and in which threads."""

    pools: list[StoredPool] = field(default_factory=list)
    deleted: list[NamespacedName] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def pool_changed(self, pool: StoredPool, *, listed: bool = False) -> None:  # noqa: ARG002 -- the Protocol's
        self.threads.add(threading.get_ident())
        self.pools.append(pool)

    def pool_deleted(self, key: NamespacedName, uid: str) -> None:
        assert uid in {pool.uid for pool in self.pools}
        self.threads.add(threading.get_ident())
        self.deleted.append(key)


def watch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "watch"]


@pytest.fixture
def reported() -> RecordedPools:
    return RecordedPools()


@pytest.fixture
def sinks(reported: RecordedPools) -> Sinks:
    return Sinks(reported, HealthState(time.monotonic()))


@pytest.fixture
async def proxy(namespace: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """A proxy between the watch and the API server."""
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
    """Return the token of a service account that may do everything in this namespace."""
    account = f"--serviceaccount={namespace.name}:default"
    namespace.kubectl("create", "rolebinding", "all", "--clusterrole=cluster-admin", account)
    return namespace.kubectl("create", "token", "default").strip()


@contextlib.asynccontextmanager
async def running(sinks: Sinks, namespace: str) -> AsyncIterator["asyncio.Task[None]"]:
    """Watch while the body runs."""
    stop = asyncio.Event()
    task = asyncio.create_task(supervisor.watch(sinks, (namespace,), stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_SECONDS)
        await until(lambda: watch_threads() == [], "its thread went on", PATIENCE_SECONDS)
        gc.collect()  # a connection that was left open is reported here, and not in some later test


async def test_what_is_shown_in_the_other_thread_is_reported_in_ours(
    namespace: Namespace, proxy: Proxy, reported: RecordedPools, sinks: Sinks
) -> None:
    assert proxy.url
    async with running(sinks, namespace.name):
        key = await asyncio.to_thread(namespace.pool, "jobs")
        await until(lambda: bool(reported.pools), "the pool was not reported", PATIENCE_SECONDS)
        await asyncio.to_thread(namespace.kubectl, "delete", "qwp", "jobs")
        await until(lambda: reported.deleted == [key], "the deletion was not reported", PATIENCE_SECONDS)
    assert reported.threads == {threading.get_ident()}


async def test_when_kopf_ends_our_tasks_go_on_and_it_can_be_restarted(
    namespace: Namespace, proxy: Proxy, reported: RecordedPools, sinks: Sinks
) -> None:
    async with running(sinks, namespace.name) as task:
        await until(lambda: set(sinks.health.watch_responses) == {PLURAL}, "no watch was answered", PATIENCE_SECONDS)
        younger = asyncio.create_task(asyncio.sleep(600))
        proxy.begin(Fault("error 500", "watch"))
        await asyncio.wait_for(asyncio.shield(task), PATIENCE_SECONDS)
    proxy.end()
    assert not younger.done()
    younger.cancel()
    await asyncio.to_thread(namespace.pool, "jobs")
    async with running(sinks, namespace.name):
        await until(lambda: bool(reported.pools), "the pool was not reported", PATIENCE_SECONDS)


@pytest.fixture
def collected(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Collect the task that a hanging watch leaves behind, lest asyncio report it in some later test."""
    yield
    caplog.get_records("call").clear()  # a record holds the traceback, and so the task
    gc.collect()


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("cancellations", [1, 2], ids=["it obeys the first stop by force", "only the second"])
async def test_a_watch_that_hangs_is_ended(
    cancellations: int, sinks: Sinks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As kopf did: it swallowed the cancellation of its watch, and waited for a task that had ended."""
    obeyed: list[int] = []

    async def hang(_: Sinks, __: tuple[str, ...], ___: asyncio.Event) -> None:
        while len(obeyed) < cancellations:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                obeyed.append(len(obeyed))
        raise asyncio.CancelledError

    monkeypatch.setattr(adapter, "watch", hang)
    monkeypatch.setattr(supervisor, "HUNG_SECONDS", 0.5)
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT_SECONDS", 0.5)
    async with running(sinks, "default") as task:
        await asyncio.wait_for(asyncio.shield(task), PATIENCE_SECONDS)
    logged = [record.message for record in caplog.records if record.name == supervisor.__name__]
    assert [message for message in logged if "hangs" in message] == ["the watch hangs, restarting it"]
    assert sinks.health.watch_attempts == {}, "a start is no sign of life"
