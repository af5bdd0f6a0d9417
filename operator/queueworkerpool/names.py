"""Every word that leaves the process: reasons, condition types, event types, outcomes, and the API's own names.

Every module may import it; it imports none. Add a word together with its row in tests/unit/operator/test_names.py.
"""

from enum import StrEnum
from typing import Self

GROUP = "queueworker.dev"
VERSION = "v1alpha1"
KIND = "QueueWorkerPool"
PLURAL = "queueworkerpools"

FIELD_MANAGER = "queueworkerpool"
"""The name under which the API server records our writes (managedFields)."""

WANTED_BY = f"{GROUP}/wanted-by"
"""The annotation, of the Lease of their number, by which a process asks for a shard that another one holds."""


class ConditionType(StrEnum):
    """The types of the entries in `.status.conditions`."""

    READY = "Ready"  # the sum of the others: the pool does what its spec asks for
    STALLED = "Stalled"  # only an edit of the spec can make it ready (kstatus' word); absent when that is not so
    QUEUE_REACHABLE = "QueueReachable"  # the last reading of every queue succeeded
    TARGET_FOUND = "TargetFound"  # what is scaled exists and is this pool's to scale
    ABLE_TO_SCALE = "AbleToScale"  # the API server takes the replicas that were decided on (HPA's word)
    SCALING_ACTIVE = "ScalingActive"  # the operator may change the replicas (HPA's word)
    SCALING_LIMITED = "ScalingLimited"  # a bound, not the backlog, sets the size (HPA's word)
    WORKERS_PROTECTED = "WorkersProtected"  # scaling in stops no busy worker
    SCALE_CONFLICT = "ScaleConflict"  # another writer keeps changing the replicas


class ConditionStatus(StrEnum):
    """The three values of a condition's status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class EventType(StrEnum):
    """The two types of a Kubernetes Event."""

    NORMAL = "Normal"
    WARNING = "Warning"


class EventAnnotation(StrEnum):
    """The annotations, below our group's name, of an Event that tells of a change of size."""

    FROM = "from"  # replicas before
    TO = "to"  # replicas after
    DECISION = "decision"  # the reason that the decision ended with


