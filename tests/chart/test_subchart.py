"""The chart as a dependency of another: Helm passes keys of its own on, which the strict schema must let through."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.objects import CHART

Helm = Callable[..., "subprocess.CompletedProcess[str]"]
DEPENDENCY = {
    "name": "queueworkerpool",
    "version": "*",
    "repository": f"file://{CHART}",
    "condition": "queueworkerpool.enabled",
    "tags": ["scaling"],
}

VALUES: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, True),
    "a condition that holds": ({"queueworkerpool": {"enabled": True}}, True),
    "a condition that does not": ({"queueworkerpool": {"enabled": False}}, False),
    "a tag": ({"tags": {"scaling": True}}, True),
    "a tag that is off": ({"tags": {"scaling": False}}, False),
    "tags below our name": ({"queueworkerpool": {"tags": {"scaling": True}}}, True),
    "global values": ({"global": {"registry": "example"}}, True),
    "all of them, and one of ours": (
        {
            "global": {"registry": "example"},
            "tags": {"scaling": True},
            "queueworkerpool": {"enabled": True, "replicaCount": 2, "crds": {"install": False}},
        },
        True,
    ),
}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart that depends on ours, as `helm dependency update` leaves it."""
    folder = tmp_path_factory.mktemp("parent") / "parent"
    shutil.copytree(CHART, folder / "charts" / "queueworkerpool")
    chart = {"apiVersion": "v2", "name": "parent", "version": "0.1.0", "dependencies": [DEPENDENCY]}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart))
    return folder


@pytest.mark.parametrize(("values", "rendered"), VALUES.values(), ids=VALUES)
def test_a_parent_may_set(values: dict[str, Any], *, rendered: bool, parent: Path, helm: Helm) -> None:
    answer = helm("template", "demo", str(parent), values=values)
    assert answer.returncode == 0, answer.stderr
    assert ("kind: Deployment" in answer.stdout) is rendered


def test_a_typo_below_our_name_is_refused_still(parent: Path, helm: Helm) -> None:
    answer = helm("template", "demo", str(parent), values={"queueworkerpool": {"enable": True}})
    assert "additional properties 'enable' not allowed" in answer.stderr


POOL = """
apiVersion: queueworker.dev/v1alpha1
kind: QueueWorkerPool
metadata: {name: jobs}
spec:
  scaleTargetRef: {name: jobs}
  queues: [{url: "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"}]
  maxReplicas: {{ .Values.exported.port }}
  target: {messagesPerPod: 5}
"""


@pytest.mark.parametrize(("alias", "name"), [("sizer", "demo-sizer"), ("queue_workerPool", "demo-queue-workerpool")])
def test_a_parent_may_rename_it_import_its_values_and_have_pools_of_its_own(
    alias: str, name: str, tmp_path: Path, helm: Helm
) -> None:
    """One release of both: the README says that the definition is then applied first."""
    renamed = DEPENDENCY | {
        "alias": alias,
        "condition": f"{alias}.enabled",
        "import-values": [{"child": "metrics.service", "parent": "exported"}],
    }
    shutil.copytree(CHART, tmp_path / "charts" / "queueworkerpool")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "pool.yaml").write_text(POOL)
    chart = {"apiVersion": "v2", "name": "parent", "version": "0.1.0", "dependencies": [renamed]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(chart))
    answer = helm("template", "demo", str(tmp_path), values={alias: {"enabled": True, "crds": {"install": False}}})
    assert answer.returncode == 0, answer.stderr
    objects = {each["kind"]: each for each in yaml.safe_load_all(answer.stdout) if each}
    assert objects["Deployment"]["metadata"]["name"] == name
    assert objects["QueueWorkerPool"]["spec"]["maxReplicas"] == 9090
    assert "CustomResourceDefinition" not in objects
    refused = helm("template", "demo", str(tmp_path), values={alias: {"crd": {"install": False}}})
    assert "additional properties 'crd' not allowed" in refused.stderr
