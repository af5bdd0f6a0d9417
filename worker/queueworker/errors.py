"""What can go wrong, as types. The adapters raise these; the rest branches on them, never on texts.

Every module imports it; it imports nothing of ours. Which answer of SQS becomes which error is in `sqs.failures`.
"""

from typing import ClassVar


class QueueWorkerError(Exception):
    """The base of our errors."""


class UsageError(QueueWorkerError):
    """A flag, variable or handler is wrong. The text names it and says what to do."""


class AwsError(QueueWorkerError):
    """A service of AWS did not do what was requested, and may at another try.

    Each kind carries how it is reported: `reason`, a constant word for logs and metrics, and `remedy`, one sentence
    about what to do, which is logged wherever the failure is.
    """

    reason: ClassVar[str]
    remedy: ClassVar[str]

    @property
    def log_fields(self) -> dict[str, object]:
        """What a log line about it says."""
        return {"reason": self.reason, "error": str(self), "remedy": self.remedy}


class SqsError(AwsError):
    """SQS did not do what was requested."""


class QueueNotFoundError(SqsError):
    """SQS says that there is no such queue."""

    reason = "QueueNotFound"
    remedy = "check account, name and region in the queue's URL"


class AccessDeniedError(SqsError):
    """SQS does not let this worker use the queue."""

    reason = "AccessDenied"
    remedy = (
        "check the worker's credentials, and allow its role sqs:ReceiveMessage, sqs:DeleteMessage and"
        " sqs:ChangeMessageVisibility on the queue, and sqs:SendMessage on the dead-letter queue"
    )


class ClockSkewedError(SqsError):
    """AWS refuses the signature of a request, because its time is too far from AWS's own."""

    reason = "ClockSkewed"
    remedy = "set the clock of the worker's node: it differs from AWS's by minutes"


class KeyUnusableError(SqsError):
    """SQS may not use the queue's KMS key for this worker, or cannot."""

    reason = "KeyUnusable"
    remedy = (
        "allow the worker's role kms:Decrypt, and kms:GenerateDataKey for a dead-letter queue, on the queue's KMS key,"
        " and check that the key is enabled"
    )


class CredentialsDeniedError(SqsError):
    """STS refuses to give the worker the credentials of its role, so SQS was not asked."""

    reason = "CredentialsDenied"
    remedy = (
        "check AWS_ROLE_ARN, the trust policy of the role and the cluster's OIDC provider; of an expired token, that"
        " kubelet renews AWS_WEB_IDENTITY_TOKEN_FILE"
    )


class CredentialsUnavailableError(SqsError):
    """The worker has no credentials: none are set, or STS, an agent or a file gave none. SQS was not asked."""

    reason = "CredentialsUnavailable"
    remedy = (
        "nothing if it passes, because the worker tries again; else give its service account a role, and check STS, the"
        " Pod Identity agent and what the worker's AWS_* variables name"
    )


class ThrottledError(SqsError):
    """SQS answers that there were too many requests, or that too many messages are in flight."""

    reason = "Throttled"
    remedy = "nothing if it passes, because the worker tries again; else run fewer workers, or request a higher quota"


class UnreachableError(SqsError):
    """SQS did not answer: network, DNS, TLS, time-out, or SQS itself failed."""

    reason = "Unreachable"
    remedy = "check the worker's network and AWS_ENDPOINT_URL_SQS; the worker tries again"


class AnswerInvalidError(SqsError):
    """SQS's answer cannot be understood, or SQS refused the request as malformed."""

    reason = "AnswerInvalid"
    remedy = "check that AWS_ENDPOINT_URL_SQS and the queue's URL lead to SQS, and not to a proxy's page"


class S3Error(AwsError):
    """S3 did not do what was requested."""


class BucketDeniedError(S3Error):
    """S3 does not let this worker read or delete the object."""

    reason = "AccessDenied"
    remedy = (
        "allow the worker's role s3:GetObject and s3:DeleteObject on the bucket's objects, and kms:Decrypt on their KMS"
        " key; without s3:ListBucket S3 says the same of an object that is not there"
    )


class BucketKeyUnusableError(S3Error):
    """S3 may not use the object's KMS key for this worker, or cannot."""

    reason = "KeyUnusable"
    remedy = "allow the worker's role kms:Decrypt on the bucket's KMS key, and check that the key is enabled"


class BucketThrottledError(S3Error):
    """S3 answers that there were too many requests."""

    reason = "Throttled"
    remedy = "nothing if it passes, because the message is tried again; else spread the payloads over more prefixes"


class BucketUnreachableError(S3Error):
    """S3 did not answer: network, DNS, TLS, time-out, or S3 itself failed."""

    reason = "Unreachable"
    remedy = "check the worker's network and AWS_ENDPOINT_URL_S3; the message is tried again"


class BucketAnswerError(S3Error):
    """S3's answer is in no row of its failures."""

    reason = "AnswerInvalid"
    remedy = "look the code up among S3's errors; the message is tried again"


class ObjectNotFoundError(QueueWorkerError):
    """There is no such object, or no such bucket. No other try would help."""


class ObjectTooLargeError(QueueWorkerError):
    """An object is larger than the worker takes. No other try would help."""


REASONS = tuple(kind.reason for kind in SqsError.__subclasses__())
"""Every reason why SQS did not do what was requested."""
