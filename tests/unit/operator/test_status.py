"""The status that is told of a tick: every field and every condition, word by word."""

from dataclasses import replace

import pytest

from queueworkerpool.errors import QueueNotFoundError, QueueThrottledError
from queueworkerpool.model import BusyWorkers, CompetingWriter, InvalidPool, Memory, Mode, NamespacedName, Observation
from queueworkerpool.names import ConditionType
from queueworkerpool.report.status import invalid_status
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import NOW, ago, invalid_pool, pods_policy, reading, rules
from tests.unit.operator.fakes import condition, observe, status_of, target

TALKING = Memory(workers=WorkerEstimates(concurrency=4))
INVALID = "the stored spec lacks 'mode'"
BROKEN = invalid_pool(INVALID)
MISSING = observe(target=None, counts=(), decision=None)
OWNED = observe(owner=NamespacedName("shop", "older"), counts=(), decision=None)
PAUSED = observe({"mode": Mode.PAUSED}, counts=())
DRY = observe({"mode": Mode.DRY_RUN})
BLIND = observe({"reading": None}, counts=(QueueNotFoundError("thumbnails: no such queue"),))

NO_TARGET = "there is no Deployment thumbnailer in this namespace: create it, or correct spec.scaleTargetRef.name"
CONFLICT = "the older pool older already scales Deployment thumbnailer: delete one of the two pools"
STILL = "spec.mode is Paused: nothing is read and nothing is scaled"
REPORTED = "spec.mode is DryRun: decisions are reported and not carried out"
COMPETING = "keda keeps writing the Deployment's replicas too: remove it, or take replicas out of its manifest"

Row = tuple[ConditionType, Observation | InvalidPool, str, str, str]

