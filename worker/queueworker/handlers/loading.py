"""What a message is given to, and how a Python function is found. Handlers know no queue: they return or raise.

Commands are the matter of `commands`, functions in child processes that of `isolation`.
"""

import importlib
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeGuard

from queueworker.errors import UsageError
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
        """Stop what runs; it raises InterruptedWorkError then. Returns when it has ended."""


def load(target: str) -> Handler:
    """Import MODULE:FUNCTION, the working directory included. Raises UsageError; what the module raises passes."""
    name, _, path = target.partition(":")
    if not name or not path:
        raise UsageError(f"handler {target!r}: write it as MODULE:FUNCTION, such as examples.handlers:sleep")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise UsageError(f"handler {target!r}: there is no module {error.name}; is it on PYTHONPATH?") from error
        raise
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UsageError(f"handler {target!r}: module {name} has no function {path}")
    return found  # type: ignore[no-any-return]  # what it takes shows when it is called


def is_coroutine_function(handler: Handler) -> TypeGuard[CoroutineHandler]:
    """Tell whether calling the handler gives a coroutine."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 -- an object with `async def __call__` is asked for
