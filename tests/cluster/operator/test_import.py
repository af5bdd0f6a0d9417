"""From another autoscaler's object to a running pool, with the README's own commands, on a real API server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster import tools
from devcluster.sqs import REGION
from tests.cluster.conftest import wait_until_may
from tests.cluster.operator.conftest import ACCOUNT, Shop

ROOT = Path(__file__).parents[3]
SECTION = "### From KEDA in two commands"
SCALED_OBJECT = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {name}
spec:
  scaleTargetRef:
    name: {name}
  pollingInterval: 1
  minReplicaCount: 0
  maxReplicaCount: 20
  triggers:
  - type: aws-sqs-queue
    metadata:
      queueURL: https://sqs.{region}.amazonaws.com/{account}/{queue}
      queueLength: "5"
      awsRegion: {region}
      identityOwner: operator
"""
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "scope": "Namespaced",
        "names": {"kind": "ScaledObject", "listKind": "ScaledObjectList", "plural": "scaledobjects"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def shell(shop: Shop, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has `qwp` and `kubectl`, whose context is the test's namespace."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(shop.cluster.kubeconfig.read_text())
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "qwp").symlink_to(Path(sys.executable).with_name("qwp"))
    (programs / "kubectl").symlink_to(tools.kubectl())
    env = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "HOME": str(tmp_path),  # where kubectl keeps what it has found out
        "KUBECONFIG": str(kubeconfig),
        "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("operator", "worker", "common")),
    }
    context = ["kubectl", "config", "set-context", "--current", f"--namespace={shop.namespace}"]
    subprocess.run(context, env=env, check=True, capture_output=True, timeout=60)
    return env


def commands() -> list[str]:
    """The commands of the README's section."""
    section = (ROOT / "README.md").read_text().partition(SECTION)[2].partition("\n#")[0]
    block = re.search(r"\n\n((?:    .*\n)+)", section)
    assert block, SECTION
    return [line.strip() for line in block[1].splitlines()]


def scaled_object(name: str, queue: str) -> str:
    return SCALED_OBJECT.format(name=name, queue=queue, region=REGION, account=ACCOUNT)


def test_a_keda_users_file_becomes_a_running_pool_in_two_commands(
    shop: Shop, shell: dict[str, str], tmp_path: Path
) -> None:
    shop.deployment("moving")
    queue = shop.queue("moving")
    shop.send(queue, 12)
    (tmp_path / "scaledobject.yaml").write_text(scaled_object("moving", queue))
    written = commands()
    assert len(written) == 2
    for command in written:
        subprocess.run(["bash", "-c", command], cwd=tmp_path, env=shell, check=True, timeout=60)
    shop.eventually(lambda: shop.replicas("moving") == 3, 60, "the imported pool did not scale: 12 messages, 5 per pod")


@pytest.fixture
def keda_definition(shop: Shop) -> Iterator[None]:
    """A cluster that knows ScaledObjects, without KEDA."""
    shop.apply(DEFINITION)
    shop.cluster.wait_until_served("scaledobjects.keda.sh")
    yield
    shop.kubectl("delete", "crd", "scaledobjects.keda.sh")


@pytest.mark.usefixtures("keda_definition")
def test_what_is_in_the_cluster_is_imported_without_its_hpas(shop: Shop, shell: dict[str, str]) -> None:
    shop.kubectl("apply", "-f", "-", stdin=scaled_object("kept", "kept"))
    uid = json.loads(shop.kubectl("get", "scaledobject", "kept", "-o", "json"))["metadata"]["uid"]
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "kept", "uid": uid}
    metric = {"type": "External", "external": {"metric": {"name": "s0-aws-sqs-kept"}, "target": {"type": "Value"}}}
    metric["external"]["target"] |= {"value": "5"}  # type: ignore[index] # plain dictionaries
    shop.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "keda-hpa-kept", "ownerReferences": [owner]},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "kept"},
                "maxReplicas": 20,
                "metrics": [metric],
            },
        }
    )
    command = ["qwp", "import", "--from-cluster", "-n", shop.namespace, "--strict", "--mode", "DryRun"]
    done = subprocess.run(command, env=shell, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    shop.kubectl("apply", "-f", "-", stdin=done.stdout)
    pools = json.loads(shop.kubectl("get", "qwp", "-o", "json"))["items"]
    assert [(pool["metadata"]["name"], pool["spec"]["maxReplicas"]) for pool in pools] == [("kept", 20)]


@pytest.mark.usefixtures("keda_definition")
def test_what_may_not_be_listed_is_told_and_the_rest_is_imported(shop: Shop, shell: dict[str, str]) -> None:
    shop.kubectl("apply", "-f", "-", stdin=scaled_object("seen", "seen"))
    shop.kubectl("create", "role", "reader", "--verb=list", "--resource=scaledobjects.keda.sh")
    shop.kubectl("create", "rolebinding", "reader", "--role=reader", "--user=reader")
    wait_until_may(shop.cluster, "reader", shop.namespace, "list", "scaledobjects.keda.sh")
    env = shell | {"KUBECONFIG": str(shop.cluster.identity("reader", "readers"))}
    command = ["qwp", "import", "--from-cluster", "-n", shop.namespace]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "name: seen\n" in done.stdout
    refused = [line.split(": ")[1] for line in done.stderr.splitlines()]
    assert {"HorizontalPodAutoscaler", "Deployment"} <= set(refused)
    assert "ScaledObject" not in refused
