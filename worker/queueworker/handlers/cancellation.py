"""How handlers are told that their messages are cancelled, and how they say that this is why they have stopped."""

from queueworker.model import InterruptedWorkError, Message

CANCELLATION_TIMEOUT_SECONDS = 2.0
"""How long handlers have to end by themselves once their messages are cancelled."""


def as_interruption(error: BaseException, message: Message) -> BaseException:
    """Return what a handler raised, as an InterruptedWorkError if it has stopped because its message is cancelled."""
    if message.cancelled and _is_cancellation(error):
        return InterruptedWorkError("the message is cancelled")
    return error


def _is_cancellation(error: BaseException) -> bool:
    import asyncio  # noqa: PLC0415 -- needed once, if at all, where the worker ends: most have not loaded it
    import concurrent.futures  # noqa: PLC0415 -- as above

    return isinstance(error, asyncio.CancelledError | concurrent.futures.CancelledError)
