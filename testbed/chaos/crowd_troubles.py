"""Troubles that others make: crowds, large objects, many clients, slow ones, and a stolen token."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from testbed.api import deployment, for_each_concurrently, pool
from testbed.chaos.trouble import Happening, Trouble
from testbed.chaos.view import condition
from testbed.chaos.world import TROUBLED, World, deployments, pools
from testbed.counting_sqs import ACCOUNT
from testbed.operators import USER

SCRAPERS = 40
CONNECTIONS = 100
BYTE_SECONDS = 2.0
REGION, REGIONS = "aa-made-{}", 70


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
async def _regions(world: World) -> AsyncIterator[None]:
    """Create pools of others, each with a queue in a region of its own; more than the clients that are kept."""
    names = [REGION.format(each) for each in range(REGIONS)]
    world.sqs.set_depths(dict.fromkeys(names, 1))

    async def create(name: str) -> None:
        # A server that is compatible with SQS: a host of AWS's would contradict the region.
        scaled, others = deployment(name, 0), pool(name, f"https://queues.example.com/{ACCOUNT}/{name}", 1)
        others["spec"]["queues"][0]["region"] = name
        for body in (scaled, others):
            body["metadata"]["labels"] = {"crowd": "regions"}
        await world.api.create(deployments(TROUBLED), scaled)
        await world.api.create(pools(TROUBLED), others)

    await for_each_concurrently(create, names)
    yield
    for path in (pools(TROUBLED), deployments(TROUBLED)):
        await world.api.delete(f"{path}?labelSelector=crowd%3Dregions")


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
    Trouble(
        kind=22,
        name="regions",
        happening=_regions,
        reported=condition(REGION.format(REGIONS - 1), "QueueReachable", "True"),
    ),
    Trouble(kind=8, name="stolen token", happening=_stolen_token, prepare=_prepare_pod),
)
