"""Takes part in the election: opens the fence while this process holds the Lease, starts and pauses the leader's work.

`process` runs it as a task of the event loop. The Lease has its own connection and thread, so a problem of the other
connections does not cost the Lease, while a frozen event loop loses it, as it should. `lease` says who may hold the
Lease. It never ends the process: one that loses the Lease stands by, and goes on watching.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.lease import (
    RENEW_DEADLINE_SECONDS,
    RENEW_INTERVAL_SECONDS,
    STANDBY_INTERVAL_SECONDS,
    UNKNOWN_HOLDER,
    Lease,
    View,
    claimed,
    created,
    observe,
    released,
    wait_seconds,
)

logger = logging.getLogger(__name__)

FINISH_SECONDS = 1.0
"""How long the ticks under way may take when this process ends, and again the writes that they have begun."""


UNSERVED_SECONDS = 30.0
"""How long nobody may lead before a process that was ready is not: longer than it takes to follow one that died."""


class Leases(Protocol):
    """Where the Lease is. Both raise ClusterError, `write` ClusterConflictError when another process has written."""

    async def read(self) -> Lease:
        """Return the Lease as it is now, without a version when there is none."""

    async def write(self, lease: Lease) -> Lease:
        """Write the Lease if it is still at this version, or create it; return it as it now is."""


class Work(Protocol):
    """What only the leader does."""

    def start(self) -> None:
        """Start, from what is known now and not from what was known when this process led before."""

    def pause(self) -> None:
        """Stop at once."""

    async def finish(self, seconds: float) -> None:
        """Begin nothing new, and wait at most this long for what is under way."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The elector's clocks.

    Args:
        steady: Seconds, counted on while the machine sleeps; for deadlines.
        wall: The time of day, for people to read.
    """

    steady: Callable[[], float]
    wall: Callable[[], datetime]


class Elector:
    """One process's part in the election."""

    def __init__(self, identity: str, leases: Leases, fence: Fence, work: Work, clocks: Clocks) -> None:
        """Create an elector that does not hold the Lease yet.

        Args:
            identity: The name of this process in the Lease, which no other has.
            leases: Reads and writes the Lease.
            fence: Opened while this process holds the Lease.
            work: What only the leader does.
            clocks: A steady clock for deadlines, the wall clock for people.
        """
        self._identity = identity
        self._leases = leases
        self._fence = fence
        self._work = work
        self._clocks = clocks
        self._view: View | None = None
        self._working = False
        self._problem = ""
        self._served: float | None = None

    def failure(self) -> str:
        """Return why nobody leads, as far as this process knows; empty when it leads, or stands by for one that does.

        May be called from any thread.
        """
        now = self._clocks.steady()
        recently = self._served is not None and now - self._served < UNSERVED_SECONDS
        if recently or self._is_served(now):
            return ""
        return f"nobody leads: {self._problem or 'the Lease is not read yet'}"

    def _is_served(self, now: float) -> bool:
        view = self._view
        stands_by = view is not None and view.holder not in {"", self._identity, UNKNOWN_HOLDER} and now < view.expires
        return self._fence.is_open or stands_by

    async def run(self, ready: Callable[[], bool], stop: asyncio.Event) -> None:
        """Take part until `stop` is set; then finish and release the Lease. Only a process that is ready claims it."""
        while not stop.is_set():
            began = self._clocks.steady()
            delay = await self._attempt(ready)
            self._follow()
            now = self._clocks.steady()
            if self._is_served(now):
                self._served = now
            # From the beginning of the attempt, so that a slow answer does not delay the next renewal.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, began + delay - now))
        await self._leave()

    async def _attempt(self, ready: Callable[[], bool]) -> float:
        """Claim or renew the Lease if that is allowed; return the seconds from now until the next attempt."""
        try:
            return await self._try(ready)
        except ClusterConflictError as error:  # another process was faster, or the Lease was edited
            logger.debug("lease not written", extra={"error": str(error)})
        except ClusterError as error:
            self._log_once(str(error))
        except Exception as error:  # a bug may cost an attempt, or the Lease, but must not end the election
            logger.exception("election failed")
            self._problem = f"the election failed ({type(error).__name__})"
        return STANDBY_INTERVAL_SECONDS

    async def _try(self, ready: Callable[[], bool]) -> float:
        if await self._renewed():
            return RENEW_INTERVAL_SECONDS
        view = await self._read()
        if wait := wait_seconds(view, self._identity, self._clocks.steady()):
            if view.holder == UNKNOWN_HOLDER:
                self._log_once("the Lease is missing or was edited, and is claimed when nobody can hold it any more")
            else:
                self._problem = ""
            return min(wait, STANDBY_INTERVAL_SECONDS)
        if view.holder != self._identity and not ready():
            self._problem = "this process is not ready to"
            return STANDBY_INTERVAL_SECONDS
        await self._claim(view.lease)
        return RENEW_INTERVAL_SECONDS

    async def _renewed(self) -> bool:
        """Renew the Lease, if this process holds it, without reading it first; return False when it has changed."""
        if not (self._fence.is_open and self._view and self._view.holder == self._identity):
            return False
        try:
            await self._claim(self._view.lease)
        except ClusterConflictError:
            return False
        return True

    async def _read(self) -> View:
        """Read the Lease, and create it where it is missing."""
        view = self._observe(await self._leases.read())
        if not view.lease.version:
            view = self._observe(await self._leases.write(created(self._stamp())))
        return view

    def _observe(self, lease: Lease) -> View:
        view = self._view = observe(self._view, lease, self._clocks.steady(), leads=self._fence.is_open)
        if view.holder != self._identity:
            # Also when it is free by now: another process has worked meanwhile.
            self._fence.close()
        # Also when the fence has expired: what was learnt before may be out of date.
        self._follow()
        return view

    async def _claim(self, lease: Lease) -> None:
        sent = self._clocks.steady()
        written = await self._leases.write(claimed(lease, self._identity, self._stamp()))
        self._view = observe(self._view, written, sent, leads=self._fence.is_open)
        self._fence.open_until(sent + RENEW_DEADLINE_SECONDS)
        self._problem = ""

    def _follow(self) -> None:
        """Start or pause the work: it runs while the fence is open."""
        leads = self._fence.is_open
        if leads == self._working:
            return
        self._working = leads
        holder = self._view.holder if self._view else ""
        if leads:
            logger.info("taking the lead", extra={"identity": self._identity})
            self._work.start()
        else:
            logger.warning("lost the lead", extra={"identity": self._identity, "holder": holder})
            self._work.pause()

    async def _leave(self) -> None:
        """Finish, and release the Lease, unless a write is still under way: then the Lease has to expire."""
        if not self._working:
            return
        await self._work.finish(FINISH_SECONDS)
        self._fence.close()
        quiet = self._fence.is_quiet(0) or await asyncio.to_thread(self._fence.is_quiet, FINISH_SECONDS)
        if quiet and self._view and self._view.holder == self._identity:
            try:
                await self._leases.write(released(self._view.lease, self._stamp()))
            except ClusterError as error:
                self._log_once(str(error))
            else:
                logger.info("released the lead", extra={"identity": self._identity})

    def _log_once(self, problem: str) -> None:
        repeated, self._problem = self._problem == problem, problem
        logger.log(logging.DEBUG if repeated else logging.WARNING, "lease not written", extra={"error": problem})

    def _stamp(self) -> str:
        return self._clocks.wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
