"""Processes that share out shards on fake time, and the server that stores their Leases."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.leader.claimant import Clocks
from queueworkerpool.leader.elector import Elector
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.lease import Lease
from queueworkerpool.leader.shard_elector import Number, Shard, ShardElector
from queueworkerpool.leader.shards import shard_of
from tests.unit.operator.builders import NOW

POOLS = tuple(f"shop/pool-{number}" for number in range(40))

POOLS_OF = {n: [[pool for pool in POOLS if shard_of(pool, n) == shard] for shard in range(n)] for n in range(1, 9)}
"""The pools of each shard, by the number of shards."""

NUMBER = -1
"""Stands for the Lease of the number of shards, among shards."""


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Server:
    """Stores the Leases. `seconds`: what each request takes; `failing`: what each raises."""

    leases: dict[int, Lease] = field(default_factory=dict)
    seconds: float = 0.0
    failing: Exception | None = None
    versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        for shard in range(NUMBER, 8):
            self.leases[shard] = Lease(str(next(self.versions)))

    def put(self, shard: int, lease: Lease) -> Lease:
        stored = self.leases[shard] = replace(lease, version=str(next(self.versions)))
        return stored

    def holders(self, shards: int) -> list[str]:
        return [self.leases[shard].holder for shard in range(shards)]


@dataclass
class Stored:
    """One Lease, as one process reaches it. `delays`: how long each request, and then its answer, takes in addition."""

    server: Server
    shard: int
    delays: Callable[[], float]

    async def read(self) -> Lease:
        await self._sent()
        found = self.server.leases[self.shard]
        return await self._answered(found)

    async def write(self, lease: Lease) -> Lease:
        await self._sent()
        if lease.version != self.server.leases[self.shard].version:
            raise ClusterConflictError("conflict")
        return await self._answered(self.server.put(self.shard, lease))

    async def renew(self, lease: Lease) -> Lease:
        if self.shard != NUMBER or not lease.holder.endswith(" shards"):  # as the client of one leader does
            return await self.write(lease)
        await self._sent()
        stored = self.server.leases[self.shard]
        if stored.holder != lease.holder:
            raise ClusterConflictError("another holder")
        return await self._answered(self.server.put(self.shard, replace(stored, renewed=lease.renewed)))

    async def wish(self, text: str) -> None:
        await self._sent()
        await self._answered(self.server.put(self.shard, replace(self.server.leases[self.shard], wanted=text)))

    async def _sent(self) -> None:
        await asyncio.sleep(self.server.seconds + self.delays())
        if self.server.failing:
            raise self.server.failing

    async def _answered(self, lease: Lease) -> Lease:
        delay = self.delays()
        await asyncio.sleep(delay)
        if delay > LOST_SECONDS:
            raise ClusterError("no answer")
        return lease


LOST_SECONDS = 20.0


@dataclass
class Process:
    """One process, whose clock starts anywhere and runs a little fast or slow. `calls`: what the elector called."""

    name: str
    server: Server
    shards: int
    ready: bool = True
    offset: float = 0.0
    rate: float = 1.0
    delays: Callable[[], float] = lambda: 0.0
    takes: float = 0.0
    calls: list[tuple[str, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.number_fence = self.fence_of(None)
        self.fences = [self.fence_of(self.number_fence if self.shards > 1 else None) for _ in range(self.shards)]
        self.stop = asyncio.Event()
        self.elector = self._elector()
        self.task = asyncio.create_task(self.elector.run(lambda: self.ready, self.stop))

    def fence_of(self, within: Fence | None) -> Fence:
        return Fence(self.clock, within)

    def _elector(self) -> ShardElector | Elector:
        clocks = Clocks(self.clock, lambda: NOW + timedelta(seconds=now()))
        stored = Stored(self.server, NUMBER, self.delays)
        if self.shards == 1:
            return Elector(self.name, stored, self.fences[0], Recorded(self, 0), clocks)
        shards = [
            Shard(Stored(self.server, shard, self.delays), fence, Recorded(self, shard))
            for shard, fence in enumerate(self.fences)
        ]
        return ShardElector(self.name, Number(stored, self.number_fence), shards, clocks)

    def clock(self) -> float:
        return now() * self.rate + self.offset

    @property
    def held(self) -> list[int]:
        return [shard for shard, fence in enumerate(self.fences) if fence.is_open]

    def writable(self) -> set[str]:
        """Return the pools that this process may write now."""
        return {pool for shard in self.held for pool in POOLS_OF[self.shards][shard]}

    def writes(self, pool: str) -> bool:
        return pool in self.writable()

    def called(self, shard: int) -> list[str]:
        return [name for name, called, _ in self.calls if called == shard]

    async def end(self) -> None:
        self.stop.set()
        await self.task

    async def die(self) -> None:
        """End as by SIGKILL: what was open stays so for nobody."""
        self.task.cancel()
        await asyncio.wait([self.task])
        for fence in self.fences:
            fence.close()


@dataclass
class Recorded:
    """What only the leader of a shard does."""

    process: Process
    shard: int

    def start(self) -> None:
        self.process.calls.append(("start", self.shard, now()))

    def pause(self) -> None:
        self.process.calls.append(("pause", self.shard, now()))

    async def finish(self, seconds: float) -> None:
        await asyncio.sleep(min(self.process.takes, seconds))
        self.process.calls.append(("finish", self.shard, now()))
