"""Pools of real workers that get work and are then scaled in, again and again.

The benchmarks `scale_in` and `ways_down` and `tests/cluster/operator/test_busy_workers.py` use it; `worker_log` reads
what happened.
"""

import json
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from devcluster.processes import wait_until
from devcluster.sqs import SqsServer

ROOT = Path(__file__).parents[1]
ACCOUNT = "https://sqs.eu-west-1.amazonaws.com/123456789012"
READY_TIMEOUT_SECONDS = 120.0
RECEIVE_TIMEOUT_SECONDS = 60.0
MESSAGES_PER_POD = 2
"""Each worker holds one message, so the recommendation is at most half of the busy workers: some need protection."""


@dataclass(frozen=True, slots=True)
class Arm:
    """How busy workers are treated, and what their pods are.

    Args:
        name: The arm's name.
        busy_workers: `spec.scaleIn.busyWorkers`.
        grace_seconds: Seconds that a pod has between SIGTERM and its end.
        sidecar: Whether a second container runs in each pod.
    """

    name: str
    busy_workers: str
    grace_seconds: int
    sidecar: bool = False


class ScaleInScenario:
    """Pools, each with a Deployment and a queue of its own."""

    def __init__(self, kubectl: Callable[..., str], sqs: SqsServer, journal: Path, size: int) -> None:
        """Begin without pools.

        Args:
            kubectl: Runs kubectl in one namespace (arguments, `input`).
            sqs: The server of the queues.
            journal: The file that the workers write; `worker_log.read` reads it.
            size: Number of workers of a full pool.
        """
        self._kubectl = kubectl
        self._sqs = sqs
        self._client = sqs.client()
        self._journal = journal
        self._size = size
        self._arms: dict[str, Arm] = {}
        self._queues: dict[str, str] = {}
        journal.touch()

    @property
    def names(self) -> Sequence[str]:
        """The names of the pools."""
        return list(self._arms)

    def add(self, name: str, arm: Arm) -> None:
        """Create a pool's Deployment and queue, without workers yet."""
        # The operator reads the queue by the name in this URL, at the address of the stand-in.
        queue = f"{name}-{uuid.uuid4().hex[:6]}"
        self._queues[name] = self._client.create_queue(QueueName=queue)["QueueUrl"]
        self._arms[name] = arm
        self._apply([self._deployment(name)])

    def fill(self) -> None:
        """Scale every pool to its full size, and wait until all workers are ready."""
        self.edit({name: {"minReplicas": self._size} for name in self.names})
        self.wait_until_full()

    def wait_until_full(self) -> None:
        """Wait until all workers of full pools are ready."""
        wait_until(
            lambda: set(self._ready().values()) == {self._size}, READY_TIMEOUT_SECONDS, "the pools did not fill up"
        )

    def occupy(self, busy: int, lengths: Callable[[str], Sequence[float]]) -> None:
        """Send messages until this many workers of every pool are busy.

        Args:
            busy: Number of workers.
            lengths: Returns the seconds that the messages of a pool take, by the name of the pool.
        """
        left = {name: cycle(lengths(name)) for name in self.names}
        while missing := self._missing(busy):  # repeated: other workers finish while these messages are received
            sent = {self.send(name, next(left[name])) for name in missing.elements()}
            wait_until(partial(self._have_begun, sent), RECEIVE_TIMEOUT_SECONDS, "the workers received no messages")

    def lower(self) -> None:
        """Set the minimum of every pool to zero, so that its size follows its backlog."""
        self.edit({name: {"minReplicas": 0} for name in self.names})

    def edit(self, specs: Mapping[str, Mapping[str, Any]]) -> None:
        """Create pools, or change them: in these fields they differ from the usual spec, by the name of the pool."""
        self._apply([self._pool(name, spec) for name, spec in specs.items()])

    def send(self, name: str, seconds: float) -> str:
        """Send one message that takes this many seconds; return its id."""
        message = uuid.uuid4().hex
        body = json.dumps({"id": message, "seconds": round(seconds, 3)})
        self._client.send_message(QueueUrl=self._queues[name], MessageBody=body)
        return message

    def send_later(self, name: str, seconds: float, delay: float) -> None:
        """Send one message after a delay, both in seconds."""
        threading.Timer(delay, self.send, (name, seconds)).start()

    def at_work(self) -> Counter[str]:
        """Return how many messages are being worked on, by pool, in pods that have not ended."""
        alive = set(self._kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}").split())
        counted: Counter[str] = Counter()
        for event, _, pod in self._journalled():
            if pod in alive:
                counted[pod.rsplit("-", 2)[0]] += 1 if event == "begun" else -1
        return counted

    def _missing(self, busy: int) -> Counter[str]:
        """Return how many more messages each pool needs, for this many workers to be busy."""
        return Counter(dict.fromkeys(self.names, busy)) - self.at_work()

    def _have_begun(self, messages: set[str]) -> bool:
        return messages <= {message for event, message, _ in self._journalled() if event == "begun"}

    def _journalled(self) -> list[tuple[str, str, str]]:
        """Return the lines of the journal: event, message, pod."""
        lines = (line.split() for line in self._journal.read_text().splitlines())
        return [(event, message, pod) for event, message, pod, _ in lines]

    def _ready(self) -> dict[str, int]:
        listed = json.loads(self._kubectl("get", "deployments", "-o", "json"))["items"]
        ready = {each["metadata"]["name"]: each["status"].get("readyReplicas", 0) for each in listed}
        return {name: ready[name] for name in self.names}

    def _apply(self, objects: list[dict[str, Any]]) -> None:
        self._kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))

    def _pool(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        arm = self._arms[name]
        usual = {
            "scaleTargetRef": {"name": name},
            "queues": [{"url": f"{ACCOUNT}/{self._queues[name].rpartition('/')[2]}"}],
            "maxReplicas": self._size,
            "target": {"messagesPerPod": MESSAGES_PER_POD},
            "pollSeconds": 1,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
            "scaleIn": {"busyWorkers": arm.busy_workers},
        }
        return {
            "apiVersion": "queueworker.dev/v1alpha1",
            "kind": "QueueWorkerPool",
            "metadata": {"name": name},
            "spec": usual | dict(spec),
        }

    def _deployment(self, name: str) -> dict[str, Any]:
        labels = {"app": name}
        sidecar = {"name": "proxy", "image": "none", "command": ["sleep", "3600"]}
        pod = {
            "containers": [self._container(name), *([sidecar] if self._arms[name].sidecar else [])],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": self._arms[name].grace_seconds,
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }

    def _container(self, name: str) -> dict[str, Any]:
        worker = Path(sys.executable).with_name("queueworker")
        queue, grace_seconds = self._queues[name], self._arms[name].grace_seconds
        variables = self._sqs.env | {"PYTHONPATH": str(ROOT), "BENCH_JOURNAL": str(self._journal)}
        return {
            "name": "worker",
            "image": "none",
            "command": [str(worker), f"--queue={queue}", "--handler=testbed.timed_worker:handle", "--concurrency=1"],
            "args": [f"--grace-seconds={max(1, grace_seconds - 5)}", "--visibility-seconds=30"],
            "env": [
                *({"name": key, "value": value} for key, value in variables.items()),
                {"name": "BENCH_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8081}, "periodSeconds": 1},
        }
