"""Threads that take turns, and time that passes at once.

One thread runs at a time, and another continues only when that one waits. When all of them wait, time jumps to the
earliest moment for which one does. So a run is the same each time, and takes no longer than its code. `clock` is what
others use of it, `waits` what its threads wait with; it does not know what they do.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from queueworker.testing.stacks import stacks_of

END_TIMEOUT_SECONDS: Final = 10.0
"""How many real seconds the threads of a run have for ending after it: little, unless other programs take them."""

BLOCKED_TIMEOUT_SECONDS: Final = 1.0
"""The same for a thread that blocks when the run ends. One that does not end in time is left behind."""


class StuckError(Exception):
    """A run cannot go on: its code takes too long in real time, or nothing can happen any more."""


class EndOfRun(BaseException):
    """Raised in a thread that waits when its run is over."""


class Turn:
    """One thread's place among those that take turns. Compared by identity.

    Args:
        thread: whose it is.
        is_foreign: whether a handler has started that thread itself: it takes turns for as long as it waits.
    """

    __slots__ = ("_may_go", "deadline", "ended", "is_foreign", "notified", "over", "thread")

    def __init__(self, thread: threading.Thread, *, is_foreign: bool = False) -> None:
        self.thread = thread
        self.is_foreign = is_foreign
        self._may_go = threading.Lock()
        self._may_go.acquire()
        self.deadline = math.inf
        """Until when the thread waits."""
        self.notified = False
        """Whether it was woken before that."""
        self.ended = False
        """Whether its run is over, or ends just now: waiting raises, and nothing passes the turn on."""
        self.over = False
        """Whether the thread has done its work, or its run has."""

    def give(self) -> None:
        """Let the thread go on."""
        with suppress(RuntimeError):  # it was given already
            self._may_go.release()

    def take(self, timeout_seconds: float = -1) -> bool:
        """Wait, in real time, until the thread may go on; return False after the timeout."""
        return self._may_go.acquire(timeout=timeout_seconds)


class TurnThread(threading.Thread):
    """A thread that takes turns with others. They may wait until it has done its work, which `over` tells."""

    def __init__(self, name: str, work: Callable[[], None], over: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._over = over
        self.turn = Turn(self)

    def run(self) -> None:
        """Begin when it is its turn, and not at all if the run ends before."""
        self.turn.take()
        if not self.turn.ended:
            with suppress(EndOfRun):
                self._work()

    def is_alive(self) -> bool:
        """Return whether its work goes on: what the operating system does afterwards must not decide anything."""
        return not self._over.is_set() and super().is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait until its work is done, at most for the timeout in seconds of the run; after the run until it ends."""
        if self.turn.over:
            super().join(timeout)
        else:
            self._over.wait(timeout)

    def end(self, timeout_seconds: float) -> None:
        """Let it end, and wait for that in real time."""
        self.turn.give()
        super().join(timeout_seconds)
        self.turn.over = True


