"""The chart through its life, with real helm: what an upgrade brings along, and what an uninstall leaves in place."""

import json
import shutil
from pathlib import Path

import yaml

from devcluster import Cluster
from queueworkerpool.leader.shards import MOST_SHARDS

CHART = str(Path(__file__).parents[2] / "charts" / "queueworkerpool")
CRD = "crd/queueworkerpools.queueworker.dev"
POOL = {
    "apiVersion": "queueworker.dev/v1alpha1",
    "kind": "QueueWorkerPool",
    "metadata": {"name": "kept", "namespace": "default"},
    "spec": {
        "scaleTargetRef": {"name": "thumbnailer"},
        "queues": [{"url": "https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails"}],
        "maxReplicas": 5,
        "target": {"messagesPerPod": 5},
    },
}


def helm(cluster: Cluster, verb: str, *more: str) -> None:
    cluster.helm(verb, "queueworkerpool", *more, "--namespace", "system")


def columns(cluster: Cluster) -> list[str]:
    crd = json.loads(cluster.kubectl("get", CRD, "-o", "json"))
    return [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]


def older_chart(folder: Path) -> str:
    """A chart like ours whose CRD lacks a column."""
    older = shutil.copytree(CHART, folder / "queueworkerpool")
    path = older / "files" / "queueworkerpools.yaml"
    crd = yaml.safe_load(path.read_text())
    del crd["spec"]["versions"][0]["additionalPrinterColumns"][0]
    path.write_text(yaml.safe_dump(crd))
    return str(older)


def test_the_crd_is_upgraded_with_the_chart_and_outlives_it_with_every_pool(bare: Cluster, tmp_path: Path) -> None:
    helm(bare, "install", older_chart(tmp_path), "--create-namespace")
    bare.wait_until_served(CRD.removeprefix("crd/"))
    bare.apply(yaml.safe_dump(POOL))
    assert "Target" not in columns(bare)

    helm(bare, "upgrade", CHART)
    assert "Target" in columns(bare)

    helm(bare, "uninstall")
    assert bare.kubectl("get", "deployments", "-A", "-o", "name") == ""
    assert bare.kubectl("get", "clusterroles,clusterrolebindings", "-o", "name").count("queueworkerpool") == 0
    assert json.loads(bare.kubectl("get", "qwp", "kept", "-n", "default", "-o", "json"))["spec"]["maxReplicas"] == 5

    helm(bare, "install", CHART)
    assert "Target" in columns(bare)


def leases_of_role(cluster: Cluster) -> list[str]:
    role = json.loads(cluster.kubectl("get", "role", "queueworkerpool-lease", "-n", "system", "-o", "json"))
    return [name.removeprefix("queueworkerpool") for name in role["rules"][0]["resourceNames"]]


def test_operators_of_before_may_renew_the_leases_of_their_shards_until_an_upgrade_to_none_is_rolled_out(
    bare: Cluster,
) -> None:
    every = ["", *(f"-shard-{shard}" for shard in range(MOST_SHARDS))]
    helm(bare, "install", CHART, "--create-namespace", "--set=shards=2")
    assert leases_of_role(bare) == every
    helm(bare, "upgrade", CHART, "--set=shards=1")
    assert leases_of_role(bare) == every
    helm(bare, "upgrade", CHART, "--set=shards=1")
    assert leases_of_role(bare) == [""], "the shards' Leases went with the upgrade before, and nobody created them anew"
    helm(bare, "uninstall")
