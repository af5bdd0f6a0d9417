"""Pods of the embedded cluster: how to create them, and what the API server shows of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from devcluster import Cluster
from devcluster.processes import wait_until


def container(*command: str, **changes: Any) -> dict[str, Any]:
    return {"name": "main", "image": "none", "command": [*command], **changes}


def pod(name: str, main: dict[str, Any], **spec: Any) -> str:
    settings = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 5, "containers": [main], **spec}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": settings})


def deployment(name: str, main: dict[str, Any]) -> str:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 2, "containers": [main]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


class Pods:
    """The pods of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def apply(self, manifest: str) -> None:
        self.cluster.kubectl("apply", "-n", self.namespace, "-f", "-", input=manifest)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object, or {} when it is not there."""
        text = self.cluster.kubectl("get", kind, name, "-n", self.namespace, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else {}

    def status(self, name: str) -> dict[str, Any]:
        """Return the status of a pod's only container, with the pod's phase and readiness."""
        status = self.get("pod", name).get("status", {})
        conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
        first = (status.get("containerStatuses") or [{}])[0]
        return {**first, "phase": status.get("phase"), "Ready": conditions.get("Ready"), "ip": status.get("podIP")}

    def deployed(self, name: str) -> dict[str, Any]:
        """Return the status of a Deployment."""
        status: dict[str, Any] = self.get("deployment", name).get("status", {})
        return status

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        wait_until(condition, seconds, what)

    def ready(self, name: str) -> None:
        self.until(lambda: self.status(name)["Ready"] == "True", f"pod {name} did not become ready")

    def logs(self, name: str) -> str:
        return self.cluster.node.logs(self.namespace, name)


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)
