"""What the parts take from Python to run at the same time and to wait for each other.

Whatever waits, or starts a thread or an event loop, is given one of these and uses nothing else for it. `testing` has
primitives of its own, with which time is not waited for. A lock that is never held during a wait needs none of this.
"""

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable


class Primitives:
    """Threads, conditions, semaphores and event loops, as Python has them."""

    def condition(self, lock: "threading.RLock | None" = None) -> threading.Condition:
        """Return a condition, with a lock of its own where none is given."""
        return threading.Condition(lock)

    def semaphore(self, value: int) -> threading.Semaphore:
        """Return a semaphore that may be acquired this often."""
        return threading.Semaphore(value)

    def event(self) -> threading.Event:
        """Return an event that is not set."""
        return threading.Event()

    def start(self, name: str, target: "Callable[[], None]") -> threading.Thread:
        """Start a thread that does not keep the process alive."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread

    def event_loop(self) -> "AbstractEventLoop":
        """Return an event loop that does not run yet."""
        import asyncio  # noqa: PLC0415 -- as in `coroutines`: most workers need not load it

        return asyncio.new_event_loop()


SYSTEM: Final = Primitives()
