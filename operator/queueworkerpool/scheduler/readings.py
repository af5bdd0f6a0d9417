"""One reading per distinct queue and interval, however many pools share the queue.

`reconcile` reads through it, it reads through the adapter of the queue service. A failure is shared like a success:
for one interval every pool that asks gets the same answer.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from queueworkerpool.errors import QueueUnreadableError
from queueworkerpool.model import Freshness, QueueReading, QueueRef


class Source(Protocol):
    """Reads queues, such as `queues.sqs.SqsQueues`."""

    async def read(self, queue: QueueRef) -> QueueReading:
        """Return the counts of one queue. Raises QueueUnreadableError."""


Outcome = QueueReading | QueueUnreadableError


class SharedReadings:
    """Readings of queues, each requested once per interval."""

    def __init__(self, source: Source, took: Callable[[float], None]) -> None:
        """Share the readings of `source`; `took` is called with the seconds that each took."""
        self._source = source
        self._took = took
        self._requested: dict[QueueRef, tuple[float, asyncio.Task[Outcome]]] = {}

    async def read(self, queue: QueueRef, freshness: Freshness) -> QueueReading:
        """Return a reading that is new enough. Raises QueueUnreadableError."""
        now = asyncio.get_running_loop().time()
        began, task = self._requested.get(queue, (0.0, None))
        if task is None or (task.done() and now - began >= freshness.max_age_seconds):
            task = self._begin(queue, now, freshness.kept_seconds)
        # Shielded: a pool that goes away must not take the reading from the pools that share it.
        outcome = await asyncio.shield(task)
        if isinstance(outcome, QueueUnreadableError):
            raise outcome
        return outcome

    def _begin(self, queue: QueueRef, now: float, keep_seconds: float) -> asyncio.Task[Outcome]:
        task = asyncio.create_task(self._request(queue), name=f"read {queue.name}")
        self._requested[queue] = (now, task)
        task.add_done_callback(lambda _: asyncio.get_running_loop().call_later(keep_seconds, self._drop, queue, task))
        return task

    def _drop(self, queue: QueueRef, task: asyncio.Task[Outcome]) -> None:
        if self._requested.get(queue, (0.0, None))[1] is task:
            del self._requested[queue]

    async def _request(self, queue: QueueRef) -> Outcome:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._source.read(queue)
        except QueueUnreadableError as error:
            return error
        finally:
            self._took(loop.time() - began)
