"""What an error answer of SQS means, as our errors: by its code, else by its status, never by its text. Pure.

`requests` and `queues` call it. The texts are logged, so they repeat nothing that the other side sent but a plain code.
The operator has a table of its own; both must understand the same codes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from queueworker.errors import (
    AccessDeniedError,
    AnswerInvalidError,
    ClockSkewError,
    KeyRefusedError,
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
        codes: SQS's error codes, with and without the namespace of its query protocol.
        statuses: HTTP statuses, for answers whose code is in no row.
    """

    error: type[SqsError]
    text: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()


THROTTLED_CODES: Final = frozenset(
    {"RequestThrottled", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
"""What SQS and STS answer to too many requests."""

_KEY_REFUSED_CODES: Final = frozenset(
    {
        "KMS.AccessDeniedException",
        "KMS.DisabledException",
        "KMS.InvalidKeyUsageException",
        "KMS.InvalidStateException",
        "KMS.NotFoundException",
        "KMS.OptInRequired",
        "KmsAccessDenied",
        "KmsDisabled",
        "KmsInvalidKeyUsage",
        "KmsInvalidState",
        "KmsNotFound",
        "KmsOptInRequired",
    }
)

FAILURES: Final = (
    Failure(
        error=QueueNotFoundError,
        text="there is no such queue, or it belongs to another account",
        codes=frozenset(
            {
                "AWS.SimpleQueueService.NonExistentQueue",
                "AWS.SimpleQueueService.QueueDeletedRecently",
                "InvalidAddress",
                "QueueDeletedRecently",
                "QueueDoesNotExist",
            }
        ),
    ),
    Failure(
        error=ThrottledError,
        text="too many requests",
        codes=THROTTLED_CODES | {"KMS.ThrottlingException", "KmsThrottled", "OverLimit"},
        statuses=frozenset({HTTPStatus.TOO_MANY_REQUESTS}),
    ),
    Failure(
        error=ClockSkewError,
        text="the worker's clock is wrong",
        codes=frozenset({"RequestExpired"}),
    ),
    Failure(
        error=KeyRefusedError,
        text="the queue's KMS key cannot be used",
        codes=_KEY_REFUSED_CODES,
    ),
    Failure(
        error=AccessDeniedError,
        text="the worker may not use the queue",
        codes=frozenset(
            {
                "AccessDenied",
                "AccessDeniedException",
                "AuthFailure",
                "ExpiredToken",
                "ExpiredTokenException",
                "IDPRejectedClaim",
                "IncompleteSignature",
                "InvalidAccessKeyId",
                "InvalidClientTokenId",
                "InvalidIdentityToken",
                "InvalidSecurity",
                "InvalidSignatureException",
                "MissingAuthenticationToken",
                "NotAuthorized",
                "OptInRequired",
                "SignatureDoesNotMatch",
                "UnrecognizedClientException",
            }
        ),
        statuses=frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}),
    ),
    Failure(error=UnreachableError, text="SQS failed", statuses=frozenset(range(500, 600))),
)
"""Every error answer that is understood; all others mean `AnswerInvalidError`."""

BY_CODE: Final[Mapping[str, Failure]] = {code: failure for failure in FAILURES for code in failure.codes}
BY_STATUS: Final[Mapping[int, Failure]] = {status: failure for failure in FAILURES for status in failure.statuses}

_OTHER: Final = Failure(error=AnswerInvalidError, text="SQS refused the request")


def error_for(code: str, status: int) -> SqsError:
    """Return the error for an answer with this error code and HTTP status."""
    failure = BY_CODE.get(code) or BY_STATUS.get(status, _OTHER)
    shown = code if is_plain(code) else f"status {status}"
    return failure.error(f"{failure.text} ({shown})")


def remedy_for(code: str) -> str | None:
    """Return what to do about the failure of one message of a batch; None for a code that is in no row."""
    failure = BY_CODE.get(code)
    return failure.error.remedy if failure else None


def is_plain(code: str) -> bool:
    """Return whether a code from outside is nothing but a code."""
    return _PLAIN_CODE.fullmatch(code) is not None
