"""Stands for election: keeps the fence open while this process holds the Lease, and tells it when to work and to rest.

`process` runs it as a task of the event loop, and the Lease has a connection and a thread of its own: an outage of the
others' connections costs nothing, and a loop that is frozen loses the Lease, as it should. Who may hold the Lease is up
to `election`. It never ends the process: whoever loses the Lease stands by, with warm indexes.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from queueworkerpool.election import (
    HOLD_SECONDS,
    LOOK_SECONDS,
    RENEW_SECONDS,
    Lease,
    View,
    claimed,
    observe,
    released,
    wait_seconds,
)
from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.fence import Fence

logger = logging.getLogger(__name__)

FINISH_SECONDS = 1.0
"""For the ticks under way, when this process is told to leave; and again for the writes that are left of them."""


class Leases(Protocol):
    """Where the Lease is. Both raise ClusterError, `write` ClusterConflictError when somebody else has written."""

    async def read(self) -> Lease:
        """The Lease as it is now."""

    async def write(self, lease: Lease) -> Lease:
        """Write the Lease if it still is at this version; returns it as it now is."""


class Work(Protocol):
    """What only the leader does."""

    def begin(self) -> None:
        """Begin, on what is known now and not on what was known when this process led before."""

    def rest(self) -> None:
        """Stop at once."""

    async def finish(self, seconds: float) -> None:
        """Begin nothing new, and wait this long at most for what is under way."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """`steady` counts seconds, also while the machine sleeps; `wall` is for people to read."""

    steady: Callable[[], float]
    wall: Callable[[], datetime]


class Leadership:
    """One process's part in the election."""

    def __init__(self, identity: str, leases: Leases, fence: Fence, work: Work, clocks: Clocks) -> None:
        """Take a name that no other process bears, where the Lease is, what it opens, and what the leader does."""
        self._identity = identity
        self._leases = leases
        self._fence = fence
        self._work = work
        self._clocks = clocks
        self._view: View | None = None
        self._working = False
        self._complaint = ""

    async def run(self, ready: Callable[[], bool], stop: asyncio.Event) -> None:
        """Take part until told to stop; then finish and release the Lease. Only a process that is ready claims it."""
        while not stop.is_set():
            delay = await self._attempt(ready)
            self._follow()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay)
        await self._leave()

    async def _attempt(self, ready: Callable[[], bool]) -> float:
        """Look at the Lease, and claim or renew it if that is allowed; returns after how many seconds to look again."""
        try:
            view = await self._look()
            if wait := wait_seconds(view, self._identity, self._clocks.steady()):
                return min(wait, LOOK_SECONDS)
            if view.holder != self._identity and not ready():
                return LOOK_SECONDS
            await self._claim(view.lease)
        except ClusterConflictError as error:  # another process was faster, or somebody edited the Lease
            logger.debug("lease not written", extra={"error": str(error)})
            return LOOK_SECONDS
        except ClusterError as error:
            self._complain(str(error))
            return LOOK_SECONDS
        except Exception:  # a bug must cost an attempt, and the Lease when it stays, but not the election
            logger.exception("election failed")
            return LOOK_SECONDS
        self._complaint = ""
        return RENEW_SECONDS

    async def _look(self) -> View:
        lease = await self._leases.read()
        self._view = observe(self._view, lease, self._clocks.steady())
        if self._view.holder != self._identity:
            # Also when it is free by now: somebody else has worked meanwhile.
            self._fence.close()
            self._follow()
        return self._view

    async def _claim(self, lease: Lease) -> None:
        sent = self._clocks.steady()
        written = await self._leases.write(claimed(lease, self._identity, self._stamp()))
        self._view = observe(self._view, written, self._clocks.steady())
        self._fence.open_until(sent + HOLD_SECONDS)

    def _follow(self) -> None:
        """Work while the fence is open, and only then."""
        leads = self._fence.is_open
        if leads == self._working:
            return
        self._working = leads
        holder = self._view.holder if self._view else ""
        if leads:
            logger.info("taking the lead", extra={"identity": self._identity})
            self._work.begin()
        else:
            logger.warning("lost the lead", extra={"identity": self._identity, "holder": holder})
            self._work.rest()

    async def _leave(self) -> None:
        """Finish, and release the Lease unless a write of ours is still on its way; then it has to run out."""
        if not self._working:
            return
        await self._work.finish(FINISH_SECONDS)
        self._fence.close()
        quiet = self._fence.is_quiet(0) or await asyncio.to_thread(self._fence.is_quiet, FINISH_SECONDS)
        if quiet and self._view and self._view.holder == self._identity:
            try:
                await self._leases.write(released(self._view.lease, self._stamp()))
            except ClusterError as error:
                self._complain(str(error))
            else:
                logger.info("released the lead", extra={"identity": self._identity})

    def _complain(self, problem: str) -> None:
        told, self._complaint = self._complaint == problem, problem
        logger.log(logging.DEBUG if told else logging.WARNING, "lease not written", extra={"error": problem})

    def _stamp(self) -> str:
        return self._clocks.wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
