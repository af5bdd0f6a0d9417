"""Which message is being handled, in a thread or coroutine. Each way of running handlers sets it, `logs` reads it.

Threads that a handler starts see it where they copy the context, as `asyncio.to_thread` and tasks do.
"""

from contextvars import ContextVar
from typing import Final

from queueworker.model import Message

CURRENT: Final[ContextVar[Message | None]] = ContextVar("queueworker_message", default=None)


def current_message() -> Message | None:
    """Return the message that is being handled, if there is one."""
    return CURRENT.get()
