"""The operator as users run it: installed from the chart, under the chart's rights, against an SQS server."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import Cluster
from devcluster.processes import wait_until
from devcluster.sqs import REGION, MotoSqs
from testbed import audit
from testbed.operators import USER

CHART = Path(__file__).parents[3] / "charts" / "queueworkerpool"
NAMESPACE = "queueworkerpool-system"
ACCOUNT = "123456789012"


CANARIES = {"AWS_SECRET_ACCESS_KEY": "canary-of-the-secret-key", "AWS_SESSION_TOKEN": "canary-of-the-session-token"}
"""Secrets of the operator, to be searched for where they must not appear."""

SCALE_TARGETS = [
    {"apiVersion": "apps/v1", "kind": "Deployment"},
    {"apiVersion": "apps/v1", "kind": "StatefulSet"},
    {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"},
    {"apiVersion": "example.com/v1", "kind": "Index", "resource": "indices"},
    {"apiVersion": "example.com/v1", "kind": "Rigid"},
]
"""What the operator may scale. Most of it does not exist in the cluster before a test defines it."""

TENANTS = [
    {"namespaces": [f"{tenant}-*"], "queues": [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{tenant}-*"]}
    for tenant in ("victim", "attacker")
] + [{"namespaces": ["test-*"], "queues": ["arn:aws:sqs:*:*:*"]}]


@dataclass(frozen=True)
class Operator:
    """The running operator."""

    cluster: Cluster

    def pod(self) -> dict[str, Any]:
        pods = json.loads(self.cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", "json"))["items"]
        return next(pod for pod in pods if "deletionTimestamp" not in pod["metadata"])

    @property
    def address(self) -> str:
        return f"{self.pod()['status']['podIP']}:9090"

    @property
    def pid(self) -> int:
        return self.cluster.pid_of(NAMESPACE, self.pod()["metadata"]["name"])

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
            return str(answer.read().decode())

    def failures(self, path: str = "/readyz") -> str:
        """Return why the operator is not ready (or not alive); empty when it is."""
        try:
            self.get(path)
        except urllib.error.HTTPError as error:
            with error:
                return str(error.read().decode())
        except (OSError, HTTPException) as error:
            return str(error) or type(error).__name__
        return ""

    def kill_and_wait(self) -> None:
        """Kill the operator, and wait until its successor serves. The back-off grows with each kill."""
        before = self.restarts()
        os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: self.restarts() > before, 120, "the operator was not restarted")
        wait_until(lambda: not self.failures(), 60, "the operator did not come back")

    def logs(self) -> str:
        return self.cluster.node.logs(NAMESPACE, self.pod()["metadata"]["name"])

    def token(self) -> str:
        """Return the token of the operator's service account."""
        files = self.cluster.node.files(NAMESPACE, self.pod()["metadata"]["name"])
        return str(yaml.safe_load(files.kubeconfig.read_text())["users"][0]["user"]["token"])

    def restarts(self) -> int:
        return int(self.pod()["status"]["containerStatuses"][0]["restartCount"])


def install(cluster: Cluster, sqs: MotoSqs, **values: Any) -> Operator:
    """Install the chart, and wait until the operator is ready."""
    env = {name: value for name, value in sqs.env.items() if "ENDPOINT" not in name} | CANARIES
    values = {
        "sqsEndpointUrl": sqs.endpoint,
        "extraEnv": [{"name": name, "value": value} for name, value in env.items()],
        "logLevel": "debug",
    } | values
    cluster.helm(
        *("install", "queueworkerpool", str(CHART), "--namespace", NAMESPACE, "--create-namespace"),
        *("--wait", "--timeout", "150s"),
        *(f"--set-json={name}={json.dumps(value)}" for name, value in values.items()),
    )
    return Operator(cluster)


@pytest.fixture(scope="session")
def operator(cluster: Cluster, moto_sqs: MotoSqs) -> Iterator[Operator]:
    """The operator of the whole run. Tests kill it; only a failing probe would terminate it."""
    running = install(cluster, moto_sqs, tenants=TENANTS, scaleTargets=SCALE_TARGETS)
    yield running
    assert "operator stopped" not in running.logs()
    assert audit.never_allowed(cluster.directory / "audit.log", USER) == set()


