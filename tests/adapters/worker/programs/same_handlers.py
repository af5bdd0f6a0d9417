"""Handlers that run in a worker and in memory, where they must do the same. They write what they do to JOURNAL.

A body says what to do: a word, and for some of them seconds.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from queueworker import Message, PartialFailure, Reject, Retry

pause: Callable[[float], None] = time.sleep
"""How a plain handler lets time pass; in memory a clock does it."""


def write(event: str, message: Message) -> None:
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(f"{event} {message.body} {message.receive_count}\n")


def handle(message: Message) -> object:
    write("started", message)
    word, _, seconds = message.body.partition(" ")
    if word == "sleep":
        pause(float(seconds))
    if word == "extend":
        message.extend(float(seconds))
    return _ended(word, message)


async def handle_async(message: Message) -> object:
    write("started", message)
    word, _, seconds = message.body.partition(" ")
    if word == "sleep":
        await asyncio.sleep(float(seconds))
    if word == "extend":
        await asyncio.to_thread(message.extend, float(seconds))
    return _ended(word, message)


def _ended(word: str, message: Message) -> object:
    first = message.receive_count == 1
    match word:
        case "fail":
            raise ValueError("out of paper")
        case "fail-once" if first:
            raise ValueError("not yet")
        case "retry" if first:
            raise Retry(1)
        case "reject":
            raise Reject("no such customer")
        case "leave":
            raise SystemExit(3)
        case "value":
            return 1
    write("handled", message)
    return None


def handle_batch(messages: list[Message]) -> None:
    failures: dict[Message, Exception] = {}
    for message in messages:
        write("started", message)
        try:
            _ended(message.body, message)
        except Exception as error:
            failures[message] = error
    if failures:
        raise PartialFailure(failures)


@dataclass
class Order:
    """A body."""

    number: int


def charge(order: Order, message: Message) -> None:
    write(f"charged-{order.number}", message)


def deadline(message: Message) -> None:
    """Write for how many seconds, in tens, it may still work, once the worker drains."""
    write("started", message)
    pause(4)
    write(f"has-{round(message.deadline - time.time(), -1):.0f}-left", message)


def journaled(message: Message) -> Iterator[None]:
    """Middleware; who runs the handler registers it."""
    write("before", message)
    try:
        yield
    finally:
        write("after", message)
