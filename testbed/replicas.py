"""Several operators on one API server, under the chart's rights, which elect a leader.

They are processes and not pods, so that no back-off delays the restart of one that was killed. Each has a token that is
bound to a Pod of its name, as in a cluster; so the audit log distinguishes their requests.
"""

import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from devcluster import Cluster
from devcluster.processes import Program, free_port, wait_until
from testbed import audit
from testbed.interpreters import THIS_INTERPRETER, Interpreter
from testbed.operators import (
    ANSWER_SECONDS,
    OPERATOR,
    OPERATOR_NAMESPACE,
    READY_TIMEOUT_SECONDS,
    USER,
    OperatorProcess,
    is_ready,
    served,
    write_credentials,
)

SAMPLE_TIMEOUT_SECONDS = 0.25
"""A frozen process does not answer; it does not lead either, and the others are not to be missed meanwhile."""

SAMPLE_INTERVAL_SECONDS = 0.05


@dataclass(frozen=True)
class Replica:
    """One of the operators."""

    name: str
    program: Program
    port: int

    @property
    def leads(self) -> bool:
        """Whether its gauge says that it leads."""
        return self.series("queueworkerpool_leader") == 1

    @property
    def works(self) -> bool:
        """Whether it leads and has decided on a pool since then."""
        return self.leads and self.series("queueworkerpool_decisions_total") > 0

    @property
    def is_ready(self) -> bool:
        """Whether it could take over."""
        return is_ready(self.port)

    @property
    def held(self) -> list[int]:
        """The shards that its gauges say it holds."""
        text = served(self.port, "/metrics")
        found = re.findall(r'^queueworkerpool_shard_leader{shard="(\d+)"} 1.0$', text, re.MULTILINE)
        return [int(shard) for shard in found]

    def series(self, name: str, timeout_seconds: float = ANSWER_SECONDS) -> float:
        """Return the sum of all series of a metric; 0 without series or without an answer in this time."""
        text = served(self.port, "/metrics", timeout_seconds)
        found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for value in found)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(self.program.pid, number)


