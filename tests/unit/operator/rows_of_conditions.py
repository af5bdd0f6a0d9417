"""Every condition in every case: type, what the tick observed, status, reason and message."""

from dataclasses import replace

from queueworkerpool.errors import (
    ClusterRefusedError,
    QueueAddressInvalidError,
    QueueNotFoundError,
    QueueThrottledError,
    TargetKindMissingError,
    TargetKindNotAllowedError,
)
from queueworkerpool.model import (
    BusyWorkers,
    CompetingWriter,
    InvalidPool,
    Memory,
    Mode,
    NamespacedName,
    Observation,
    Removal,
    ScaleTargetRef,
)
from queueworkerpool.names import ConditionType
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import ago, invalid_pool, pods, pods_policy, reading, rules, worker
from tests.unit.operator.fakes import observe, target

REPORTING = Memory(workers=WorkerEstimates(concurrency=4))
NO_QUEUE = "thumbnails: no such queue"
INVALID = "the stored spec lacks 'mode'"
BROKEN = invalid_pool(INVALID)
MISSING = observe(target=None, counts=(), decision=None)
OWNED = observe(owner=NamespacedName("shop", "older"), counts=(), decision=None)
PAUSED = observe({"mode": Mode.PAUSED}, counts=())
PAUSED_UNTIL = observe({"mode": Mode.PAUSED, "paused_until": ago(-3600)}, counts=())
DRY_RUN = observe({"mode": Mode.DRY_RUN})
FORBIDDEN = observe(forbidden=True, counts=(), decision=None)
UNREADABLE = observe({"reading": None}, counts=(QueueNotFoundError(NO_QUEUE),))

NO_TARGET = "there is no Deployment thumbnailer in this namespace: create it, or correct spec.scaleTargetRef.name"
OWN = "Deployment thumbnailer is the operator's own: correct spec.scaleTargetRef.name"
CONFLICT = "the older pool older already scales Deployment thumbnailer: delete one of the two pools"
IS_PAUSED = "spec.mode is Paused: nothing is read and nothing is scaled"
IS_DRY_RUN = "spec.mode is DryRun: decisions are reported and not carried out"
NO_CONFLICT = "no other writer keeps changing the replicas"
WITHIN_BOUNDS = "the desired size lies within the bounds"
EXISTS = "Deployment thumbnailer exists"
NOT_PROTECTABLE = (
    "which pods of kind Index go at a scale-in is not known, so busy workers have their grace period only: "
    "scale a Deployment or a StatefulSet, or set spec.scaleIn.busyWorkers to Drain"
)
NO_DECISION = "there is no decision"
COMPETING = "keda keeps writing the Deployment's replicas too: remove it, or take replicas out of its manifest"

STARTUP = Memory(workers=WorkerEstimates(startup_seconds=20.0))
TOO_SLOW = "pods take 20 s to start, so the least latency that can be promised is more than 20 s"

POLICY = "budget: no more than 3 replicas in this namespace"
REFUSED = observe({"reading": reading(100)}, refusal=ClusterRefusedError(POLICY))
UNMARKED = observe({"memory": REPORTING}, mark_refusal=ClusterRefusedError("pods is forbidden"))

Row = tuple[ConditionType, Observation | InvalidPool, str, str, str]

