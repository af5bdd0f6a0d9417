"""Handlers to try the worker with: `queueworker --queue URL --handler examples.handlers:sleep`."""

import asyncio
import time

from queueworker import Message


def sleep(message: Message) -> None:
    """Work for as many seconds as the message's body says, else for one second."""
    time.sleep(seconds_of(message))


async def sleep_async(message: Message) -> None:
    """The same as a coroutine."""
    await asyncio.sleep(seconds_of(message))


def seconds_of(message: Message) -> float:
    """The body as a number of seconds; one second when it is none."""
    try:
        return max(0.0, float(message.body))
    except ValueError:
        return 1.0
