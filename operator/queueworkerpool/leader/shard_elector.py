"""Takes part in the election of each shard's leader, among processes that agree on the number of shards.

`process` runs it where there are several shards. There is a Lease for each shard, and one, with the name that a
process without shards uses, whose holder is the number of shards: all processes with that number renew it together.
Only while it is held may they hold shards, and they hold one only after they have renewed it again. So the rules of one
Lease also keep processes apart that count by different numbers, and would give a pool to different shards.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.leader.claimant import Claimant, Clocks, Leases, Led, Work
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.lease import RENEW_INTERVAL_SECONDS, Lease, View, released, wait_seconds
from queueworkerpool.leader.shards import (
    AFTER_HANDOVER_SECONDS,
    WISH_AFTER_SECONDS,
    Wish,
    gives,
    patience_seconds,
    wanted,
)

logger = logging.getLogger(__name__)

RELEASE_ATTEMPTS = 3
"""How often the number of shards is released: each other process renews it every RENEW_INTERVAL_SECONDS."""


class _Confirmed:
    """The Lease of one shard: whoever claims it makes sure afterwards that the number of shards still counts."""

    def __init__(self, leases: Leases, fence: Fence, confirm: Callable[[], Awaitable[None]]) -> None:
        self._leases = leases
        self._fence = fence
        self._confirm = confirm
        self.read = leases.read
        self.renew = leases.renew

    async def write(self, lease: Lease) -> Lease:
        written = await self._leases.write(lease)
        if not lease.holder:
            return written
        try:
            await self._confirm()
        except ClusterConflictError:
            if not self._fence.is_open and self._fence.is_quiet(0):
                # Or those who count by another number now would have to wait until it expires.
                await self._leases.write(released(written, written.renewed))
            raise
        return written


class NumberLeases(Leases, Protocol):
    """Where the Lease of the number of shards is."""

    async def wish(self, text: str) -> None:
        """Write a wish for a shard on it, whoever holds it. Raises ClusterError."""


@dataclass(frozen=True, slots=True)
class Number:
    """The Lease whose holder is the number of shards, and the fence within which all others are."""

    leases: NumberLeases
    fence: Fence


@dataclass(frozen=True, slots=True)
class Shard:
    """The Lease of one shard, its fence, and what only its leader does."""

    leases: Leases
    fence: Fence
    work: Work


class ShardElector:
    """One process's part in the elections."""

    def __init__(self, identity: str, number: Number, shards: Sequence[Shard], clocks: Clocks) -> None:
        """Create an elector that holds no shard yet.

        Args:
            identity: The name of this process in the Leases, which no other has.
            number: On which all processes agree that hold shards.
            shards: All of them.
            clocks: A steady clock for deadlines, the wall clock for people.
        """
        self._identity = identity
        self._clocks = clocks
        self._wish = number.leases.wish
        agreed = Led(number.fence, None, {"shards": len(shards)})
        self._number = Claimant(f"{len(shards)} shards", number.leases, agreed, clocks)
        self._shards = tuple(
            Claimant(
                identity,
                _Confirmed(shard.leases, shard.fence, self._number.renew),
                Led(shard.fence, shard.work, {"shard": index}),
                clocks,
            )
            for index, shard in enumerate(shards)
        )
        self._given: dict[int, float] = {}
        self._honoured = ""
        self._settled_since = clocks.steady()

    def failure(self) -> str:
        """Return which shard nobody leads, and why, as far as this process knows; empty when all are led.

        A process also is ready while others count by another number of shards: it follows them. May be called from any
        thread.
        """
        if failure := self._number.failure():
            return f"nobody leads: {failure}"
        if not self._number.fence.is_open:
            return ""
        failures = ((shard, claimant.failure()) for shard, claimant in enumerate(self._shards))
        return next((f"nobody leads shard {shard}: {failure}" for shard, failure in failures if failure), "")

    async def run(self, ready: Callable[[], bool], stop: asyncio.Event) -> None:
        """Take part until `stop` is set; then finish, and release what is held. Only a process that is ready claims."""
        shards = (claimant.take_part(self._waits(shard, ready), stop) for shard, claimant in enumerate(self._shards))
        number = self._number.take_part(lambda _: 0.0 if ready() else math.inf, stop)
        await asyncio.gather(number, *shards, self._keep_even(ready, stop))
        await self._leave()

    def _waits(self, shard: int, ready: Callable[[], bool]) -> Callable[[View], float]:
        def waits(view: View) -> float:
            if not self._number.fence.is_open:
                return math.inf
            if view.holder == self._identity:
                return 0.0
            if not ready():
                return math.inf
            free_since = max(view.expires, self._given.get(shard, -math.inf) + AFTER_HANDOVER_SECONDS)
            return max(0.0, free_since + patience_seconds(len(self._held())) - self._clocks.steady())

        return waits

    def _held(self) -> list[int]:
        return [shard for shard, claimant in enumerate(self._shards) if claimant.fence.is_open]

    async def _keep_even(self, ready: Callable[[], bool], stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._even_out(ready)
            except ClusterError as error:
                logger.debug("wish not written", extra={"error": str(error)})
            except Exception:  # a bug must not end the election
                logger.exception("shards not evened out")
            await self._number.pause(self._clocks.steady() + RENEW_INTERVAL_SECONDS, stop)

    async def _even_out(self, ready: Callable[[], bool]) -> None:
        """Give a shard to a process that wishes for it, or wish for one."""
        number = self._number
        if not (number.fence.is_open and number.view):
            return
        wish, held = Wish.parse(number.view.lease.wanted), self._held()
        if wish and str(wish) != self._honoured and gives(wish, held, self._identity):
            self._honoured = str(wish)
            logger.info("giving a shard away", extra={"shard": wish.shard, "to": wish.identity})
            self._given[wish.shard] = self._clocks.steady()
            await self._shards[wish.shard].give_away()
            return
        shard = wanted([claimant.holder for claimant in self._shards], self._identity) if ready() else None
        now = self._clocks.steady()
        if shard is None:
            self._settled_since = now
        elif now - self._settled_since >= WISH_AFTER_SECONDS:
            self._settled_since = now
            # Where it is not written, or another process wishes at the same time, it is written again.
            await self._wish(str(Wish(shard, self._identity, self._clocks.stamp())))

    async def _leave(self) -> None:
        """Finish, and release what is held: the shards, and their number if nobody can hold a shard any more."""
        await asyncio.gather(*(claimant.leave() for claimant in self._shards))
        await self._release_number()
        self._number.fence.close()

    async def _release_number(self) -> None:
        """Release the number of shards where all of them are free, also if this process held none.

        Of processes that end at the same time the last one finds them free. Whoever claims one of them afterwards
        renews the number after that. Where it did so before this write, the write is refused, because the number was
        read before the shards; else it finds the number released.
        """
        for _ in range(RELEASE_ATTEMPTS):
            try:
                view = await self._number.read()
                shards = await asyncio.gather(*(claimant.read() for claimant in self._shards))
            except ClusterError as error:
                logger.warning("lease not read", extra={"error": str(error)})
                return
            now = self._clocks.steady()
            if view.holder != self._number.identity or any(wait_seconds(each, "", now) for each in shards):
                return
            if await self._number.release():
                return
