"""Takes part in the election for one Lease: reads, claims and renews it, and opens the fence while it is held.

`elector` has one, `shard_elector` one for each shard and one for the number of shards. `lease` says who may hold it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

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

Waits = Callable[[View], float]
"""How many more seconds this process leaves a Lease alone that it may claim; infinite where something must change
first."""


class Leases(Protocol):
    """Where a Lease is. All raise ClusterError, those that write ClusterConflictError when another has written."""

    async def read(self) -> Lease:
        """Return the Lease as it is now, without a version when there is none."""

    async def write(self, lease: Lease) -> Lease:
        """Write the Lease if it is still at this version, or create it; return it as it now is."""

    async def renew(self, lease: Lease) -> Lease:
        """Write the Lease if it is still its holder's; return it as it now is."""


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
    """The election's clocks.

    Args:
        steady: Seconds, counted on while the machine sleeps; for deadlines.
        wall: The time of day, for people to read.
    """

    steady: Callable[[], float]
    wall: Callable[[], datetime]

    def stamp(self) -> str:
        """Return the time of day as a Lease has it."""
        return self.wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Led:
    """What the holder of a Lease does.

    Args:
        fence: Opened while this process holds the Lease.
        work: Started and paused with the fence; None where nothing is to be done.
        logged: What log lines say of the Lease besides who holds it.
    """

    fence: Fence
    work: Work | None
    logged: Mapping[str, Any] = field(default_factory=dict)


