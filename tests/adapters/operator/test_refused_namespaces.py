"""An operator that may list nothing is alive, because a restart would not help, and says by name what is refused."""

import asyncio
import time
from typing import Any, cast

import pytest

from queueworkerpool import process
from queueworkerpool.health import WATCH_DEAD_SECONDS, HealthState
from queueworkerpool.leading import Fences
from queueworkerpool.model import DEFAULT_WORKLOADS, DEPLOYMENT
from queueworkerpool.names import PLURAL
from queueworkerpool.report.metrics import Metrics, process_registry
from queueworkerpool.settings import Settings
from queueworkerpool.watch.index import Targets
from queueworkerpool.watch.namespaces import Namespaces
from queueworkerpool.wiring import show_refused
from tests.adapters.operator.conftest import NOW, until

NAMES = ("shop", "bank")


class Refusing:
    """An API server that knows our custom resource, and lets nobody list it in some namespaces."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused

    def is_served(self, namespace: str) -> bool:
        del namespace
        return True

    async def may_list_pools(self, namespace: str) -> bool:
        return namespace not in self.refused


@pytest.fixture
def running() -> process._Process:
    metrics = Metrics(process_registry(), "0", lambda: NOW)
    health = HealthState(time.monotonic())
    return process._Process(
        settings=Settings(namespaces=NAMES),
        metrics=metrics,
        health=health,
        fences=Fences.closed(1),
        stop=asyncio.Event(),
        workloads=DEFAULT_WORKLOADS,
    )


async def test_a_process_that_may_list_nothing_stays_alive(
    running: process._Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "RECONNECT_SECONDS", 0.01)
    running.health.watch_attempts[PLURAL] = time.monotonic() - WATCH_DEAD_SECONDS
    assert running.health.liveness_failures(time.monotonic())
    cluster = Refusing(*NAMES)
    stopped = asyncio.create_task(running.stop.wait())
    served = Namespaces(NAMES, cluster, running.stop, lambda: 0)
    watching = asyncio.create_task(process._watch_pools(running, cast(Any, None), served, cast(Any, cluster), stopped))
    await until(lambda: running.health.liveness_failures(time.monotonic()) == [], "it is restarted for ever")
    running.stop.set()
    await watching


async def test_what_is_refused_is_told_by_name(running: process._Process) -> None:
    served, targets = Namespaces(NAMES, Refusing("bank"), running.stop, lambda: 0), Targets(NAMES)
    deployments = targets.deployments
    assert deployments
    show_refused(running.metrics, running.health, served, targets)
    assert _told(running) == ["queueworkerpools are not listed yet", "deployments are not listed yet"]
    assert await served.listable() == ("shop",)
    deployments.lose("shop", "status 403")
    assert _told(running) == [
        "queueworkerpools cannot be listed in bank: a right is missing, or the namespace",
        "deployments cannot be listed in shop: a right is missing, or the namespace",
    ]
    assert _shown(running) == {"shop": "0.0", "bank": "0.0"}
    deployments.replace("shop", {})
    assert _shown(running) == {"shop": "1.0", "bank": "0.0"}


async def test_a_refused_cluster_has_no_name(running: process._Process) -> None:
    served = Namespaces((), Refusing(""), running.stop, lambda: 0)
    show_refused(running.metrics, running.health, served, Targets())
    assert await served.listable() is None
    assert _told(running)[0] == "queueworkerpools cannot be listed in the cluster: a right is missing, or the namespace"
    assert _shown(running) == {"": "0.0"}


async def test_a_refusal_is_logged_once(running: process._Process, caplog: pytest.LogCaptureFixture) -> None:
    served = Namespaces(NAMES, Refusing("bank"), running.stop, lambda: 0)
    for _ in range(3):
        await served.listable()
    assert [record.message for record in caplog.records] == ["pools cannot be listed"]


def _told(running: process._Process) -> list[str]:
    return running.health.readiness_failures(time.monotonic(), (PLURAL, DEPLOYMENT.plural))


def _shown(running: process._Process) -> dict[str, str]:
    lines = b"".join(running.metrics.render("")[0]).decode().splitlines()
    found = (line for line in lines if line.startswith("queueworkerpool_namespace_served{"))
    return {line.split('"')[1]: line.split()[-1] for line in found}
