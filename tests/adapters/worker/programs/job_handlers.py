"""Handlers of the worker tests. Each writes what it does to the file that JOURNAL names, one line per event."""

import asyncio
import hashlib
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from queueworker import Message, Reject, Retry


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


def fail_at_times(message: Message) -> None:
    """Write down when."""
    note("started", message)
    note(f"at {time.monotonic()}", message)
    raise RuntimeError("not yet")


def digest(message: Message) -> None:
    """Write down what a large body was, in short."""
    note("handled", replace(message, body=hashlib.sha256(message.body.encode()).hexdigest()))


def reject(message: Message) -> None:
    note("started", message)
    raise Reject("no such customer")


async def reject_async(message: Message) -> None:
    reject(message)


def crash_on_poison(message: Message) -> None:
    """Some messages kill the process."""
    note("started", message)
    if message.body == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    note("handled", message)


def extend_and_die(message: Message) -> None:
    note("started", message)
    message.extend(600)
    note("handled", message)
    os.kill(os.getpid(), signal.SIGKILL)


def extend_for_good(message: Message) -> None:
    """The body is what is left until the deadline, in whole seconds."""
    message.extend(120)
    note("handled", replace(message, body=f"{message.deadline - time.time():.0f}"))


def tell_deadlines(message: Message) -> None:
    """Until the worker drains, then once more."""
    note("started", message)
    first = left = message.deadline - time.time()
    while left > first / 2:
        time.sleep(0.02)
        left = message.deadline - time.time()
    note("handled", replace(message, body=f"{first:.0f} {left:.0f}"))


def tell_trace(message: Message) -> None:
    note("handled", replace(message, body=json.dumps(message.trace_context, sort_keys=True)))
    raise RuntimeError("for the log")


def grow(message: Message) -> None:
    """Leak as many MiB as the body says."""
    LEAKED.append(b"x" * (int(message.body) << 20))
    note("handled", replace(message, body=str(os.getpid())))


LEAKED: list[bytes] = []
