"""Workers that report each message to a ledger, in a namespace of their own: for tests that disturb them."""

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


@dataclass(frozen=True)
class Workshop:
    """A namespace with a queue, a ledger, and a Deployment `worker`."""

    world: World
    namespace: str

    def send(self, *orders: Mapping[str, Any]) -> None:
        """Send messages; each is an order of `work.handle`."""
        bodies = [f"--body={json.dumps(order)}" for order in orders]
        sqs(self.world, "send", self.namespace, *bodies)

    def ledger(self) -> dict[str, dict[str, int]]:
        """Return how often the handling of each message has begun and ended."""
        path = f"/api/v1/namespaces/{self.namespace}/services/ledger:8000/proxy/"
        return dict(json.loads(self.world.kubectl("get", "--raw", path)))

    def is_empty(self) -> bool:
        """Return whether the queue has no message left, in no state."""
        return sqs(self.world, "counts", self.namespace) == EMPTY

    def pods(self) -> list[str]:
        """Return the names of the worker's pods that are not ending."""
        return [pod["metadata"]["name"] for pod in self.world.pods("app=worker", self.namespace)]

    def wait_until_busy(self, messages: int) -> None:
        """Wait until the handling of so many messages has begun."""
        eventually(lambda: len(self.ledger()["begin"]) >= messages, 120, f"the beginning of {messages} messages")

    def wait_until_done(self) -> None:
        """Wait until every message that has begun has ended, and the queue is empty."""

        def done() -> bool:
            counts = self.ledger()
            return self.is_empty() and set(counts["begin"]) == set(counts["end"])

        eventually(done, 180, "the end of all messages")


@contextmanager
def workshop(world: World, namespace: str, replicas: int, **container: Any) -> Iterator[Workshop]:
    """Yield a workshop whose worker has REPLICAS pods; CONTAINER overrides fields of its container."""
    with queue(world, namespace), pools.namespace(world, namespace, wait=False):
        sources = {name: (HERE / name).read_text() for name in ("ledger.py", "work.py")}
        world.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sources"}, "data": sources},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "ledger"},
                "spec": {"selector": {"app": "ledger"}, "ports": [{"port": 8000}]},
            },
            _deployment("ledger", 1, {"command": [PYTHON, "/sources/ledger.py"], "ports": [{"containerPort": 8000}]}),
            _deployment("worker", replicas, _worker(namespace) | container),
            namespace=namespace,
        )
        for name in ("ledger", "worker"):
            world.kubectl("-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=3m")
        yield Workshop(world, namespace)


def _worker(name: str) -> dict[str, Any]:
    environment = {
        "PYTHONPATH": "/sources",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_SQS": "http://sqs.default.svc:5000",
    }
    return {
        "args": [
            f"--queue={ACCOUNT}/{name}",
            *("--handler=work:handle", "--concurrency=1", "--grace-seconds=50"),
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
