"""What only the process that leads does, and its part in the election: of one leader, or of a leader for each shard.

`process` calls it. It connects the scheduler, the Leases and the elector, and knows nothing of single pools.
"""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from queueworkerpool.cluster import KubernetesCluster, LeaseClient, ShardLeaseClients
from queueworkerpool.errors import ClusterError
from queueworkerpool.health import HealthState
from queueworkerpool.leader.claimant import FINISH_SECONDS, Clocks
from queueworkerpool.leader.elector import Elector
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.shard_elector import Number, Shard, ShardElector
from queueworkerpool.leader.shard_fences import ShardFences
from queueworkerpool.model import NamespacedName, parse_workloads
from queueworkerpool.report.metrics import Metrics
from queueworkerpool.scheduler import Scheduler
from queueworkerpool.settings import Settings
from queueworkerpool.watch.kinds import watched_kinds

logger = logging.getLogger(__name__)

LIST_RETRY_SECONDS = 1.0


def steady() -> float:
    """Return seconds that go on while the machine sleeps, where the system counts such."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Fences:
    """What every write has to pass.

    Args:
        number: Open while this process may hold shards at all; without shards it is not used.
        shards: A fence for each shard; one where there are no shards.
    """

    number: Fence
    shards: ShardFences

    @classmethod
    def closed(cls, shards: int) -> "Fences":
        """Return closed fences for so many shards."""
        number = Fence(steady)
        return cls(number, ShardFences([Fence(steady, number if shards > 1 else None) for _ in range(shards)]))


class LeaderWork:
    """The ticks of the shards that this process holds, on pools as they are now and not as a late watch shows them."""

    def __init__(
        self, scheduler: Scheduler, cluster: KubernetesCluster, namespaces: tuple[str, ...], fences: ShardFences
    ) -> None:
        """Start nothing.

        Args:
            scheduler: Begins and ends the ticks of a shard.
            cluster: Lists the pools.
            namespaces: Where pools are; none: everywhere.
            fences: Know which shard a pool belongs to.
        """
        self._scheduler = scheduler
        self._cluster = cluster
        self._namespaces = namespaces
        self._fences = fences
        self._due: set[int] = set()  # shards whose pools are not listed yet
        self._starting: asyncio.Task[None] | None = None

    def of(self, shard: int) -> "ShardWork":
        """Return the work of one shard."""
        return ShardWork(self, shard)

    def start(self, shard: int) -> None:
        """List the pools, and begin to tick those of this shard."""
        self._cancel_start()  # shards that wait for a list take the same one
        self._due.add(shard)
        self._starting = asyncio.create_task(self._start(), name="start leading")

    def pause(self, shard: int) -> None:
        """Stop ticking a shard's pools at once."""
        self._give_up(shard)
        self._scheduler.pause(shard)

    async def finish(self, shard: int, seconds: float) -> None:
        """Begin no tick of a shard, and wait at most this long for those under way."""
        self._give_up(shard)
        await self._scheduler.finish(seconds, shard)

    def _give_up(self, shard: int) -> None:
        self._due.discard(shard)
        if not self._due:
            self._cancel_start()

    async def _start(self) -> None:
        self._cluster.renew()
        while True:
            try:
                async for pool in self._cluster.pools(self._namespaces):
                    if self._fences.of(pool.key) in self._due:
                        self._scheduler.refresh(pool)
            except ClusterError as error:
                logger.warning("pools not listed", extra={"error": str(error)})
                await asyncio.sleep(LIST_RETRY_SECONDS)
                continue
            except Exception:  # a bug must not leave all pools without a leader
                logger.exception("pools not refreshed")
            for shard in self._due:
                self._scheduler.start(shard)
            self._due.clear()
            return

    def _cancel_start(self) -> None:
        if self._starting:
            self._starting.cancel()


@dataclass(frozen=True, slots=True)
class ShardWork:
    """What only the leader of one shard does."""

    work: LeaderWork
    shard: int

    def start(self) -> None:
        """Start, from what is known now and not from what was known when this process led before."""
        self.work.start(self.shard)

    def pause(self) -> None:
        """Stop at once."""
        self.work.pause(self.shard)

    async def finish(self, seconds: float) -> None:
        """Begin nothing new, and wait at most this long for what is under way."""
        await self.work.finish(self.shard, seconds)


class _Electing(Protocol):
    """An elector of either kind."""

    def failure(self) -> str:
        """Return why nobody leads."""

    def run(self, ready: Callable[[], bool], stop: asyncio.Event) -> Awaitable[None]:
        """Take part until `stop` is set, and release what is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leading:
    """What a process needs to lead.

    Args:
        settings: What the process was started with.
        fences: Opened while this process leads.
        work: What only the leader does.
        metrics: Counts requests about Leases.
        health: Says whether this process may lead, and shows why nobody does.
        stop: Set when the process ends.
    """

    settings: Settings
    fences: Fences
    work: LeaderWork
    metrics: Metrics
    health: HealthState
    stop: asyncio.Event

    @asynccontextmanager
    async def during(self) -> AsyncIterator[None]:
        """Take part in the election while the body runs, and release what is held after it; without a Lease: lead."""
        if not self.settings.lease:
            async with self._alone():
                yield
            return
        with self._elector() as elector:
            self.health.nobody_leads = elector.failure
            taking_part = asyncio.ensure_future(elector.run(self._is_ready, self.stop))
            taking_part.add_done_callback(lambda _: self.stop.set())  # should it ever fail, a new process is the remedy
            try:
                yield
            finally:
                self.stop.set()
                await taking_part

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        self.fences.shards.open_for_good()
        work = self.work.of(0)
        work.start()
        try:
            yield
        finally:
            await work.finish(FINISH_SECONDS)
            self.fences.shards.close()

    @contextmanager
    def _elector(self) -> Iterator[_Electing]:
        settings, requested = self.settings, self.metrics.api_requested
        lease = NamespacedName(*settings.lease.split("/"))
        identity, clocks = settings.identity or _unique_name(), Clocks(steady, _now)
        fences, works = self.fences.shards.fences, [self.work.of(shard) for shard in range(settings.shards)]
        if settings.shards == 1:
            with closing(LeaseClient(lease, requested)) as alone:
                self.health.jobs["Lease client"] = alone.jobs
                yield Elector(identity, alone, fences[0], works[0], clocks)
            return
        with closing(ShardLeaseClients(lease, settings.shards, requested)) as leases:
            self.health.jobs["Lease client"] = leases.jobs
            number = Number(leases.number, self.fences.number)
            shards = [Shard(*each) for each in zip(leases.shards, fences, works, strict=True)]
            yield ShardElector(identity, number, shards, clocks)

    def _is_ready(self) -> bool:
        kinds = watched_kinds(parse_workloads(self.settings.scale_targets))
        return not self.health.readiness_failures(time.monotonic(), kinds)


def _unique_name() -> str:
    return f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"


def _now() -> datetime:
    return datetime.now(UTC)
