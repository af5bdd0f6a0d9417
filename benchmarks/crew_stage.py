"""Pools of real workers that are filled with work and then called to be smaller, again and again.

`scale_in` and its small twin among the cluster tests play on it; what it did to the workers, `crews` tells.
"""

import json
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
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
START_SECONDS = 120.0
MESSAGES_PER_POD = 2
"""The workers hold one each, so at most half of the busy ones are wished for: protection has something to do."""


@dataclass(frozen=True, slots=True)
class Arm:
    """How busy workers are treated: `spec.scaleIn.busyWorkers`, and how long a pod has between SIGTERM and its end."""

    name: str
    busy_workers: str
    grace_seconds: int


class Stage:
    """Pools, one for each name, each with a Deployment and a queue of its own."""

    def __init__(self, kubectl: Callable[..., str], sqs: SqsServer, journal: Path, size: int) -> None:
        """Take `kubectl` of one namespace (arguments, `input`), and how many workers a full pool has."""
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
        """The pools."""
        return list(self._arms)

    def add(self, name: str, arm: Arm) -> None:
        """Set up one pool, without workers yet."""
        # The operator asks for the queue by the name in this URL, at the stand-in's own address.
        queue = f"{name}-{uuid.uuid4().hex[:6]}"
        self._queues[name] = self._client.create_queue(QueueName=queue)["QueueUrl"]
        self._arms[name] = arm
        self._apply([self._deployment(name)])

    def fill(self) -> None:
        """Bring every pool to its full size, and wait until all workers are ready."""
        self._apply([self._pool(name, self._size) for name in self.names])
        wait_until(lambda: set(self._ready().values()) == {self._size}, START_SECONDS, "the pools did not fill up")

    def occupy(self, busy: int, lengths: Callable[[str], Sequence[float]]) -> None:
        """Have so many workers of every pool busy; `lengths` are the seconds of the messages a pool may need."""
        left = {name: cycle(lengths(name)) for name in self.names}
        while missing := self._missing(busy):  # again, for others finish while what was sent is taken
            sent = {self.send(name, next(left[name])) for name in missing.elements()}
            wait_until(partial(self._have_begun, sent), 60, "the workers took no work")

    def lower(self) -> None:
        """Let every pool be as small as its backlog."""
        self._apply([self._pool(name, 0) for name in self.names])

    def send(self, name: str, seconds: float) -> str:
        """Send one message that takes so long; returns its id."""
        message = uuid.uuid4().hex
        body = json.dumps({"id": message, "seconds": round(seconds, 3)})
        self._client.send_message(QueueUrl=self._queues[name], MessageBody=body)
        return message

    def send_later(self, name: str, seconds: float, delay: float) -> None:
        """The same, after a delay."""
        threading.Timer(delay, self.send, (name, seconds)).start()

    def at_work(self) -> Counter[str]:
        """How many messages are being worked on, by pool, in pods that have not ended."""
        alive = set(self._kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}").split())
        counted: Counter[str] = Counter()
        for what, _, pod in self._noted():
            if pod in alive:
                counted[pod.rsplit("-", 2)[0]] += 1 if what == "begun" else -1
        return counted

    def _missing(self, busy: int) -> Counter[str]:
        """How many more messages each pool needs, for so many workers to be busy."""
        return Counter(dict.fromkeys(self.names, busy)) - self.at_work()

    def _have_begun(self, messages: set[str]) -> bool:
        return messages <= {message for what, message, _ in self._noted() if what == "begun"}

    def _noted(self) -> list[tuple[str, str, str]]:
        """What happened, to which message, in which pod."""
        lines = (line.split() for line in self._journal.read_text().splitlines())
        return [(what, message, pod) for what, message, pod, _ in lines]

    def _ready(self) -> dict[str, int]:
        listed = json.loads(self._kubectl("get", "deployments", "-o", "json"))["items"]
        ready = {each["metadata"]["name"]: each["status"].get("readyReplicas", 0) for each in listed}
        return {name: ready[name] for name in self.names}

    def _apply(self, objects: list[dict[str, Any]]) -> None:
        self._kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))

    def _pool(self, name: str, least: int) -> dict[str, Any]:
        arm = self._arms[name]
        return {
            "apiVersion": "queueworker.dev/v1alpha1",
            "kind": "QueueWorkerPool",
            "metadata": {"name": name},
            "spec": {
                "scaleTargetRef": {"name": name},
                "queues": [{"url": f"{ACCOUNT}/{self._queues[name].rpartition('/')[2]}"}],
                "minReplicas": least,
                "maxReplicas": self._size,
                "target": {"messagesPerPod": MESSAGES_PER_POD},
                "pollSeconds": 1,
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
                "scaleIn": {"busyWorkers": arm.busy_workers},
            },
        }

    def _deployment(self, name: str) -> dict[str, Any]:
        arm, labels = self._arms[name], {"app": name}
        url = self._queues[name]
        worker = Path(sys.executable).with_name("queueworker")
        variables = self._sqs.env | {"PYTHONPATH": str(ROOT), "BENCH_JOURNAL": str(self._journal)}
        container = {
            "name": "worker",
            "image": "none",
            "command": [str(worker), f"--queue={url}", "--handler=benchmarks.timed_worker:handle", "--concurrency=1"],
            "args": [f"--grace-seconds={max(1, arm.grace_seconds - 5)}", "--visibility-seconds=30"],
            "env": [
                *({"name": key, "value": value} for key, value in variables.items()),
                {"name": "BENCH_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8081}, "periodSeconds": 1},
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "containers": [container],
                        "automountServiceAccountToken": False,
                        "terminationGracePeriodSeconds": arm.grace_seconds,
                    },
                },
            },
        }
