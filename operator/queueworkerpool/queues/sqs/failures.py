"""What a failed reading means, as our errors: by the types and codes of boto3 and SQS, never by their texts. Pure.

`reader` calls it; the tables of failing credentials are in `identity_failures`. The texts are shown to tenants in
conditions and Events: they name the queue, what is wrong and what to do, and repeat nothing that the other side sent
but a plain code. The worker has a table of its own; which codes mean the same is `awsaccess.codes`' for both.
"""

import re
from datetime import datetime
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

from awsaccess import CredentialsError, codes
from queueworkerpool.errors import (
    CredentialsUnavailableError,
    QueueAccessDeniedError,
    QueueAnswerInvalidError,
    QueueKeyUnusableError,
    QueueNotFoundError,
    QueueThrottledError,
    QueueUnreachableError,
    QueueUnreadableError,
)
from queueworkerpool.model import QueueRef
from queueworkerpool.queues.sqs.failure import Failure
from queueworkerpool.queues.sqs.identity_failures import CLOCK_SKEWED, CREDENTIALS_FAILURES, ROLE_FAILURES
from queueworkerpool.queues.sqs.roles import RoleRefusedError

_NO_CREDENTIALS: Final = (
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
"""The operator's settings of credentials cannot be used: no client can be made, and nothing was sent."""

CHECK_ENDPOINT: Final = "check the operator's network and AWS_ENDPOINT_URL_SQS"

_PLAIN_CODE: Final = re.compile(r"[A-Za-z0-9.]{1,80}")

FAILURES: Final = (
    # SQS refuses the request.
    Failure(
        error=QueueNotFoundError,
        text="there is no such queue",
        fix="check account, name and region of its URL",
        codes=codes.QUEUE_NOT_FOUND,
    ),
    Failure(
        error=QueueThrottledError,
        text="too many requests ({shown})",
        fix="raise pollSeconds, or ask AWS for more",
        codes=codes.QUEUE_THROTTLED,
        statuses=codes.TOO_MANY_REQUESTS,
    ),
    CLOCK_SKEWED,
    Failure(
        error=QueueKeyUnusableError,
        text="its KMS key cannot be used ({shown})",
        fix="check that the key is enabled, and that its policy lets SQS and the operator's role use it",
        codes=codes.KEY_UNUSABLE,
    ),
    Failure(
        error=QueueAccessDeniedError,
        text="SQS refuses the credentials ({shown})",
        fix="check role and AWS_* variables of the operator",
        codes=codes.CREDENTIALS_REFUSED,
    ),
    Failure(
        error=QueueAccessDeniedError,
        text="the operator may not read it ({shown})",
        fix="allow its role sqs:GetQueueAttributes",
        codes=codes.FORBIDDEN,
        statuses=codes.FORBIDDEN_STATUSES,
    ),
    Failure(
        error=QueueUnreachableError,
        text="SQS failed ({shown})",
        fix="it should pass",
        statuses=codes.SERVER_ERRORS,
    ),
    Failure(
        error=QueueAnswerInvalidError,
        text="SQS refused the request ({shown})",
        fix=CHECK_ENDPOINT,
        raised=(ClientError,),
    ),
    # Nothing is sent, no answer comes, or the answer makes no sense.
    Failure(
        error=CredentialsUnavailableError,
        text="the operator's AWS credentials cannot be used ({shown})",
        fix="check its role and AWS_* variables",
        raised=_NO_CREDENTIALS,
    ),
    Failure(
        error=QueueUnreachableError,
        text="its region is unknown",
        fix="set the queue's region, or the operator's QWP_REGION",
        raised=(NoRegionError,),
    ),
    Failure(
        error=QueueNotFoundError,
        text="its region is not known to this version",
        fix="correct it; if it is new, make it the operator's QWP_REGION, or update",
        raised=(InvalidRegionError,),
    ),
    Failure(
        error=QueueUnreachableError,
        text="no answer ({shown})",
        fix=CHECK_ENDPOINT,
        raised=(HTTPClientError, ConnectionError, OSError),
    ),
    Failure(
        error=QueueUnreachableError,
        text="not asked ({shown})",
        fix=CHECK_ENDPOINT,
        raised=(BotoCoreError,),
    ),
    Failure(
        error=QueueAnswerInvalidError,
        text="the answer is not SQS's ({shown})",
        fix=CHECK_ENDPOINT,
        raised=(Exception,),
    ),
)
"""Every failure of a reading; the first row that fits counts."""


def error_for(queue: QueueRef, error: Exception, now: datetime) -> QueueUnreadableError:
    """Return our error for what was raised while the queue was read: by SQS, or on the way to credentials.

    Args:
        queue: It is named in the text.
        error: What was raised.
        now: When the queue was read, by the clock that signs requests.
    """
    table: tuple[Failure, ...] = FAILURES
    if isinstance(error, RoleRefusedError):
        table, error = ROLE_FAILURES, error.cause
    if isinstance(error, CredentialsError):
        table, error = CREDENTIALS_FAILURES, error.cause
    return _error(table, queue, error, now)


def _error(table: tuple[Failure, ...], queue: QueueRef, error: Exception, now: datetime) -> QueueUnreadableError:
    code, status, shown = _described(error, now)
    failure = next(row for row in table if isinstance(error, row.raised) or code in row.codes or status in row.statuses)
    sentence = f"{failure.text}: {failure.fix}".format(
        shown=shown, external_id=queue.role.external_id if queue.role else ""
    )
    return failure.error(f"queue {queue.name}: {sentence}")


def _described(error: Exception, now: datetime) -> tuple[str, int, str]:
    """Return the code and status by which an answer is looked up, and what of the error may be shown."""
    if not isinstance(error, ClientError):
        return "", 0, type(error).__name__
    code = str(error.response.get("Error", {}).get("Code", ""))
    metadata = error.response.get("ResponseMetadata", {})
    status, date = metadata.get("HTTPStatusCode", 0), metadata.get("HTTPHeaders", {}).get("date")
    return codes.code_by_clock(code, date, now), status, code if _PLAIN_CODE.fullmatch(code) else f"status {status}"