class Turns:
    """The threads of one run at a time, and their time in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ending = False
        self._lock = threading.RLock()  # held for a moment only; again by a finalizer that notifies just then
        self._of_thread = threading.local()
        self._ready: deque[Turn] = deque()
        self._waiting: dict[Turn, None] = {}  # a set in the order in which they began to wait
        self._threads: list[TurnThread] = []
        self._main: Turn | None = None
        self._give_up_at = math.inf

    @property
    def active(self) -> bool:
        """Whether there is a run."""
        return self._main is not None

    @contextmanager
    def run(self, timeout_seconds: float) -> Iterator[None]:
        """Let this thread take turns with those that it starts, and end them afterwards.

        Args:
            timeout_seconds: how long that may take in real time.

        Raises:
            StuckError: it takes longer, or all threads wait for something that cannot happen.
        """
        if self.active:
            raise RuntimeError("there is a run already: one queue, or one clock, has one run at a time")
        self._main = self._of_thread.turn = Turn(threading.current_thread())
        self._give_up_at = time.monotonic() + timeout_seconds
        try:
            yield
        finally:
            self._end()

    def start(self, name: str, target: Callable[[], None], over: threading.Event) -> threading.Thread:
        """Start a thread; it begins after those that are ready now, and sets the event when it has done its work."""

        def work() -> None:
            self._of_thread.turn = thread.turn
            try:
                target()
            finally:
                over.set()
                self._leave(thread.turn)

        thread = TurnThread(name, work, over)
        starter = getattr(self._of_thread, "turn", None)
        thread.turn.over = starter is not None and starter.ended  # before others see it, who may join it
        thread.start()  # first, as it may fail: the turn must not be given to a thread that there is not
        with self._lock:
            self._threads.append(thread)
            if self.ending or (starter is not None and starter.ended):
                thread.turn.ended = thread.turn.over = True  # it does no work, so nobody would be told that it is done
                thread.turn.give()
            else:
                self._ready.append(thread.turn)
        return thread

    @contextmanager
    def joined(self) -> Iterator[Turn]:
        """Return this thread's turn; a foreign thread has one in this block only, for one wait.

        It begins that without being given the turn: it may hold a lock that the thread whose turn it is needs.
        """
        turn = getattr(self._of_thread, "turn", None)
        if turn is not None:
            yield turn
            return
        turn = Turn(threading.current_thread(), is_foreign=True)
        try:
            yield turn
        finally:
            self._leave(turn)

    def begin_wait(self, turn: Turn, deadline: float) -> None:
        """Say that this thread waits until the deadline: from now on it may be notified.

        Raises:
            EndOfRun: the run is over.
        """
        with self._lock:
            if turn.ended or self.ending or not self.active:
                turn.ended = True
                raise EndOfRun("there is no run any more in which this thread could wait")
            turn.deadline, turn.notified = deadline, False
            self._waiting[turn] = None

    def wait(self, turn: Turn) -> bool:
        """Let others go on until this thread is notified, or until its deadline; return whether it was notified.

        Raises:
            EndOfRun: the run is over.
            StuckError: see `run`.
        """
        if not turn.is_foreign:
            self._pass_on(turn)
        if turn is self._main:
            self._take_main(turn)
        else:
            turn.take()
            if turn.ended and not turn.notified:
                raise EndOfRun("the run is over, and this thread still waited")
        return turn.notified

    def notify(self, turn: Turn) -> None:
        """Let a waiting thread go on, after those that are ready now."""
        with self._lock:
            if turn in self._waiting:
                del self._waiting[turn]
                turn.notified = True
                self._ready.append(turn)

    def _leave(self, turn: Turn) -> None:
        """Take turns no more."""
        turn.over = True
        self._pass_on(turn)

    def _pass_on(self, turn: Turn) -> None:
        """Give this turn to a thread that is ready, else to the one that waits for the earliest moment."""
        with self._lock:
            if turn.ended:  # it may have been stuck, and its run be over, or another have begun
                return
            if not self._ready:
                following = min(self._waiting, key=lambda waiting: waiting.deadline)
                if following.deadline == math.inf and self._main is not None:
                    following = self._main  # nothing can happen any more, and it says so
                else:
                    self.now = max(self.now, following.deadline)
                self._waiting.pop(following, None)  # main has no longer waited if it has given up
                self._ready.append(following)
            self._ready.popleft().give()

    def _take_main(self, turn: Turn) -> None:
        if not turn.take(max(0.0, self._give_up_at - time.monotonic())):
            raise StuckError(f"the run takes too long in real time. Its threads are here:\n{self._stacks()}")
        if not turn.notified and self.now < turn.deadline:
            raise StuckError(f"nothing can happen any more. The threads wait here:\n{self._stacks()}")

    def _stacks(self) -> str:
        with self._lock:
            foreign = [turn.thread for turn in [*self._waiting, *self._ready] if turn.is_foreign]
        return stacks_of([*self._threads, *foreign])

    def _end(self) -> None:
        """End all threads, one after the other: what waits raises, and is not waited for again."""
        give_up_at = time.monotonic() + END_TIMEOUT_SECONDS
        with self._lock:
            self.ending = True
            waiting = {*self._waiting, *self._ready}
            for turn in waiting.union(thread.turn for thread in self._threads):
                turn.ended = True
                if turn.is_foreign:
                    turn.give()  # nobody waits for its end: it is the handler's thread
        for thread in self._threads:
            left = max(0.0, give_up_at - time.monotonic())
            thread.end(left if thread.turn in waiting else min(left, BLOCKED_TIMEOUT_SECONDS))
        with self._lock:
            self._threads.clear()
            self._ready.clear()
            self._waiting.clear()
            self._main, self.ending = None, False
        del self._of_thread.turn
