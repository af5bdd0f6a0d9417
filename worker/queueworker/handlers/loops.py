"""Waits in a thread for what is done on an event loop in another. `lifecycle` needs it for hooks that are async."""

from collections.abc import Awaitable
from functools import cached_property
from typing import TYPE_CHECKING

from queueworker.primitives import SYSTEM, Primitives

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task


def wait_on(loop: "AbstractEventLoop", primitives: Primitives, awaitable: Awaitable[object]) -> None:
    """Wait until something is done on a loop that runs in another thread. Raises whatever it raises."""
    ended, tasks = primitives.event(), list["Task[None]"]()
    errors: list[BaseException] = []

    async def run() -> None:
        try:
            await awaitable
        except BaseException as error:  # raised on the loop, SystemExit would end it
            errors.append(error)
        ended.set()

    loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(run())))  # the loop references tasks only weakly
    ended.wait()
    for error in errors:
        raise error


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
