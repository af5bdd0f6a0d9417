"""Places for readings, so that queues that do not answer never delay those that do.

`reader` makes its calls in it. Few quick calls may run at once, and many slow ones: a call that takes long gives up its
quick place and goes on in a slow one, and a queue that was slow last time starts there. So thousands of healthy queues
need few places, and a hundred queues that never answer occupy a hundred slow places and nothing else. What blocks runs
in threads, as many as there are places. It knows nothing of SQS.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

SLOW_SECONDS = 0.5
"""A call that takes this long counts as slow. A reading takes milliseconds, from another continent some hundred."""

SLOW_PER_QUICK = 16
"""Slow places per quick one. A call that waits costs next to nothing."""

MOST_SLOW_REMEMBERED = 10_000
"""Slow queues that are remembered at most: tenants choose the names, and may change them endlessly."""


class Bulkhead:
    """Places for calls, which keep slow ones from delaying quick ones. Close it to end the threads."""

    def __init__(self, quick: int) -> None:
        """Make the places; threads start when they are needed.

        Args:
            quick: Quick calls that may run at the same time.
        """
        slow = quick * SLOW_PER_QUICK
        self._executor = ThreadPoolExecutor(quick + slow, thread_name_prefix="sqs")
        self._quick = asyncio.Semaphore(quick)
        self._slow = asyncio.Semaphore(slow)
        self._slow_before: dict[Hashable, None] = {}

    def close(self) -> None:
        """End the threads; calls under way end by their time-outs."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def in_thread(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Make a call that blocks, in a thread: within a place that is held already."""
        return asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def hold(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call in a place; returns or raises what it does. A key that was slow last time starts as slow."""
        if key in self._slow_before:
            async with self._slow:
                return await self._timed(key, call)
        place = _QuickPlace(self._quick, self._slow)
        await self._quick.acquire()
        timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, place.give_up)
        try:
            return await self._timed(key, call)
        finally:
            timer.cancel()
            place.leave()

    async def _timed(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await call()
        finally:
            self._remember(key, slow=loop.time() - began >= SLOW_SECONDS)

    def _remember(self, key: Hashable, *, slow: bool) -> None:
        if not slow:
            self._slow_before.pop(key, None)
        elif len(self._slow_before) < MOST_SLOW_REMEMBERED:
            self._slow_before[key] = None


class _QuickPlace:
    """A quick place that a call has, which it may change for a slow one."""

    def __init__(self, quick: asyncio.Semaphore, slow: asyncio.Semaphore) -> None:
        self._quick = quick
        self._slow = slow
        self._moved: asyncio.Task[bool] | None = None

    def give_up(self) -> None:
        """Leave the quick place for a slow one, if one is free."""
        if not self._slow.locked():
            self._quick.release()
            self._moved = asyncio.create_task(self._slow.acquire())

    def leave(self) -> None:
        """Leave whichever place it is."""
        if self._moved is None:
            self._quick.release()
        elif self._moved.done():
            self._slow.release()
        else:
            self._moved.cancel()
