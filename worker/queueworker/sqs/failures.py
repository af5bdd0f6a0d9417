"""What an error answer of SQS means, as our errors: by its code, never by its text. Pure.

`requests` calls it. The texts are logged, so they hold nothing of what the other side said but a plain code.
"""

import re

from queueworker.errors import (
    AccessDeniedError,
    AnswerInvalidError,
    QueueNotFoundError,
    SqsError,
    ThrottledError,
    UnreachableError,
)

_PLAIN_CODE = re.compile(r"[A-Za-z0-9.]{1,80}")
_SERVER_ERROR = 500

_NOT_FOUND = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "QueueDeletedRecently"})
_THROTTLED = frozenset(
    {"OverLimit", "RequestThrottled", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


def error_for(code: str, status: int) -> SqsError:
    """Return the error for an answer with this error code and HTTP status."""
    shown = code if is_plain(code) else f"status {status}"
    if code in _NOT_FOUND:
        return QueueNotFoundError(f"there is no such queue, or it belongs to another account ({shown})")
    if code in _THROTTLED:
        return ThrottledError(f"too many requests ({shown})")
    if code in _DENIED:
        return AccessDeniedError(f"the worker may not use the queue ({shown})")
    if status >= _SERVER_ERROR:
        return UnreachableError(f"SQS failed ({shown})")
    return AnswerInvalidError(f"SQS refused the request ({shown})")


def is_plain(code: str) -> bool:
    """Return whether a code from outside is nothing but a code."""
    return _PLAIN_CODE.fullmatch(code) is not None
