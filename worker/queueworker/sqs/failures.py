"""What an error answer of SQS means, as our errors: by its code, else by its status, never by its text. Pure.

`requests` and `queues` call it. The texts are logged, so they repeat nothing that the other side sent but a plain code.
The operator has a table of its own; which codes mean the same is `awsaccess.codes`' for both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from awsaccess import codes
from queueworker.errors import (
    AccessDeniedError,
    AnswerInvalidError,
    ClockSkewedError,
    KeyUnusableError,
    QueueNotFoundError,
    SqsError,
    ThrottledError,
    UnreachableError,
)

_PLAIN_CODE = re.compile(r"[A-Za-z0-9.]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One row: the answers that mean the same.

    Args:
        error: our error for them.
        text: its text, to which the code or the status is added.
        codes: SQS's error codes.
        statuses: HTTP statuses, for answers whose code is in no row.
    """

    error: type[SqsError]
    text: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()


FAILURES: Final = (
    Failure(
        error=QueueNotFoundError,
        text="there is no such queue, or it belongs to another account",
        codes=codes.QUEUE_NOT_FOUND,
    ),
    Failure(
        error=ThrottledError,
        text="too many requests",
        codes=codes.QUEUE_THROTTLED,
        statuses=codes.TOO_MANY_REQUESTS,
    ),
    Failure(
        error=ClockSkewedError,
        text="the worker's clock is wrong",
        codes=codes.CLOCK_SKEWED,
    ),
    Failure(
        error=KeyUnusableError,
        text="the queue's KMS key cannot be used",
        codes=codes.KEY_UNUSABLE,
    ),
    Failure(
        error=AccessDeniedError,
        text="the worker may not use the queue",
        codes=codes.FORBIDDEN | codes.CREDENTIALS_REFUSED,
        statuses=codes.FORBIDDEN_STATUSES,
    ),
    Failure(error=UnreachableError, text="SQS failed", statuses=codes.SERVER_ERRORS),
)
"""Every error answer that is understood; all others mean `AnswerInvalidError`."""

BY_CODE: Final[Mapping[str, Failure]] = {code: failure for failure in FAILURES for code in failure.codes}
BY_STATUS: Final[Mapping[int, Failure]] = {status: failure for failure in FAILURES for status in failure.statuses}

_OTHER: Final = Failure(error=AnswerInvalidError, text="SQS refused the request")


def error_for(code: str, status: int, date: str | None, now: datetime) -> SqsError:
    """Return the error for an answer.

    Args:
        code: its error code.
        status: its HTTP status.
        date: its Date header.
        now: the time by which the request was signed.
    """
    failure = BY_CODE.get(codes.code_by_clock(code, date, now)) or BY_STATUS.get(status, _OTHER)
    shown = code if is_plain(code) else f"status {status}"
    return failure.error(f"{failure.text} ({shown})")


def remedy_for(code: str) -> str | None:
    """Return what to do about the failure of one message of a batch; None for a code that is in no row."""
    failure = BY_CODE.get(code)
    return failure.error.remedy if failure else None


def is_plain(code: str) -> bool:
    """Return whether a code from outside is nothing but a code."""
    return _PLAIN_CODE.fullmatch(code) is not None
