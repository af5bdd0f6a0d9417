"""Where faults are injected: a cluster with a node, queues, and operators that each serve namespaces of their own."""

import json
import math
import re
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from devcluster import Cluster, CommandFailedError
from devcluster.processes import Program, free_port, wait_until
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.operators import OperatorProcess, is_ready, served
from tests.cluster.operator.workers import WORKER

ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 60.0
KEPT_SECONDS = 0.5
SILENT = ["sleep", "3600"]
REFUSAL = "refused by a policy of the test"


@dataclass(frozen=True)
class Process:
    """One operator."""

    program: Program
    port: int

    def start(self) -> None:
        """Start it; return when it is ready."""
        self.program.start()
        wait_until(lambda: is_ready(self.port), WAIT_SECONDS, f"{self.program.name} is not ready")


@dataclass(frozen=True)
class Site:
    """All that runs.

    Args:
        cluster: The cluster.
        sqs: The queues; each pool has one of its name.
        folder: For logs, and for the files by which workers are told to be busy.
        processes: The operators, by job and instance.
    """

    cluster: Cluster
    sqs: CountingSqs
    folder: Path
    processes: dict[str, dict[str, Process]] = field(default_factory=dict)
    _kept: dict[int, tuple[float, str]] = field(default_factory=dict, repr=False)

    def add(self, job: str, instance: str, kubeconfig: Path, *argv: str, **variables: str) -> None:
        """Add an operator, not started yet, that serves the namespace of its job."""
        own = {"KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT), "QWP_NAMESPACES": job} | self.sqs.env | variables
        process = OperatorProcess(log=self.folder / f"{job}-{instance}.log", port=free_port(), variables=own)
        self.processes.setdefault(job, {})[instance] = Process(process.program(*argv), process.port)

    def scrapes(self, job: str) -> dict[str, str]:
        """Return the /metrics of each operator of a job, by instance."""
        return {instance: served(process.port, "/metrics") for instance, process in self.processes[job].items()}

    def value(self, job: str, name: str, instance: str = "a", **labels: str) -> float | None:
        """Return the series of a metric that has these labels, without the metric's prefix; None without one."""
        text = self._recent(self.processes[job][instance].port)
        for found, shown in re.findall(rf"^queueworkerpool_{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE):
            if all(f'{label}="{value}"' in found for label, value in labels.items()):
                return float(shown)
        return None

    def _recent(self, port: int) -> str:
        """Return a /metrics that is hardly older than a new one may be: whoever asks, asks for many of its series."""
        at, text = self._kept.get(port, (-math.inf, ""))
        if time.monotonic() - at > KEPT_SECONDS:
            text = served(port, "/metrics")
            self._kept[port] = time.monotonic(), text
        return text

    def condition(self, pool: str, kind: str, status: str) -> bool:
        """Return whether the operator of the pools shows this status of a condition."""
        return self.value("pools", "condition", pool=pool, type=kind, status=status) == 1

    def size(self, pool: str) -> tuple[float | None, float | None]:
        """Return how many pods of a pool are asked for, and how many are ready, as the operator shows them."""
        return self.value("pools", "current_replicas", pool=pool), self.value("pools", "ready_replicas", pool=pool)

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the namespace of the pools."""
        return self.cluster.kubectl("-n", "pools", *arguments)

    def deny(self, what: str, namespace: str, *probe: str) -> None:
        """Let an admission policy refuse something in a namespace; return when it refuses the probe."""
        self.cluster.kubectl("label", "namespace", namespace, f"refuse-{what}=yes")
        wait_until(lambda: self.denied(*probe), WAIT_SECONDS, f"the policy about {what} has no effect")

    def allow(self, what: str, namespace: str, *probe: str) -> None:
        """Let it refuse this no more; return when it does not refuse the probe."""
        self.cluster.kubectl("label", "namespace", namespace, f"refuse-{what}-")
        wait_until(lambda: not self.denied(*probe), WAIT_SECONDS, f"the policy about {what} still has an effect")

    def denied(self, *arguments: str) -> bool:
        """Return whether an admission policy refuses a command, which is tried and not carried out."""
        try:
            self.cluster.kubectl(*arguments, "--dry-run=server")
        except CommandFailedError as error:
            return REFUSAL in str(error)
        return False

    def apply(self, namespace: str, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Apply manifests in a namespace."""
        self.cluster.kubectl("-n", namespace, "apply", "-f", "-", input=yaml.safe_dump_all(manifests))

    def edit(self, pool: str, **spec: Any) -> None:
        """Change fields of a pool's spec; None removes one."""
        self.kubectl("patch", "qwp", pool, "--type=merge", "-p", json.dumps({"spec": spec}))

    def set_busy(self, pool: str, *, busy: bool) -> None:
        """Let all workers of a pool report that they are busy, or idle."""
        listed = self.kubectl("get", "pods", "-l", f"app={pool}", "-o", "jsonpath={.items[*].status.podIP}")
        for address in listed.split():
            file = self.folder / "busy" / address
            if busy:
                file.touch()
            else:
                file.unlink(missing_ok=True)

    def worker(self) -> list[str]:
        """Return the command of a worker that answers /state."""
        return [sys.executable, "-c", WORKER, str(self.folder / "busy")]


def deployment(name: str, command: list[str], *, paused: bool = False) -> dict[str, Any]:
    """Return a Deployment without pods."""
    container = {"name": "worker", "image": "none", "command": command}
    spec = {"containers": [container], "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "paused": paused,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    }


def pool(name: str, **spec: Any) -> dict[str, Any]:
    """Return a pool that is read every second and follows its backlog at once."""
    usual = {
        "scaleTargetRef": {"name": name},
        "queues": [{"url": queue_url(name)}],
        "minReplicas": 1,
        "maxReplicas": 10,
        "target": {"messagesPerPod": 5},
        "pollSeconds": 1,
        "scaleToZeroAfterSeconds": 1,
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
    }
    return {
        "apiVersion": "queueworker.dev/v1alpha1",
        "kind": "QueueWorkerPool",
        "metadata": {"name": name},
        "spec": usual | spec,
    }
