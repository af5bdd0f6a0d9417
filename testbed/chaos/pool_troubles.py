"""Troubles with pools and their Deployments themselves."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from testbed.api import deployment, pool
from testbed.chaos.trouble import Trouble
from testbed.chaos.view import both, condition, posted, posted_again
from testbed.chaos.world import TROUBLED, World, deployments, pools
from testbed.counting_sqs import queue_url

LONG_NAME = "-".join(["long"] * 48)
"""239 characters, of the 253 that a name may have."""

STATUS_SECONDS = 0.2
SIZE_SECONDS = 60.0
"""Within which a Deployment must have its size whose status changes all the time."""

_MISSPELT = {
    "name": "nights",
    "cron": "0 22 * * *",
    "durationSeconds": 3600,
    "timeZone": "Europe/Atlantis",
    "minReplicas": 1,
}


@asynccontextmanager
async def _no_deployment(world: World) -> AsyncIterator[None]:
    await world.api.delete(f"{deployments(TROUBLED)}/deleted")
    yield
    await world.api.create(deployments(TROUBLED), deployment("deleted", 0))


@asynccontextmanager
async def _another_deployment(world: World) -> AsyncIterator[None]:
    """Replace the Deployment, at once, by one with another uid and far too many pods."""
    await world.api.delete(f"{deployments(TROUBLED)}/replaced")
    await world.api.create(deployments(TROUBLED), deployment("replaced", 0))
    yield


@asynccontextmanager
async def _restless_status(world: World) -> AsyncIterator[None]:
    """Change the Deployment's status faster than a tick takes, while its load changes."""

    async def change() -> None:
        path = f"{deployments(TROUBLED)}/restless/status"
        for number in itertools.count(1):
            await world.api.patch(path, {"status": {"unavailableReplicas": number % 2 + 1}})
            await asyncio.sleep(STATUS_SECONDS)

    task = asyncio.create_task(change())
    world.load("restless", 5)
    deadline = time.monotonic() + SIZE_SECONDS
    try:
        yield
        while (size := (await world.sizes())["restless"]) != 5 and time.monotonic() < deadline:  # noqa: ASYNC110 -- polls the API server
            await asyncio.sleep(STATUS_SECONDS)
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert size == 5, f"its size is {size} while its status changes"


@asynccontextmanager
async def _misspelt_zone(world: World) -> AsyncIterator[None]:
    await world.edit("zone", schedules=[_MISSPELT])
    yield
    await world.edit("zone", schedules=None)


@asynccontextmanager
async def _paused(world: World) -> AsyncIterator[None]:
    await world.edit("paused", mode="Paused")
    yield
    await world.edit("paused", mode="Active")


@asynccontextmanager
async def _other_writer(world: World) -> AsyncIterator[None]:
    """Set the replicas again and again, as another autoscaler does."""

    async def write() -> None:
        path = f"{deployments(TROUBLED)}/contested/scale?fieldManager=other-autoscaler"
        while True:
            await world.api.patch(path, {"spec": {"replicas": 1}})
            await asyncio.sleep(2)

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def _long_name(world: World) -> AsyncIterator[None]:
    """Create a pool with a long name, and a Deployment without replicas that selects by an expression."""
    scaled = deployment(LONG_NAME, 0)
    labels = {"app": "long"}
    del scaled["spec"]["replicas"]
    scaled["spec"]["template"]["metadata"]["labels"] = labels
    scaled["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["long"]}]}
    body = pool(LONG_NAME, queue_url("long"), 1)
    world.sqs.set_depths({"long": 20})
    await world.api.create(deployments(TROUBLED), scaled)
    await world.api.create(pools(TROUBLED), body)
    yield
    await world.api.delete(f"{pools(TROUBLED)}/{LONG_NAME}")
    await world.api.delete(f"{deployments(TROUBLED)}/{LONG_NAME}")


TROUBLES = (
    Trouble(
        kind=16,
        name="deleted",
        happening=_no_deployment,
        reported=both(
            condition("deleted", "TargetFound", "False", "TargetNotFound"), posted("deleted", "TargetNotFound")
        ),
        prepare=lambda world: world.add("deleted"),
    ),
    Trouble(kind=16, name="replaced", happening=_another_deployment, prepare=lambda world: world.add("replaced")),
    Trouble(kind=17, name="restless", happening=_restless_status, prepare=lambda world: world.add("restless")),
    Trouble(
        kind=20,
        name="zone",
        happening=_misspelt_zone,
        reported=condition("zone", "Ready", "False", "InvalidSpec"),
        prepare=lambda world: world.add("zone"),
    ),
    Trouble(
        kind=20,
        name="paused",
        happening=_paused,
        reported=condition("paused", "ScalingActive", "False", "Paused"),
        prepare=lambda world: world.add("paused"),
    ),
    Trouble(
        kind=22,
        name="contested",
        happening=_other_writer,
        reported=both(condition("contested", "ScaleConflict", "True"), posted("contested", "ScaleConflict")),
        prepare=lambda world: world.add("contested"),
        recovery_seconds=420.0,
    ),
    Trouble(kind=11, name="long name", happening=_long_name, reported=posted_again(LONG_NAME, "SuccessfulRescale")),
)
