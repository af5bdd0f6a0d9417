"""Registers the node and keeps it Ready: the Node object and its Lease. Pure, except for the loop that renews them."""

import asyncio
import logging
import os
from datetime import UTC, datetime

from devcluster.node.api import Api
from devcluster.node.http import HttpError, UnreachableError
from devcluster.node.status import Json, timestamp

log = logging.getLogger(__name__)

LEASE_DURATION_SECONDS = 40
RENEW_INTERVAL_SECONDS = 10
# The lease says that the node lives; the bigger Node object is only written to start and to be sure.
STATUS_EVERY_RENEWALS = 6


def node(name: str, pods: int, now: datetime) -> Json:
    """Return the Node: Ready, and with room for PODS pods whatever they request."""
    room = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": str(pods)}
    good = {"status": "False", "reason": "ProcessNode", "lastHeartbeatTime": timestamp(now)}
    conditions = [{**good, "type": kind} for kind in ("MemoryPressure", "DiskPressure", "PIDPressure")]
    ready = {**good, "type": "Ready", "status": "True", "message": "pods are local processes; this is not a kubelet"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": _architecture(),
            },
        },
        "status": {
            "capacity": room,
            "allocatable": room,
            "conditions": [*conditions, ready],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
            "nodeInfo": _information(),
        },
    }


def lease(name: str, now: datetime) -> Json:
    """Return the node's Lease, renewed at NOW."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {
            "holderIdentity": name,
            "leaseDurationSeconds": LEASE_DURATION_SECONDS,
            "renewTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


async def keep_registered(api: Api, name: str, pods: int) -> None:
    """Register the node and renew it, forever; retry soon while the API server is away."""
    renewals = 0
    while True:
        now = datetime.now(UTC)
        try:
            if renewals % STATUS_EVERY_RENEWALS == 0:
                await api.put_node(node(name, pods, now))
            await api.put_lease(lease(name, now))
        except (HttpError, UnreachableError) as error:
            log.info("the node could not be renewed: %s", error)
            renewals = 0
            await asyncio.sleep(0.2)
        else:
            renewals += 1
            await asyncio.sleep(RENEW_INTERVAL_SECONDS)


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def _information() -> Json:
    unknown = dict.fromkeys(("machineID", "systemUUID", "bootID", "osImage", "kubeProxyVersion"), "")
    return {
        **unknown,
        "kernelVersion": os.uname().release,
        "containerRuntimeVersion": "processes://1",
        "kubeletVersion": "v0.0.0-devcluster",
        "operatingSystem": "linux",
        "architecture": _architecture(),
    }
