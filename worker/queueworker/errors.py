"""What can go wrong, as types. The adapters raise these; the rest branches on them, never on texts.

Every module imports it; it imports nothing of ours.
"""

from typing import ClassVar


class QueueWorkerError(Exception):
    """The base of our errors."""


class UsageError(QueueWorkerError):
    """A flag, variable or handler is wrong. The text names it and says what to do."""


class SqsError(QueueWorkerError):
    """SQS did not do what was requested. `reason` is a constant word for logs and metrics."""

    reason: ClassVar[str] = "Failed"


class QueueNotFoundError(SqsError):
    """SQS says that there is no such queue."""

    reason = "QueueNotFound"


class AccessDeniedError(SqsError):
    """SQS does not let this worker use the queue, or the worker has no credentials."""

    reason = "AccessDenied"


class ThrottledError(SqsError):
    """SQS answers that there were too many requests."""

    reason = "Throttled"


class UnreachableError(SqsError):
    """SQS did not answer: network, DNS, TLS, time-out, or SQS itself failed."""

    reason = "Unreachable"


class AnswerInvalidError(SqsError):
    """SQS's answer cannot be understood, or SQS refused the request as malformed."""

    reason = "AnswerInvalid"


REASONS = tuple(kind.reason for kind in SqsError.__subclasses__())
"""Every reason why SQS did not do what was requested."""
