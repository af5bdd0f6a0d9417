"""What went wrong with a reading, as our errors: by the types and codes of boto3 and SQS, never by their texts. Pure.

`queues` calls it. The texts are shown to tenants in conditions and Events, so they name the queue, what is wrong and
what to do, and hold nothing of what the other side said but a plain code.
"""

import re
from http import HTTPStatus
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 -- botocore's name; ours are spelled out
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    LoginError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)

from queueworkerpool.errors import (
    QueueAccessDeniedError,
    QueueAnswerInvalidError,
    QueueNotFoundError,
    QueueThrottledError,
    QueueUnreachableError,
    QueueUnreadableError,
)
from queueworkerpool.model import QueueRef

NO_CREDENTIALS = (
    CredentialRetrievalError,
    InvalidConfigError,
    LoginError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)
"""The operator has no credentials, or none that can be used: nothing was sent to SQS."""

CHECK_ENDPOINT: Final = "check the operator's network and AWS_ENDPOINT_URL_SQS"

_PLAIN_CODE = re.compile(r"[A-Za-z0-9.]{1,80}")

_NOT_FOUND = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "InvalidAddress",
        "QueueDeletedRecently",
        "QueueDoesNotExist",
    }
)
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequestsException", "SlowDown"}
)
_DENIED = frozenset(
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
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

_CAUSES: tuple[tuple[tuple[type[Exception], ...], type[QueueUnreadableError], str], ...] = (
    (
        (NoCredentialsError,),
        QueueAccessDeniedError,
        "the operator has no AWS credentials: give its service account a role, or set AWS_* variables",
    ),
    ((RecursionError,), QueueAnswerInvalidError, f"the answer is not SQS's: {CHECK_ENDPOINT}"),
    (
        (*NO_CREDENTIALS, RuntimeError),  # that is what botocore raises when new credentials have expired, too
        QueueAccessDeniedError,
        "the operator's AWS credentials cannot be used ({kind}): check its role and AWS_* variables",
    ),
    (
        (NoRegionError,),
        QueueUnreachableError,
        "its region is unknown: set the queue's region, or the operator's QWP_REGION",
    ),
    ((InvalidRegionError,), QueueNotFoundError, "its region is none of AWS's: correct it"),
    ((HTTPClientError, ConnectionError, OSError), QueueUnreachableError, f"no answer ({{kind}}): {CHECK_ENDPOINT}"),
    ((BotoCoreError,), QueueUnreachableError, f"not asked ({{kind}}): {CHECK_ENDPOINT}"),
    ((Exception,), QueueAnswerInvalidError, f"the answer is not SQS's ({{kind}}): {CHECK_ENDPOINT}"),
)
"""The first that fits tells."""


def translated(name: str, error: Exception) -> QueueUnreadableError:
    """Our error for one that boto3 raised while the queue of this name was read."""
    if isinstance(error, ClientError):
        return _refused(name, error)
    _, ours, text = next(cause for cause in _CAUSES if isinstance(error, cause[0]))
    return ours(f"queue {name}: {text.format(kind=type(error).__name__)}")


def role_refused(queue: QueueRef, error: Exception) -> QueueUnreadableError:
    """Our error for one that boto3 raised while the role to read this queue by was assumed."""
    if isinstance(error, NO_CREDENTIALS):
        return translated(queue.name, error)
    role = f"queue {queue.name}: the role that it is to be read by"
    if not isinstance(error, ClientError):
        remedy = "check the operator's network and AWS_ENDPOINT_URL_STS"
        return QueueUnreachableError(f"{role} was not assumed ({type(error).__name__}): {remedy}")
    code, status, shown = _told(error)
    if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return QueueThrottledError(f"{role} was not assumed ({shown}): too many requests to STS: it should pass")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return QueueUnreachableError(f"{role} was not assumed ({shown}): STS failed: it should pass")
    known_by = queue.role.external_id if queue.role else ""
    remedy = f"check roleArn in the operator's QWP_TENANTS, and let its trust policy allow sts:ExternalId {known_by}"
    return QueueAccessDeniedError(f"{role} may not be assumed ({shown}): {remedy}")


def _told(error: ClientError) -> tuple[str, int, str]:
    """The code, the status, and what of both may be shown."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code, status, code if _PLAIN_CODE.fullmatch(code) else f"status {status}"


def _refused(name: str, error: ClientError) -> QueueUnreadableError:
    code, status, shown = _told(error)
    if code in _NOT_FOUND:
        return QueueNotFoundError(f"queue {name}: there is no such queue: check account, name and region of its URL")
    if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return QueueThrottledError(f"queue {name}: too many requests ({shown}): raise pollSeconds, or ask AWS for more")
    if code in _DENIED or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        allow = "allow its role sqs:GetQueueAttributes"
        return QueueAccessDeniedError(f"queue {name}: the operator may not read it ({shown}): {allow}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return QueueUnreachableError(f"queue {name}: SQS failed ({shown}): it should pass")
    return QueueAnswerInvalidError(f"queue {name}: SQS refused the request ({shown}): {CHECK_ENDPOINT}")
