"""Threads for readings, so that queues that do not answer never delay those that do.

`reader` runs its calls in it. Few quick calls may run at once, and many slow ones: a call that takes long gives up its
quick place and goes on in a slow one, and a queue that was slow last time starts there. So thousands of healthy queues
need few threads, and a hundred queues that never answer occupy a hundred slow places and nothing else. It knows
nothing of SQS.
"""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

SLOW_SECONDS = 0.5
"""A call that takes this long counts as slow. A reading takes milliseconds, from another continent some hundred."""

SLOW_PER_QUICK = 16
"""Slow places per quick one. A thread that waits costs next to nothing."""

MOST_SLOW_REMEMBERED = 10_000
"""Slow queues that are remembered at most: tenants choose the names, and may change them endlessly."""


class Bulkhead:
    """An executor that keeps slow calls from delaying quick ones. Close it to end the threads."""

    def __init__(self, quick: int) -> None:
        """Create the threads' executor.

        Args:
            quick: Quick calls that may run at the same time.
        """
        slow = quick * SLOW_PER_QUICK
        self.size = quick + slow
        self._executor = ThreadPoolExecutor(self.size, thread_name_prefix="sqs")
        self._quick = asyncio.Semaphore(quick)
        self._slow = asyncio.Semaphore(slow)
        self._slow_before: dict[Hashable, None] = {}

    def close(self) -> None:
        """End the threads; calls under way end by their time-outs."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def run(self, key: Hashable, call: Callable[[], T]) -> T:
        """Run a call in a thread; returns or raises what it does. A key that was slow last time starts as slow."""
        began, task = await (self._run_slow if key in self._slow_before else self._run_quick)(call)
        if not task.done():
            async with self._slow:
                await asyncio.wait({task})
        self._remember(key, slow=asyncio.get_running_loop().time() - began >= SLOW_SECONDS)
        return task.result()

    async def _run_slow(self, call: Callable[[], T]) -> "tuple[float, asyncio.Future[T]]":
        async with self._slow:
            started = self._start(call)
            await asyncio.wait({started[1]})
        return started

    async def _run_quick(self, call: Callable[[], T]) -> "tuple[float, asyncio.Future[T]]":
        """Start in a quick place, and leave it when the call is slow and a slow place is free."""
        async with self._quick:
            started = self._start(call)
            await asyncio.wait({started[1]}, timeout=SLOW_SECONDS)
            if self._slow.locked():
                await asyncio.wait({started[1]})
        return started

    def _start(self, call: Callable[[], T]) -> "tuple[float, asyncio.Future[T]]":
        loop = asyncio.get_running_loop()
        task = loop.run_in_executor(self._executor, call)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # its waiter may be gone
        return loop.time(), task

    def _remember(self, key: Hashable, *, slow: bool) -> None:
        if not slow:
            self._slow_before.pop(key, None)
        elif len(self._slow_before) < MOST_SLOW_REMEMBERED:
            self._slow_before[key] = None
