"""What a handler returned or raised: nothing, something to wait for, or a sign that it has not done its work.

`threads`, `coroutines` and `child` pass it on here; `loading` asks which handlers are refused at the start. A message
is deleted only after its handler has returned nothing: a generator has not begun, and a value is lost on whoever
expected it to count, such as the list of failures that AWS Lambda takes.
"""

import inspect
from collections.abc import Awaitable
from typing import Any

from queueworker.model import Reject, ReportedError, Retry

_GENERATOR = "a generator, of which nothing has run: remove the yield, or use what it yields"


class HandlerReturnedError(ReportedError):
    """A handler returned something, so nobody knows whether it has done its work."""


def finish(returned: object) -> None:
    """Wait for what a handler returned, on an event loop of its own.

    Raises:
        HandlerReturnedError: it is neither None nor something to wait for.
        BaseException: whatever it raises.
    """
    if returned is None:
        return
    import asyncio  # noqa: PLC0415 -- as in `coroutines`: most workers need not load it

    asyncio.run(finish_async(returned))


async def finish_async(returned: object) -> None:
    """Wait for what a handler returned, on the running event loop. Raises what `finish` does."""
    refuse(await awaited(returned))


async def awaited(returned: object) -> object:
    """Return what a handler returned in the end, after what can be awaited was."""
    while inspect.isawaitable(returned):
        returned = await returned
    return returned


def refuse(returned: object) -> None:
    """Check that a handler returned nothing.

    Raises:
        HandlerReturnedError: it did.
    """
    if returned is not None:
        raise HandlerReturnedError(f"the handler returned {_described(returned)}")


def readable(error: BaseException) -> BaseException:
    """Return what a handler raised; of an exception that cannot be read, one that says so.

    A subclass may have forgotten what Retry or Reject is made with, or its text may fail: the message must be settled
    all the same.
    """
    try:
        str(error)
        if isinstance(error, Retry):
            int(error.after_seconds)
        elif isinstance(error, Reject):
            str(error.reason)
    except Exception as unreadable:
        return ReportedError(f"{type(error).__name__}, an exception that cannot be read ({type(unreadable).__name__})")
    return error


def why_unusable(handler: object) -> str:
    """Return why a handler could never do its work; empty when its messages will tell."""
    if inspect.isclass(handler) and not issubclass(handler, Awaitable):
        return "it is a class, and to call it only makes an object: name a function, or an object that can be called"
    called = getattr(handler, "__call__", None)  # noqa: B004 -- finds an object whose call is a generator
    if any(inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each) for each in (handler, called)):
        return f"it returns {_GENERATOR}"
    return ""


def _described(returned: Any) -> str:
    if inspect.isgenerator(returned) or inspect.isasyncgen(returned):
        return _GENERATOR
    return f"an object of type {type(returned).__name__}: return nothing; raise an exception when it has failed"
