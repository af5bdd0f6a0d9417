"""The types of handlers: functions, coroutine functions, and handlers that can be interrupted.

Each module that runs or loads a handler imports it. Handlers must not use the queue: they return or raise.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from queueworker.model import Message

Handler = Callable[[Message], object]
CoroutineHandler = Callable[[Message], Coroutine[Any, Any, object]]
BatchFunction = Callable[[Sequence[Message]], object]
CoroutineBatchFunction = Callable[[Sequence[Message]], Coroutine[Any, Any, object]]


@dataclass(frozen=True, slots=True)
class BatchHandler:
    """A handler that takes several messages at once. It is a Handler, too: of one message, it makes a batch."""

    function: BatchFunction

    def __call__(self, message: Message) -> object:
        """Handle one message."""
        return self.function([message])


class InterruptibleHandler(ABC):
    """A handler that can be stopped while it works."""

    @abstractmethod
    def __call__(self, message: Message, /) -> None:
        """Handle a message."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the running calls, which then raise InterruptedWorkError. Returns when they have ended."""


def is_coroutine_function(handler: Handler) -> TypeGuard[CoroutineHandler]:
    """Return whether calling the handler returns a coroutine."""
    return _returns_coroutine(handler)


def is_coroutine_batch_function(function: BatchFunction) -> TypeGuard[CoroutineBatchFunction]:
    """Return whether calling the function with messages returns a coroutine."""
    return _returns_coroutine(function)


def _returns_coroutine(function: object) -> bool:
    if isinstance(function, BatchHandler):
        function = function.function
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 -- finds an object with `async def __call__`
