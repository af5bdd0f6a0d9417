"""The Python handlers of the gauntlet's workers: they work as long as the message's plan says, and fail as it says.

`queueworker` runs them, in threads, as coroutines and in child processes. `command` is the same for `--exec`.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from queueworker import Message, MessageLostError, Reject, Retry
from testbed.gauntlet.command import die, fails, leave_orphan, record

# Signals come while this module is imported, too.
time.sleep(float(os.environ.get("GAUNTLET_IMPORT_SECONDS", "0")))


def handle(message: Message) -> object:
    """Work in a thread."""
    record("begin", message.id, message.receive_count)
    plan = json.loads(message.body)
    time.sleep(plan["seconds"])
    if plan["extend"]:
        _extend(message)
    return _ended(message, plan)


async def handle_async(message: Message) -> object:
    """Work as a coroutine, which the worker may cancel."""
    record("begin", message.id, message.receive_count)
    plan = json.loads(message.body)
    try:
        await asyncio.sleep(plan["seconds"])
        if plan["way"] == "cancel" and fails(plan, message.receive_count):
            await _cancelled()
    except asyncio.CancelledError:
        record("cancelled", message.id, message.receive_count)
        raise
    return _ended(message, plan)


def handle_isolated(message: Message) -> object:
    """Work in a child process, which may die and leave a process of its own."""
    record("begin", message.id, message.receive_count)
    plan = json.loads(message.body)
    time.sleep(plan["seconds"])
    if plan["way"] == "die" and fails(plan, message.receive_count):
        leave_orphan(plan["orphan"])
        record("failed", message.id, message.receive_count)
        die()
    if plan["extend"]:
        _extend(message)
    return _ended(message, plan)


def _extend(message: Message) -> None:
    try:
        message.extend(1)
    except MessageLostError:
        record("failed", message.id, message.receive_count)
        raise


async def _cancelled() -> None:
    """Cancel, as a time limit or a library's task does."""
    raise asyncio.CancelledError


def _ended(message: Message, plan: dict[str, Any]) -> object:
    if plan["reject"]:
        record("rejected", message.id, message.receive_count)
        raise Reject("no such order")
    if fails(plan, message.receive_count):
        record("failed", message.id, message.receive_count)
        return _FAILURES[plan["way"]]()
    record("ok", message.id, message.receive_count)
    return None


def _raise() -> object:
    raise RuntimeError("out of paper")


def _leave() -> object:
    raise SystemExit(FAILED_BY_EXIT)


def _again() -> object:
    raise Retry(after_seconds=1)


def _generate() -> Iterator[None]:
    yield


FAILED_BY_EXIT = 3
_FAILURES: dict[str, Callable[[], object]] = {
    "raise": _raise,
    "die": _raise,
    "cancel": _raise,
    "leave": _leave,
    "again": _again,
    "value": lambda: False,
    "generator": _generate,
}
"""How a handler fails; where a way is impossible (nothing to cancel or to kill) it raises."""