class Replicas:
    """The running operators. Closing it ends them all."""

    def __init__(
        self,
        cluster: Cluster,
        sqs_env: Mapping[str, str],
        folder: Path,
        interpreter: Interpreter = THIS_INTERPRETER,
        shards: int = 1,
    ) -> None:
        """Start no operator yet.

        Args:
            cluster: A cluster on which `operators.prepare` was called; with an audit log, if `writes` is used.
            sqs_env: Environment variables that lead to the queues.
            folder: Where kubeconfigs and logs are written.
            interpreter: The Python that runs the operators.
            shards: Into how many groups the operators divide the pools that are created from now on.
        """
        self.shards = shards
        self._interpreter = interpreter
        self._cluster = cluster
        self._sqs_env = sqs_env
        self._folder = folder
        self._running: dict[str, Replica] = {}

    def close(self) -> None:
        """End them all, a frozen one too, and leave their Leases as the chart creates them, held by nobody.

        Else those of the next test would wait until the Leases of those that were killed have expired.
        """
        for replica in self._running.values():
            replica.program.kill()
        leases = self._cluster.kubectl("get", "leases", "-n", OPERATOR_NAMESPACE, "-o", "name").split()
        if leases:
            never_held = '{"metadata": {"annotations": null}, "spec": null}'
            self._cluster.kubectl("patch", *leases, "-n", OPERATOR_NAMESPACE, "--type=merge", "-p", never_held)

    def add(self, name: str, interpreter: Interpreter | None = None) -> Replica:
        """Return the operator of this name, which is created when there is none, and not started.

        `interpreter`: what runs it from its first start on, when that is not the one of all.
        """
        if name not in self._running:
            self._running[name] = self._create(name, interpreter or self._interpreter)
        return self._running[name]

    def start(self, name: str, interpreter: Interpreter | None = None) -> Replica:
        """Start an operator, for the first time or again; return when it is ready."""
        replica = self.add(name, interpreter)
        replica.program.start()

        def ready() -> bool:
            replica.program.check()
            return replica.is_ready

        wait_until(
            ready, READY_TIMEOUT_SECONDS, f"operator {name} did not become ready; its log is {replica.program.log}"
        )
        return replica

    def leader(self) -> Replica:
        """Wait until an operator leads and has begun to decide; return it."""
        wait_until(
            lambda: any(one.works for one in self._running.values()), READY_TIMEOUT_SECONDS, "nobody took the lead"
        )
        return next(one for one in self._running.values() if one.leads)

    def others(self, leader: Replica) -> list[Replica]:
        """Return the operators that stand by."""
        return [replica for replica in self._running.values() if replica is not leader]

    def lease(self, shard: int | None = None) -> dict[str, Any]:
        """Return the Lease's spec; that of a shard, if one is given."""
        name = OPERATOR if shard is None else f"{OPERATOR}-shard-{shard}"
        text = self._cluster.kubectl("get", "lease", name, "-n", OPERATOR_NAMESPACE, "-o", "yaml")
        return dict(yaml.safe_load(text).get("spec", {}))

    def holders(self, shards: int) -> list[str]:
        """Return who holds each shard, by their Leases; empty where nobody does."""
        return [self.lease(shard).get("holderIdentity", "") for shard in range(shards)]

    def writes(self, replica: Replica, since: datetime) -> Counter[str]:
        """Count the writes that an operator requested since then, the Lease included, refused or not."""
        log = self._cluster.directory / "audit.log"
        done = audit.requests(log, USER, since, pod=replica.name)
        return Counter({action: number for action, number in done.items() if action.split()[0] in audit.WRITES})

    def lease_writes(self, replica: Replica, since: datetime) -> list[datetime]:
        """Return when an operator has written a Lease since then, refused writes not counted."""
        done = audit.object_requests(self._cluster.directory / "audit.log", USER, since)
        return [each.time for each in done if (each.pod, each.action) == (replica.name, "patch leases")]

    @contextmanager
    def sampled(self) -> Iterator[list[int]]:
        """Sample how many operators lead at the same time, by their gauges, while the body runs."""
        leaders: list[int] = []
        ended = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(leaders, ended))
        sampler.start()
        try:
            yield leaders
        finally:
            ended.set()
            sampler.join()

    def _sample(self, leaders: list[int], ended: threading.Event) -> None:
        while not ended.wait(SAMPLE_INTERVAL_SECONDS):
            replicas = list(self._running.values())
            # Scraped twice: whoever led both times also led in between, when the others were scraped.
            before, after = (
                [replica.series("queueworkerpool_leader", SAMPLE_TIMEOUT_SECONDS) == 1 for replica in replicas]
                for _ in range(2)
            )
            leaders.append(sum(led and leads for led, leads in zip(before, after, strict=True)))

    def _create(self, name: str, interpreter: Interpreter) -> Replica:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": OPERATOR_NAMESPACE},
            "spec": {"serviceAccountName": OPERATOR, "containers": [{"name": "operator", "image": "none"}]},
        }
        self._cluster.apply(yaml.safe_dump(pod))
        bound = ("--bound-object-kind=Pod", f"--bound-object-name={name}")
        credentials = write_credentials(self._cluster, self._folder / f"{name}.kubeconfig", *bound)
        lease = {"QWP_LEASE": f"{OPERATOR_NAMESPACE}/{OPERATOR}", "QWP_IDENTITY": name}
        if self.shards > 1:
            lease["QWP_SHARDS"] = str(self.shards)
        port = free_port()
        variables = {"KUBECONFIG": str(credentials)} | lease | dict(self._sqs_env)
        log = self._folder / f"{name}.log"
        process = OperatorProcess(log=log, port=port, variables=variables, interpreter=interpreter)
        return Replica(name, process.program(), port)


def seconds_until_works(replicas: list[Replica], begun: float, timeout_seconds: float) -> float:
    """Wait until an operator leads and has decided on a pool; return the seconds since `begun` (monotonic)."""
    while not any(replica.works for replica in replicas):
        if time.monotonic() - begun > timeout_seconds:
            break
        time.sleep(0.01)
    return time.monotonic() - begun
