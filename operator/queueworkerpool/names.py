"""Every word the operator says to the outside: reasons, condition types, event types, and the API's own names.

Imported by everybody, imports nothing. A word is added here, together with a row in tests/unit/test_names.py.
"""

from enum import StrEnum

GROUP = "queueworker.dev"
VERSION = "v1alpha1"
KIND = "QueueWorkerPool"
PLURAL = "queueworkerpools"


class ConditionType(StrEnum):
    """The types of the entries in `.status.conditions`."""

    READY = "Ready"  # the sum of the others: the pool is seen, and scaled
    QUEUE_REACHABLE = "QueueReachable"  # the last reading of every queue succeeded
    TARGET_FOUND = "TargetFound"  # the Deployment exists and is this pool's to scale
    SCALING_ACTIVE = "ScalingActive"  # the operator may change the replicas (HPA's word)
    SCALING_LIMITED = "ScalingLimited"  # a bound, not the backlog, sets the size (HPA's word)


class ConditionStatus(StrEnum):
    """The three values of a condition's status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class EventType(StrEnum):
    """The two types of a Kubernetes Event."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Reason(StrEnum):
    """Why something is so: the same word in a decision's step, a condition, an Event and a metric's label."""

    # A decision's steps. Where the meaning is the HPA's, so is the word.
    SIZED_BY_BACKLOG = "SizedByBacklog"  # load / target, rounded up
    BELOW_ACTIVATION = "BelowActivation"  # the pool is at zero, and the load is not above activationMessages
    SCALE_DOWN_STABILIZED = "ScaleDownStabilized"  # more pods were wished for within the stabilization window
    AWAITING_EMPTY_CONFIRMATION = "AwaitingEmptyConfirmation"  # the last pod stays until the queues are surely empty
    TOO_FEW_REPLICAS = "TooFewReplicas"  # minReplicas sets the size
    TOO_MANY_REPLICAS = "TooManyReplicas"  # maxReplicas sets the size
    HOLDING_BLIND = "HoldingBlind"  # a queue could not be read, so the size stays as it is
    PAUSED = "Paused"  # mode: Paused

    # Conditions.
    READY = "Ready"  # nothing stands between the backlog and the size
    QUEUE_READ = "QueueRead"  # every queue answered
    TARGET_FOUND = "TargetFound"  # the Deployment exists
    SCALING_ACTIVE = "ScalingActive"  # the operator may change the replicas
    DESIRED_WITHIN_RANGE = "DesiredWithinRange"  # the size wished for lies within the bounds
    DRY_RUN = "DryRun"  # mode: DryRun
    TARGET_NOT_FOUND = "TargetNotFound"  # there is no such Deployment
    TARGET_CONFLICT = "TargetConflict"  # an older pool already scales this Deployment
    INVALID_SPEC = "InvalidSpec"  # the stored object is older than the CRD's rules
    QUEUE_NOT_FOUND = "QueueNotFound"
    QUEUE_ACCESS_DENIED = "QueueAccessDenied"
    QUEUE_THROTTLED = "QueueThrottled"
    QUEUE_UNREACHABLE = "QueueUnreachable"  # no answer: network, DNS, TLS, time-out, or SQS itself failed
    QUEUE_ANSWER_INVALID = "QueueAnswerInvalid"  # an answer that makes no sense

    # Events.
    SUCCESSFUL_RESCALE = "SuccessfulRescale"  # the replicas were changed (HPA's word)


class ReadOutcome(StrEnum):
    """How one reading of a queue ended, as the label of `queueworkerpool_queue_reads_total`."""

    OK = "ok"
    NOT_FOUND = "not_found"
    ACCESS_DENIED = "access_denied"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"


# The reasons that say that a bound, not the backlog, sets the size.
LIMITING_REASONS = frozenset({Reason.TOO_FEW_REPLICAS, Reason.TOO_MANY_REPLICAS})

# The reasons that a decision can end with, as the label of `queueworkerpool_decisions_total`.
DECISION_REASONS = (
    Reason.SIZED_BY_BACKLOG,
    Reason.BELOW_ACTIVATION,
    Reason.SCALE_DOWN_STABILIZED,
    Reason.AWAITING_EMPTY_CONFIRMATION,
    Reason.TOO_FEW_REPLICAS,
    Reason.TOO_MANY_REPLICAS,
    Reason.HOLDING_BLIND,
    Reason.PAUSED,
)
