"""Builders of the operator's values. Each makes a calm one; a test names only what differs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import (
    Bounds,
    Facts,
    InvalidPool,
    Memory,
    NamespacedName,
    Pod,
    Policy,
    Pool,
    PoolSpec,
    PoolStatus,
    QueueReading,
    QueueRef,
    RecommendedSince,
    ScaleDownStabilization,
    ScaleTargetRef,
    ScalingRules,
    Select,
    Worker,
    WorkerState,
)
from queueworkerpool.sizing import MessagesPerPod

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def reading(visible: int = 0, in_flight: int = 0, delayed: int = 0, time: datetime = NOW) -> QueueReading:
    return QueueReading(visible, in_flight, delayed, time)


def stabilizing(
    seconds: float,
    highest: int,
    *lower: tuple[float, int],
    paused: float | None = None,
    emptied: datetime | None = None,
) -> Memory:
    """A memory in which fewer pods are recommended since so many seconds, at most `highest`, and then fewer yet."""
    steps = tuple(RecommendedSince(ago(since), most) for since, most in lower)
    known = ScaleDownStabilization(ago(seconds), highest, None if paused is None else ago(paused), steps)
    return Memory(scale_down_stabilization=known, empty_since=emptied)


def empty(seconds: float) -> Memory:
    """A memory of a pool that is empty since so many seconds."""
    return Memory(scale_down_stabilization=ScaleDownStabilization(ago(seconds), 0), empty_since=ago(seconds))


def window(seconds: int) -> ScalingRules:
    return ScalingRules(window_seconds=seconds)


def pods_policy(value: int, seconds: int) -> Policy:
    return Policy(percent=False, value=value, period_seconds=seconds)


def percent_policy(value: int, seconds: int) -> Policy:
    return Policy(percent=True, value=value, period_seconds=seconds)


def rules(
    *policies: Policy, select: Select = Select.MAX, seconds: int | None = 0, tolerance: float = 0
) -> ScalingRules:
    return ScalingRules(seconds, select, policies, tolerance)


SPEC = PoolSpec(
    scale_target_ref=ScaleTargetRef("thumbnailer"),
    queues=(QueueRef(URL),),
    max_replicas=50,
    target=MessagesPerPod(5),
    scale_up=window(0),
    scale_down=window(60),
)


def facts(**differs: Any) -> Facts:
    """Ten ready pods with 50 messages in flight, five per pod: nothing to do. No message waits, so pods may go."""
    if "reading" in differs:
        differs["readings"] = (differs.pop("reading"),)
    names = set(Facts._fields) - {"spec"}
    of_facts = {name: differs.pop(name) for name in names if name in differs}
    spec = replace(SPEC, **differs)
    bounds = Bounds(spec.min_replicas, spec.max_replicas)
    replicas = of_facts.get("replicas", 10)
    calm = Facts(spec, bounds, replicas, (reading(0, 50),), Memory(), NOW, ready=replicas)
    return calm._replace(**of_facts)


def worker(name: str, busy: int | None, oldest: float = 0, **pod: Any) -> Worker:
    """A ready pod whose worker reports so many busy slots, the oldest since `oldest` seconds; None: no answer."""
    found = Pod(name, f"uid-{name}", ready=pod.pop("ready", True), **pod)
    return Worker(found, None if busy is None else WorkerState(busy, 4, 0, 0, oldest))


def pods(idle: int, busy: int = 0, silent: int = 0) -> tuple[Worker, ...]:
    """Ready pods. The busy and the silent ones have the smaller names, so that names alone choose the wrong ones."""
    busy_slots = [*[1] * busy, *[None] * silent, *[0] * idle]
    return tuple(worker(f"pod-{number:03}", state) for number, state in enumerate(busy_slots))


def pool(**differs: Any) -> Pool:
    """A pool; its status may also be given as a raw dictionary."""
    calm = Pool(
        key=NamespacedName("shop", "thumbnails"),
        uid="uid-1",
        created="2026-11-23T11:00:00Z",
        generation=1,
        resource_version=100,
        spec=SPEC,
    )
    if isinstance(differs.get("status"), dict):
        differs["status"] = PoolStatus.parse(differs["status"])
    return replace(calm, **differs)


def invalid_pool(problem: str = "why", **differs: Any) -> InvalidPool:
    """A pool whose spec cannot be read."""
    return pool(**differs).invalid(SpecInvalidError(problem))


def raw_pool(**spec: Any) -> dict[str, Any]:
    """A pool as the API server stores it, every default filled in."""
    return {
        "metadata": {
            "namespace": "shop",
            "name": "thumbnails",
            "uid": "uid-1",
            "creationTimestamp": "2026-11-23T11:00:00Z",
            "generation": 1,
            "resourceVersion": "100",
        },
        "spec": {
            "scaleTargetRef": {"name": "thumbnailer"},
            "queues": [{"url": URL}],
            "minReplicas": 0,
            "maxReplicas": 50,
            "target": {"messagesPerPod": 5},
            "count": {"inFlight": "Count", "delayed": "Ignore"},
            "activationMessages": 0,
            "pollSeconds": 5,
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "tolerance": 0},
                "scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max", "tolerance": 0},
            },
            "scaleIn": {"busyWorkers": "Protect", "statePort": 8081, "maxWaitSeconds": 3600},
            "mode": "Active",
        }
        | spec,
    }
