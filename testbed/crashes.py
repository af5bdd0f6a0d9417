"""Crashes: the operator is killed again and again while loads rise and fall, and what it writes must stay right.

The loads rise and fall in waves: one without a kill first, then as many as the kills take. Kills and loads are
independent, except for the kills that are aimed: at the moment a new size is seen, when the status may not show it yet.
The benchmark `crashes` and `tests/cluster/faults/test_crashes.py` use it; `crash_findings` judges what it observed.
"""

import asyncio
import itertools
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devcluster import Cluster, StartFailedError
from devcluster.processes import Program, free_port, wait_until
from testbed import audit
from testbed.api import DEPLOYMENTS, POOLS, ApiClient, WatchEvent, connected, deployment, holds_within, pool
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.operators import USER, OperatorProcess, admin_config, is_ready, prepare, write_credentials

WINDOW_SECONDS = 15
POLICY_PODS, POLICY_PERIOD_SECONDS = 10, 5
"""What the scale-up policy of one pool allows."""

_WINDOW: dict[str, Any] = {"minReplicas": 10, "behavior": {"scaleDown": {"stabilizationWindowSeconds": WINDOW_SECONDS}}}
_POLICY = {"type": "Pods", "value": POLICY_PODS, "periodSeconds": POLICY_PERIOD_SECONDS}
_PACE: dict[str, Any] = {"behavior": _WINDOW["behavior"] | {"scaleUp": {"policies": [_POLICY]}}}
_TO_ZERO = {"scaleToZeroAfterSeconds": WINDOW_SECONDS, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
SPECS: dict[str, dict[str, Any]] = {"a": _WINDOW, "b": _WINDOW, "paced": _WINDOW | _PACE, "to-zero": _TO_ZERO}
"""What differs in the pools' specs; whatever delays the scale-in of one has to last WINDOW_SECONDS."""

DEPTHS = (50, 100, 150, 200, 250)
MESSAGES_PER_POD = 5
TOP = DEPTHS[-1] // MESSAGES_PER_POD
STEPPING = ("a", "b")
"""Pools whose loads rise in steps at random moments; those of the others rise at once."""

OBSERVATION_DELAY_SECONDS = 1.0
"""How much later than it happened a step may be seen here; a forgotten period would end a whole tick later."""

MAX_LIFE_SECONDS = 3.0
READY_TIMEOUT_SECONDS = 60.0
SETTLE_TIMEOUT_SECONDS = 120.0

Changes = dict[str, list[tuple[float, int]]]


@dataclass(slots=True)
class Wave:
    """One rise and fall of the loads.

    Args:
        changes: Every change of replicas with its time, by the name of the pool.
        fallen: When the loads fell.
    """

    changes: Changes = field(default_factory=lambda: {name: [] for name in SPECS})
    fallen: float = 0.0

    def sizes(self) -> dict[str, list[int]]:
        """Return the sizes of each pool, in order."""
        return {name: [size for _, size in each] for name, each in self.changes.items()}

    def waits(self) -> dict[str, float]:
        """Return the seconds for which each pool kept its last pods after the loads had fallen."""
        return {name: round(each[-1][0] - self.fallen, 1) for name, each in self.changes.items() if each}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a whole run observed.

    Args:
        kills: When the operator was killed.
        waves: All waves; the first one had no kills.
        requests: The operator's successful requests, in order.
    """

    kills: list[datetime]
    waves: list[Wave]
    requests: list[audit.ObjectRequest]


class Loads:
    """The pools and their loads, as the API server shows them.

    Args:
        api: An administrator's client.
        sqs: The queues.
        dice: Chooses the moments of the steps.
    """

    def __init__(self, api: ApiClient, sqs: CountingSqs, dice: random.Random) -> None:
        self._api = api
        self._sqs = sqs
        self._dice = dice
        self._sizes = dict.fromkeys(SPECS, 0)
        self.wave = Wave()
        self.changed = asyncio.Event()

    @asynccontextmanager
    async def created(self) -> AsyncIterator[None]:
        """Create pools without messages, and record the changes of their sizes while the body runs."""
        self._set(SPECS, 0)
        for name in SPECS:
            await self._api.create(DEPLOYMENTS, deployment(name, 0))
        async with self._api.watching(DEPLOYMENTS, self._record):
            for name in SPECS:
                await self._api.create(POOLS, _pool(name))
            yield

    async def settle(self) -> None:
        """Wait until every pool has its minimum."""
        await holds_within(
            lambda: self._sizes_are({name: min_replicas(name) for name in SPECS}), SETTLE_TIMEOUT_SECONDS
        )

    async def rise_and_fall(self) -> Wave:
        """Run one wave. It begins when the last scale-in is so old that no policy allows undoing it at once."""
        await asyncio.sleep(POLICY_PERIOD_SECONDS + OBSERVATION_DELAY_SECONDS)
        self.wave = Wave()
        self._set(SPECS.keys() - STEPPING, DEPTHS[-1])
        for depth in DEPTHS:
            self._set(STEPPING, depth)
            await asyncio.sleep(self._dice.uniform(0, 2 * POLICY_PERIOD_SECONDS))
        await holds_within(lambda: self._sizes_are(dict.fromkeys(SPECS, TOP)), SETTLE_TIMEOUT_SECONDS)
        self.wave.fallen = self._set(SPECS, 0)  # no message waits: no pod is ready to receive it
        await self.settle()
        return self.wave

    def _record(self, event: WatchEvent) -> None:
        size = event.body["spec"]["replicas"]
        if size != self._sizes[event.name]:
            self._sizes[event.name] = size
            self.wave.changes[event.name].append((event.time, size))
            self.changed.set()

    def _sizes_are(self, sizes: Mapping[str, int]) -> bool:
        return self._sizes == sizes

    def _set(self, names: Iterable[str], depth: int) -> float:
        return self._sqs.set_depths(dict.fromkeys(names, depth))


class Killer:
    """Starts the operator and kills it, again and again.

    Args:
        program: The operator.
        port: The loopback port that it serves on.
        loads: Shows when a size changes.
        dice: Chooses the moments of the kills.
    """

    def __init__(self, program: Program, port: int, loads: Loads, dice: random.Random) -> None:
        self._program = program
        self._port = port
        self._loads = loads
        self._dice = dice
        self.kills: list[datetime] = []

    @asynccontextmanager
    async def sparing(self) -> AsyncIterator[None]:
        """Run one operator, without killing it, while the body runs."""
        self._program.start()
        try:
            yield
        finally:
            self._program.kill()

    @asynccontextmanager
    async def killing(self) -> AsyncIterator[None]:
        """Kill one operator after the other while the body runs."""
        task = asyncio.create_task(self._kill())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._program.kill()

    async def _kill(self) -> None:
        for live in itertools.cycle((self._any_moment, self._once_ready, self._after_a_change)):
            self._program.start()
            await live()
            self.kills.append(datetime.now(UTC))
            self._program.kill()

    async def _any_moment(self) -> None:
        await asyncio.sleep(self._dice.uniform(0, MAX_LIFE_SECONDS))

    async def _once_ready(self) -> None:
        with suppress(StartFailedError):
            await asyncio.to_thread(wait_until, lambda: is_ready(self._port), READY_TIMEOUT_SECONDS, "it is not ready")
        await self._any_moment()

    async def _after_a_change(self) -> None:
        self._loads.changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._loads.changed.wait(), 2 * MAX_LIFE_SECONDS)


async def run(kills: int) -> Run:
    """Kill the operator at least this many times."""
    folder = Path(tempfile.mkdtemp(prefix="bench-crashes-"))
    dice = random.Random(kills)
    with Cluster(folder / "cluster", node=False, audit=True) as cluster, CountingSqs(folder / "sqs.log") as sqs:
        prepare(cluster)
        credentials = write_credentials(cluster, folder / "operator.kubeconfig")
        process = OperatorProcess(
            log=folder / "operator.log", port=free_port(), variables={"KUBECONFIG": str(credentials), **sqs.env}
        )
        async with connected(admin_config(cluster)) as api:
            loads = Loads(api, sqs, dice)
            killer = Killer(process.program(), process.port, loads, dice)
            begun, waves = await _waves(loads, killer, kills)
        requests = list(audit.object_requests(cluster.directory / "audit.log", USER, begun))
    shutil.rmtree(folder)
    return Run(kills=killer.kills, waves=waves, requests=requests)


async def _waves(loads: Loads, killer: Killer, kills: int) -> tuple[datetime, list[Wave]]:
    """Run one wave without kills, then waves until there were enough kills; return when they began, and the waves."""
    async with loads.created():
        async with killer.sparing():
            await loads.settle()
            begun = datetime.now(UTC)
            waves = [await loads.rise_and_fall()]
        async with killer.killing():
            while len(killer.kills) < kills:
                waves.append(await loads.rise_and_fall())
    return begun, waves


def _pool(name: str) -> dict[str, Any]:
    body = pool(name, queue_url(name), 1)
    body["spec"] |= SPECS[name]
    return body


def min_replicas(name: str) -> int:
    """Return the least size of a pool."""
    return int(SPECS[name].get("minReplicas", 0))