class Reason(StrEnum):
    """Why something is so: the same word in a decision's step, a condition, an Event and a metric's label.

    `when` says when it is used, and `remedy` what a person can do about it (empty when nothing is wrong). The reference
    page is generated from both. Where the meaning is the HPA's, the word is the HPA's too.
    """

    when: str
    remedy: str

    def __new__(cls, word: str, when: str, remedy: str = "") -> Self:
        """Return a member whose value is the word alone."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.when, member.remedy = when, remedy
        return member

    # A decision's steps.
    SIZED_BY_BACKLOG = "SizedByBacklog", "The size is the load divided by the target, rounded up."
    SIZED_BY_LATENCY = (
        "SizedByLatency",
        "The size handles the load within spec.target.latencySeconds, by the workers' measured service time.",
    )
    WITHIN_TOLERANCE = (
        "WithinTolerance",
        "The recommendation differs from the size by less than the tolerance of spec.behavior.",
        "Lower the tolerance to follow smaller changes.",
    )
    BELOW_ACTIVATION = (
        "BelowActivation",
        "The pool is at zero, and the load is not above spec.activationMessages.",
        "Lower spec.activationMessages to leave zero earlier.",
    )
    AWAITING_SECOND_READING = (
        "AwaitingSecondReading",
        "The pool is at zero, and one or two messages may be an error of SQS's counts: a second reading soon decides.",
    )
    IN_FLIGHT_HELD = (
        "InFlightHeld",
        "spec.count.inFlight is Hold, and the pods that may hold the messages in flight stay.",
        "Set spec.count.inFlight to Ignore to scale in regardless of them.",
    )
    MESSAGES_WAITING = (
        "MessagesWaiting",
        "More messages wait than half of what the ready pods can handle at once, so the pool does not scale in.",
    )
    ROLLING_OUT = (
        "RollingOut",
        "The target is rolling out a new template, so the pool does not scale in.",
        "See `kubectl rollout status`; a stuck rollout keeps the pool from scaling in.",
    )
    SCALE_UP_STABILIZED = (
        "ScaleUpStabilized",
        "Fewer pods than the load needs are asked for, because no more were recommended during the whole window.",
        "Shorten spec.behavior.scaleUp.stabilizationWindowSeconds to scale out earlier.",
    )
    SCALE_DOWN_STABILIZED = (
        "ScaleDownStabilized",
        "More pods than the load needs are kept, because that many were recommended within the stabilization window.",
        "Shorten spec.behavior.scaleDown.stabilizationWindowSeconds to scale in earlier.",
    )
    SCALE_UP_LIMIT = (
        "ScaleUpLimit",
        "The policies of spec.behavior.scaleUp allow no more for now.",
        "Allow more pods per period, or none of the policies.",
    )
    SCALE_DOWN_LIMIT = (
        "ScaleDownLimit",
        "The policies of spec.behavior.scaleDown allow no fewer for now.",
        "Allow more pods per period, or none of the policies.",
    )
    SCHEDULED = (
        "Scheduled",
        "The bounds of an active schedule set the size.",
        "See spec.schedules; the message names the schedule.",
    )
    AWAITING_EMPTY_CONFIRMATION = (
        "AwaitingEmptyConfirmation",
        "The last pod stays until the queues were empty for scaleToZeroAfterSeconds; without it, as learned.",
        "Set spec.scaleToZeroAfterSeconds, or shorten it, to go to zero earlier.",
    )
    ACTIVE_MINIMUM = (
        "ActiveMinimum",
        "The pool is not idle, and spec.activeMinReplicas sets the size.",
        "Lower spec.activeMinReplicas to allow fewer pods while there is work.",
    )
    TOO_FEW_REPLICAS = (
        "TooFewReplicas",
        "spec.minReplicas sets the size.",
        "Lower spec.minReplicas to allow fewer pods.",
    )
    TOO_MANY_REPLICAS = (
        "TooManyReplicas",
        "spec.maxReplicas sets the size.",
        "Raise spec.maxReplicas if the backlog should shrink faster.",
    )
    QUEUE_UNREADABLE = (
        "QueueUnreadable",
        "A queue could not be read, so the size stays as it is.",
        "See the QueueReachable condition.",
    )
    FALLBACK = (
        "Fallback",
        "No queue could be read for spec.fallback.afterSeconds, so spec.fallback.replicas sets the size.",
        "See the QueueReachable condition.",
    )
    WAITING_FOR_IDLE_WORKERS = (
        "WaitingForIdleWorkers",
        "The load calls for fewer pods, and the workers of those left to go are busy, starting or silent.",
        "Usually nothing. spec.scaleIn.maxWaitSeconds limits the wait; busyWorkers: Drain does not wait at all.",
    )
    SCALE_CONFLICT = (
        "ScaleConflict",
        "Another writer, named in the message, keeps changing the replicas; the operator stops writing for a while.",
        "Remove the other autoscaler, or remove spec.replicas from the manifest that is applied repeatedly.",
    )
    PAUSED = (
        "Paused",
        "spec.mode is Paused, or spec.pausedUntil is still to come: nothing is read and nothing is scaled.",
        "Set spec.mode to Active; remove spec.pausedUntil, or wait for that time.",
    )

    # Conditions.
    READY = "Ready", "The backlog is read and sets the size."
    QUEUE_READ = "QueueRead", "Every queue answered."
    TARGET_FOUND = "TargetFound", "The target exists."
    SCALING_ACTIVE = "ScalingActive", "The operator may change the replicas."
    DESIRED_WITHIN_RANGE = "DesiredWithinRange", "The desired size lies within the bounds."
    DRY_RUN = (
        "DryRun",
        "spec.mode is DryRun: decisions are reported and not carried out.",
        "Set spec.mode to Active.",
    )
    TARGET_PAUSED = (
        "TargetPaused",
        "The target is paused (its spec.paused): its size is written, but no pod of a new template starts.",
        "Resume it: `kubectl rollout resume`, or `kubectl argo rollouts promote`.",
    )
    TARGET_NOT_FOUND = (
        "TargetNotFound",
        "There is no such object in the pool's namespace, or the cluster has no such kind.",
        "Create it, install its kind's definition, or correct spec.scaleTargetRef.",
    )
    TARGET_CONFLICT = (
        "TargetConflict",
        "An older pool already scales this target.",
        "Delete one of the two pools, or give this one another target.",
    )
    TARGET_NOT_ALLOWED = (
        "TargetNotAllowed",
        "No pool may scale it: the operator's own Deployment, a kind that its settings leave out, one without /scale.",
        "Correct spec.scaleTargetRef, or list the kind in scaleTargets of the operator's chart, as the message says.",
    )
    INVALID_SPEC = (
        "InvalidSpec",
        "The stored pool does not fit this operator's CRD; it was stored under another one.",
        "Install the CRD that belongs to the operator, and apply the pool again.",
    )
    QUEUE_ADDRESS_INVALID = (
        "QueueAddressInvalid",
        "The queue's URL is none, or AWS's and without a region that fits, or the variable of urlFromEnv holds none.",
        "Correct spec.queues[] or the variable as the message says; `qwp validate` checks them offline.",
    )
    QUEUE_NOT_FOUND = (
        "QueueNotFound",
        "SQS says that there is no such queue.",
        "Correct spec.queues[].url and region, or create the queue.",
    )
    QUEUE_ACCESS_DENIED = (
        "QueueAccessDenied",
        "SQS does not let the operator read the queue.",
        "Allow sqs:GetQueueAttributes on the queue to the operator's role, or do what the message says instead.",
    )
    QUEUE_KEY_UNUSABLE = (
        "QueueKeyUnusable",
        "SQS may not use the queue's KMS key for the operator, or the key is disabled or gone.",
        "Enable the key, and let its policy allow SQS and the operator's role to use it.",
    )
    CLOCK_SKEWED = (
        "ClockSkewed",
        "AWS refuses the operator's requests, because the clock of its node is wrong by minutes; no queue can be read.",
        "Set the clock of the operator's node.",
    )
    CREDENTIALS_DENIED = (
        "CredentialsDenied",
        "STS refuses to give the operator the credentials of its own role, so no queue can be read.",
        "Correct the role's trust policy, the cluster's OIDC provider or AWS_ROLE_ARN, as the message says.",
    )
    CREDENTIALS_UNAVAILABLE = (
        "CredentialsUnavailable",
        "The operator has no AWS credentials: none are set, or STS or the Pod Identity agent does not give them.",
        "Give its service account a role; else check STS, the agent or the file that the message names.",
    )
    QUEUE_NOT_ALLOWED = (
        "QueueNotAllowed",
        "The operator's settings do not let the pool's namespace use the queue, so it is not read.",
        "Correct spec.queues[].url and region, or have the queue allowed in the operator's QWP_TENANTS.",
    )
    QUEUE_THROTTLED = (
        "QueueThrottled",
        "SQS throttles the operator's requests.",
        "Raise spec.pollSeconds of the pools on this account, or set spec.idlePollSeconds.",
    )
    QUEUE_UNREACHABLE = (
        "QueueUnreachable",
        "SQS did not answer: network, DNS, TLS, time-out, or SQS itself failed.",
        "Check the operator's network and AWS_ENDPOINT_URL_SQS.",
    )
    QUEUE_ANSWER_INVALID = (
        "QueueAnswerInvalid",
        "SQS, or something that answers in its place, sent an answer that makes no sense.",
        "Check what AWS_ENDPOINT_URL_SQS points to.",
    )

    LATENCY_BELOW_STARTUP = (
        "LatencyBelowStartup",
        "spec.target.latencySeconds is not above the pods' start-up time, so new pods cannot meet it.",
        "Raise latencySeconds above the figure in the message, keep minReplicas above zero, or make pods start faster.",
    )
    READY_FOR_NEW_SCALE = "ReadyForNewScale", "The target has the desired size."
    FAILED_UPDATE_SCALE = (
        "FailedUpdateScale",
        "The API server refuses the new size, or the list of the pods to choose from; the message is its own sentence.",
        "Change what the message names: an admission policy or webhook, or the rights of the operator.",
    )
    MARKS_REFUSED = (
        "MarksRefused",
        "The API server refuses to mark the idle pods, so the ReplicaSet chooses the pods that go.",
        "Let the operator patch pods: see what the message names.",
    )
    NO_CONFLICT = "NoConflict", "No other writer keeps changing the target's replicas."

    WORKERS_ANSWER = (
        "WorkersAnswer",
        "Workers report on /state whether they are busy, so scaling in stops no busy one.",
    )
    WORKERS_SILENT = (
        "WorkersSilent",
        "No worker has answered /state yet, or none does any more, so scaling in may stop a busy one in the end.",
        "Answer GET /state on spec.scaleIn.statePort (queueworker does), or set spec.scaleIn.busyWorkers to Drain.",
    )
    WORKERS_NOT_PROTECTABLE = (
        "WorkersNotProtectable",
        "Which pods of this kind go at a scale-in is not known, so busy workers have their grace period only.",
        "Scale a Deployment, a StatefulSet or an Argo Rollout instead, or set spec.scaleIn.busyWorkers to Drain.",
    )
    BUSY_WORKERS_DRAINED = (
        "BusyWorkersDrained",
        "spec.scaleIn.busyWorkers is Drain: scaling in does not wait for busy workers.",
        "Set spec.scaleIn.busyWorkers to Protect.",
    )

    # Events.
    REPLICAS_CORRECTED = (
        "ReplicasCorrected",
        "Another writer changed the target's replicas, and the operator set them back; reported once.",
        "Change the pool's spec instead, or set spec.mode to Paused.",
    )
    SUCCESSFUL_RESCALE = "SuccessfulRescale", "The replicas were changed."


class ReadOutcome(StrEnum):
    """How one reading of a queue ended, as the label of `queueworkerpool_queue_reads_total`."""

    OK = "ok"
    ADDRESS_INVALID = "address_invalid"
    NOT_FOUND = "not_found"
    ACCESS_DENIED = "access_denied"
    KEY_UNUSABLE = "key_unusable"
    CLOCK_SKEWED = "clock_skewed"
    CREDENTIALS_DENIED = "credentials_denied"
    CREDENTIALS_UNAVAILABLE = "credentials_unavailable"
    NOT_ALLOWED = "not_allowed"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"


class StateOutcome(StrEnum):
    """How one request for a worker's /state ended, as the label of `queueworkerpool_state_requests_total`."""

    ANSWERED = "answered"
    SILENT = "silent"  # no connection, or no answer within a second
    REFUSED = "refused"  # an answer that does not keep to the contract
    OTHER_POD = "other_pod"  # the answer of another pod that has the address now


DECISION_REASONS = (
    Reason.SIZED_BY_BACKLOG,
    Reason.SIZED_BY_LATENCY,
    Reason.WITHIN_TOLERANCE,
    Reason.BELOW_ACTIVATION,
    Reason.AWAITING_SECOND_READING,
    Reason.IN_FLIGHT_HELD,
    Reason.MESSAGES_WAITING,
    Reason.ROLLING_OUT,
    Reason.SCALE_UP_STABILIZED,
    Reason.SCALE_DOWN_STABILIZED,
    Reason.SCALE_UP_LIMIT,
    Reason.SCALE_DOWN_LIMIT,
    Reason.SCHEDULED,
    Reason.AWAITING_EMPTY_CONFIRMATION,
    Reason.ACTIVE_MINIMUM,
    Reason.TOO_FEW_REPLICAS,
    Reason.TOO_MANY_REPLICAS,
    Reason.WAITING_FOR_IDLE_WORKERS,
    Reason.QUEUE_UNREADABLE,
    Reason.FALLBACK,
    Reason.SCALE_CONFLICT,
    Reason.PAUSED,
)
"""The reasons that a decision can end with: the label of `queueworkerpool_decisions_total`."""
