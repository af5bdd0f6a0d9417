"""What the error codes and HTTP statuses of SQS and STS mean: one table for operator and worker. Pure.

Each program makes its own errors of them, with its own words. The codes are with and without the namespace of SQS's
query protocol.
"""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

QUEUE_NOT_FOUND: Final = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "InvalidAddress",
        "QueueDeletedRecently",
        "QueueDoesNotExist",
    }
)
THROTTLED: Final = frozenset(
    {"RequestThrottled", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
"""Too many requests to SQS or STS."""
QUEUE_THROTTLED: Final = THROTTLED | {"KMS.ThrottlingException", "KmsThrottled", "OverLimit"}
"""Too many requests to SQS or to KMS for it, or too many messages in flight."""
KEY_UNUSABLE: Final = frozenset(
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
"""SQS may not use the queue's KMS key for who asks, or cannot."""
CLOCK_SKEWED: Final = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
"""The time of the request is too far from the server's."""
CREDENTIALS_REFUSED: Final = frozenset(
    {
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
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""The credentials are none, or have expired, or the signature is not theirs."""
FORBIDDEN: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthFailure", "NotAuthorized", "OptInRequired"})
"""The credentials are known, and may not do it."""
REGION_DISABLED: Final = frozenset({"RegionDisabledException"})
TOKEN_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException"})
"""STS does not accept a web identity any more."""
TOKEN_REFUSED: Final = frozenset({"IDPRejectedClaim", "InvalidIdentityToken"})
"""STS does not accept a web identity."""
ISSUER_SILENT: Final = frozenset({"IDPCommunicationError"})
"""STS cannot reach the issuer of a web identity."""

FORBIDDEN_STATUSES: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
TOO_MANY_REQUESTS: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS})
SERVER_ERRORS: Final = frozenset(range(500, 1000))  # a strange server may send more than HTTP knows

_MAYBE_SKEWED: Final = frozenset({"AuthFailure", "InvalidSignatureException", "SignatureDoesNotMatch"})
_SKEW: Final = timedelta(minutes=4)
"""AWS refuses signatures that are five minutes off. Its SDKs take four for the sign of a wrong clock, too."""


def code_by_clock(code: str, date: str | None, now: datetime) -> str:
    """Return the code by which to look up an answer: that of a skewed clock where a signature was refused for it.

    Most services of AWS say of a signature from another time only that it is wrong; their clock is in each answer.

    Args:
        code: the answer's error code.
        date: the answer's Date header.
        now: the time by which the request was signed.
    """
    return "RequestTimeTooSkewed" if code in _MAYBE_SKEWED and _is_skewed(date, now) else code


def _is_skewed(date: str | None, now: datetime) -> bool:
    try:
        return abs(now.timestamp() - parsedate_to_datetime(date or "").timestamp()) > _SKEW.total_seconds()
    except (ValueError, OverflowError):
        return False
