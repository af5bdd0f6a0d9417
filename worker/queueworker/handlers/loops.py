"""Waits in a thread for what is done on an event loop in another. `lifecycle` needs it for hooks that are async.

asyncio is imported only when something is waited for: it costs 6 ms and 2 MiB at the start.
"""

from collections.abc import Awaitable
from functools import cached_property
from typing import TYPE_CHECKING

from queueworker.primitives import SYSTEM, Primitives

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


def wait_on(loop: "AbstractEventLoop", primitives: Primitives, awaitable: Awaitable[object]) -> None:
    """Wait until something is done on a loop that runs in another thread. Raises whatever it raises."""
    from asyncio import run_coroutine_threadsafe  # noqa: PLC0415 -- see above

    done = primitives.event()
    outcome = run_coroutine_threadsafe(_outcome(awaitable), loop)
    outcome.add_done_callback(lambda _: done.set())
    done.wait()
    if (error := outcome.result()) is not None:
        raise error


async def _outcome(awaitable: Awaitable[object]) -> BaseException | None:
    try:
        await awaitable
    except BaseException as error:  # raised on the loop, SystemExit would end it
        return error
    return None


class LoopThread:
    """An event loop in a thread of its own, from when it is first needed until the process ends."""

    def __init__(self, primitives: Primitives = SYSTEM) -> None:
        self._primitives = primitives

    def wait(self, awaitable: Awaitable[object]) -> None:
        """Wait until something is done on the loop. Raises whatever it raises."""
        wait_on(self._loop, self._primitives, awaitable)

    @cached_property
    def _loop(self) -> "AbstractEventLoop":
        loop = self._primitives.event_loop()
        self._primitives.start("hooks", loop.run_forever)
        return loop
