"""Crashes: the operator is killed again and again while loads come and go, and what it writes stays right.

The loads come and go in waves: one without a kill first, then as many as the kills take. The killer and the loads know
nothing of each other, but for the kills that are aimed: at the moment in which a new size is seen, when the status may
not tell of it yet. The tests call `measure` with a few kills.
"""

import asyncio
import itertools
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import audit
from benchmarks.api import DEPLOYMENTS, POOLS, Api, Seen, connected, deployment, pool, until
from benchmarks.bed import USER, config_of, credentials_of, is_ready, operator_program, prepare
from benchmarks.counting_sqs import CountingSqs, queue_url
from benchmarks.result import Figure, Result
from devcluster import Cluster, StartFailedError
from devcluster.processes import Program, free_port, wait_until

WINDOW_SECONDS = 15
MOST_PODS, PERIOD_SECONDS = 10, 5
"""What the scale-up policy of one pool allows."""

_WINDOW: dict[str, Any] = {"minReplicas": 10, "behavior": {"scaleDown": {"stabilizationWindowSeconds": WINDOW_SECONDS}}}
_POLICY = {"type": "Pods", "value": MOST_PODS, "periodSeconds": PERIOD_SECONDS}
_PACE: dict[str, Any] = {"behavior": _WINDOW["behavior"] | {"scaleUp": {"policies": [_POLICY]}}}
_TO_ZERO = {"scaleToZeroAfterSeconds": WINDOW_SECONDS, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
SPECS: dict[str, dict[str, Any]] = {"a": _WINDOW, "b": _WINDOW, "paced": _WINDOW | _PACE, "to-zero": _TO_ZERO}
"""What the pools have besides the rest; whatever stops one from scaling in too soon has to last WINDOW_SECONDS."""

DEPTHS = (50, 100, 150, 200, 250)
PER_POD = 5
TOP = DEPTHS[-1] // PER_POD
STEPPING = ("a", "b")
"""Their loads come in steps at random moments; those of the others at once."""

LATE_SECONDS = 1.0
"""So much later than another step a step may be seen here; a period that was forgotten would end a tick later."""

LONGEST_LIFE_SECONDS = 3.0
START_SECONDS = 15.0
SETTLE_SECONDS = 120.0
SETTING = (
    f"1 operator without election; pools at pollSeconds 1: two with a scale-in window of {WINDOW_SECONDS} s whose "
    f"loads come in five steps at random moments, one more that grows by at most {MOST_PODS} pods in {PERIOD_SECONDS} "
    f"s, one that goes to zero after {WINDOW_SECONDS} s without messages; in waves to {TOP} pods and back to the "
    f"least, the first without a kill. SIGKILL in turn at 0 to {LONGEST_LIFE_SECONDS:g} s of life, at 0 to "
    f"{LONGEST_LIFE_SECONDS:g} s of readiness, and when a new size is seen. Wrong: a size that no load calls for, one "
    "written twice or out of order, another one in the end"
)

Changes = dict[str, list[tuple[float, int]]]


@dataclass(slots=True)
class Wave:
    """One coming and going of the loads: when they went, and every change of replicas with its time."""

    changes: Changes = field(default_factory=lambda: {name: [] for name in SPECS})
    shrunk: float = 0.0

    def sizes(self) -> dict[str, list[int]]:
        """The sizes of each pool, in order."""
        return {name: [size for _, size in each] for name, each in self.changes.items()}

    def waits(self) -> dict[str, float]:
        """For how long each pool kept its last pods when the loads had gone."""
        return {name: round(each[-1][0] - self.shrunk, 1) for name, each in self.changes.items() if each}


class World:
    """The pools and their loads, as the API server shows them."""

    def __init__(self, api: Api, sqs: CountingSqs, dice: random.Random) -> None:
        self._api = api
        self._sqs = sqs
        self._dice = dice
        self._sizes = dict.fromkeys(SPECS, 0)
        self.wave = Wave()
        self.changed = asyncio.Event()

    @asynccontextmanager
    async def made(self) -> AsyncIterator[None]:
        """Make pools without messages, and note what becomes of them."""
        self._set(SPECS, 0)
        for name in SPECS:
            await self._api.create(DEPLOYMENTS, deployment(name, 0))
        async with self._api.watching(DEPLOYMENTS, self._note):
            for name in SPECS:
                await self._api.create(POOLS, _pool(name))
            yield

    async def rest(self) -> None:
        """Wait until every pool has its least."""
        await until(lambda: self._all_are({name: _least(name) for name in SPECS}), SETTLE_SECONDS)

    async def come_and_go(self) -> Wave:
        """Let one wave pass. It begins when the last scale-in is so old that policies do not let it be undone."""
        await asyncio.sleep(PERIOD_SECONDS + LATE_SECONDS)
        self.wave = Wave()
        self._set(SPECS.keys() - STEPPING, DEPTHS[-1])
        for depth in DEPTHS:
            self._set(STEPPING, depth)
            await asyncio.sleep(self._dice.uniform(0, 2 * PERIOD_SECONDS))
        await until(lambda: self._all_are(dict.fromkeys(SPECS, TOP)), SETTLE_SECONDS)
        self.wave.shrunk = self._set(SPECS, 0)  # none waits: no pod is ready to take it
        await self.rest()
        return self.wave

    def _note(self, seen: Seen) -> None:
        size = seen.body["spec"]["replicas"]
        if size != self._sizes[seen.name]:
            self._sizes[seen.name] = size
            self.wave.changes[seen.name].append((seen.time, size))
            self.changed.set()

    def _all_are(self, sizes: Mapping[str, int]) -> bool:
        return self._sizes == sizes

    def _set(self, names: Iterable[str], depth: int) -> float:
        return self._sqs.set_depths(dict.fromkeys(names, depth))


class Killer:
    """Starts the operator and kills it, again and again."""

    def __init__(self, program: Program, port: int, world: World, dice: random.Random) -> None:
        self._program = program
        self._port = port
        self._world = world
        self._dice = dice
        self.kills: list[datetime] = []

    @asynccontextmanager
    async def sparing(self) -> AsyncIterator[None]:
        """Let one operator live while the body runs."""
        self._program.start()
        try:
            yield
        finally:
            self._program.kill()

    @asynccontextmanager
    async def killing(self) -> AsyncIterator[None]:
        """Kill one operator after the other while the body runs; the last one may live on."""
        task = asyncio.create_task(self._kill())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._program.kill()

    async def _kill(self) -> None:
        for live in itertools.cycle((self._any_moment, self._once_ready, self._aimed)):
            self._program.start()
            await live()
            self.kills.append(datetime.now(UTC))
            self._program.kill()

    async def _any_moment(self) -> None:
        await asyncio.sleep(self._dice.uniform(0, LONGEST_LIFE_SECONDS))

    async def _once_ready(self) -> None:
        with suppress(StartFailedError):
            await asyncio.to_thread(wait_until, lambda: is_ready(self._port), START_SECONDS, "it is not ready")
        await self._any_moment()

    async def _aimed(self) -> None:
        self._world.changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._world.changed.wait(), 2 * LONGEST_LIFE_SECONDS)


