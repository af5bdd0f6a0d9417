"""Processes that elect a leader on fake time, and the server that stores their Lease."""

import asyncio
from dataclasses import dataclass, field, replace

from queueworkerpool.errors import ClusterConflictError
from queueworkerpool.leader.claimant import Clocks
from queueworkerpool.leader.elector import Elector
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.lease import (
    Lease,
)
from tests.unit.operator.builders import NOW


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Server:
    """Stores the Lease. `failing`: what every request raises. `seconds`: what each takes."""

    lease: Lease = field(default_factory=lambda: Lease("1"))
    failing: Exception | None = None
    writes: int = 0
    seconds: float = 0.0
    made: int = 1

    def delete(self) -> None:
        self.lease = Lease("")


@dataclass
class Process:
    """One process and its connection. `calls`: what the elector called, and when."""

    name: str
    server: Server
    ready: bool = True
    takes: float = 0.0
    calls: list[tuple[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fence = Fence(now)
        self.stop = asyncio.Event()
        clocks = Clocks(now, lambda: NOW)
        self.leadership = Elector(self.name, self, self.fence, self, clocks)
        self.task = asyncio.create_task(self.leadership.run(lambda: self.ready, self.stop))

    async def read(self) -> Lease:
        await self.asked()
        return self.server.lease

    async def asked(self) -> None:
        await asyncio.sleep(self.server.seconds)
        if self.server.failing:
            raise self.server.failing

    async def write(self, lease: Lease) -> Lease:
        await self.asked()
        if lease.version != self.server.lease.version:
            raise ClusterConflictError("conflict")
        self.server.writes += 1
        self.server.made += 1
        self.server.lease = replace(lease, version=str(self.server.made))
        return self.server.lease

    async def renew(self, lease: Lease) -> Lease:
        return await self.write(lease)

    def start(self) -> None:
        self.calls.append(("start", now()))

    def pause(self) -> None:
        self.calls.append(("pause", now()))

    async def finish(self, seconds: float) -> None:
        assert self.fence.is_open, "ticks that finish may still write"
        await asyncio.sleep(min(self.takes, seconds))
        self.calls.append(("finish", now()))

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.calls]

    async def end(self) -> None:
        self.stop.set()
        await self.task

    async def die(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