ROWS: dict[str, Row] = {
    "ready": (ConditionType.READY, observe(), "True", "Ready", "the backlog sets the size"),
    "not ready without a Deployment": (ConditionType.READY, MISSING, "False", "TargetNotFound", NO_TARGET),
    "not ready with a kind that the cluster lacks": (
        ConditionType.READY,
        replace(MISSING, kind_problem=TargetKindMissingError("no Rollout")),
        "False",
        "TargetNotFound",
        "no Rollout",
    ),
    "not ready with a kind that the settings leave out": (
        ConditionType.TARGET_FOUND,
        replace(MISSING, kind_problem=TargetKindNotAllowedError("no Rollout")),
        "False",
        "TargetNotAllowed",
        "no Rollout",
    ),
    "a StatefulSet is called one": (
        ConditionType.TARGET_FOUND,
        observe({"scale_target_ref": ScaleTargetRef("jobs", "StatefulSet")}),
        "True",
        "TargetFound",
        "StatefulSet jobs exists",
    ),
    "an Argo Rollout that is paused is promoted, not resumed": (
        ConditionType.TARGET_FOUND,
        observe(
            {"scale_target_ref": ScaleTargetRef("jobs", "Rollout", "argoproj.io/v1alpha1")}, target=target(paused=True)
        ),
        "True",
        "TargetPaused",
        "Rollout jobs is paused, so no pod of a new template starts: kubectl argo rollouts promote jobs",
    ),
    "workers of a kind whose pods nobody can choose": (
        ConditionType.WORKERS_PROTECTED,
        observe({"scale_target_ref": ScaleTargetRef("jobs", "Index")}, target=target(removal=Removal.UNKNOWN)),
        "False",
        "WorkersNotProtectable",
        NOT_PROTECTABLE,
    ),
    "not ready beside an older pool": (ConditionType.READY, OWNED, "False", "TargetConflict", CONFLICT),
    "not ready with a spec of another CRD": (ConditionType.READY, BROKEN, "False", "InvalidSpec", INVALID),
    "ready when paused, as the spec asks": (ConditionType.READY, PAUSED, "True", "Paused", IS_PAUSED),
    "ready when paused until a time": (
        ConditionType.READY,
        PAUSED_UNTIL,
        "True",
        "Paused",
        "spec.pausedUntil is 2026-11-23T13:00:00Z: nothing is read and nothing is scaled",
    ),
    "ready in a dry run, as the spec asks": (ConditionType.READY, DRY_RUN, "True", "DryRun", IS_DRY_RUN),
    "not ready while a queue cannot be read": (ConditionType.READY, UNREADABLE, "False", "QueueNotFound", NO_QUEUE),
    "not ready in a dry run that cannot read": (
        ConditionType.READY,
        replace(DRY_RUN, counts=UNREADABLE.counts),
        "False",
        "QueueNotFound",
        NO_QUEUE,
    ),
    "stalled with a spec of another CRD": (ConditionType.STALLED, BROKEN, "True", "InvalidSpec", INVALID),
    "stalled with the operator's own Deployment": (ConditionType.STALLED, FORBIDDEN, "True", "TargetNotAllowed", OWN),
    "stalled with a URL that no queue can have": (
        ConditionType.STALLED,
        observe({"reading": None}, counts=(QueueThrottledError("throttled"), QueueAddressInvalidError("no region"))),
        "True",
        "QueueAddressInvalid",
        "no region",
    ),
    "queues answer": (ConditionType.QUEUE_REACHABLE, observe(), "True", "QueueRead", "every queue answered"),
    "a queue does not answer": (ConditionType.QUEUE_REACHABLE, UNREADABLE, "False", "QueueNotFound", NO_QUEUE),
    "the first unreadable queue is reported": (
        ConditionType.QUEUE_REACHABLE,
        observe(counts=(reading(5), QueueThrottledError("invoices: throttled"), QueueNotFoundError("no"))),
        "False",
        "QueueThrottled",
        "invoices: throttled",
    ),
    "queues are not read when paused": (
        ConditionType.QUEUE_REACHABLE,
        PAUSED,
        "Unknown",
        "Paused",
        "spec.mode is Paused: the queues are not read",
    ),
    "queues are not read until a time": (
        ConditionType.QUEUE_REACHABLE,
        PAUSED_UNTIL,
        "Unknown",
        "Paused",
        "spec.pausedUntil is 2026-11-23T13:00:00Z: the queues are not read",
    ),
    "queues are not read without a Deployment": (
        ConditionType.QUEUE_REACHABLE,
        MISSING,
        "Unknown",
        "TargetNotFound",
        NO_TARGET,
    ),
    "queues are not read for another's Deployment": (
        ConditionType.QUEUE_REACHABLE,
        OWNED,
        "Unknown",
        "TargetConflict",
        CONFLICT,
    ),
    "queues are not read with a spec of another CRD": (
        ConditionType.QUEUE_REACHABLE,
        BROKEN,
        "Unknown",
        "InvalidSpec",
        INVALID,
    ),
    "the Deployment is there": (ConditionType.TARGET_FOUND, observe(), "True", "TargetFound", EXISTS),
    "the Deployment is there, in mode Paused": (ConditionType.TARGET_FOUND, PAUSED, "True", "TargetFound", EXISTS),
    "the Deployment is paused": (
        ConditionType.TARGET_FOUND,
        observe(target=target(paused=True)),
        "True",
        "TargetPaused",
        "Deployment thumbnailer is paused, so no pod of a new template starts: kubectl rollout resume",
    ),
    "the Deployment is missing": (ConditionType.TARGET_FOUND, MISSING, "False", "TargetNotFound", NO_TARGET),
    "the Deployment is an older pool's": (ConditionType.TARGET_FOUND, OWNED, "False", "TargetConflict", CONFLICT),
    "the Deployment is the operator's own": (
        ConditionType.TARGET_FOUND,
        FORBIDDEN,
        "False",
        "TargetNotAllowed",
        OWN,
    ),
    "an older pool is reported before a missing Deployment": (
        ConditionType.TARGET_FOUND,
        replace(OWNED, target=None),
        "False",
        "TargetConflict",
        CONFLICT,
    ),
    "the Deployment is unknown with a spec of another CRD": (
        ConditionType.TARGET_FOUND,
        BROKEN,
        "Unknown",
        "InvalidSpec",
        INVALID,
    ),
    "not ready while the size is refused": (ConditionType.READY, REFUSED, "False", "FailedUpdateScale", POLICY),
    "the size is refused": (ConditionType.ABLE_TO_SCALE, REFUSED, "False", "FailedUpdateScale", POLICY),
    "a refused size leaves scaling active": (
        ConditionType.SCALING_ACTIVE,
        REFUSED,
        "True",
        "ScalingActive",
        "the backlog sets the size",
    ),
    "the size is written, or need not be": (
        ConditionType.ABLE_TO_SCALE,
        observe(),
        "True",
        "ReadyForNewScale",
        "the Deployment has the desired size",
    ),
    "no size is written in a dry run": (
        ConditionType.ABLE_TO_SCALE,
        DRY_RUN,
        "Unknown",
        "DryRun",
        "no size is written",
    ),
    "no size is written when paused": (ConditionType.ABLE_TO_SCALE, PAUSED, "Unknown", "Paused", "no size is written"),
    "no size is written without a Deployment": (
        ConditionType.ABLE_TO_SCALE,
        MISSING,
        "Unknown",
        "TargetNotFound",
        "no size is written",
    ),
    "no size is written with a spec of another CRD": (
        ConditionType.ABLE_TO_SCALE,
        BROKEN,
        "Unknown",
        "InvalidSpec",
        NO_DECISION,
    ),
    "idle pods cannot be marked": (
        ConditionType.WORKERS_PROTECTED,
        UNMARKED,
        "False",
        "MarksRefused",
        "pods is forbidden",
    ),
    "scaling is active": (
        ConditionType.SCALING_ACTIVE,
        observe(),
        "True",
        "ScalingActive",
        "the backlog sets the size",
    ),
    "Paused stops scaling": (ConditionType.SCALING_ACTIVE, PAUSED, "False", "Paused", IS_PAUSED),
    "Paused is reported before a missing Deployment": (
        ConditionType.SCALING_ACTIVE,
        replace(PAUSED, target=None),
        "False",
        "Paused",
        IS_PAUSED,
    ),
    "a dry run stops scaling": (ConditionType.SCALING_ACTIVE, DRY_RUN, "False", "DryRun", IS_DRY_RUN),
    "an unreadable queue is reported before a dry run": (
        ConditionType.SCALING_ACTIVE,
        replace(DRY_RUN, counts=UNREADABLE.counts),
        "False",
        "QueueNotFound",
        NO_QUEUE,
    ),
    "no bound sets the size": (ConditionType.SCALING_LIMITED, observe(), "False", "DesiredWithinRange", WITHIN_BOUNDS),
    "stabilization is no limit": (
        ConditionType.SCALING_LIMITED,
        observe({"reading": reading(0, 20)}),
        "False",
        "DesiredWithinRange",
        WITHIN_BOUNDS,
    ),
    "the maximum sets the size": (
        ConditionType.SCALING_LIMITED,
        observe({"max_replicas": 9}),
        "True",
        "TooManyReplicas",
        "maxReplicas is 9",
    ),
    "the minimum sets the size": (
        ConditionType.SCALING_LIMITED,
        observe({"min_replicas": 11}),
        "True",
        "TooFewReplicas",
        "minReplicas is 11",
    ),
    "a rate sets the size": (
        ConditionType.SCALING_LIMITED,
        observe({"reading": reading(100), "scale_up": rules(pods_policy(4, 15))}),
        "True",
        "ScaleUpLimit",
        "spec.behavior.scaleUp allows no more",
    ),
    "a latency that cannot be met is reported before a bound": (
        ConditionType.SCALING_LIMITED,
        observe({"target": Latency(20, startup_seconds=20.5), "max_replicas": 9}),
        "True",
        "LatencyBelowStartup",
        "pods take 20.5 s to start, so the least latency that can be promised is more than 20.5 s",
    ),
    "a latency that cannot be met is reported while one of two queues cannot be read": (
        ConditionType.SCALING_LIMITED,
        observe({"target": Latency(20), "memory": STARTUP, "readings": (reading(800), None)}),
        "True",
        "LatencyBelowStartup",
        TOO_SLOW,
    ),
    "a latency that cannot be met is reported while no queue can be read": (
        ConditionType.SCALING_LIMITED,
        observe({"target": Latency(20), "memory": STARTUP, "reading": None}),
        "True",
        "LatencyBelowStartup",
        TOO_SLOW,
    ),
    "a latency that cannot be met is not reported of a pool that is paused": (
        ConditionType.SCALING_LIMITED,
        observe({"target": Latency(20), "memory": STARTUP, "mode": Mode.PAUSED}, counts=()),
        "False",
        "DesiredWithinRange",
        WITHIN_BOUNDS,
    ),
    "without a decision nothing is limited": (
        ConditionType.SCALING_LIMITED,
        MISSING,
        "Unknown",
        "TargetNotFound",
        NO_DECISION,
    ),
    "busy workers are protected": (
        ConditionType.WORKERS_PROTECTED,
        observe({"memory": REPORTING}),
        "True",
        "WorkersAnswer",
        "workers report whether they are busy",
    ),
    "silent workers cannot be protected": (
        ConditionType.WORKERS_PROTECTED,
        observe({"state_port": 9000}),
        "False",
        "WorkersSilent",
        "no worker has answered /state on port 9000 yet: scaling in trusts their grace period",
    ),
    "workers that answered and do no more hold a scale-in": (
        ConditionType.WORKERS_PROTECTED,
        observe({"memory": REPORTING, "state_port": 9000}, pods=pods(0, silent=2)),
        "False",
        "WorkersSilent",
        "no worker answers /state on port 9000 any more: they stay for spec.scaleIn.maxWaitSeconds",
    ),
    "one worker that answers is enough": (
        ConditionType.WORKERS_PROTECTED,
        observe({"memory": REPORTING}, pods=pods(1, silent=9)),
        "True",
        "WorkersAnswer",
        "workers report whether they are busy",
    ),
    "no worker has to answer before a pod is ready": (
        ConditionType.WORKERS_PROTECTED,
        observe({"memory": REPORTING}, pods=(worker("pod-1", None, ready=False),)),
        "True",
        "WorkersAnswer",
        "workers report whether they are busy",
    ),
    "workers are drained by spec.scaleIn.busyWorkers": (
        ConditionType.WORKERS_PROTECTED,
        observe({"busy_workers": BusyWorkers.DRAIN, "memory": REPORTING}),
        "False",
        "BusyWorkersDrained",
        "spec.scaleIn.busyWorkers is Drain: a busy worker has its grace period to finish",
    ),
    "without a decision nothing is known of workers": (
        ConditionType.WORKERS_PROTECTED,
        OWNED,
        "Unknown",
        "TargetConflict",
        NO_DECISION,
    ),
    "with a spec of another CRD nothing is known of workers": (
        ConditionType.WORKERS_PROTECTED,
        BROKEN,
        "Unknown",
        "InvalidSpec",
        NO_DECISION,
    ),
    "no other writer": (ConditionType.SCALE_CONFLICT, observe(), "False", "NoConflict", NO_CONFLICT),
    "two changes are no conflict": (
        ConditionType.SCALE_CONFLICT,
        observe({"memory": Memory(competing_writer=CompetingWriter("keda", 2, ago(1)))}),
        "False",
        "NoConflict",
        NO_CONFLICT,
    ),
    "three changes are a conflict": (
        ConditionType.SCALE_CONFLICT,
        observe({"memory": Memory(competing_writer=CompetingWriter("keda", 3, ago(299)))}),
        "True",
        "ScaleConflict",
        COMPETING,
    ),
    "the conflict is over after five minutes": (
        ConditionType.SCALE_CONFLICT,
        observe({"memory": Memory(competing_writer=CompetingWriter("keda", 3, ago(300)))}),
        "False",
        "NoConflict",
        NO_CONFLICT,
    ),
    "without a decision there is no conflict": (
        ConditionType.SCALE_CONFLICT,
        MISSING,
        "False",
        "NoConflict",
        NO_CONFLICT,
    ),
}
