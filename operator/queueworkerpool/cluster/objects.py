"""Parses raw pods and makes raw Events. Pure. `client` sends and receives them."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from queueworkerpool.model import Event, NamespacedName, Pod, StoredPool
from queueworkerpool.names import FIELD_MANAGER, GROUP, KIND, VERSION

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
MARK = str(-(2**31) + 1)
"""A cost that is hardly used otherwise, so that the mark is recognised as ours."""

LONGEST_NAME = 253
"""How long an object's name may be, a pool's and an Event's."""


def parse_pod(item: Mapping[str, Any]) -> Pod:
    """Parse a raw pod."""
    metadata, status = item["metadata"], item.get("status", {})
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    ready = next((c for c in status.get("conditions", ()) if c["type"] == "Ready" and c["status"] == "True"), None)
    restarted = any(container.get("restartCount", 0) for container in status.get("containerStatuses", ()))
    startup = None
    if ready and not restarted and ready.get("lastTransitionTime"):
        startup = (datetime.fromisoformat(ready["lastTransitionTime"]) - created).total_seconds()
    return Pod(
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


def belongs(item: Mapping[str, Any], deployment: NamespacedName) -> bool:
    """Return whether a pod belongs to the Deployment, by its ReplicaSet's name, and is neither ended nor deleted."""
    metadata = item["metadata"]
    template = metadata.get("labels", {}).get("pod-template-hash")
    owners = metadata.get("ownerReferences", ())
    of_set = any(
        owner["kind"] == "ReplicaSet" and owner.get("controller") and owner["name"] == f"{deployment.name}-{template}"
        for owner in owners
    )
    ended = item.get("status", {}).get("phase") in {"Succeeded", "Failed"}
    return of_set and not ended and "deletionTimestamp" not in metadata


def raw_event(pool: StoredPool, event: Event, now: datetime) -> dict[str, Any]:
    """Return a raw Event about a pool."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "metadata": {"namespace": pool.key.namespace, "name": _event_name(pool.key.name)},
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "namespace": pool.key.namespace,
            "name": pool.key.name,
            "uid": pool.uid,
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:1024],  # the API server's limit
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


def _event_name(pool: str) -> str:
    """Return a name for an Event, in the shape of other components'. It only has to be unique."""
    unique = f"{time.time_ns():x}"
    # A part of a name cannot end with a hyphen, and no part is empty.
    return f"{pool[: LONGEST_NAME - len(unique) - 1].rstrip('.-')}.{unique}"
