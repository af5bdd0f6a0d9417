"""Threads for readings, so that queues that do not answer never delay those that do.

`queues` reads through it. A reading that takes long leaves the few quick places to others and goes on in one of the
many slow ones, and a queue that was slow last time begins there. Thousands of healthy queues need few threads; a
hundred black holes hold a hundred slow places and nothing else.
"""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

SLOW_SECONDS = 0.5
"""A reading takes a few milliseconds, from another continent some hundred."""

SLOW_PER_QUICK = 16
"""Slow places for each quick one. A thread that waits costs next to nothing."""

MOST_SLOW_REMEMBERED = 10_000
"""So many slow queues are remembered: names come from tenants, and may change for ever."""


class Bulkhead:
    """Runs calls in threads of its own, one after another for those that are quick. Close it to end the threads."""

    def __init__(self, quick: int) -> None:
        """Take how many quick calls may run at once."""
        slow = quick * SLOW_PER_QUICK
        self.size = quick + slow
        self._executor = ThreadPoolExecutor(self.size, thread_name_prefix="sqs")
        self._quick = asyncio.Semaphore(quick)
        self._slow = asyncio.Semaphore(slow)
        self._slow_before: dict[Hashable, None] = {}

    def close(self) -> None:
        """End the threads; calls under way end by their time-outs."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def run(self, about: Hashable, call: Callable[[], T]) -> T:
        """What the call returns or raises. A call about the same thing is expected to be as quick as the last one."""
        began, task = await (self._slowly if about in self._slow_before else self._quickly)(call)
        if not task.done():
            async with self._slow:
                await asyncio.wait({task})
        self._note(about, slow=asyncio.get_running_loop().time() - began >= SLOW_SECONDS)
        return task.result()

    async def _slowly(self, call: Callable[[], T]) -> "tuple[float, asyncio.Future[T]]":
        async with self._slow:
            begun = self._begin(call)
            await asyncio.wait({begun[1]})
        return begun

    async def _quickly(self, call: Callable[[], T]) -> "tuple[float, asyncio.Future[T]]":
        """Begin in a quick place. It is left early, unless no slow one is free."""
        async with self._quick:
            begun = self._begin(call)
            await asyncio.wait({begun[1]}, timeout=SLOW_SECONDS)
            if self._slow.locked():
                await asyncio.wait({begun[1]})
        return begun

    def _begin(self, call: Callable[[], T]) -> "tuple[float, asyncio.Future[T]]":
        loop = asyncio.get_running_loop()
        task = loop.run_in_executor(self._executor, call)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody waits any more
        return loop.time(), task

    def _note(self, about: Hashable, *, slow: bool) -> None:
        if not slow:
            self._slow_before.pop(about, None)
        elif len(self._slow_before) < MOST_SLOW_REMEMBERED:
            self._slow_before[about] = None
