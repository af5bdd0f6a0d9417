"""What the operator's unit tests share: a calm baseline, of which each row names only what differs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from queueworkerpool.model import Facts, Key, Lull, Memory, Pool, PoolSpec, QueueReading, QueueRef

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def reading(visible: int = 0, in_flight: int = 0, delayed: int = 0, time: datetime = NOW) -> QueueReading:
    return QueueReading(visible, in_flight, delayed, time)


def lull(seconds: float, peak: int) -> Memory:
    return Memory(lull=Lull(ago(seconds), peak))


def empty(seconds: float) -> Memory:
    """A memory of a pool that was seen empty, and calm, since then."""
    return Memory(lull=Lull(ago(seconds), 0), empty_since=ago(seconds))


SPEC = PoolSpec(deployment="thumbnailer", queues=(QueueRef(URL),), max_replicas=50, messages_per_pod=5)


def facts(**differs: Any) -> Facts:
    """Ten pods with 50 messages, five per pod: nothing to do."""
    of_facts = {name: differs.pop(name) for name in ("replicas", "reading", "memory", "now") if name in differs}
    calm = Facts(replace(SPEC, **differs), replicas=10, reading=reading(50), memory=Memory(), now=NOW)
    return replace(calm, **of_facts)


def pool(**differs: Any) -> Pool:
    calm = Pool(
        key=Key("shop", "thumbnails"),
        uid="uid-1",
        created="2026-11-23T11:00:00Z",
        generation=1,
        resource_version=100,
        spec=SPEC,
    )
    return replace(calm, **differs)


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
            "scaleToZeroAfterSeconds": 60,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
            "mode": "Active",
        }
        | spec,
    }