def measure(kills: int) -> Result:
    """Kill the operator at least KILLS times."""
    return asyncio.run(_measure(kills))


async def _measure(kills: int) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="bench-crashes-"))
    dice = random.Random(kills)
    with Cluster(folder / "cluster", node=False, audit=True) as cluster, CountingSqs(folder / "sqs.log") as sqs:
        prepare(cluster)
        own = {"KUBECONFIG": str(credentials_of(cluster, folder / "operator.kubeconfig")), **sqs.env}
        port = free_port()
        async with connected(config_of(cluster)) as api:
            world = World(api, sqs, dice)
            killer = Killer(operator_program(folder / "operator.log", port, own), port, world, dice)
            async with world.made():
                async with killer.sparing():
                    await world.rest()
                    begun = datetime.now(UTC)
                    waves = [await world.come_and_go()]
                async with killer.killing():
                    while len(killer.kills) < kills:
                        waves.append(await world.come_and_go())
        asked = list(audit.named(cluster.directory / "audit.log", USER, begun))
    shutil.rmtree(folder)
    return _result(killer.kills, waves, asked)


def _pool(name: str) -> dict[str, Any]:
    body = pool(name, queue_url(name), 1)
    body["spec"] |= SPECS[name]
    return body


def _least(name: str) -> int:
    return int(SPECS[name].get("minReplicas", 0))


