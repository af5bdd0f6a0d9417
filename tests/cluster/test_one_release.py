"""Operator and pools in one release of somebody's own chart, with the definition in a release before it: real helm."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from devcluster import Cluster, CommandFailedError

CHARTS = Path(__file__).parents[2] / "charts"
OPERATORS, DEFINITIONS = CHARTS / "queueworkerpool", CHARTS / "queueworkerpool-crds"
CRD = "queueworkerpools.queueworker.dev"
POOL = {
    "apiVersion": "queueworker.dev/v1alpha1",
    "kind": "QueueWorkerPool",
    "metadata": {"name": "jobs"},
    "spec": {
        "scaleTargetRef": {"name": "jobs"},
        "queues": [{"url": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"}],
        "maxReplicas": 5,
        "target": {"messagesPerPod": 5},
    },
}
DEPENDENCY = {"name": "queueworkerpool", "version": "*", "condition": "queueworkerpool.enabled"}
WITHOUT_DEFINITION = "--set=queueworkerpool.crds.install=false"
IN_SYSTEM = ("--namespace", "system")


@pytest.fixture
def application(tmp_path: Path) -> str:
    """A chart with a pool that depends on ours, as `helm dependency update` leaves it."""
    folder = tmp_path / "application"
    shutil.copytree(OPERATORS, folder / "charts" / "queueworkerpool")
    (folder / "templates").mkdir()
    (folder / "templates" / "pool.yaml").write_text(yaml.safe_dump(POOL))
    chart = {"apiVersion": "v2", "name": "application", "version": "0.1.0", "dependencies": [DEPENDENCY]}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart))
    return str(folder)


def operators(cluster: Cluster) -> str:
    return cluster.kubectl("get", "deployments", *IN_SYSTEM, "-o", "name").strip()


def uid(cluster: Cluster, *what: str) -> str:
    return str(json.loads(cluster.kubectl("get", *what, *IN_SYSTEM, "-o", "json"))["metadata"]["uid"])


def test_a_release_may_hold_operator_and_pools_once_the_definition_is_there(bare: Cluster, application: str) -> None:
    with pytest.raises(CommandFailedError, match='no matches for kind "QueueWorkerPool"'):
        bare.helm("install", "shop", application, *IN_SYSTEM, "--create-namespace")

    bare.helm("install", "definitions", str(DEFINITIONS), *IN_SYSTEM, "--create-namespace")
    bare.wait_until_served(CRD)
    bare.helm("upgrade", "--install", "shop", application, *IN_SYSTEM, WITHOUT_DEFINITION)
    assert operators(bare) == "deployment.apps/shop-queueworkerpool"
    pool = uid(bare, "qwp", "jobs")

    off = "--set=queueworkerpool.enabled=false"
    bare.helm("upgrade", "shop", application, *IN_SYSTEM, WITHOUT_DEFINITION, off)
    assert (operators(bare), uid(bare, "qwp", "jobs")) == ("", pool)

    bare.helm("upgrade", "shop", application, *IN_SYSTEM, WITHOUT_DEFINITION)
    assert (operators(bare), uid(bare, "qwp", "jobs")) == ("deployment.apps/shop-queueworkerpool", pool)

    bare.helm("uninstall", "shop", *IN_SYSTEM)
    assert bare.kubectl("get", "qwp", "-A", "-o", "name") == ""
    assert uid(bare, "crd", CRD)


def test_a_release_hands_the_definition_over_without_touching_a_pool(bare: Cluster) -> None:
    bare.helm("install", "queueworkerpool", str(OPERATORS), *IN_SYSTEM, "--create-namespace")
    bare.wait_until_served(CRD)
    bare.apply(yaml.safe_dump(POOL | {"metadata": {"name": "jobs", "namespace": "system"}}))
    before = uid(bare, "crd", CRD), uid(bare, "qwp", "jobs")

    bare.helm("upgrade", "queueworkerpool", str(OPERATORS), *IN_SYSTEM, "--set=crds.install=false")
    with pytest.raises(CommandFailedError, match="invalid ownership metadata"):
        bare.helm("install", "definitions", str(DEFINITIONS), *IN_SYSTEM)
    bare.helm("upgrade", "--install", "definitions", str(DEFINITIONS), *IN_SYSTEM, "--take-ownership")
    assert (uid(bare, "crd", CRD), uid(bare, "qwp", "jobs")) == before

    bare.helm("upgrade", "definitions", str(DEFINITIONS), *IN_SYSTEM, "--set=commonLabels.team=a")
    labels = json.loads(bare.kubectl("get", "crd", CRD, "-o", "json"))["metadata"]["labels"]
    assert (labels["team"], labels["app.kubernetes.io/instance"]) == ("a", "definitions")
    bare.helm("uninstall", "definitions", *IN_SYSTEM)
    bare.helm("uninstall", "queueworkerpool", *IN_SYSTEM)
    assert (uid(bare, "crd", CRD), uid(bare, "qwp", "jobs")) == before
