"""Calls what a handler's module has registered for the start and the end of its process.

`threads` and `coroutines` use it in the worker, `child` in each process of `--isolate`. How long that may take is up to
them and to `runtime`.
"""

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from queueworker.hooks import Hook, Registry, name_of

logger = logging.getLogger(__name__)

Await = Callable[[Awaitable[object]], object]
"""Waits for something on an event loop."""


class Lifecycle(ABC):
    """What is to be done before the first message and after the last."""

    @abstractmethod
    def start_up(self) -> bool:
        """Do what is needed before the first message; log a failure and return False."""

    @abstractmethod
    def shut_down(self) -> None:
        """Do what is needed after the last message."""


class Hooks(Lifecycle):
    """Calls the registered functions; those of one process."""

    def __init__(self, registry: Registry, wait: Await) -> None:
        """Take what is registered, and where to wait for what is `async`."""
        self._registry = registry
        self._wait = wait

    def start_up(self) -> bool:
        """Call the functions for the start in order, up to the first that fails."""
        return all(self._call("start-up", hook, logging.CRITICAL) for hook in self._registry.startup)

    def shut_down(self) -> None:
        """Call the functions for the end, the last one first."""
        for hook in reversed(self._registry.shutdown):
            self._call("shutdown", hook, logging.ERROR)

    def _call(self, occasion: str, hook: Hook, failure_level: int) -> bool:
        """Call a hook; log it when it fails, and return whether it succeeded."""
        extra = {"hook": name_of(hook)}
        logger.debug("%s hook begins", occasion, extra=extra)
        try:
            returned = hook()
            if inspect.isawaitable(returned):
                self._wait(returned)
        except BaseException as error:  # one that calls sys.exit() has failed, too
            text = f"{type(error).__name__}: {error}"
            logger.log(failure_level, "%s hook failed", occasion, exc_info=True, extra=extra | {"error": text})
            return False
        return True
