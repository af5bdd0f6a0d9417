"""Workers that report each message, in a namespace of their own: for tests that disturb them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e import pools
from e2e.pools import ACCOUNT, EMPTY, queue, sqs
from e2e.world import WORKER_IMAGE, World, eventually

HERE = Path(__file__).parent
PYTHON = "/opt/venv/bin/python"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD_SECURITY = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}

AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_ENDPOINT_URL_SQS": "http://sqs.default.svc:5000",
}
"""The environment by which a worker finds the stand-in for SQS."""


@dataclass(frozen=True)
class Workers:
    """A namespace with a queue, a Deployment `worker`, and `reports`, which counts what its pods report."""

    world: World
    namespace: str

    def send(self, *orders: Mapping[str, Any]) -> None:
        """Send messages; each is an order of `handler.handle`."""
        bodies = [f"--body={json.dumps(order)}" for order in orders]
        sqs(self.world, "send", self.namespace, *bodies)

    def reports(self) -> dict[str, dict[str, int]]:
        """Return how often the handling of each message has begun and ended."""
        path = f"/api/v1/namespaces/{self.namespace}/services/reports:8000/proxy/"
        return dict(json.loads(self.world.kubectl("get", "--raw", path)))

    def is_empty(self) -> bool:
        """Return whether the queue has no message left, in no state."""
        return sqs(self.world, "counts", self.namespace) == EMPTY

    def pods(self) -> list[str]:
        """Return the names of the worker's pods that are not ending."""
        return [pod["metadata"]["name"] for pod in self.world.pods("app=worker", self.namespace)]

    def wait_until_busy(self, messages: int) -> None:
        """Wait until the handling of so many messages has begun."""
        eventually(lambda: len(self.reports()["begin"]) >= messages, 120, f"the beginning of {messages} messages")

    def wait_until_done(self) -> None:
        """Wait until every message that has begun has ended, and the queue is empty."""

        def done() -> bool:
            counts = self.reports()
            return self.is_empty() and set(counts["begin"]) == set(counts["end"])

        eventually(done, 180, "the end of all messages")


@contextmanager
def started_workers(world: World, namespace: str, replicas: int, **container: Any) -> Iterator[Workers]:
    """Yield workers: a Deployment of REPLICAS pods; CONTAINER overrides fields of its container."""
    with queue(world, namespace), pools.namespace(world, namespace):
        sources = {name: (HERE / name).read_text() for name in ("reports.py", "handler.py")}
        world.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sources"}, "data": sources},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "reports"},
                "spec": {"selector": {"app": "reports"}, "ports": [{"port": 8000}]},
            },
            _deployment("reports", 1, {"command": [PYTHON, "/sources/reports.py"], "ports": [{"containerPort": 8000}]}),
            _deployment("worker", replicas, _worker(namespace) | container),
            namespace=namespace,
        )
        for name in ("reports", "worker"):
            world.kubectl("-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=3m")
        yield Workers(world, namespace)


def _worker(name: str) -> dict[str, Any]:
    environment = AWS | {"PYTHONPATH": "/sources"}
    return {
        "args": [
            f"--queue={ACCOUNT}/{name}",
            *("--handler=handler:handle", "--concurrency=1", "--grace-seconds=50", "--visibility-seconds=10"),
        ],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "ports": [{"name": "state", "containerPort": 8081}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "state"}, "periodSeconds": 1},
        "resources": {"limits": {"memory": "128Mi"}},
    }


def _deployment(name: str, replicas: int, container: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"app": name}
    pod = {
        "terminationGracePeriodSeconds": 60,
        "automountServiceAccountToken": False,
        "securityContext": POD_SECURITY,
        "containers": [
            {
                "name": name,
                "image": WORKER_IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "securityContext": RESTRICTED,
                "volumeMounts": [
                    {"name": "sources", "mountPath": "/sources"},
                    {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - in the pod, and its own
                ],
                **container,
            }
        ],
        "volumes": [
            {"name": "sources", "configMap": {"name": "sources"}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
