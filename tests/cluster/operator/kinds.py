"""Kinds of workloads beside Deployments, as a cluster may have them: their definitions, and objects of them."""

from typing import Any

from tests.cluster.operator.conftest import Shop

ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SCALED_AS_ARGO_DOES = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.HPAReplicas",
    "labelSelectorPath": ".status.selector",
}
SCALED_IN_ITS_OWN_WAY = {
    "specReplicasPath": ".spec.size",
    "statusReplicasPath": ".status.shards",
    "labelSelectorPath": ".status.pods",
}
HASH = "rollouts-pod-template-hash"


def definition(
    kind: str, group: str, version: str, plural: str = "", scale: dict[str, str] | None = None
) -> dict[str, Any]:
    """A custom resource definition; without `scale`, nothing can scale its objects."""
    plural = plural or f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "properties": {"spec": ANYTHING, "status": ANYTHING}}
                    },
                    "subresources": {"status": {}} | ({"scale": scale} if scale else {}),
                }
            ],
        },
    }


def template(labels: dict[str, str], command: list[str]) -> dict[str, Any]:
    container = {"name": "worker", "image": "none", "command": command}
    spec = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
    }
    return {"metadata": {"labels": labels}, "spec": spec}


def stateful_set(shop: Shop, name: str, replicas: int, command: list[str], **spec: Any) -> None:
    """Create a StatefulSet."""
    labels = {"app": name}
    complete = {
        "replicas": replicas,
        "serviceName": name,
        "selector": {"matchLabels": labels},
        "template": template(labels, command),
    } | spec
    shop.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": complete})


def replica_set(shop: Shop, rollout: str, replicas: int, command: list[str]) -> str:
    """Create the ReplicaSet that Argo's controller would make for a Rollout; return its name."""
    labels = {"app": rollout, HASH: "abc"}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template(labels, command)}
    name = f"{rollout}-abc"
    shop.apply({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name}, "spec": spec})
    return name


def define(shop: Shop, crd: dict[str, Any]) -> None:
    """Create a definition, or replace it, and wait until it is served."""
    shop.apply(crd)
    shop.cluster.wait_until_served(crd["metadata"]["name"])
