"""Raw Kubernetes objects: what a pod tells, and what an Event says. Pure. `door` sends and receives them."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from queueworkerpool.model import Key, News, PodSeen, Pool
from queueworkerpool.names import FIELD_MANAGER, GROUP, KIND, VERSION

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
MARK = str(-(2**31) + 1)
"""A cost that hardly anybody else gives, so that the mark is known as ours."""


def pod_seen(item: Mapping[str, Any]) -> PodSeen:
    """Read a raw pod."""
    metadata, status = item["metadata"], item.get("status", {})
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    ready = next((c for c in status.get("conditions", ()) if c["type"] == "Ready" and c["status"] == "True"), None)
    restarted = any(container.get("restartCount", 0) for container in status.get("containerStatuses", ()))
    startup = None
    if ready and not restarted and ready.get("lastTransitionTime"):
        startup = (datetime.fromisoformat(ready["lastTransitionTime"]) - created).total_seconds()
    return PodSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        address=status.get("podIP", ""),
        ready=bool(ready),
        startup_seconds=startup,
        assigned=bool(item["spec"].get("nodeName")),
        pending=status.get("phase") == "Pending",
        running=any("running" in container.get("state", {}) for container in status.get("containerStatuses", ())),
        marked=metadata.get("annotations", {}).get(DELETION_COST) == MARK,
    )


def belongs(item: Mapping[str, Any], deployment: Key) -> bool:
    """Whether a pod is one of the Deployment's, by its ReplicaSet's name, and neither ended nor being deleted."""
    metadata = item["metadata"]
    template = metadata.get("labels", {}).get("pod-template-hash")
    owners = metadata.get("ownerReferences", ())
    of_set = any(
        owner["kind"] == "ReplicaSet" and owner.get("controller") and owner["name"] == f"{deployment.name}-{template}"
        for owner in owners
    )
    ended = item.get("status", {}).get("phase") in {"Succeeded", "Failed"}
    return of_set and not ended and "deletionTimestamp" not in metadata


def event_of(pool: Pool, news: News, now: datetime) -> dict[str, Any]:
    """The raw Event that tells news about a pool."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        # The name only has to be unique; other components use the same shape.
        "metadata": {"namespace": pool.key.namespace, "name": f"{pool.key.name}.{time.time_ns():x}"},
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "namespace": pool.key.namespace,
            "name": pool.key.name,
            "uid": pool.uid,
        },
        "type": news.kind,
        "reason": news.reason,
        "message": news.message[:1024],  # the API server's limit
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
