"""Takes part in the election of one leader: opens the fence while this process holds the Lease, runs the leader's work.

`process` runs it as a task of the event loop. The Lease has its own connection and thread, so a problem of the other
connections does not cost the Lease, while a frozen event loop loses it, as it should. `claimant` does the work of it,
`lease` says who may hold the Lease. It never ends the process: one that loses the Lease stands by, and goes on
watching.
"""

import asyncio
import math
from collections.abc import Callable

from queueworkerpool.leader.claimant import Claimant, Clocks, Leases, Led, Work
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.lease import View


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
        self._claimant = Claimant(identity, leases, Led(fence, work), clocks)

    def failure(self) -> str:
        """Return why nobody leads, as far as this process knows; empty when it leads, or stands by for one that does.

        May be called from any thread.
        """
        failure = self._claimant.failure()
        return failure and f"nobody leads: {failure}"

    async def run(self, ready: Callable[[], bool], stop: asyncio.Event) -> None:
        """Take part until `stop` is set; then finish and release the Lease. Only a process that is ready claims it."""

        def waits(view: View) -> float:
            return 0.0 if view.holder == self._claimant.identity or ready() else math.inf

        await self._claimant.take_part(waits, stop)
        await self._claimant.leave()
