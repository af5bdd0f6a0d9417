"""Handlers of the worker tests. Each writes what it does to the file that JOURNAL names, one line per event."""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path

from queueworker import Message, Reject, Retry

LET_GO = Path("let-go")


def write(event: str, message: Message) -> None:
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(f"{event} {message.body} {message.receive_count}\n")


def record(message: Message) -> None:
    write("handled", message)


async def record_async(message: Message) -> None:
    await asyncio.sleep(0.01)
    write("handled", message)


def sleep(message: Message) -> None:
    """Sleep for as long as the body says: NAME SECONDS."""
    write("started", message)
    time.sleep(float(message.body.split()[1]))
    write("handled", message)


async def sleep_async(message: Message) -> None:
    write("started", message)
    await asyncio.sleep(float(message.body.split()[1]))
    write("handled", message)


async def sleep_on_a_loop(message: Message) -> None:
    """Sleep as `sleep` does; write which event loop runs."""
    await asyncio.sleep(float(message.body.split()[1]))
    write("handled", replace(message, body=f"{message.body.split()[0]} {id(asyncio.get_running_loop())}"))


def hold(message: Message) -> None:
    """Work until the test lets it go on, by a file in the worker's folder."""
    write("started", message)
    while not LET_GO.exists():
        time.sleep(0.02)
    write("handled", message)


async def hold_async(message: Message) -> None:
    await asyncio.to_thread(hold, message)


def fail(message: Message) -> None:
    write("started", message)
    raise RuntimeError("out of paper")


def leave(message: Message) -> None:
    write("started", message)
    raise SystemExit(3)


def once_more(message: Message) -> None:
    """Request another receive at the first one, at once."""
    if message.receive_count == 1:
        raise Retry(after_seconds=0)
    write("handled", message)


def fail_first_of_a(message: Message) -> None:
    """Of a FIFO queue: the first message of group a fails at its first receive."""
    write("started", message)
    time.sleep(0.02)
    if message.body == "a0" and message.receive_count == 1:
        raise RuntimeError("try again")
    write("handled", message)


def fail_at_times(message: Message) -> None:
    """Write the time."""
    write("started", message)
    write(f"at {time.monotonic()}", message)
    raise RuntimeError("not yet")


def digest(message: Message) -> None:
    """Write the digest of a large body."""
    write("handled", replace(message, body=hashlib.sha256(message.body.encode()).hexdigest()))


async def digest_async(message: Message) -> None:
    digest(message)


def reject(message: Message) -> None:
    write("started", message)
    raise Reject("no such customer")


async def reject_async(message: Message) -> None:
    reject(message)


def crash_on_poison(message: Message) -> None:
    """Kill the process at some messages."""
    write("started", message)
    if message.body == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    write("handled", message)


def extend_and_die(message: Message) -> None:
    write("started", message)
    message.extend(600)
    write("handled", message)
    os.kill(os.getpid(), signal.SIGKILL)


def extend_for_good(message: Message) -> None:
    """Write the whole seconds until the deadline."""
    message.extend(120)
    write("handled", replace(message, body=f"{message.deadline - time.time():.0f}"))


def record_deadlines(message: Message) -> None:
    """Write the seconds until the deadline at the start, and once the worker drains."""
    first = left = message.deadline - time.time()
    write("started", message)  # the test stops the worker then
    while left > first / 2:
        time.sleep(0.02)
        left = message.deadline - time.time()
    write("handled", replace(message, body=f"{first:.0f} {left:.0f}"))


def record_modules(message: Message) -> None:
    """Write the loaded modules whose name begins with the body."""
    found = sorted(name for name in sys.modules if name.startswith(message.body))
    write("handled", replace(message, body=" ".join(found)))


def record_trace(message: Message) -> None:
    write("handled", replace(message, body=json.dumps(message.trace_context, sort_keys=True)))
    raise RuntimeError("for the log")


def grow(message: Message) -> None:
    """Leak as many MiB as the body says."""
    LEAKED.append(b"x" * (int(message.body) << 20))
    write("handled", replace(message, body=str(os.getpid())))


LEAKED: list[bytes] = []


def leave_a_child(message: Message) -> None:
    """Die by SIGKILL, and leave a process that holds every file open."""
    if message.body != "die":
        write("handled", message)
        return
    if os.fork():
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(120)  # longer than the test waits
    os._exit(0)


def never(message: Message) -> Iterator[None]:
    """Look like a handler, and never run."""
    write("handled", message)
    yield


def plainly(function: Callable[[Message], object]) -> Callable[[Message], object]:
    """Decorate a handler without a thought for coroutines and generators."""

    @wraps(function)
    def call(message: Message) -> object:
        return function(message)

    return call


@plainly
async def record_behind_a_decorator(message: Message) -> None:
    await asyncio.sleep(0.01)
    write("handled", message)


@plainly
def generate_behind_a_decorator(message: Message) -> Iterator[None]:
    write("handled", message)
    yield


@plainly
def return_a_value(message: Message) -> bool:
    return message.body == "done"
