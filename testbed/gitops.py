"""What GitOps controllers do to a cluster: they apply on the server, by force and again, and look for differences."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from devcluster import Cluster

ARGOCD, FLUX = "argocd-controller", "kustomize-controller"
"""Their field managers."""

Json = dict[str, Any]


def apply(cluster: Cluster, manifests: Sequence[Mapping[str, Any]], manager: str) -> None:
    """Apply manifests as this controller does."""
    cluster.kubectl(*_apply(manager), input=yaml.safe_dump_all(manifests))


def differences(cluster: Cluster, manifests: Sequence[Mapping[str, Any]], manager: str) -> Iterator[tuple[Json, Json]]:
    """Yield each object that applying the manifests again would change, before and after.

    Its status is others', and who wrote which field when is no difference.
    """
    # One object of others, so that kubectl prints a list even of one.
    text = yaml.safe_dump_all([*manifests, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}])
    before = json.loads(cluster.kubectl("get", "-f", "-", "-o", "json", input=text))["items"]
    after = json.loads(cluster.kubectl(*_apply(manager), "--dry-run=server", "-o", "json", input=text))["items"]
    for stored, applied in zip(before, after, strict=True):
        if _compared(stored) != _compared(applied):
            yield stored, applied


def _apply(manager: str) -> tuple[str, ...]:
    return ("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-")


def _compared(manifest: Json) -> Json:
    volatile = {"managedFields", "resourceVersion"}
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in volatile}
    return {**{name: value for name, value in manifest.items() if name != "status"}, "metadata": metadata}
