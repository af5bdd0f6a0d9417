"""Parses raw pods and Events, and makes raw Events. Pure. `client` sends and receives them."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from queueworkerpool.model import (
    DEPLOYMENT,
    ROLLOUT,
    ROLLOUT_HASH,
    STATEFUL_SET,
    Container,
    Event,
    Pod,
    RecordedEvent,
    ScaleTarget,
    SizeChange,
    StoredPool,
)
from queueworkerpool.names import FIELD_MANAGER, GROUP, KIND, VERSION, EventAnnotation

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
MAIN_CONTAINER = "kubectl.kubernetes.io/default-container"
MARK = str(-(2**31) + 1)
"""A cost that is hardly used otherwise, so that the mark is recognised as ours."""

TEMPLATE_HASH = "pod-template-hash"
"""The label by which a Deployment tells the pods of its ReplicaSets."""

LONGEST_ORDINAL = 10
"""Digits of an ordinal, an int32."""

LONGEST_NAME = 253
"""How long an object's name may be, a pool's and an Event's."""


LONGEST_SIZE = 10
"""The digits of a number of replicas."""


def parse_pod(item: Mapping[str, Any]) -> Pod:
    """Parse a raw pod."""
    metadata, status = item["metadata"], item.get("status", {})
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    readiness = next((c for c in status.get("conditions", ()) if c["type"] == "Ready"), {"status": "False"})
    changed = datetime.fromisoformat(readiness.get("lastTransitionTime") or metadata["creationTimestamp"])
    ready = readiness["status"] == "True"
    restarted = any(container.get("restartCount", 0) for container in status.get("containerStatuses", ()))
    startup = None
    if ready and not restarted and "lastTransitionTime" in readiness:
        startup = (changed - created).total_seconds()
    containers, labels = tuple(_containers(item)), metadata.get("labels", {})
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        # With hostNetwork it is the node's, where anything may answer.
        address="" if item["spec"].get("hostNetwork") else status.get("podIP", ""),
        ready=ready,
        startup_seconds=startup,
        assigned=bool(item["spec"].get("nodeName")),
        pending=status.get("phase") == "Pending",
        running=any(container.running for container in containers),
        marked=metadata.get("annotations", {}).get(DELETION_COST) == MARK,
        hostname=item["spec"].get("hostname") or metadata["name"][:63].rstrip("-."),  # as the kubelet sets it
        replica_set=labels.get(TEMPLATE_HASH) or labels.get(ROLLOUT_HASH, ""),
        ordinal=_ordinal(item),
        unready_since=None if ready else changed,
        containers=containers,
    )


def _containers(item: Mapping[str, Any]) -> Iterator[Container]:
    """Yield the containers that are meant to run for as long as the pod does."""
    spec, status = item["spec"], item.get("status", {})
    statuses = [*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())]
    running = {each["name"] for each in statuses if "running" in each.get("state", {})}
    main = item["metadata"].get("annotations", {}).get(MAIN_CONTAINER)
    restarted = [each for each in spec.get("initContainers", ()) if each.get("restartPolicy") == "Always"]
    for sidecar, raw in [(False, each) for each in spec.get("containers", ())] + [(True, each) for each in restarted]:
        ports = frozenset(port["containerPort"] for port in raw.get("ports", ()))
        yield Container(raw["name"] in running, ports, main=raw["name"] == main, sidecar=sidecar)


def belongs(item: Mapping[str, Any], scale_target: ScaleTarget) -> bool:
    """Return whether a pod belongs to what is scaled, by the owner's name, and is neither ended nor deleted.

    Of a kind that is not built in it is not known who owns its pods: those that its selector matches are its.
    """
    ended = item.get("status", {}).get("phase") in {"Succeeded", "Failed"}
    if ended or "deletionTimestamp" in item["metadata"]:
        return False
    owner = _owner_of_pods(item, scale_target)
    owners = item["metadata"].get("ownerReferences", ())
    return owner is None or any(each.get("controller") and (each["kind"], each["name"]) == owner for each in owners)


def _owner_of_pods(item: Mapping[str, Any], scale_target: ScaleTarget) -> tuple[str, str] | None:
    """Return kind and name of what owns this pod, if it is the scale target's; None when that is not known."""
    labels, kind = item["metadata"].get("labels", {}), (scale_target.group, scale_target.kind)
    if kind == DEPLOYMENT.identity:
        return "ReplicaSet", f"{scale_target.name}-{labels.get(TEMPLATE_HASH)}"
    if kind == ROLLOUT.identity:
        return "ReplicaSet", f"{scale_target.name}-{labels.get(ROLLOUT_HASH)}"
    if kind == STATEFUL_SET.identity:
        return "StatefulSet", scale_target.name
    return None


def _ordinal(item: Mapping[str, Any]) -> int | None:
    """Return the number in the name of a StatefulSet's pod."""
    last = item["metadata"]["name"].rpartition("-")[2]
    return int(last) if last.isdecimal() and len(last) <= LONGEST_ORDINAL else None


def raw_event(pool: StoredPool, event: Event, now: datetime) -> dict[str, Any]:
    """Return a raw Event about a pool."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "metadata": {"namespace": pool.key.namespace, "name": _event_name(pool.key.name)} | _annotated(event.change),
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


def _annotated(change: SizeChange | None) -> dict[str, Any]:
    if change is None:
        return {}
    values = {
        EventAnnotation.FROM: str(change.before),
        EventAnnotation.TO: str(change.after),
        EventAnnotation.DECISION: change.reason,
    }
    return {"annotations": {f"{GROUP}/{name}": value for name, value in values.items()}}


def parse_event(item: Mapping[str, Any]) -> RecordedEvent:
    """Parse a raw Event; whoever may create Events may write anything into one. Raises ValueError for a time
    that is none.
    """
    metadata = item["metadata"]
    time = item.get("lastTimestamp") or item.get("eventTime") or metadata["creationTimestamp"]
    return RecordedEvent(
        time=datetime.fromisoformat(time),
        type=item.get("type") or "",
        reason=item.get("reason") or "",
        message=item.get("message") or "",
        change=_change(metadata.get("annotations") or {}),
    )


def _change(annotations: Mapping[str, str]) -> SizeChange | None:
    before, after, reason = (annotations.get(f"{GROUP}/{name}", "") for name in EventAnnotation)
    if not all(size.isdecimal() and len(size) <= LONGEST_SIZE for size in (before, after)):
        return None
    return SizeChange(int(before), int(after), reason)


def _event_name(pool: str) -> str:
    """Return a name for an Event, in the shape of other components'. It only has to be unique."""
    unique = f"{time.time_ns():x}"
    # A part of a name cannot end with a hyphen, and no part is empty.
    return f"{pool[: LONGEST_NAME - len(unique) - 1].rstrip('.-')}.{unique}"
