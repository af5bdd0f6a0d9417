"""What a handler's module registers: functions around the life of a process, and middleware around each message.

Handlers import the three decorators from `queueworker`. Registering runs nothing: `handlers.loading` wraps the handler
in the middleware, `handlers.lifecycle` calls the functions. Nothing is registered in the parent of `--isolate`, or with
`--exec`: no module of the user is imported there.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from queueworker.errors import UsageError
from queueworker.model import Message

Hook = Callable[[], object]
Middleware = Callable[[Message], Iterator[None] | AsyncIterator[None]]

_AnyHook = TypeVar("_AnyHook", bound=Hook)
_AnyMiddleware = TypeVar("_AnyMiddleware", bound=Middleware)


@dataclass(slots=True)
class Registry:
    """What was registered, in order."""

    startup: list[Hook] = field(default_factory=list)
    shutdown: list[Hook] = field(default_factory=list)
    middleware: list[Middleware] = field(default_factory=list)


REGISTRY: Final = Registry()
"""Of this process."""


def on_startup(function: _AnyHook) -> _AnyHook:
    """Call a function, plain or `async`, once per process, before the first message is received.

    With `--isolate` that is each child process. Functions are called in the order of their registration. When one
    raises, no message is received, and the worker ends with exit code 1.

    Raises:
        UsageError: the function needs arguments, or is a generator.
    """
    REGISTRY.startup.append(_checked("on_startup", function))
    return function


def on_shutdown(function: _AnyHook) -> _AnyHook:
    """Call a function, plain or `async`, once per process, after the last message was settled.

    The last one that was registered is called first. One that raises is logged. They have until the end of the grace
    period, and at least 2 s.

    Raises:
        UsageError: the function needs arguments, or is a generator.
    """
    REGISTRY.shutdown.append(_checked("on_shutdown", function))
    return function


def middleware(function: _AnyMiddleware) -> _AnyMiddleware:
    """Run a generator function around each message: it yields once, where the handler runs.

    What the handler raises is raised at the `yield`. The first one that was registered is outermost.

    Raises:
        UsageError: the function is no generator function.
    """
    if not inspect.isgeneratorfunction(function) and not inspect.isasyncgenfunction(function):
        raise UsageError(f"middleware {name_of(function)} has no yield: it must yield once, where the handler runs")
    REGISTRY.middleware.append(function)
    return function


def name_of(function: object) -> str:
    """Return a function's name with its module, for logs."""
    name = getattr(function, "__qualname__", None)
    return f"{getattr(function, '__module__', '?')}.{name}" if name else repr(function)


def _checked(decorator: str, function: _AnyHook) -> _AnyHook:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(
            f"{decorator} {name_of(function)} has a yield: what is to run at the end is a function of its own,"
            " for on_shutdown"
        )
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise UsageError(f"{decorator} {name_of(function)} is called without arguments: {error}") from error
    except ValueError:  # a function of C that does not say what it takes
        pass
    return function
