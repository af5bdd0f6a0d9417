"""Event loops in threads of their own, and waiting in one thread for what is done on a loop in another.

`coroutines` runs handlers on such a loop, `lifecycle` hooks that are async.
"""

import logging
from collections.abc import Awaitable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from queueworker.primitives import SYSTEM, Primitives

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

logger = logging.getLogger(__name__)


def run_for_ever(loop: "AbstractEventLoop") -> None:
    """Run a loop until it is stopped, and not only until one of its tasks calls sys.exit()."""
    while True:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt):  # asyncio passes them on; whoever awaits the task gets them, too
            logger.exception("a task has tried to end the process; the event loop goes on")
        else:
            return


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
        self._primitives.start("hooks", partial(run_for_ever, loop))
        return loop
