"""Runs the chaos: lanes of troubles at random, all at once, and what came of it."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from testbed.chaos import cluster_troubles, crowd_troubles, pool_troubles, queue_troubles, worker_troubles
from testbed.chaos.trouble import Trouble
from testbed.chaos.view import View
from testbed.chaos.world import MOST_PODS, STEADY, World
from testbed.process_usage import MIB, usage

logger = logging.getLogger(__name__)

TROUBLES: tuple[Trouble, ...] = (
    *queue_troubles.TROUBLES,
    *worker_troubles.TROUBLES,
    *cluster_troubles.TROUBLES,
    *crowd_troubles.TROUBLES,
    *pool_troubles.TROUBLES,
)
STEADY_POOLS = 20
LANES = 5
"""Troubles at the same time, and one more that happens everywhere."""

REPORTED_SECONDS = 60.0
"""Within which a trouble must be reported."""

VIEW_SECONDS = 1.0
LIVEZ_SECONDS = 5.0
"""For an answer of /livez, as the chart's probe has it."""

STEADY_SECONDS = 3.0
BORNE_SECONDS = 5.0, 20.0
"""How long a trouble lasts of which there is nothing to report."""

HELD_SECONDS = 0.0, 8.0
"""How long one lasts after it was reported."""

PAUSE_SECONDS = 0.5, 3.0
PAUSE_EVERYWHERE_SECONDS = 20.0, 45.0
"""Pauses between two troubles that happen everywhere: their recoveries are promised within 15 s."""

SETTLE_SECONDS = 90.0
MOST_PODS_IN_THE_END = 12
"""Some of the pools have pods, which this process runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One trouble that happened.

    `reported_seconds`: from its beginning; None when it was not reported, 0 when there is nothing to report.
    """

    trouble: Trouble
    began: float
    reported_seconds: float | None
    seconds: float


@dataclass(slots=True)
class Chaos:
    """What was observed.

    Args:
        happened: All troubles, in the order in which they ended.
        failures: What the troubles themselves found wrong, such as a busy worker that was stopped.
        wrong_sizes: Pools that have another size in the end: the one they have, and the right one.
        restarts: Whether the operator ended.
        livez_failures: What /livez reported when it failed.
        peak_mib: The most memory that the operator held.
    """

    happened: list[Happened] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    wrong_sizes: dict[str, tuple[int | None, int]] = field(default_factory=dict)
    restarts: int = 0
    livez_failures: list[str] = field(default_factory=list)
    peak_mib: float = 0.0

    def reported_seconds(self) -> list[float]:
        """Return how long it took to be reported, for each trouble that was, in order."""
        return sorted(
            each.reported_seconds
            for each in self.happened
            if each.trouble.reported and each.reported_seconds is not None
        )

    def unreported(self) -> list[str]:
        """Return the troubles that were not reported."""
        return [each.trouble.name for each in self.happened if each.reported_seconds is None]


async def run(
    world: World,
    seconds: float,
    seed: int,
    troubles: Sequence[Trouble] = TROUBLES,
    livez_seconds: float = LIVEZ_SECONDS,
) -> Chaos:
    """Let troubles begin for this long; wait until all have ended, and compare all sizes."""
    chaos = Chaos()
    await _prepare(world, troubles)
    watcher = _Watcher(world, chaos, livez_seconds)
    ends = time.monotonic() + seconds
    async with contextlib.AsyncExitStack() as stack:
        for task in (
            asyncio.create_task(watcher.run()),
            asyncio.create_task(_change_loads(world, random.Random(seed))),
        ):
            stack.push_async_callback(_end, task)
        await asyncio.wait_for(watcher.seen(), REPORTED_SECONDS)
        async with asyncio.TaskGroup() as lanes:
            for number, lane in enumerate(_lanes(troubles, random.Random(seed))):
                dice = random.Random(f"{seed} {number}")
                lanes.create_task(_Lane(world, watcher, chaos, dice).run(lane, ends))
    await _compare(world, chaos, random.Random(seed))
    chaos.restarts = int(not world.operator.running)
    chaos.peak_mib = usage(world.operator.pid).peak_resident / MIB if world.operator.running else 0.0
    return chaos


async def _prepare(world: World, troubles: Sequence[Trouble]) -> None:
    for number in range(STEADY_POOLS):
        await world.add(f"steady-{number}", STEADY)
    for trouble in troubles:
        await trouble.prepare(world)
    wrong = await world.settle(SETTLE_SECONDS)
    assert not wrong, f"before anything happened, sizes were wrong: {wrong}"


