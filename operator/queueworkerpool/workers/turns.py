"""Turns at something that only so many may do at once, fair among owners. Knows nothing of workers.

`states` uses it. An owner with a thousand requests waits behind itself: free places go to the owner with
the fewest, in rotation among equals, and none has more than its share of them.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """So many places, and the requests that wait for one."""

    def __init__(self, places: int, share: int) -> None:
        """Create free places.

        Args:
            places: Requests that may have a place at the same time.
            share: Those of one owner among them, at most.
        """
        self._free = places
        self._share = share
        self._held: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}  # in the order of the owners' next turns

    @asynccontextmanager
    async def turn(self, owner: Hashable) -> AsyncIterator[None]:
        """Wait for a place, and have it while the body runs."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(place)
        self._give()
        try:
            await place
            yield
        finally:
            self._leave(owner, place)

    def _leave(self, owner: Hashable, place: "asyncio.Future[None]") -> None:
        if place.done() and not place.cancelled():
            self._free += 1
            self._held -= Counter((owner,))  # which also forgets an owner that holds none
            self._give()
        elif place in (queue := self._waiting.get(owner, deque())):
            queue.remove(place)
            if not queue:
                del self._waiting[owner]

    def _give(self) -> None:
        """Give the free places away, one to each owner in turn."""
        while self._free and (owner := self._next()) is not None:
            queue = self._waiting.pop(owner)
            place = queue.popleft()
            if queue:
                self._waiting[owner] = queue  # behind the others
            if not place.done():
                self._free -= 1
                self._held[owner] += 1
                place.set_result(None)

    def _next(self) -> Hashable | None:
        """Return the owner with the fewest places, and of those the one that has waited longest for its turn."""
        owners = (owner for owner in self._waiting if self._held[owner] < self._share)
        return min(owners, key=self._held.__getitem__, default=None)
