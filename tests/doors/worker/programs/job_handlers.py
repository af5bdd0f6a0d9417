"""Handlers of the worker tests. Each writes what it does to the file that JOURNAL names, one line per event."""

import asyncio
import os
import time
from pathlib import Path

from queueworker import Message, Retry


def note(event: str, message: Message) -> None:
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(f"{event} {message.body} {message.receive_count}\n")


def record(message: Message) -> None:
    note("handled", message)


async def record_async(message: Message) -> None:
    await asyncio.sleep(0.01)
    note("handled", message)


def sleep(message: Message) -> None:
    """The body says for how long: NAME SECONDS."""
    note("started", message)
    time.sleep(float(message.body.split()[1]))
    note("handled", message)


async def sleep_async(message: Message) -> None:
    note("started", message)
    await asyncio.sleep(float(message.body.split()[1]))
    note("handled", message)


def fail(message: Message) -> None:
    note("started", message)
    raise RuntimeError("out of paper")


def leave(message: Message) -> None:
    note("started", message)
    raise SystemExit(3)


def once_more(message: Message) -> None:
    """The first receive asks for another one, at once."""
    if message.receive_count == 1:
        raise Retry(after_seconds=0)
    note("handled", message)


def fail_first_of_a(message: Message) -> None:
    """Of a FIFO queue: the first message of group a fails at its first receive."""
    note("started", message)
    time.sleep(0.02)
    if message.body == "a0" and message.receive_count == 1:
        raise RuntimeError("try again")
    note("handled", message)
