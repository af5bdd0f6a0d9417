"""What threads that take turns wait with: a condition, and a semaphore and an event made of it."""

import math
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from queueworker.testing.turns import Turn, Turns

T = TypeVar("T")

TICK_SECONDS: Final = 1e-6
"""The shortest wait. Who waits for a moment that is as good as now must find it past afterwards, as with a real clock.
"""


class TurnCondition(threading.Condition):
    """A condition on which threads wait by giving their turn away."""

    def __init__(self, turns: Turns, lock: "threading.RLock | None" = None) -> None:
        super().__init__(lock)
        self._turns = turns
        self._waiters: list[Turn] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a notification, at most for the timeout in seconds; return whether there was one."""
        return self._wait_until(self._deadline(timeout))

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        """Wait until the predicate holds, at most for the timeout in seconds; return its value."""
        deadline = self._deadline(timeout)
        while not (value := predicate()) and self._turns.now < deadline:
            self._wait_until(deadline)
        return value

    def _deadline(self, timeout: float | None) -> float:
        return math.inf if timeout is None else self._turns.now + max(timeout, TICK_SECONDS)

    def _wait_until(self, deadline: float) -> bool:
        with self._turns.joined() as turn:
            self._turns.begin_wait(turn, deadline)
            self._waiters.append(turn)
            held = self._release_save()  # type: ignore[attr-defined]  # however often this thread has acquired it
            try:
                return self._turns.wait(turn)
            finally:
                self._acquire_restore(held)  # type: ignore[attr-defined]  # as above
                if turn in self._waiters:
                    self._waiters.remove(turn)

    def notify(self, n: int = 1) -> None:
        """Wake as many of those that wait, the first ones first."""
        woken, self._waiters = self._waiters[:n], self._waiters[n:]
        for turn in woken:
            self._turns.notify(turn)

    def notify_all(self) -> None:
        """Wake all that wait."""
        self.notify(len(self._waiters))


class TurnSemaphore(threading.Semaphore):
    """A semaphore for which threads wait by giving their turn away."""

    def __init__(self, turns: Turns, value: int) -> None:
        super().__init__(value)
        self._left = value
        self._released = TurnCondition(turns)

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:  # noqa: FBT001, FBT002 -- as Python's
        """Take one, and wait for it if need be; return whether there was one."""
        with self._released:
            found = self._released.wait_for(lambda: self._left > 0, timeout if blocking else 0)
            self._left -= found
            return found

    def release(self, n: int = 1) -> None:
        """Give as many back."""
        with self._released:
            self._left += n
            self._released.notify(n)


class TurnEvent(threading.Event):
    """An event for which threads wait by giving their turn away."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._changed = TurnCondition(turns)

    def set(self) -> None:
        """Set it, and wake all that wait."""
        with self._changed:
            super().set()
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most for the timeout in seconds; return whether it is."""
        with self._changed:
            return self._changed.wait_for(self.is_set, timeout)
