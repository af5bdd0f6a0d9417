"""A process that cannot go on says so at /livez: asked from outside, while its event loop stands still."""

import asyncio
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from devcluster.processes import wait_until
from queueworkerpool import health, process
from queueworkerpool.health import HealthState
from queueworkerpool.report.metrics import Metrics, process_registry
from queueworkerpool.server import HttpServer
from tests.adapters.operator.conftest import NOW


def livez(server: HttpServer) -> str:
    """What it says against being alive; empty when it is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/livez", timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return str(error.read().decode())


@pytest.fixture
def health() -> HealthState:
    return HealthState(time.monotonic())


@pytest.fixture
def server(health: HealthState) -> Iterator[HttpServer]:
    metrics = Metrics(process_registry(), "0", lambda: NOW)
    running = HttpServer("127.0.0.1", 0, process._answers(metrics, health))
    yield running
    running.close()


@pytest.mark.parametrize(
    "seconds", [pytest.param(2.0, id="an impatient probe"), pytest.param(health.LOOP_SECONDS, id="the real one")]
)
def test_a_frozen_loop_is_told_and_forgiven_when_it_goes_on(
    seconds: float, health: HealthState, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LOOP_SECONDS", seconds)
    frozen, thawed = threading.Event(), threading.Event()

    async def life() -> None:
        heartbeat = asyncio.create_task(process._heartbeat(health))
        await asyncio.to_thread(frozen.wait)
        thawed.wait()  # a blocking call on the loop: what must never happen
        await asyncio.to_thread(ended.wait)
        heartbeat.cancel()

    ended = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(life()), daemon=True)
    thread.start()
    try:
        wait_until(lambda: livez(server) == "", 10, "it is not alive")
        frozen.set()
        wait_until(lambda: f"the event loop is frozen for {seconds:.0f} s" in livez(server), seconds + 20, "not told")
        thawed.set()
        wait_until(lambda: livez(server) == "", 10, "it is not alive again")
    finally:
        for event in (frozen, thawed, ended):
            event.set()
        thread.join(10)
