"""Troubles with the workers of a pool, which decide what a scale-in may stop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from testbed.api import deployment
from testbed.chaos.trouble import Happening, Preparing, Trouble
from testbed.chaos.view import Signal, gauge, grows, learned, sized
from testbed.chaos.workers import Mood
from testbed.chaos.world import World

LOAD = 3
CRASHING = 8


def _deployment(world: World, name: str) -> dict[str, Any]:
    """Return a Deployment whose pods are run by `Workers`."""
    body = deployment(name, 0)
    body["spec"]["paused"] = False
    body["spec"]["template"]["metadata"]["labels"] = world.workers.labels(name)
    return body


def _with_workers(name: str, load: int = LOAD, **spec: Any) -> Preparing:
    async def prepare(world: World) -> None:
        scale_in = {"statePort": world.workers.port}
        await world.add(name, load=load, scaled=_deployment(world, name), scaleIn=scale_in, **spec)

    return prepare


def _let_fall(world: World, name: str) -> None:
    """Leave one message, which is few enough not to keep any pod."""
    world.load(name, 1)
    world.sqs.set_depths({name: 1})


def _in_a_mood(name: str, mood: Mood, load_again: int = LOAD) -> Happening:
    """Return workers in this mood, whom a scale-in asks."""

    @asynccontextmanager
    async def happening(world: World) -> AsyncIterator[None]:
        world.workers.are(mood, name)
        _let_fall(world, name)
        yield
        world.workers.are(Mood.IDLE, name)
        world.load(name, load_again)

    return happening


@asynccontextmanager
async def _busy_while_the_load_falls(world: World) -> AsyncIterator[None]:
    world.workers.are(Mood.BUSY, "busy")
    _let_fall(world, "busy")
    yield
    size = (await world.sizes())["busy"]
    world.workers.are(Mood.IDLE, "busy")
    world.load("busy", LOAD)
    assert size == LOAD, f"busy workers were stopped: {size} of {LOAD} are left"


@asynccontextmanager
async def _pods_that_never_get_ready(world: World) -> AsyncIterator[None]:
    world.load("crashing", 1)
    yield
    world.load("crashing", CRASHING)


async def _prepare_crashing(world: World) -> None:
    body = deployment("crashing", 0)
    body["spec"]["paused"] = False  # there is no node that would run its pods
    await world.add("crashing", load=CRASHING, scaled=body)


async def _prepare_slow(world: World) -> None:
    world.fixed["slow"] = 1  # whatever is learned
    target = {"latencySeconds": 60, "serviceSeconds": 5}
    await _with_workers("slow", 1, target=target, minReplicas=1, maxReplicas=1)(world)


def _answering(kind: int, name: str, mood: Mood, reported: Signal) -> Trouble:
    return Trouble(
        kind=kind, name=name, happening=_in_a_mood(name, mood), reported=reported, prepare=_with_workers(name)
    )


TROUBLES = (
    _answering(3, "silent", Mood.SILENT, grows("state_requests_total", outcome="silent")),
    _answering(15, "lying", Mood.LYING, grows("state_requests_total", outcome="refused")),
    _answering(15, "strange", Mood.STRANGE, grows("state_requests_total", outcome="other_pod")),
    Trouble(
        kind=14,
        name="busy",
        happening=_busy_while_the_load_falls,
        reported=gauge("waiting_for_idle_workers", lambda pods: pods > 0, pool="busy"),
        prepare=_with_workers("busy"),
    ),
    Trouble(
        kind=13,
        name="crashing",
        happening=_pods_that_never_get_ready,
        reported=sized("crashing", 1),
        prepare=_prepare_crashing,
    ),
    Trouble(
        kind=23,
        name="slow",
        happening=_in_a_mood("slow", Mood.BUSY, 1),
        reported=learned("slow", 8),  # three messages of 5 s, as is declared, and one that runs
        prepare=_prepare_slow,
    ),
)
