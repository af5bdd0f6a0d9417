"""The types of handlers: functions, coroutine functions, and handlers that can be interrupted.

Each module that runs or loads a handler imports it. Handlers must not use the queue: they return or raise.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, TypeGuard

from queueworker.model import Message

Handler = Callable[[Message], object]
CoroutineHandler = Callable[[Message], Coroutine[Any, Any, object]]


class InterruptibleHandler(ABC):
    """A handler that can be stopped while it works."""

    @abstractmethod
    def __call__(self, message: Message) -> None:
        """Handle a message."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the running calls, which then raise InterruptedWorkError. Returns when they have ended."""


def is_coroutine_function(handler: Handler) -> TypeGuard[CoroutineHandler]:
    """Return whether calling the handler returns a coroutine."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 -- finds an object with `async def __call__`