ROWS: dict[str, Row] = {
    "ready": (ConditionType.READY, observe(), "True", "Ready", "the backlog sets the size"),
    "not ready without a Deployment": (ConditionType.READY, MISSING, "False", "TargetNotFound", NO_TARGET),
    "not ready beside an older pool": (ConditionType.READY, OWNED, "False", "TargetConflict", CONFLICT),
    "not ready with a spec of another CRD": (ConditionType.READY, BROKEN, "False", "InvalidSpec", INVALID),
    "not ready when paused": (ConditionType.READY, PAUSED, "False", "Paused", STILL),
    "not ready in a dry run": (ConditionType.READY, DRY, "False", "DryRun", REPORTED),
    "not ready when blind": (ConditionType.READY, BLIND, "False", "QueueNotFound", "thumbnails: no such queue"),
    "queues answer": (ConditionType.QUEUE_REACHABLE, observe(), "True", "QueueRead", "every queue answered"),
    "a queue does not answer": (
        ConditionType.QUEUE_REACHABLE,
        BLIND,
        "False",
        "QueueNotFound",
        "thumbnails: no such queue",
    ),
    "the first queue in trouble is told": (
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
    "queues are not read for no Deployment": (
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
    "queues are not read by a spec of another CRD": (
        ConditionType.QUEUE_REACHABLE,
        BROKEN,
        "Unknown",
        "InvalidSpec",
        INVALID,
    ),
    "the Deployment is there": (
        ConditionType.TARGET_FOUND,
        observe(),
        "True",
        "TargetFound",
        "Deployment thumbnailer exists",
    ),
    "the Deployment is there in a pause": (
        ConditionType.TARGET_FOUND,
        PAUSED,
        "True",
        "TargetFound",
        "Deployment thumbnailer exists",
    ),
    "the Deployment is missing": (ConditionType.TARGET_FOUND, MISSING, "False", "TargetNotFound", NO_TARGET),
    "the Deployment is an older pool's": (ConditionType.TARGET_FOUND, OWNED, "False", "TargetConflict", CONFLICT),
    "an older pool is told before a missing Deployment": (
        ConditionType.TARGET_FOUND,
        replace(OWNED, target=None),
        "False",
        "TargetConflict",
        CONFLICT,
    ),
    "nobody knows which Deployment": (ConditionType.TARGET_FOUND, BROKEN, "Unknown", "InvalidSpec", INVALID),
    "scaling goes on": (ConditionType.SCALING_ACTIVE, observe(), "True", "ScalingActive", "the backlog sets the size"),
    "a pause stops scaling": (ConditionType.SCALING_ACTIVE, PAUSED, "False", "Paused", STILL),
    "a pause is told before a missing Deployment": (
        ConditionType.SCALING_ACTIVE,
        replace(PAUSED, target=None),
        "False",
        "Paused",
        STILL,
    ),
    "a dry run stops scaling": (ConditionType.SCALING_ACTIVE, DRY, "False", "DryRun", REPORTED),
    "trouble is told before a dry run": (
        ConditionType.SCALING_ACTIVE,
        replace(DRY, counts=BLIND.counts),
        "False",
        "QueueNotFound",
        "thumbnails: no such queue",
    ),
    "no bound sets the size": (
        ConditionType.SCALING_LIMITED,
        observe(),
        "False",
        "DesiredWithinRange",
        "the desired size lies within the bounds",
    ),
    "a lull is no limit": (
        ConditionType.SCALING_LIMITED,
        observe({"reading": reading(0, 20)}),
        "False",
        "DesiredWithinRange",
        "the desired size lies within the bounds",
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
    "a promise that cannot be kept is told before a bound": (
        ConditionType.SCALING_LIMITED,
        observe({"target": Latency(20, startup_seconds=20.5), "max_replicas": 9}),
        "True",
        "LatencyBelowStartup",
        "pods take 20.5 s to start, so the least latency that can be promised is more than 20.5 s",
    ),
    "nothing is decided, nothing is limited": (
        ConditionType.SCALING_LIMITED,
        MISSING,
        "Unknown",
        "TargetNotFound",
        "there is no decision",
    ),
    "busy workers are spared": (
        ConditionType.WORKERS_PROTECTED,
        observe({"memory": TALKING}),
        "True",
        "WorkersAnswer",
        "workers report whether they are busy",
    ),
    "silent workers cannot be spared": (
        ConditionType.WORKERS_PROTECTED,
        observe({"state_port": 9000}),
        "False",
        "WorkersSilent",
        "no worker has answered /state on port 9000 yet: scaling in trusts their grace period",
    ),
    "workers are not to be spared": (
        ConditionType.WORKERS_PROTECTED,
        observe({"busy_workers": BusyWorkers.DRAIN, "memory": TALKING}),
        "False",
        "BusyWorkersDrained",
        "spec.scaleIn.busyWorkers is Drain: a busy worker has its grace period to finish",
    ),
    "nothing is decided about workers": (
        ConditionType.WORKERS_PROTECTED,
        OWNED,
        "Unknown",
        "TargetConflict",
        "there is no decision",
    ),
    "nothing is known of workers of another CRD": (
        ConditionType.WORKERS_PROTECTED,
        BROKEN,
        "Unknown",
        "InvalidSpec",
        "there is no decision",
    ),
    "nobody fights": (
        ConditionType.SCALE_CONFLICT,
        observe(),
        "False",
        "NoConflict",
        "no other writer keeps changing the replicas",
    ),
    "two changes are no fight": (
        ConditionType.SCALE_CONFLICT,
        observe({"memory": Memory(competing_writer=CompetingWriter("keda", 2, ago(1)))}),
        "False",
        "NoConflict",
        "no other writer keeps changing the replicas",
    ),
    "somebody fights": (
        ConditionType.SCALE_CONFLICT,
        observe({"memory": Memory(competing_writer=CompetingWriter("keda", 3, ago(299)))}),
        "True",
        "ScaleConflict",
        COMPETING,
    ),
    "the fight is over": (
        ConditionType.SCALE_CONFLICT,
        observe({"memory": Memory(competing_writer=CompetingWriter("keda", 3, ago(300)))}),
        "False",
        "NoConflict",
        "no other writer keeps changing the replicas",
    ),
    "nothing is decided, nobody fights": (
        ConditionType.SCALE_CONFLICT,
        MISSING,
        "False",
        "NoConflict",
        "no other writer keeps changing the replicas",
    ),
}


@pytest.mark.parametrize(("kind", "seen", "status", "reason", "message"), ROWS.values(), ids=ROWS.keys())
def test_condition(
    kind: ConditionType, seen: Observation | InvalidPool, status: str, reason: str, message: str
) -> None:
    reported = status_of(seen) if isinstance(seen, Observation) else invalid_status(seen, target(), NOW).dump()
    assert condition(reported, kind) == {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-23T12:00:00Z",
    }
