"""Pods on a real API server: which are a Deployment's, how long they took to start, and the mark for a scale-in."""

import json
import time
from typing import Any

import pytest

from devcluster.processes import wait_until
from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.model import ScaleTarget
from tests.adapters.operator.conftest import Namespace


def pods_of(namespace: Namespace, deployment: str) -> list[str]:
    chosen = ("get", "pods", "-l", f"app={deployment}", "-o", "jsonpath={.items[*].metadata.name}")
    return sorted(namespace.kubectl(*chosen).split())


def set_status(namespace: Namespace, pod: str, seconds: int, **container: Any) -> None:
    """Write the pod's status as its node would: ready so many seconds after its creation."""
    created = namespace.get("pod", pod)["metadata"]["creationTimestamp"]
    at = time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.mktime(time.strptime(created, "%Y-%m-%dT%H:%M:%SZ")) + seconds)
    )
    state = {"name": "worker", "ready": True, "image": "none", "imageID": "", "restartCount": 0} | container
    status = {
        "phase": "Running",
        "podIP": "127.9.8.7",
        "podIPs": [{"ip": "127.9.8.7"}],
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at}],
        "containerStatuses": [state | {"state": {"running": {"startedAt": at}}}],
    }
    namespace.kubectl("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


@pytest.fixture
def pods(namespace: Namespace) -> list[str]:
    """The names of the three pods of the Deployment `jobs`, beside which another Deployment has pods as well."""
    namespace.deployment("jobs", replicas=3)
    namespace.deployment("others", replicas=2)
    wait_until(lambda: len(pods_of(namespace, "jobs")) == 3, 60, "the Deployment's pods did not come")
    return pods_of(namespace, "jobs")


async def test_pods_have_their_address_and_how_long_they_took_to_start(
    namespace: Namespace, cluster: KubernetesCluster, pods: list[str]
) -> None:
    set_status(namespace, pods[0], seconds=12)
    set_status(namespace, pods[1], seconds=500, restartCount=1)
    found = {pod.name: pod for pod in await cluster.pods(ScaleTarget(namespace.name, "jobs"), "app=jobs")}
    assert sorted(found) == pods
    ready, restarted, waiting = (found[name] for name in pods)
    assert (ready.ready, ready.address, ready.startup_seconds, ready.pending) == (True, "127.9.8.7", 12.0, False)
    assert (restarted.ready, restarted.startup_seconds) == (True, None), "that was no start of the pod"
    assert (waiting.ready, waiting.startup_seconds, waiting.pending, waiting.assigned) == (False, None, True, False)


async def test_no_more_pods_are_listed_than_asked_for(
    namespace: Namespace, cluster: KubernetesCluster, pods: list[str]
) -> None:
    key = ScaleTarget(namespace.name, "jobs")
    assert len(pods) == 3
    assert len(await cluster.pods(key, "app=jobs", 2)) == 2, "a cached list would have all three"
    assert len(await cluster.pods(key, "app=jobs", 20)) == 3
    assert await cluster.pods(key, "app=none", 20) == []


async def test_pods_that_only_share_the_label_and_pods_that_ended_are_not_listed(
    namespace: Namespace, cluster: KubernetesCluster, pods: list[str]
) -> None:
    """Anybody may set a label, and two Deployments may use the same one."""
    namespace.kubectl("run", "stray", "--image=none", "--labels=app=jobs")
    ended = {"status": {"phase": "Failed"}}
    namespace.kubectl("patch", "pod", pods[0], "--subresource=status", "--type=merge", "-p", json.dumps(ended))
    found = {pod.name for pod in await cluster.pods(ScaleTarget(namespace.name, "jobs"), "app=jobs")}
    assert "stray" not in found
    assert pods[0] not in found
    assert set(pods[1:]) <= found
    assert await cluster.pods(ScaleTarget(namespace.name, "others"), "app=jobs") == []


async def test_a_pod_is_marked_and_the_mark_is_removed(
    namespace: Namespace, cluster: KubernetesCluster, pods: list[str]
) -> None:
    key = ScaleTarget(namespace.name, "jobs")
    await cluster.mark(namespace.name, pods[1], first=True)
    assert [pod.name for pod in await cluster.pods(key, "app=jobs") if pod.marked] == [pods[1]]
    await cluster.mark(namespace.name, pods[1], first=False)
    assert not any(pod.marked for pod in await cluster.pods(key, "app=jobs"))
    await cluster.mark(namespace.name, "no-such-pod", first=True)