class Shop:
    """A namespace with queues, Deployments and pools, and what the API server shows of them."""

    def __init__(self, cluster: Cluster, sqs: MotoSqs, namespace: str) -> None:
        self.cluster = cluster
        self.sqs = sqs
        self.client = sqs.client()
        self.namespace = namespace

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments, input=stdin)

    def queue(self, name: str) -> str:
        """Create a queue of this namespace; return its name, unique in the whole run."""
        unique = f"{self.namespace}-{name}"
        self.client.create_queue(QueueName=unique)
        return unique

    def send(self, queue: str, count: int) -> None:
        """Send messages that are counted all at once: a pool that counted a part of them would be written once more."""
        url = self.client.get_queue_url(QueueName=queue)["QueueUrl"]
        with self.sqs.at_once():
            for start in range(0, count, 10):
                entries: list[Any] = [{"Id": str(i), "MessageBody": "x"} for i in range(start, min(start + 10, count))]
                assert not self.client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    def purge(self, queue: str) -> None:
        self.client.purge_queue(QueueUrl=self.client.get_queue_url(QueueName=queue)["QueueUrl"])

    def deployment(self, name: str, replicas: int = 0, command: list[str] | None = None) -> None:
        """Create a Deployment whose pods run a command; by default they do nothing."""
        labels = {"app": name}
        container = {"name": "worker", "image": "none", "command": command or ["sleep", "3600"]}
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [container],
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 1,
                },
            },
        }
        self.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})

    def pool(self, name: str, queue: str, deployment: str | None = None, **spec: Any) -> None:
        """Create or edit a pool that polls every second."""
        complete = {
            "scaleTargetRef": {"name": deployment or name},
            "queues": [{"url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"}],
            "maxReplicas": 100,
            "target": {"messagesPerPod": 5},
            "pollSeconds": 1,
        } | spec
        metadata = {"name": name}
        self.apply(
            {
                "apiVersion": "queueworker.dev/v1alpha1",
                "kind": "QueueWorkerPool",
                "metadata": metadata,
                "spec": complete,
            }
        )

    def apply(self, manifest: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))

    def replicas(self, deployment: str) -> int:
        return int(self.kubectl("get", "deployment", deployment, "-o", "jsonpath={.spec.replicas}"))

    def ready(self, deployment: str) -> int:
        """Return how many pods of the Deployment are ready."""
        return int(self.kubectl("get", "deployment", deployment, "-o", "jsonpath={.status.readyReplicas}") or 0)

    def status(self, pool: str) -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", "qwp", pool, "-o", "json")).get("status", {}))

    def condition(self, pool: str, kind: str) -> tuple[str, str]:
        """Return status and reason of a condition; both empty before there is one."""
        for condition in self.status(pool).get("conditions", ()):
            if condition["type"] == kind:
                return condition["status"], condition["reason"]
        return "", ""

    def events(self, pool: str) -> list[str]:
        """Return reason and message of each Event about a pool."""
        chosen = f"involvedObject.kind=QueueWorkerPool,involvedObject.name={pool}"
        listed = json.loads(self.kubectl("get", "events", "--field-selector", chosen, "-o", "json"))["items"]
        return [f"{event['reason']}: {event['message']}" for event in listed]

    def generation(self, deployment: str) -> int:
        """Return how often the Deployment's spec was written since its creation, plus one."""
        return int(self.kubectl("get", "deployment", deployment, "-o", "jsonpath={.metadata.generation}"))

    def eventually(self, condition: Callable[[], bool], seconds: float, sentence: str) -> None:
        wait_until(condition, seconds, sentence)


def wait_for_the_next_second() -> None:
    """Wait: Kubernetes counts in whole seconds, and a later event has to fall into another one."""
    begun = int(time.time())
    while int(time.time()) <= begun + 1:
        time.sleep(0.05)


@pytest.fixture
def shop(cluster: Cluster, moto_sqs: MotoSqs, namespace: str, operator: Operator) -> Iterator[Shop]:
    """A namespace that the operator serves."""
    assert operator.failures("/livez") == ""
    yield Shop(cluster, moto_sqs, namespace)
    cluster.kubectl("-n", namespace, "delete", "qwp,deployments", "--all", "--wait=false")
