"""Deployments on a real API server: one is scaled only at the version that was decided on."""

import time
from datetime import datetime

import pytest

from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.errors import ClusterConflictError, TargetGoneError
from queueworkerpool.model import ScaleTarget
from queueworkerpool.names import FIELD_MANAGER
from tests.adapters.operator.conftest import Namespace


async def settled(cluster: KubernetesCluster, scale_target: ScaleTarget) -> int:
    """Return the Deployment's version once its controller has written all that it had to write."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        raw = cluster._connection.request(
            "GET", f"/apis/apps/v1/namespaces/{scale_target.namespace}/deployments/{scale_target.name}"
        )
        conditions = {condition["type"] for condition in raw.get("status", {}).get("conditions", ())}
        if raw["status"].get("observedGeneration") == 1 and "Progressing" in conditions:
            version = (await cluster.target(scale_target)).resource_version
            if version == int(raw["metadata"]["resourceVersion"]):
                return version
    raise AssertionError("the Deployment did not settle")


async def test_a_deployment_is_scaled_at_the_version_that_was_decided_on(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    deployment = namespace.deployment("jobs")
    before = await settled(cluster, deployment)
    version = await cluster.scale(deployment, 3, before)
    raw = namespace.get("deployment", "jobs")
    assert raw["spec"]["replicas"] == 3
    assert version > before
    target = await cluster.target(deployment)
    assert (target.replicas, target.writer) == (3, (FIELD_MANAGER, None))


async def test_another_writer_of_the_replicas_is_known(namespace: Namespace, cluster: KubernetesCluster) -> None:
    """By `kubectl scale`, as an HPA or KEDA would, the API server records no time."""
    deployment = namespace.deployment("jobs")
    await cluster.scale(deployment, 3, await settled(cluster, deployment))
    namespace.kubectl("scale", "deployment", "jobs", "--replicas=2")
    assert (await cluster.target(deployment)).writer == ("kubectl", None)
    namespace.kubectl("patch", "deployment", "jobs", "-p", '{"spec": {"replicas": 4}}')
    writer = (await cluster.target(deployment)).writer
    assert writer
    assert (writer[0], type(writer[1])) == ("kubectl-patch", datetime)


async def test_a_deployment_that_changed_since_is_not_scaled(namespace: Namespace, cluster: KubernetesCluster) -> None:
    deployment = namespace.deployment("jobs")
    decided_on = await settled(cluster, deployment)
    namespace.kubectl("scale", "deployment", "jobs", "--replicas=2")
    with pytest.raises(ClusterConflictError):
        await cluster.scale(deployment, 9, decided_on)
    assert namespace.get("deployment", "jobs")["spec"]["replicas"] == 2


async def test_only_the_replicas_of_a_deployment_are_touched(namespace: Namespace, cluster: KubernetesCluster) -> None:
    deployment = namespace.deployment("jobs")
    before = namespace.get("deployment", "jobs")["spec"]
    await cluster.scale(deployment, 3, await settled(cluster, deployment))
    assert namespace.get("deployment", "jobs")["spec"] == before | {"replicas": 3}


async def test_a_deployment_that_was_deleted_is_reported(namespace: Namespace, cluster: KubernetesCluster) -> None:
    deployment = namespace.deployment("jobs")
    version = await settled(cluster, deployment)
    namespace.kubectl("delete", "deployment", "jobs")
    with pytest.raises(TargetGoneError, match="jobs"):
        await cluster.scale(deployment, 3, version)


async def test_a_deployment_created_anew_is_not_scaled_by_an_old_decision(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    deployment = namespace.deployment("jobs")
    version = await settled(cluster, deployment)
    namespace.kubectl("delete", "deployment", "jobs")
    namespace.deployment("jobs", replicas=1)
    with pytest.raises(ClusterConflictError):
        await cluster.scale(deployment, 9, version)
    assert namespace.get("deployment", "jobs")["spec"]["replicas"] == 1
