"""What can go wrong, as types. The doors raise these, the rest of the operator branches on them, never on texts.

Imported by everybody, imports nothing.
"""


class QueueWorkerPoolError(Exception):
    """The root of our errors."""


class SpecInvalidError(QueueWorkerPoolError):
    """A stored QueueWorkerPool does not fit the CRD that this operator was built with."""


class SettingsInvalidError(QueueWorkerPoolError):
    """A setting of the operator is unknown or makes no sense."""


class QueueUnreadableError(QueueWorkerPoolError):
    """A queue's message counts are unknown. The text is short, ours, and safe to show to tenants."""


class QueueNotFoundError(QueueUnreadableError):
    """SQS says that there is no such queue."""


class QueueAccessDeniedError(QueueUnreadableError):
    """SQS does not let the operator read the queue, or the operator has no credentials."""


class QueueNotAllowedError(QueueUnreadableError):
    """The operator's settings do not let the pool's namespace use the queue, so SQS was not asked."""


class QueueThrottledError(QueueUnreadableError):
    """SQS answers that there were too many requests."""


class QueueUnreachableError(QueueUnreadableError):
    """SQS did not answer: network, DNS, TLS, time-out, or SQS itself failed."""


class QueueAnswerInvalidError(QueueUnreadableError):
    """SQS answered something that makes no sense."""


class ClusterError(QueueWorkerPoolError):
    """The Kubernetes API did not do what was asked. Nothing was changed, and the next tick looks again."""


class ClusterConflictError(ClusterError):
    """The object changed since the decision was made."""


class NotLeadingError(ClusterError):
    """This process may not write, for it does not hold the Lease, or not for long enough. Nothing was sent."""


class PoolGoneError(ClusterError):
    """The pool does not exist any more."""


class TargetGoneError(ClusterError):
    """The Deployment does not exist any more."""
