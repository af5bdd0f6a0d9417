"""Gathers messages for a handler that takes several at once. What the work in threads and in coroutines shares.

A batch is what has been received, and may start, when there is capacity for it: nothing waits for more. Concurrency
counts messages. In a FIFO queue a group's next message starts after the one before it has succeeded, so that a batch
has one of each group at most.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from queueworker.handlers.batches import failures_of
from queueworker.handlers.cancellation import as_interruption
from queueworker.handlers.work import Work, WorkContext
from queueworker.lease.records import Lease
from queueworker.model import Message
from queueworker.stats import HandlerRun

Begun = list[tuple[Lease, Message, HandlerRun]]
"""Messages that are being handled together."""


class BatchWork(Work):
    """Runs a handler on batches of messages."""

    def __init__(self, context: WorkContext) -> None:
        super().__init__(context)
        self._gathering = Lock()
        self._ready: deque[Lease] = deque()
        self._running = 0  # messages in batches that were launched
        self._held = 0  # how many are adding to `_ready`: what they add together starts together

    @abstractmethod
    def _launch(self, batch: Sequence[Lease]) -> None:
        """Run the handler on a batch, soon."""

    def accept(self, leases: Sequence[Lease]) -> None:
        """Start the messages together, as far as they may start. Capacity was acquired for each."""
        with self._together():
            super().accept(leases)

    def _start(self, lease: Lease) -> None:
        with self._together():
            self._ready.append(lease)

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Launch what becomes ready meanwhile only afterwards."""
        with self._gathering:
            self._held += 1
        try:
            yield
        finally:
            with self._gathering:
                self._held -= 1
                batches = [] if self._held else list(self._next_batches())
            for batch in batches:
                self._launch(batch)

    def _next_batches(self) -> Iterator[Sequence[Lease]]:
        while room := min(self._context.batch_size, self._context.concurrency - self._running, len(self._ready)):
            self._running += room
            yield [self._ready.popleft() for _ in range(room)]

    def _begin_batch(self, batch: Sequence[Lease]) -> Begun:
        """Return those that were not released meanwhile, with their handler's argument and counted run."""
        return [(lease, *begun) for lease in batch if (begun := self._begin(lease)) is not None]

    def _finish_batch(self, batch: Sequence[Lease], begun: Begun, error: BaseException | None) -> None:
        """Settle each message by what the handler raised for all; then the next may start."""
        failures = failures_of([message for _, message, _ in begun], error)
        with self._together():
            for (lease, message, run), failure in zip(begun, failures, strict=True):
                self._finish(lease, run, None if failure is None else as_interruption(failure, message))
            with self._gathering:
                self._running -= len(batch)
