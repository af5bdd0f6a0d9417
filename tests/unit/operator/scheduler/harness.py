"""A scheduler on fake loop time, with ticks that do what a test's row says."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from queueworkerpool.leader.fence import no_fence
from queueworkerpool.leader.shard_fences import ShardFences
from queueworkerpool.model import NamespacedName, Pool, ScaleTargetRef, StoredPool
from queueworkerpool.scheduler import PoolStore, Scheduler
from tests.unit.operator.builders import SPEC, pool

Does = Callable[[Pool], tuple[StoredPool, float | None]]


def named(name: str, *, version: int = 100, poll_seconds: int = 5, target: str = "", **differs: Any) -> Pool:
    """A pool of this name, with a Deployment of the same name unless another one, or KIND/NAME, is given."""
    kind, _, target_name = target.rpartition("/")
    ref = ScaleTargetRef(target_name or name, kind or "Deployment")
    spec = replace(SPEC, poll_seconds=poll_seconds, scale_target_ref=ref)
    calm = pool(key=NamespacedName("shop", name), uid=f"uid-{name}", resource_version=version, spec=spec)
    return replace(calm, **differs)


def edited(before: Pool, **spec: Any) -> Pool:
    """The pool after an edit of its spec."""
    return replace(
        before,
        generation=before.generation + 1,
        resource_version=before.resource_version + 1,
        spec=replace(before.spec, **spec),
    )


def gaps(times: Iterable[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


@dataclass
class SchedulerHarness:
    """The scheduler, and what it did. `does` and `takes` say by pool name what a tick does, and its seconds."""

    does: dict[str, Does] = field(default_factory=dict)
    takes: dict[str, float] = field(default_factory=dict)
    ticks: list[tuple[float, StoredPool, NamespacedName | None]] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    forgotten: list[NamespacedName] = field(default_factory=list)
    forgotten_elsewhere: list[NamespacedName] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    overlapped: bool = False
    shards: int = 1
    failures: int = 0

    def __post_init__(self) -> None:
        self.store = PoolStore()
        self.fences = ShardFences([no_fence() for _ in range(self.shards)])
        self.scheduler = Scheduler(self.store, self.fences, self._tick, self, OtherStore(self))
        if self.shards == 1:
            self.scheduler.start()

    async def _tick(self, pool: StoredPool, owner: NamespacedName | None) -> tuple[StoredPool, float | None]:
        name = pool.key.name
        self.ticks.append((asyncio.get_running_loop().time(), pool, owner))
        self.overlapped = self.overlapped or name in self.running
        self.running.append(name)
        try:
            await asyncio.sleep(self.takes.get(name, 0))
        finally:
            self.running.remove(name)
        return self.does[name](pool) if name in self.does and isinstance(pool, Pool) else (pool, None)

    def ticked(self, lag_seconds: float, took_seconds: float) -> None:
        assert took_seconds >= 0
        self.lags.append(lag_seconds)

    def failed(self) -> None:
        self.failures += 1

    def forget(self, pool: NamespacedName) -> None:
        self.forgotten.append(pool)

    def times(self, name: str) -> list[float]:
        return [time for time, pool, _ in self.ticks if pool.key.name == name]

    def owners(self, name: str) -> list[NamespacedName | None]:
        return [owner for _, pool, owner in self.ticks if pool.key.name == name]

    def uids(self, name: str) -> list[str]:
        return [pool.uid for _, pool, _ in self.ticks if pool.key.name == name]


@dataclass
class OtherStore:
    """Another object that keeps something about each pool."""

    harness: SchedulerHarness

    def forget(self, pool: NamespacedName) -> None:
        self.harness.forgotten_elsewhere.append(pool)
