"""Pools that scale something else than a Deployment, on a real API server with the real controllers of Kubernetes."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.operator.conftest import Operator, Shop, wait_for_the_next_second
from tests.cluster.operator.kinds import (
    SCALED_AS_ARGO_DOES,
    SCALED_IN_ITS_OWN_WAY,
    define,
    definition,
    replica_set,
    stateful_set,
)
from tests.cluster.operator.workers import Workers

ROLLOUT = definition("Rollout", "argoproj.io", "v1alpha1", scale=SCALED_AS_ARGO_DOES)
INDEX = definition("Index", "example.com", "v1", "indices", SCALED_IN_ITS_OWN_WAY)
RIGID = definition("Rigid", "example.com", "v1")
SLEEP = ["sleep", "3600"]
AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}


@pytest.fixture(autouse=True)
def cleaned(shop: Shop) -> Iterator[None]:
    yield
    shop.kubectl("delete", "qwp,statefulsets,replicasets", "--all", "--wait=false")
    names = (crd["metadata"]["name"] for crd in (ROLLOUT, INDEX, RIGID))
    shop.cluster.kubectl("delete", "crd", "--ignore-not-found", *names)


def target(kind: str, name: str, api_version: str = "apps/v1") -> dict[str, Any]:
    return {"scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": name}}


def field(shop: Shop, kind: str, name: str, path: str) -> str:
    return shop.kubectl("get", kind, name, "-o", f"jsonpath={{{path}}}")


def message(shop: Shop, pool: str, kind: str) -> str:
    return next(str(each["message"]) for each in shop.status(pool)["conditions"] if each["type"] == kind)


def refused(shop: Shop, pool: str) -> bool:
    return shop.condition(pool, "TargetFound") == ("False", "TargetNotAllowed")


def busy(workers: Workers, ending: str) -> None:
    """Make the worker busy whose pod has this name's ending."""
    [address] = [address for address, pod in workers.pods().items() if str(pod["metadata"]["name"]).endswith(ending)]
    (workers.folder / address).touch()


def names(workers: Workers) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in workers.pods().values())


WAYS = {"parallel": ("Parallel", 0), "ordered": ("OrderedReady", 0), "from ordinal 3": ("Parallel", 3)}


@pytest.mark.parametrize(("management", "start"), WAYS.values(), ids=WAYS)
def test_a_stateful_set_goes_down_from_the_top_as_far_as_its_pods_are_idle(
    management: str, start: int, shop: Shop, tmp_path: Path
) -> None:
    workers = Workers(shop, tmp_path / "busy")
    stateful_set(shop, "pods", 4, workers.command, podManagementPolicy=management, ordinals={"start": start})
    shop.eventually(lambda: field(shop, "sts", "pods", ".status.readyReplicas") == "4", 60, "not ready")
    busy(workers, f"-{start + 1}")
    queue = shop.queue("pods")
    shop.pool("pods", queue, behavior=AT_ONCE, scaleToZeroAfterSeconds=1, **target("StatefulSet", "pods"))
    shop.eventually(lambda: field(shop, "sts", "pods", ".spec.replicas") == "2", 60, "the idle ones did not go")
    shop.eventually(lambda: names(workers) == [f"pods-{start}", f"pods-{start + 1}"], 60, "others are left")
    shop.eventually(
        lambda: shop.condition("pods", "WorkersProtected") == ("True", "WorkersAnswer"), 60, "not protected"
    )
    waits = "WaitingForIdleWorkers"
    shop.eventually(lambda: shop.status("pods")["lastDecision"]["reason"] == waits, 60, "the wait was not reported")
    assert "controller.kubernetes.io/pod-deletion-cost" not in shop.kubectl("get", "pods", "-o", "yaml")
    workers.rest()
    shop.eventually(lambda: field(shop, "sts", "pods", ".spec.replicas") == "0", 60, "the last ones did not go")


def test_a_stateful_set_grows_and_shares_no_pool_with_a_deployment_of_its_name(shop: Shop) -> None:
    stateful_set(shop, "same", 0, SLEEP)
    shop.deployment("same")
    shop.send(queue := shop.queue("same"), 10)
    shop.pool("of-the-set", queue, **target("StatefulSet", "same"))
    shop.pool("of-the-deployment", queue, deployment="same")
    shop.eventually(lambda: field(shop, "sts", "same", ".spec.replicas") == "2", 60, "the StatefulSet did not grow")
    shop.eventually(lambda: shop.replicas("same") == 2, 60, "the Deployment did not grow")
    wait_for_the_next_second()  # of pools that were created in one, the lower uid counts as older
    shop.pool("second", queue, **target("StatefulSet", "same"))
    shop.eventually(lambda: shop.condition("second", "TargetFound") == ("False", "TargetConflict"), 60, "no conflict")
    assert "already scales StatefulSet same" in message(shop, "second", "TargetFound")
    found = ("True", "TargetFound")
    shop.eventually(lambda: shop.condition("of-the-set", "TargetFound") == found, 60, "it was not reported")
    assert message(shop, "of-the-set", "TargetFound") == "StatefulSet same exists"


