"""Handlers of the worker tests that take several messages at once. Each writes to JOURNAL, as `job_handlers`."""

import os
import time
from pathlib import Path
from typing import Any

from queueworker import Message, PartialFailure, Reject, Retry


def write(*lines: str) -> None:
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.writelines(f"{line}\n" for line in lines)


def write_handled(message: Message) -> None:
    write(f"handled {message.body} {message.receive_count}")


def record(messages: list[Message]) -> None:
    write(f"batch {' '.join(each.body for each in messages)} {len(messages)}")
    for message in messages:
        write_handled(message)


async def record_async(messages: list[Message]) -> None:
    record(messages)


def fail_some(messages: list[Message]) -> None:
    """Fail as each body says; the others have succeeded."""
    failures = {"retry": Retry(600), "reject": Reject("no such customer"), "fail": RuntimeError("out of paper")}
    for message in messages:
        write_handled(message)
    raise PartialFailure({each: failures[each.body] for each in messages if each.body in failures})


async def fail_some_async(messages: list[Message]) -> None:
    fail_some(messages)


def answer_as_lambda(messages: list[Message]) -> dict[str, Any]:
    """Return those whose body is not good."""
    return {"batchItemFailures": [{"itemIdentifier": each.id} for each in messages if each.body != "good"]}


def extend_and_sleep(messages: list[Message]) -> None:
    """Extend each message for less than the visibility timeout, and sleep longer than that."""
    for message in messages:
        message.extend(1)
        write(f"extended {message.body} {message.receive_count}")
    time.sleep(4)
    record(messages)
