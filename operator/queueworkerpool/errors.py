"""What can go wrong, as types. Adapters raise these; the rest of the operator branches on the types, never on texts.

Every module may import it; it imports `names` alone.
"""

from typing import ClassVar

from queueworkerpool.names import ReadOutcome, Reason


class QueueWorkerPoolError(Exception):
    """The root of our errors."""


class SpecInvalidError(QueueWorkerPoolError):
    """A stored QueueWorkerPool does not fit the CRD that this operator was built with."""


class RulesUnavailableError(QueueWorkerPoolError):
    """This installation lacks the library that evaluates the CRD's rules, so nothing can be said about a pool."""


class ImportUnavailableError(QueueWorkerPoolError):
    """This installation lacks the library that writes YAML with comments, so nothing can be imported."""


class SettingsInvalidError(QueueWorkerPoolError):
    """A setting of the operator is unknown or makes no sense."""


class PrometheusError(QueueWorkerPoolError):
    """A Prometheus server gave no answer that can be used. The text says what to do."""


class QueueUnreadableError(QueueWorkerPoolError):
    """A queue's message counts are unknown. The text is short, ours, and safe to show to tenants.

    Each kind carries how it is reported: `reason` in conditions and Events, `outcome` in the metric of readings. What
    to do about it is the reason's `remedy`.
    """

    reason: ClassVar[Reason]
    outcome: ClassVar[ReadOutcome]


class QueueAddressInvalidError(QueueUnreadableError):
    """The queue's URL is none, names no region that is understood, or contradicts the pool's: SQS was not asked."""

    reason, outcome = Reason.QUEUE_ADDRESS_INVALID, ReadOutcome.ADDRESS_INVALID


class QueueUrlUnresolvedError(QueueAddressInvalidError):
    """The variable that should hold the queue's URL does not, by the Deployment's pod template: SQS was not asked."""


class QueueNotFoundError(QueueUnreadableError):
    """SQS says that the queue does not exist."""

    reason, outcome = Reason.QUEUE_NOT_FOUND, ReadOutcome.NOT_FOUND


class QueueAccessDeniedError(QueueUnreadableError):
    """SQS does not let the operator read the queue."""

    reason, outcome = Reason.QUEUE_ACCESS_DENIED, ReadOutcome.ACCESS_DENIED


class QueueKeyUnusableError(QueueUnreadableError):
    """SQS may not use the queue's KMS key for the operator, or cannot."""

    reason, outcome = Reason.QUEUE_KEY_UNUSABLE, ReadOutcome.KEY_UNUSABLE


class ClockSkewedError(QueueUnreadableError):
    """AWS refuses the operator's requests, because their time is too far from AWS's own."""

    reason, outcome = Reason.CLOCK_SKEWED, ReadOutcome.CLOCK_SKEWED


class CredentialsDeniedError(QueueUnreadableError):
    """STS refuses to give the operator the credentials of its own role, so SQS was not asked."""

    reason, outcome = Reason.CREDENTIALS_DENIED, ReadOutcome.CREDENTIALS_DENIED


class CredentialsUnavailableError(QueueUnreadableError):
    """The operator has no credentials: none are set, or STS, an agent or a file gave none. SQS was not asked."""

    reason, outcome = Reason.CREDENTIALS_UNAVAILABLE, ReadOutcome.CREDENTIALS_UNAVAILABLE


class QueueNotAllowedError(QueueUnreadableError):
    """The operator's settings do not let the pool's namespace use the queue, so SQS was not asked."""

    reason, outcome = Reason.QUEUE_NOT_ALLOWED, ReadOutcome.NOT_ALLOWED


class QueueThrottledError(QueueUnreadableError):
    """SQS throttles the operator's requests."""

    reason, outcome = Reason.QUEUE_THROTTLED, ReadOutcome.THROTTLED


class QueueUnreachableError(QueueUnreadableError):
    """SQS did not answer: network, DNS, TLS, time-out, or SQS itself failed."""

    reason, outcome = Reason.QUEUE_UNREACHABLE, ReadOutcome.UNREACHABLE


class QueueAnswerInvalidError(QueueUnreadableError):
    """SQS, or whatever answers in its place, gave an answer that is not SQS's."""

    reason, outcome = Reason.QUEUE_ANSWER_INVALID, ReadOutcome.INVALID


class ClusterError(QueueWorkerPoolError):
    """The Kubernetes API did not do what was asked. Nothing was changed; the next tick tries again."""


class NoAnswerError(ClusterError):
    """The API server did not answer: no connection, or none in time."""


class LoginRefusedError(ClusterError):
    """The API server does not take the credentials that the request carried."""


class UnknownPathError(ClusterError):
    """Nobody serves this path: the API server has no such kind, or a proxy answered in its place."""


class ClusterConflictError(ClusterError):
    """The object changed since the decision was made."""


class ClusterRefusedError(ClusterError):
    """The API server understood the request and refused it: by a policy, a quota or a missing right.

    Unlike an outage it does not pass by itself. The text is the API server's own sentence, short and printable.
    """

    def repeats(self, reported: str) -> bool:
        """Return whether a sentence has the same words: times, counts and ids of requests differ each time."""
        return _words(str(self)) == _words(reported)


def _words(sentence: str) -> list[str]:
    return [word for word in sentence.split() if not any(char.isdigit() for char in word)]


class NotLeadingError(ClusterError):
    """This process does not hold the Lease, or not for long enough, so it may not write. Nothing was sent."""


class PoolGoneError(ClusterError):
    """The pool does not exist any more."""


class TargetsUnknownError(ClusterError):
    """The objects of a kind cannot be seen in a namespace, so a pool there holds still."""


class TargetGoneError(ClusterError):
    """What is scaled does not exist any more."""


class TargetKindError(ClusterError):
    """Objects of a kind cannot be scaled here: the text says why and what to do, in the pool's status."""

    reason: ClassVar[Reason]


class TargetKindMissingError(TargetKindError):
    """The API server does not serve the kind."""

    reason = Reason.TARGET_NOT_FOUND


class TargetKindNotAllowedError(TargetKindError):
    """The operator's settings do not list the kind, its rights do not reach it, or it has no `/scale`."""

    reason = Reason.TARGET_NOT_ALLOWED