def test_a_rollouts_kind_may_come_later_and_its_idle_pods_are_marked(shop: Shop, tmp_path: Path) -> None:
    """There is no controller of Argo's here: the test keeps the ReplicaSet at the size of the Rollout."""
    workers = Workers(shop, tmp_path / "busy")
    queue = shop.queue("pods")
    rollout = target("Rollout", "pods", "argoproj.io/v1alpha1")
    shop.pool("pods", queue, behavior=AT_ONCE, scaleToZeroAfterSeconds=1, **rollout)
    shop.eventually(lambda: shop.condition("pods", "TargetFound") == ("False", "TargetNotFound"), 60, "it was found")
    assert "serves no Rollout of argoproj.io/v1alpha1" in message(shop, "pods", "TargetFound")
    told = "TargetNotFound: "
    shop.eventually(lambda: any(each.startswith(told) for each in shop.events("pods")), 60, "no Event was posted")

    replicas = replica_set(shop, "pods", 3, workers.command)
    shop.eventually(lambda: field(shop, "rs", replicas, ".status.readyReplicas") == "3", 60, "not ready")
    [one, *_] = workers.work(1)
    define(shop, ROLLOUT)
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "pods"}}}
    manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "pods"}, "spec": spec}
    shop.apply(manifest)
    status = {"status": {"replicas": 3, "readyReplicas": 3, "HPAReplicas": 3, "selector": "app=pods"}}
    shop.kubectl("patch", "rollout", "pods", "--subresource=status", "--type=merge", "-p", json.dumps(status))
    shop.eventually(lambda: field(shop, "rollout", "pods", ".spec.replicas") == "1", 60, "it was not scaled in")
    shop.kubectl("scale", "rs", replicas, "--replicas=1")
    shop.eventually(lambda: set(workers.pods()) == {one}, 60, "not the busy worker is left")


def test_any_other_kind_is_sized_by_its_scale_without_protection_and_says_so(shop: Shop) -> None:
    """The numbers stand where only the kind's definition knows."""
    define(shop, INDEX)
    index = {"apiVersion": "example.com/v1", "kind": "Index", "metadata": {"name": "idx"}, "spec": {"size": 0}}
    shop.apply(index)
    shop.send(queue := shop.queue("idx"), 10)
    shop.pool("idx", queue, **target("Index", "idx", "example.com/v1"))
    shop.eventually(lambda: field(shop, "index", "idx", ".spec.size") == "2", 60, "it did not grow")
    found = ("False", "WorkersNotProtectable")
    shop.eventually(lambda: shop.condition("idx", "WorkersProtected") == found, 60, "nobody says so")
    assert "set spec.scaleIn.busyWorkers to Drain" in message(shop, "idx", "WorkersProtected")
    shop.eventually(lambda: shop.condition("idx", "Ready") == ("True", "Ready"), 60, "it is not ready")
    shop.pool("idx", queue, scaleIn={"busyWorkers": "Drain"}, **target("Index", "idx", "example.com/v1"))
    drained = ("False", "BusyWorkersDrained")
    shop.eventually(lambda: shop.condition("idx", "WorkersProtected") == drained, 60, "it is not drained")
    assert shop.status("idx")["replicas"] == 2


def test_a_kind_that_cannot_be_scaled_is_told_by_name_and_costs_nobody_else(shop: Shop, operator: Operator) -> None:
    define(shop, RIGID)
    shop.apply({"apiVersion": "example.com/v1", "kind": "Rigid", "metadata": {"name": "r"}, "spec": {"replicas": 1}})
    shop.deployment("good")
    shop.send(queue := shop.queue("good"), 10)
    shop.pool("rigid", queue, **target("Rigid", "r", "example.com/v1"))
    shop.pool("unlisted", queue, **target("DaemonSet", "d"))
    shop.pool("good", queue)
    shop.eventually(lambda: shop.replicas("good") == 2, 60, "the good pool suffers")
    unlisted = "spec.scaleTargetRef: the operator does not scale the kind DaemonSet of apps: add it to scaleTargets"
    rigid = "the kind Rigid of example.com/v1 has no /scale: add subresources.scale"
    for pool, words in (("rigid", rigid), ("unlisted", unlisted)):
        shop.eventually(partial(refused, shop, pool), 60, f"{pool} is not refused")
        assert words in message(shop, pool, "TargetFound")
    assert operator.failures() == ""