def _result(kills: Sequence[datetime], waves: Sequence[Wave], asked: Sequence[audit.Named]) -> Result:
    plain, *killed = waves
    changes = sum(len(each) for wave in waves for each in wave.changes.values())
    patches = sum(each.what == "patch deployments/scale" for each in asked)
    waits = [wait for wave in waves for wait in wave.waits().values()]
    figures = [
        Figure("kills", len(kills)),
        Figure("waves", len(killed)),
        Figure("kills_between_a_write_and_its_status", _untold(kills, asked)),
        Figure("pools_with_wrong_writes", sum(_wrong(wave) for wave in waves), limit=0),
        Figure("pools_unlike_those_without_kills", sum(_unlike(wave, plain) for wave in killed), limit=0),
        Figure("writes_without_effect", patches - changes, limit=0),
        Figure("steps_too_soon", sum(_too_soon(wave.changes["paced"]) for wave in waves), limit=0),
        Figure("scale_ins_before_the_window", sum(wait < WINDOW_SECONDS for wait in waits), limit=0),
        Figure("longest_scale_in_seconds", max(waits), limit=2.0 * WINDOW_SECONDS),
    ]
    told = [
        {"waits": wave.waits()}
        | {name: [[round(when - wave.shrunk, 1), size] for when, size in each] for name, each in wave.changes.items()}
        for wave in waves
    ]
    return Result("crashes", SETTING, figures, {}, {"waves": told})


def _wrong(wave: Wave) -> int:
    """How many pools did not grow by what the depths call for, each size written once, and then shrank to their least.

    Before zero comes one pod, which stays until the queue has surely been empty for long enough.
    """
    wrong = 0
    for name, sizes in wave.sizes().items():
        top = sizes.index(max(sizes)) + 1 if sizes else 0
        up, down, least = sizes[:top], sizes[top:], _least(name)
        wrong += up != sorted({*up} & {depth // PER_POD for depth in DEPTHS}) or down not in ([least], [1, least])
    return wrong


def _unlike(wave: Wave, plain: Wave) -> int:
    """How many pools had other sizes than without kills; where the load came in steps only the last ones count."""
    ours, theirs = wave.sizes(), plain.sizes()
    return sum(
        ours[name][-2:] != theirs[name][-2:] if name in STEPPING else ours[name] != theirs[name] for name in SPECS
    )


def _too_soon(paced: Sequence[tuple[float, int]]) -> int:
    """Steps out that began a new one before the policy's period was over; they are as large as it allows."""
    grown = [
        when
        for (when, size), (_, before) in zip(paced, [(0.0, _least("paced")), *paced], strict=False)
        if size > before
    ]
    return sum(later - sooner < PERIOD_SECONDS - LATE_SECONDS for sooner, later in pairwise(grown))


def _untold(kills: Sequence[datetime], asked: Sequence[audit.Named]) -> int:
    """Kills that came when a new size was written, and the status had not told of it."""
    untold = 0
    for before, kill in pairwise([datetime.min.replace(tzinfo=UTC), *kills]):
        last = {each.name: each.what for each in asked if before <= each.time < kill and each.what in _WRITES}
        untold += "patch deployments/scale" in last.values()
    return untold


_WRITES = {"patch deployments/scale", "patch queueworkerpools/status"}
