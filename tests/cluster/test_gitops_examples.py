"""The examples for Argo CD and Flux: what they would apply is applied, twice, to a real API server."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import Cluster, tools
from testbed import gitops
from testbed.gitops import ARGOCD, FLUX, Json
from testbed.kstatus import Health, health

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "gitops"
CHART = ROOT / "charts" / "queueworkerpool"
CRD = "queueworkerpools.queueworker.dev"
DROPPED_BY_ARGOCD = {"Lease"}
"""Kinds that its default settings exclude, and that our chart has."""


def example(path: str, kind: str) -> Json:
    [found] = [each for each in yaml.safe_load_all((EXAMPLES / path).read_text()) if each["kind"] == kind]
    return dict(found)


def of_argocd() -> tuple[str, str, Json]:
    """Namespace, release and values of the Application."""
    spec = example("argocd/operator.yaml", "Application")["spec"]
    assert spec["source"]["chart"] == yaml.safe_load((CHART / "Chart.yaml").read_text())["name"]
    helm = spec["source"]["helm"]
    return spec["destination"]["namespace"], helm["releaseName"], helm["valuesObject"]


def of_flux() -> tuple[str, str, Json]:
    """Namespace, release and values of the HelmRelease."""
    release, source = (example("flux/operator.yaml", kind) for kind in ("HelmRelease", "OCIRepository"))
    assert release["spec"]["chartRef"] == {"kind": source["kind"], "name": source["metadata"]["name"]}
    assert source["spec"]["url"].endswith("/charts/queueworkerpool")
    namespaces = {each["metadata"]["namespace"] for each in (release, source)}
    namespaces.add(example("flux/operator.yaml", "Namespace")["metadata"]["name"])
    [namespace] = namespaces
    return namespace, release["spec"]["releaseName"], release["spec"]["values"]


def rendered(cluster: Cluster, namespace: str, release: str, values: Json, folder: Path) -> list[Json]:
    (folder / "values.json").write_text(json.dumps(values))
    options = ("--namespace", namespace, "--values", str(folder / "values.json"), "--no-hooks")
    return [each for each in yaml.safe_load_all(cluster.helm("template", release, str(CHART), *options)) if each]


@pytest.mark.parametrize(
    ("manager", "source", "dropped"), [(ARGOCD, of_argocd, DROPPED_BY_ARGOCD), (FLUX, of_flux, set())]
)
def test_the_operators_objects_differ_in_nothing_once_they_are_applied(
    manager: str, source: Any, dropped: set[str], bare: Cluster, tmp_path: Path
) -> None:
    namespace, release, values = source()
    bare.kubectl("create", "namespace", namespace)
    objects = [each for each in rendered(bare, namespace, release, values, tmp_path) if each["kind"] not in dropped]
    gitops.apply(bare, objects, manager)
    bare.wait_until_served(CRD)
    assert list(gitops.differences(bare, objects, manager)) == []

    changed = [each for each in objects if each["kind"] == "Service"]
    changed[0]["spec"]["ports"][0]["port"] = 1234
    assert len(list(gitops.differences(bare, objects, manager))) == 1, "a difference would be seen"


@pytest.mark.parametrize(
    ("manager", "path"),
    [
        (ARGOCD, example("argocd/workers.yaml", "Application")["spec"]["source"]["path"]),
        (FLUX, example("flux/workers.yaml", "Kustomization")["spec"]["path"]),
    ],
)
def test_the_workers_and_their_pool_are_applied_and_wait_for_an_operator(
    manager: str, path: str, bare: Cluster
) -> None:
    bare.apply((ROOT / "crds" / "queueworkerpools.yaml").read_text())
    bare.wait_until_served(CRD)
    bare.kubectl("create", "namespace", "shop")
    built = list(yaml.safe_load_all(bare.kubectl("kustomize", str(ROOT / path))))
    objects = [each | {"metadata": each["metadata"] | {"namespace": "shop"}} for each in built]
    assert sorted(each["kind"] for each in objects) == ["Deployment", "QueueWorkerPool"]
    gitops.apply(bare, objects, manager)
    assert list(gitops.differences(bare, objects, manager)) == []
    [pool] = json.loads(bare.kubectl("get", "qwp", "-n", "shop", "-o", "json"))["items"]
    assert pool["status"] == {"observedGeneration": -1}
    assert health(pool) is Health.IN_PROGRESS


def test_the_patch_of_the_docs_takes_replicas_out_of_a_deployment(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(patches:\n.*?)```", (ROOT / "docs" / "gitops.md").read_text(), re.DOTALL)
    assert found is not None
    [deployment] = yaml.safe_load_all((EXAMPLES / "workers" / "deployment.yaml").read_text())
    deployment["spec"]["replicas"] = 3
    (tmp_path / "deployment.yaml").write_text(yaml.safe_dump(deployment))
    (tmp_path / "kustomization.yaml").write_text(f"resources: [deployment.yaml]\n{found[1]}")
    built = subprocess.run([tools.kubectl(), "kustomize", tmp_path], capture_output=True, text=True, check=True).stdout
    del deployment["spec"]["replicas"]
    assert yaml.safe_load(built) == deployment