def _lanes(troubles: Sequence[Trouble], dice: random.Random) -> list[list[Trouble]]:
    """Return which troubles follow each other; those of different lanes happen at the same time."""
    here = [each for each in troubles if not each.everywhere]
    dice.shuffle(here)
    lanes = [here[number::LANES] for number in range(LANES)]
    return [lane for lane in (*lanes, [each for each in troubles if each.everywhere]) if lane]


async def _end(task: asyncio.Task[None]) -> None:
    """End a task, and raise what it raised."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _change_loads(world: World, dice: random.Random) -> None:
    """Change the loads of the steady pools all the time."""
    while True:
        for name in dice.sample(range(STEADY_POOLS), 3):
            world.load(f"steady-{name}", dice.randint(0, MOST_PODS))
        await asyncio.sleep(STEADY_SECONDS)


class _Watcher:
    """Keeps the newest view, and polls /livez."""

    def __init__(self, world: World, chaos: Chaos, livez_seconds: float) -> None:
        self._world = world
        self._chaos = chaos
        self._livez_seconds = livez_seconds
        self._changed = asyncio.Condition()
        self.view = View()

    async def run(self) -> None:
        """Look every second."""
        while True:
            view = await self._world.view()
            async with self._changed:
                if view.series:  # without an answer of the operator's, no counter can be compared
                    self.view = view
                self._changed.notify_all()
            livez = await asyncio.to_thread(self._world.request, "/livez", self._livez_seconds)
            if not livez.startswith("ok"):
                self._chaos.livez_failures.append(livez.strip() or "no answer")
            await asyncio.sleep(VIEW_SECONDS)

    async def seen(self) -> View:
        """Return the next view."""
        async with self._changed:
            await self._changed.wait()
            return self.view


class _Lane:
    """Troubles one after the other."""

    def __init__(self, world: World, watcher: _Watcher, chaos: Chaos, dice: random.Random) -> None:
        self._world = world
        self._watcher = watcher
        self._chaos = chaos
        self._dice = dice

    async def run(self, troubles: Sequence[Trouble], ends: float) -> None:
        """Let all of them happen in a random order, again and again."""
        while time.monotonic() < ends:
            for trouble in self._dice.sample(troubles, len(troubles)):
                pause = PAUSE_EVERYWHERE_SECONDS if trouble.everywhere else PAUSE_SECONDS
                await asyncio.sleep(min(self._dice.uniform(*pause), max(ends - time.monotonic(), 0)))
                if time.monotonic() < ends - trouble.recovery_seconds and not self._is_shown(trouble):
                    await self._happen(trouble)

    def _is_shown(self, trouble: Trouble) -> bool:
        """Return whether the last time is still reported of: then nobody could see this one."""
        return trouble.reported is not None and trouble.reported.shows(self._watcher.view)

    async def _happen(self, trouble: Trouble) -> None:
        before, began = self._watcher.view, time.monotonic()
        reported: float | None = 0.0
        try:
            async with trouble.happening(self._world):
                reported = await self._reported(trouble, before, began)
                await asyncio.sleep(self._dice.uniform(*(HELD_SECONDS if trouble.reported else BORNE_SECONDS)))
        except AssertionError as error:
            self._chaos.failures.append(f"{trouble.name}: {error}")
        seconds = time.monotonic() - began
        logger.info("%s: reported after %s s, over after %.1f s", trouble.name, reported, seconds)
        self._chaos.happened.append(Happened(trouble=trouble, began=began, reported_seconds=reported, seconds=seconds))

    async def _reported(self, trouble: Trouble, before: View, began: float) -> float | None:
        if trouble.reported is None:
            return 0.0
        while time.monotonic() - began <= REPORTED_SECONDS:
            if trouble.reported.reported(before, await self._watcher.seen()):
                return time.monotonic() - began
        return None


async def _compare(world: World, chaos: Chaos, dice: random.Random) -> None:
    """Empty all queues, fill them again, and record the sizes that are wrong after each."""
    for refill in (False, True):  # no worker receives messages here, and a pool keeps its pods while many wait
        for name in world.namespaces:
            world.load(name, dice.randint(1, MOST_PODS_IN_THE_END) if refill else 0)
        chaos.wrong_sizes |= await world.settle(SETTLE_SECONDS)
