"""Handlers that are coroutines, all of them on one event loop in one thread.

The runtime loads this only where it is needed: asyncio costs 6 ms and 2 MiB at the start.
"""

import asyncio
import threading
from collections import deque

from queueworker.handlers.loading import CoroutineHandler
from queueworker.handlers.work import Surroundings, Work
from queueworker.lease.table import Lease
from queueworker.model import InterruptedWorkError

CANCEL_SECONDS = 2.0
"""How long cancelled coroutines may take to end."""


class CoroutineWork(Work):
    """Handlers that are coroutines: all of them on one event loop, in one thread."""

    def __init__(self, handler: CoroutineHandler, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._waiting: deque[Lease] = deque()  # received ahead; like the tasks, touched by the loop's thread only
        self._tasks: set[asyncio.Task[None]] = set()
        threading.Thread(target=self._loop.run_forever, name="loop", daemon=True).start()

    def stop(self) -> None:
        """Cancel the coroutines that run."""
        ended = threading.Event()
        self._loop.call_soon_threadsafe(self._cancel, ended)
        ended.wait(CANCEL_SECONDS)

    def _start(self, lease: Lease) -> None:
        self._loop.call_soon_threadsafe(self._spawn, lease)

    def _spawn(self, lease: Lease) -> None:
        if len(self._tasks) >= self._around.concurrency:
            self._waiting.append(lease)
            return
        task = self._loop.create_task(self._run(lease))
        self._tasks.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._waiting:
            self._spawn(self._waiting.popleft())

    def _cancel(self, ended: threading.Event) -> None:
        for task in self._tasks:
            task.cancel()
        waiting = self._loop.create_task(self._all_ended(set(self._tasks)))
        waiting.add_done_callback(lambda _: ended.set())

    async def _all_ended(self, tasks: set[asyncio.Task[None]]) -> None:
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, lease: Lease) -> None:
        begun = self._begin(lease)
        if begun is None:
            return
        message, run = begun
        failure: BaseException | None = None
        try:
            await self._handler(message)
        except asyncio.CancelledError:
            failure = InterruptedWorkError()
        except BaseException as error:  # as in ThreadWork
            failure = error
        self._finish(lease, run, failure)