class Claimant:
    """One process's part in the election for one Lease."""

    def __init__(self, identity: str, leases: Leases, led: Led, clocks: Clocks) -> None:
        """Create one that does not hold the Lease yet.

        Args:
            identity: The name of this process, or of its group, in the Lease, which no other has.
            leases: Reads and writes the Lease.
            led: The fence, and what only the leader does.
            clocks: A steady clock for deadlines, the wall clock for people.
        """
        self.identity = identity
        self.fence = led.fence
        self.view: View | None = None
        self._leases = leases
        self._led = led
        self._clocks = clocks
        self._one_at_a_time = asyncio.Lock()
        self._working = False
        self._problem = ""
        self._served: float | None = None

    def failure(self) -> str:
        """Return why nobody holds the Lease, as far as this process knows; empty when it does, or another one.

        May be called from any thread.
        """
        now = self._clocks.steady()
        recently = self._served is not None and now - self._served < UNSERVED_SECONDS
        return "" if recently or self._is_served(now) else self._problem or "the Lease is not read yet"

    @property
    def holder(self) -> str:
        """Who surely holds the Lease, as far as this process has read; empty when nobody does."""
        view = self.view
        if view is None or view.holder == UNKNOWN_HOLDER:
            return ""
        held = self.fence.is_open if view.holder == self.identity else self._clocks.steady() < view.expires
        return view.holder if held else ""

    def _is_served(self, now: float) -> bool:
        view = self.view
        stands_by = view is not None and view.holder not in {"", self.identity, UNKNOWN_HOLDER} and now < view.expires
        return self.fence.is_open or stands_by

    async def take_part(self, waits: Waits, stop: asyncio.Event) -> None:
        """Take part until `stop` is set, which releases nothing. `waits`: asked before a claim."""
        while not stop.is_set():
            began = self._clocks.steady()
            delay = await self.attempt(waits)
            # From the beginning of the attempt, so that a slow answer does not delay the next renewal.
            await self.pause(began + delay, stop)

    async def pause(self, until: float, stop: asyncio.Event) -> None:
        """Wait until this time of the steady clock, or until `stop` is set."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, until - self._clocks.steady()))

    async def attempt(self, waits: Waits) -> float:
        """Claim or renew the Lease if that is allowed, and start or pause the work.

        Returns the seconds until the next attempt, from the beginning of this one.
        """
        async with self._one_at_a_time:
            delay = await self._attempt(waits)
        self._follow()
        now = self._clocks.steady()
        if self._is_served(now):
            self._served = now
        return delay

    async def _attempt(self, waits: Waits) -> float:
        try:
            return await self._try(waits)
        except ClusterConflictError as error:  # another process was faster, or the Lease was edited
            logger.debug("lease not written", extra={"error": str(error)})
        except ClusterError as error:
            self._log_once(str(error))
        except Exception as error:  # a bug may cost an attempt, or the Lease, but must not end the election
            logger.exception("election failed")
            self._problem = f"the election failed ({type(error).__name__})"
        return STANDBY_INTERVAL_SECONDS

    async def _try(self, waits: Waits) -> float:
        if await self._renewed():
            return RENEW_INTERVAL_SECONDS
        view = await self.read()
        if wait := wait_seconds(view, self.identity, self._clocks.steady()):
            if view.holder == UNKNOWN_HOLDER:
                self._log_once("the Lease is missing or was edited, and is claimed when nobody can hold it any more")
            else:
                self._problem = ""
            return min(wait, STANDBY_INTERVAL_SECONDS)
        if wait := waits(view):
            self._problem = "this process is not ready to"
            return min(wait, STANDBY_INTERVAL_SECONDS)
        await self.claim(view.lease)
        return RENEW_INTERVAL_SECONDS

    async def _renewed(self) -> bool:
        """Renew the Lease, if this process holds it, without reading it first; return False when it has changed."""
        if not (self.fence.is_open and self.view and self.view.holder == self.identity):
            return False
        try:
            await self.renew()
        except ClusterConflictError:
            return False
        return True

    async def renew(self) -> None:
        """Renew the Lease, which this process has held. Raises ClusterConflictError when it no longer does."""
        if not (self.view and self.view.holder == self.identity):
            raise ClusterConflictError("this process does not hold the Lease")
        await self._write(self._leases.renew, self.view.lease)

    async def read(self) -> View:
        """Read the Lease, and create it where it is missing. Raises ClusterError."""
        view = self._observe(await self._leases.read())
        if not view.lease.version:
            view = self._observe(await self._leases.write(created(self._clocks.stamp())))
        return view

    def _observe(self, lease: Lease) -> View:
        view = self.view = observe(self.view, lease, self._clocks.steady(), leads=self.fence.is_open)
        if view.holder != self.identity:
            # Also when it is free by now: another process has worked meanwhile.
            self.fence.close()
        # Also when the fence has expired: what was learnt before may be out of date.
        self._follow()
        return view

    async def claim(self, lease: Lease) -> None:
        """Claim the Lease at the version that was read, or renew it. Raises ClusterError."""
        await self._write(self._leases.write, lease)

    async def _write(self, write: Callable[[Lease], Any], lease: Lease) -> None:
        sent = self._clocks.steady()
        written = await write(claimed(lease, self.identity, self._clocks.stamp()))
        self.view = observe(self.view, written, sent, leads=self.fence.is_open)
        self.fence.open_until(sent + RENEW_DEADLINE_SECONDS)
        self._problem = ""

    def _follow(self) -> None:
        """Start or pause the work: it runs while the fence is open."""
        leads = self.fence.is_open
        if self._led.work is None or leads == self._working:
            return
        self._working = leads
        extra = {"identity": self.identity, **self._led.logged}
        if leads:
            logger.info("taking the lead", extra=extra)
            self._led.work.start()
        else:
            logger.warning("lost the lead", extra=extra | {"holder": self.view.holder if self.view else ""})
            self._led.work.pause()

    async def leave(self) -> None:
        """Let the ticks under way end, let no further write pass, and release the Lease, if this process holds it.

        Also where it holds it by the Lease alone, as after a claim that came too late to lead. With a write still under
        way the Lease has to expire.
        """
        if self._working and self._led.work:
            await self._led.work.finish(FINISH_SECONDS)
        self._working = False
        self.fence.close()
        if self.fence.is_quiet(0) or await asyncio.to_thread(self.fence.is_quiet, FINISH_SECONDS):
            await self.release()

    async def give_away(self) -> None:
        """Leave the Lease to another process, while this one goes on to take part."""
        async with self._one_at_a_time:  # a renewal under way would open the fence again
            await self.leave()
            if self._led.work:
                self._led.work.pause()

    async def release(self) -> bool:
        """Release the Lease, if this process holds it; return whether it did.

        A failure is logged: then the Lease has to expire, or is released once more.
        """
        if not (self.view and self.view.holder == self.identity):
            return False
        try:
            self.view = observe(
                self.view,
                await self._leases.write(released(self.view.lease, self._clocks.stamp())),
                self._clocks.steady(),
                leads=False,
            )
        except ClusterError as error:
            self._log_once(str(error))
            return False
        logger.info("released the lead", extra={"identity": self.identity, **self._led.logged})
        return True

    def _log_once(self, problem: str) -> None:
        repeated, self._problem = self._problem == problem, problem
        level = logging.DEBUG if repeated else logging.WARNING
        logger.log(level, "lease not written", extra={"error": problem, **self._led.logged})
