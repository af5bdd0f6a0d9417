"""An event loop of a thread that takes turns: what its coroutines wait for passes at once, too.

`clock` makes it, for handlers that are coroutines. `asyncio.sleep`, `asyncio.timeout` and `asyncio.to_thread` have the
time of the run; sockets are real, and get a moment of real time before the run's time passes.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context
from typing import Any, Final

from queueworker.testing.turns import EndOfRun, Turns
from queueworker.testing.waits import TurnCondition, TurnEvent

SOCKET_SECONDS: Final = 0.1
"""How long sockets of a handler have, in real time, whenever its coroutines could only wait for them."""


class TurnSelector(selectors.DefaultSelector):
    """Selects files that are ready; while none is, it waits by giving the turn away."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns
        self._changed = TurnCondition(turns)
        self._woken = False

    def wake(self) -> None:
        """End the wait of `select`."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def select(self, timeout: float | None = None) -> Any:
        """Return the files that are ready, after waiting for them."""
        sockets = len(self.get_map()) > 1  # besides the one by which the loop itself is woken
        if (ready := super().select(SOCKET_SECONDS if sockets and timeout != 0 else 0)) or timeout == 0:
            return ready
        with self._changed:
            self._changed.wait_for(lambda: self._woken, timeout)
            self._woken = False
        return super().select(0)


class TurnEventLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is that of a run."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._turn_selector = TurnSelector(turns)
        self._end_asked_for = False
        self._end_begun = threading.Lock()  # taken for good: by the thread that asks for the end, or by the loop's
        super().__init__(self._turn_selector)

    def run_forever(self) -> None:
        """Run until it is stopped, or its thread's run is over."""
        try:
            super().run_forever()
        finally:
            if self._end_asked_for:
                self.end()

    def time(self) -> float:
        """Return the seconds of the run's clock."""
        return self._turns.now

    def call_soon_threadsafe(  # type: ignore[override]  # the base's has a TypeVarTuple, and takes the same
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call it in the loop's thread, soon."""
        handle = super().call_soon_threadsafe(callback, *args, context=context)
        self._turn_selector.wake()
        return handle

    def run_in_executor(  # type: ignore[override]  # as above
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call it in a thread that takes turns, whatever the executor."""
        del executor
        future = self.create_future()

        def settle(setter: Callable[[Any], None], value: Any) -> None:
            if not future.cancelled():
                setter(value)

        def work() -> None:
            try:
                result = func(*args)
            except EndOfRun:
                raise
            except BaseException as error:  # whatever it is, it is the caller's
                self.call_soon_threadsafe(settle, future.set_exception, error)
            else:
                self.call_soon_threadsafe(settle, future.set_result, result)

        self._turns.start("executor", work, TurnEvent(self._turns))
        return future

    def end(self) -> None:
        """Cancel what still runs, and close; if a coroutine blocks its thread in real time, once it no longer does."""
        self._end_asked_for = True
        if self.is_running() or not self._end_begun.acquire(blocking=False):
            return
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        if tasks:
            with suppress(EndOfRun, RuntimeError):  # it waits for something else, in vain
                self.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.close()
