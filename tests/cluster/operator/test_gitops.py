"""What Argo CD and Flux do with pools, on a real API server: wait for them, apply them again, leave the size alone."""

import json
from typing import Any

import pytest

from devcluster.sqs import REGION
from testbed import argocd, gitops
from testbed.gitops import ARGOCD, FLUX
from testbed.kstatus import Health, health
from tests.cluster.operator.conftest import ACCOUNT, Shop

WAIT_SECONDS = 60
ON_MARS = [
    {"name": "landing", "cron": "0 9 * * 1-5", "durationSeconds": 3600, "maxReplicas": 9, "timeZone": "Mars/Base"}
]


def pool(name: str, queue: str, **spec: Any) -> dict[str, Any]:
    complete = {
        "scaleTargetRef": {"name": name},
        "queues": [{"url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"}],
        "maxReplicas": 100,
        "target": {"messagesPerPod": 5},
        "pollSeconds": 1,
    } | spec
    metadata = {"name": name}
    return {"apiVersion": "queueworker.dev/v1alpha1", "kind": "QueueWorkerPool", "metadata": metadata, "spec": complete}


def apply(shop: Shop, manifest: dict[str, Any], manager: str = FLUX) -> None:
    gitops.apply(shop.cluster, [in_namespace(shop, manifest)], manager)


def differs(shop: Shop, manifest: dict[str, Any], manager: str) -> bool:
    return any(gitops.differences(shop.cluster, [in_namespace(shop, manifest)], manager))


def in_namespace(shop: Shop, manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest | {"metadata": manifest["metadata"] | {"namespace": shop.namespace}}


def stored(shop: Shop, kind: str, name: str) -> dict[str, Any]:
    return dict(json.loads(shop.kubectl("get", kind, name, "-o", "json", "--show-managed-fields")))


MODES: dict[str, tuple[dict[str, Any], Health, str, str]] = {
    "a pool that is sized": ({}, Health.CURRENT, "Healthy", "Ready"),
    "a pool that holds its size": (
        {"minReplicas": 0, "scaleToZeroAfterSeconds": 600},
        Health.CURRENT,
        "Healthy",
        "Ready",
    ),
    "a dry run": ({"mode": "DryRun"}, Health.CURRENT, "Healthy", "DryRun"),
    "a paused pool": ({"mode": "Paused"}, Health.CURRENT, "Healthy", "Paused"),
    "a pool without a target": (
        {"scaleTargetRef": {"name": "nobody"}},
        Health.IN_PROGRESS,
        "Progressing",
        "TargetNotFound",
    ),
    "a pool without its queue": (
        {"queues": [{"url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/nowhere"}]},
        Health.IN_PROGRESS,
        "Degraded",
        "QueueNotFound",
    ),
    "a pool with a spec that makes no sense": ({"schedules": ON_MARS}, Health.FAILED, "Degraded", "InvalidSpec"),
}


@pytest.mark.parametrize(("spec", "expected", "in_argocd", "reason"), MODES.values(), ids=MODES)
def test_health_of(spec: dict[str, Any], expected: Health, in_argocd: str, reason: str, shop: Shop) -> None:
    shop.deployment("jobs", replicas=1)
    apply(shop, pool("jobs", shop.queue("jobs"), **spec))
    shop.eventually(lambda: shop.condition("jobs", "Ready")[1] == reason, WAIT_SECONDS, "it is not seen")
    seen = stored(shop, "qwp", "jobs")
    assert health(seen) is expected
    [ready] = [each for each in seen["status"]["conditions"] if each["type"] == "Ready"]
    assert argocd.health(seen) == (in_argocd, ready["message"])

    calm = pool("jobs", shop.queue("jobs"))
    apply(shop, calm)
    shop.eventually(lambda: health(stored(shop, "qwp", "jobs")) is Health.CURRENT, WAIT_SECONDS, "it does not recover")
    assert "Stalled" not in {each["type"] for each in shop.status("jobs")["conditions"]}


@pytest.mark.parametrize("manager", [ARGOCD, FLUX])
def test_applying_a_pool_again_changes_nothing(manager: str, shop: Shop) -> None:
    """Defaults are the definition's, the status is the operator's: neither is a difference."""
    shop.deployment("jobs")
    manifest = pool("jobs", shop.queue("jobs"), mode="Paused")
    apply(shop, manifest, manager)
    shop.eventually(lambda: shop.condition("jobs", "Ready")[1] == "Paused", WAIT_SECONDS, "it is not seen")
    before = stored(shop, "qwp", "jobs")
    assert not differs(shop, manifest, manager)
    apply(shop, manifest, manager)
    assert stored(shop, "qwp", "jobs") == before
    owners = {each["manager"]: each.get("subresource", "") for each in before["metadata"]["managedFields"]}
    assert owners == {manager: "", "queueworkerpool": "status"}


def workers(replicas: int | None) -> dict[str, Any]:
    labels = {"app": "jobs"}
    spec: dict[str, Any] = {
        "paused": True,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "worker", "image": "none", "command": ["sleep", "3600"]}]},
        },
    } | ({} if replicas is None else {"replicas": replicas})
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "jobs"}, "spec": spec}


@pytest.mark.parametrize("manager", [ARGOCD, FLUX])
def test_a_deployment_without_replicas_keeps_the_pools_size_when_it_is_applied_again(manager: str, shop: Shop) -> None:
    queue = shop.queue("jobs")
    apply(shop, workers(None), manager)
    apply(shop, pool("jobs", queue), manager)
    shop.send(queue, 20)
    shop.eventually(lambda: shop.replicas("jobs") == 4, WAIT_SECONDS, "it was not scaled")
    assert not differs(shop, workers(None), manager)
    generation = shop.generation("jobs")
    apply(shop, workers(None), manager)
    assert (shop.replicas("jobs"), shop.generation("jobs")) == (4, generation)


def test_replicas_may_leave_a_manifest_once_the_pool_has_written_them(shop: Shop) -> None:
    """Before that, the API server puts the default of 1 in their place."""
    queue = shop.queue("jobs")
    apply(shop, workers(3))
    assert differs(shop, workers(None), FLUX)
    apply(shop, pool("jobs", queue))
    shop.send(queue, 20)
    shop.eventually(lambda: shop.replicas("jobs") == 4, WAIT_SECONDS, "it was not scaled")
    assert differs(shop, workers(3), FLUX)
    assert not differs(shop, workers(None), FLUX)
    apply(shop, workers(None))
    assert shop.replicas("jobs") == 4
