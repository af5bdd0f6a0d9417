"""Troubles that others make: crowds, large objects, many clients, slow ones, and a stolen token."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from testbed.api import deployment, for_each_concurrently
from testbed.chaos.trouble import Happening, Trouble
from testbed.chaos.world import TROUBLED, World, deployments
from testbed.operators import USER

SCRAPERS = 40
CONNECTIONS = 100
BYTE_SECONDS = 2.0


def _deployments(prefix: str, number: int, size: int) -> Happening:
    """Return a crowd of so many Deployments of others, with an annotation of this size."""

    @asynccontextmanager
    async def happening(world: World) -> AsyncIterator[None]:
        names = [f"{prefix}-{each}" for each in range(number)]

        async def create(name: str) -> None:
            body = deployment(name, 0)
            body["metadata"] |= {"annotations": {"note": "x" * size}, "labels": {"crowd": prefix}}
            await world.api.create(deployments(TROUBLED), body)

        await for_each_concurrently(create, names)
        yield
        await world.api.delete(f"{deployments(TROUBLED)}?labelSelector=crowd%3D{prefix}")

    return happening


@asynccontextmanager
async def _scrapers(world: World) -> AsyncIterator[None]:
    async def scrape() -> None:
        while True:
            await asyncio.to_thread(world.request, "/metrics")

    tasks = {asyncio.create_task(scrape()) for _ in range(SCRAPERS)}
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@asynccontextmanager
async def _slow_clients(world: World) -> AsyncIterator[None]:
    async def drip() -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", world.port)
                try:
                    for byte in itertools.chain(b"GET /metrics HTTP/1.1\r\nX: ", itertools.repeat(120)):
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(BYTE_SECONDS)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(BYTE_SECONDS)

    tasks = {asyncio.create_task(drip()) for _ in range(CONNECTIONS)}
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@asynccontextmanager
async def _stolen_token(world: World) -> AsyncIterator[None]:
    """Change a pod's image by the operator's rights: the API server must refuse it."""
    evil = {"spec": {"containers": [{"name": "worker", "image": "evil"}]}}
    status = HTTPStatus.OK.value
    try:
        await world.api.patch(f"/api/v1/namespaces/{TROUBLED}/pods/attacked", evil, USER)
    except aiohttp.ClientResponseError as error:
        status = error.status
    assert status == HTTPStatus.UNPROCESSABLE_ENTITY, f"no policy refuses a new image: status {status}"
    yield


async def _prepare_pod(world: World) -> None:
    spec = {"containers": [{"name": "worker", "image": "worker"}]}
    await world.api.create(f"/api/v1/namespaces/{TROUBLED}/pods", {"metadata": {"name": "attacked"}, "spec": spec})


TROUBLES = (
    Trouble(kind=1, name="crowd", happening=_deployments("crowd", 300, 8_000)),
    Trouble(kind=2, name="large", happening=_deployments("large", 30, 240_000)),
    Trouble(kind=2, name="scrapers", happening=_scrapers),
    Trouble(kind=4, name="slow clients", happening=_slow_clients),
    Trouble(kind=8, name="stolen token", happening=_stolen_token, prepare=_prepare_pod),
)
