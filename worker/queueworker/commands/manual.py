"""What the commands that people use by hand have in common: how they begin, what they refuse, how they fail."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from queueaddress import AddressError, parse
from queueworker import logs
from queueworker.errors import AccessDeniedError, SqsError, UsageError
from queueworker.model import QueueStatus
from queueworker.signals import SignalPipe
from queueworker.sqs import WorkerCredentials
from queueworker.sqs.inspection import InspectedQueue
from queueworker.tools.filters import EXAMPLES
from queueworker.tools.held import SENDERS, Pause
from queueworker.tools.looking import LONGEST_WAIT_SECONDS

FILTER_HELP: Final = f"Which messages: {EXAMPLES}. Given again, all must fit."


def check_url(_ctx: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """Return the URL of a queue as it was given; refuse what is none."""
    if url is not None:
        try:
            parse(url)
        except AddressError as error:
            raise click.BadParameter(f"{url!r} is not a queue URL: {error}") from error
    return url


def open_queue(url: str, credentials: WorkerCredentials, visibility_seconds: int) -> InspectedQueue:
    """Return a queue whose messages are hidden for so long. Raises UsageError where AWS's settings cannot be used."""
    logs.configure("warning", "text")
    # It warns of each message of a request that is tried again; what stays so is in the summary.
    logging.getLogger("queueworker.lease.manager").setLevel(logging.ERROR)
    return InspectedQueue(
        url,
        credentials,
        wait_seconds=LONGEST_WAIT_SECONDS,
        visibility_seconds=visibility_seconds,
        change_connections=SENDERS,
    )


def open_pause() -> Pause:
    """Take SIGTERM and SIGINT from now on; return what waits, and returns whether one has come since the last call."""
    signals = SignalPipe()
    return lambda seconds: signals.wait(seconds) is not None


def refuse_last_receives(status: QueueStatus, *, force: bool) -> None:
    """Refuse to look at messages that may be received only once.

    Raises:
        UsageError: the look would take their only receive, and is not forced.
    """
    if status.max_receive_count == 1 and not force:
        raise UsageError(
            "the queue's redrive policy lets a message be received once (maxReceiveCount 1): after this look the next"
            " receive would move it to the dead-letter queue, unhandled. --force does it all the same"
        )


@contextmanager
def failures_as_exit_codes(rights: str) -> Iterator[None]:
    """Turn our errors into click's, which end the program with a sentence.

    Args:
        rights: what the command needs to be allowed, said when SQS denies it.
    """
    try:
        yield
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except SqsError as error:
        raise click.ClickException(explained(error, rights)) from error


def explained(error: SqsError, rights: str) -> str:
    """Return what happened and what to do about it."""
    return f"{error}: {rights if isinstance(error, AccessDeniedError) else error.remedy}"
