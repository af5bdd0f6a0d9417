"""A process whose event loop is frozen reports it at /livez: requested from outside while the loop stands still."""

import asyncio
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import click
import pytest

from devcluster.processes import wait_until
from queueworkerpool import process
from queueworkerpool.health import LOOP_FROZEN_SECONDS, HealthState
from queueworkerpool.report.metrics import Metrics, process_registry
from queueworkerpool.server import HttpServer
from queueworkerpool.settings import Settings
from queueworkerpool.wiring import http_server
from tests.adapters.operator.conftest import NOW


def livez(server: HttpServer) -> str:
    """Return why the process is not alive; empty when it is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/livez", timeout=60):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return str(error.read().decode())


def frozen_seconds(server: HttpServer) -> int:
    """Return for how long the event loop is frozen, as is reported; -1 when it is not."""
    found = re.search(r"the event loop is frozen for (\d+) s", livez(server))
    return int(found[1]) if found else -1


@pytest.fixture
def health() -> HealthState:
    return HealthState(time.monotonic())


@pytest.fixture
def server(health: HealthState) -> Iterator[HttpServer]:
    settings = Settings(http_host="127.0.0.1", http_port=0)
    running = http_server(settings, Metrics(process_registry(), "0", lambda: NOW), health)
    yield running
    running.close()


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(2.0, id="a short limit"),
        pytest.param(LOOP_FROZEN_SECONDS, id="the real limit", marks=pytest.mark.endurance),
    ],
)
def test_a_frozen_loop_is_reported_until_it_goes_on(
    seconds: float, health: HealthState, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueworkerpool.health.LOOP_FROZEN_SECONDS", seconds)
    frozen, thawed = threading.Event(), threading.Event()

    async def run() -> None:
        heartbeat = asyncio.create_task(process._heartbeat(health))
        await asyncio.to_thread(frozen.wait)
        thawed.wait()  # a blocking call on the loop: what must never happen
        await asyncio.to_thread(ended.wait)
        heartbeat.cancel()

    ended = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        wait_until(lambda: livez(server) == "", 60, "it is not alive")
        frozen.set()
        wait_until(lambda: frozen_seconds(server) >= round(seconds), seconds + 60, "not reported")
        thawed.set()
        wait_until(lambda: livez(server) == "", 60, "it is not alive again")
    finally:
        for event in (frozen, thawed, ended):
            event.set()
        thread.join(60)


def test_an_address_of_ipv6_is_served_and_told_as_urls_have_it() -> None:
    running = http_server(
        Settings(http_host="::1", http_port=0), Metrics(process_registry(), "0", lambda: NOW), HealthState(0.0)
    )
    try:
        assert running.address == f"[::1]:{running.port}"
        taken = Settings(http_host="[::1]", http_port=running.port)
        with pytest.raises(click.ClickException, match=re.escape(f"cannot serve on [::1]:{running.port}: ")):
            http_server(taken, Metrics(process_registry(), "0", lambda: NOW), HealthState(0.0))
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            urllib.request.urlopen(f"http://{running.address}/readyz", timeout=60)
        caught.value.close()
    finally:
        running.close()
