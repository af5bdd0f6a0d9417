"""The clock of a run in memory, and the threads for which its time passes.

`Queue` has one, the worker of the run gets it as its `Primitives`, and handlers and tests let time pass with `advance`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from queueworker.primitives import Primitives
from queueworker.testing.turns import Turns
from queueworker.testing.waits import TurnCondition, TurnEvent, TurnSemaphore

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from queueworker.testing.loop import TurnEventLoop


class Clock(Primitives):
    """A clock whose time passes when all wait, and at once."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._began = time.time()
        self._loops: list[TurnEventLoop] = []
        self.queue_changed = self.condition()
        """Notified by the queues that have this clock, at each change."""

    @property
    def now(self) -> float:
        """The seconds since the clock was made."""
        return self._turns.now

    @property
    def wall_time(self) -> float:
        """The same as a time of the calendar, in seconds since 1970."""
        return self._began + self._turns.now

    def advance(self, seconds: float) -> None:
        """Let time pass: between runs, or in a handler, as `time.sleep` would.

        Others go on meanwhile, such as the worker, which extends the message. In a coroutine use `asyncio.sleep`.
        """
        if not self._turns.active:
            self._turns.now += seconds
            return
        passing = self.condition()
        with passing:
            passing.wait_for(lambda: False, seconds)

    @contextmanager
    def run(self, timeout_seconds: float) -> Iterator[None]:
        """Let time pass for this thread and those that it starts; end all of them afterwards. See `Turns.run`."""
        try:
            with self._turns.run(timeout_seconds):
                yield
        finally:
            while self._loops:
                self._loops.pop().end()

    def condition(self, lock: "threading.RLock | None" = None) -> threading.Condition:
        """Return a condition; waiting for it takes seconds of this clock."""
        return TurnCondition(self._turns, lock)

    def semaphore(self, value: int) -> threading.Semaphore:
        """Return a semaphore that may be acquired this often."""
        return TurnSemaphore(self._turns, value)

    def event(self) -> threading.Event:
        """Return an event that is not set."""
        return TurnEvent(self._turns)

    def start(self, name: str, target: Callable[[], None]) -> threading.Thread:
        """Start a thread that ends with the run."""
        return self._turns.start(name, target, self.event())

    def event_loop(self) -> "AbstractEventLoop":
        """Return an event loop with this clock's time; it is closed with the run."""
        from queueworker.testing.loop import TurnEventLoop  # noqa: PLC0415 -- most workers need no asyncio

        loop = TurnEventLoop(self._turns)
        self._loops.append(loop)
        return loop
