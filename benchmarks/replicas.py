"""Several operators on one API server, under the chart's rights, which elect the one that scales. For bench and tests.

They are processes and no pods, so that no back-off delays the next start of one that was killed. Each has a token that
is bound to a Pod of its name, as in a cluster; so the audit log tells them apart.
"""

import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks import audit
from benchmarks.bed import OPERATOR, OPERATOR_NAMESPACE, START_SECONDS, USER, credentials_of, operator_program
from devcluster import Cluster
from devcluster.processes import Program, free_port, wait_until

ANSWER_SECONDS = 0.25
"""For a scrape: a frozen process answers none, and does not lead either by what it would answer."""

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Replica:
    """One of the operators."""

    name: str
    program: Program
    port: int

    @property
    def leads(self) -> bool:
        """Whether its gauge says so."""
        return self.series("queueworkerpool_leader") == 1

    @property
    def works(self) -> bool:
        """Whether it leads and has decided on a pool since it began to."""
        return self.leads and self.series("queueworkerpool_decisions_total") > 0

    @property
    def is_ready(self) -> bool:
        """Whether it could take over."""
        return self._get("/readyz") == "ok\n"

    def series(self, name: str) -> float:
        """The sum of all series of a metric; 0 when there are none, or no answer comes."""
        found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", self._get("/metrics"), re.MULTILINE)
        return sum(float(value) for value in found)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(self.program.pid, number)

    def _get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=ANSWER_SECONDS) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return ""


class Replicas:
    """The operators that run. Close it to end them all."""

    def __init__(self, cluster: Cluster, sqs_env: Mapping[str, str], folder: Path) -> None:
        """Take a cluster that `bed.prepare` has prepared and that writes an audit log."""
        self._cluster = cluster
        self._sqs_env = sqs_env
        self._folder = folder
        self._running: dict[str, Replica] = {}

    def close(self) -> None:
        """End them all; a frozen one too."""
        for replica in self._running.values():
            replica.program.kill()

    def start(self, name: str) -> Replica:
        """Start an operator, for the first time or again; return when it is ready."""
        if name not in self._running:
            self._running[name] = self._made(name)
        replica = self._running[name]
        replica.program.start()

        def ready() -> bool:
            replica.program.check()
            return replica.is_ready

        wait_until(ready, START_SECONDS, f"operator {name} did not become ready; its log is {replica.program.log}")
        return replica

    def leader(self) -> Replica:
        """The one that leads and has begun to decide; waits for it."""
        wait_until(lambda: any(one.works for one in self._running.values()), START_SECONDS, "nobody took the lead")
        return next(one for one in self._running.values() if one.leads)

    def others(self, leader: Replica) -> list[Replica]:
        """Those that stand by."""
        return [replica for replica in self._running.values() if replica is not leader]

    def lease(self) -> dict[str, Any]:
        """What the Lease says."""
        told = self._cluster.kubectl("get", "lease", OPERATOR, "-n", OPERATOR_NAMESPACE, "-o", "yaml")
        return dict(yaml.safe_load(told).get("spec", {}))

    def writes(self, replica: Replica, since: datetime) -> Counter[str]:
        """What a replica has asked the API server to change since then, the Lease included, refused or not."""
        log = self._cluster.directory / "audit.log"
        done = audit.requests(log, USER, since, pod=replica.name)
        return Counter({what: number for what, number in done.items() if what.split()[0] in audit.WRITES})

    @contextmanager
    def watched(self) -> Iterator[list[int]]:
        """Note all the while how many lead at the same time, by their gauges."""
        noted: list[int] = []
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(noted, ended))
        watcher.start()
        try:
            yield noted
        finally:
            ended.set()
            watcher.join()

    def _watch(self, noted: list[int], ended: threading.Event) -> None:
        while not ended.wait(SAMPLE_SECONDS):
            replicas = list(self._running.values())
            # Asked twice: who led both times led in between, when the last was asked first and the first last.
            before, after = ([replica.leads for replica in replicas] for _ in range(2))
            noted.append(sum(led and leads for led, leads in zip(before, after, strict=True)))

    def _made(self, name: str) -> Replica:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": OPERATOR_NAMESPACE},
            "spec": {"serviceAccountName": OPERATOR, "containers": [{"name": "operator", "image": "none"}]},
        }
        self._cluster.apply(yaml.safe_dump(pod))
        bound = ("--bound-object-kind=Pod", f"--bound-object-name={name}")
        credentials = credentials_of(self._cluster, self._folder / f"{name}.kubeconfig", *bound)
        lease = {"QWP_LEASE": f"{OPERATOR_NAMESPACE}/{OPERATOR}", "QWP_IDENTITY": name}
        port = free_port()
        own = {"KUBECONFIG": str(credentials)} | lease | dict(self._sqs_env)
        return Replica(name, operator_program(self._folder / f"{name}.log", port, own), port)


def seconds_until_works(replicas: list[Replica], begun: float, give_up_seconds: float) -> float:
    """Seconds from BEGUN (monotonic) until one of them leads and has decided on a pool."""
    while not any(replica.works for replica in replicas):
        if time.monotonic() - begun > give_up_seconds:
            break
        time.sleep(0.01)
    return time.monotonic() - begun
