"""Handlers with start-up, shutdown and middleware. What they do goes to the file that JOURNAL names.

BROKEN names what fails, HANGING what never returns, each by the name of its function.
"""

import asyncio
import concurrent.futures
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import queueworker
from queueworker import Message, Retry

logger = logging.getLogger("shop")


def write(event: str) -> None:
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(f"{event} {os.getpid()}\n")


def go_wrong(name: str) -> None:
    """Fail or hang if this is the name that the test has chosen; where it names a file, only while that is there."""
    if os.environ.get("BROKEN") == name and Path(os.environ.get("BROKEN_WHILE", "/")).exists():
        write(f"broken {name}")
        raise RuntimeError(f"{name} is broken")
    if os.environ.get("HANGING") == name:
        write(f"hanging {name}")
        threading.Event().wait()


class Client:
    """Something that belongs to the event loop on which it was made."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()

    async def call(self) -> None:
        assert self.loop is asyncio.get_running_loop(), "another loop than the client's"
        await asyncio.sleep(0)


CLIENTS: list[Client] = []


@queueworker.on_startup
def open_first() -> None:
    go_wrong("open_first")
    write("handled open_first")


@queueworker.on_startup
async def open_client() -> None:
    await asyncio.sleep(0)
    go_wrong("open_client")
    CLIENTS.append(Client())
    write("handled open_client")


@queueworker.on_shutdown
async def close_client() -> None:
    await CLIENTS.pop().call()
    go_wrong("close_client")
    write("handled close_client")


@queueworker.on_shutdown
def close_first() -> None:
    go_wrong("close_first")
    write("handled close_first")


@queueworker.middleware
def noted(message: Message) -> Iterator[None]:
    write(f"handled before_{message.body.split()[0]}")
    try:
        yield
    except BaseException as error:
        write(f"handled {type(error).__name__}")
        raise
    write(f"handled after_{message.body.split()[0]}")


def handle(message: Message) -> None:
    """Log; the body says what else: `ask-again` once, `sleep` for seconds, `die`, or until it is cancelled."""
    logger.info("in the shop", extra={"receive_count": message.receive_count})
    what, *how = message.body.split()
    if what == "ask-again" and message.receive_count == 1:
        raise Retry(0)
    if what == "sleep":
        write("started sleep")
        time.sleep(float(how[0]))
    if what == "die":
        os._exit(9)
    if what == "until-cancelled":
        write("started until-cancelled")
        while not message.cancelled:
            time.sleep(0.02)
        stop(how[0])


def stop(how: str) -> None:
    """End because the message is cancelled: in time, or by saying so."""
    write(f"handled cancelled-{how}")
    if how == "raise":
        raise concurrent.futures.CancelledError


async def handle_async(message: Message) -> None:
    await CLIENTS[0].call()
    what, *how = message.body.split()
    if what == "until-cancelled":
        await until_cancelled(how[0])
        return
    await asyncio.create_task(log_in_task())
    await asyncio.to_thread(handle, message)


async def until_cancelled(how: str) -> None:
    write("started until-cancelled")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        write(f"handled cancelled-{how}")
        if how == "raise":
            raise


async def log_in_task() -> None:
    logger.info("in a task")
