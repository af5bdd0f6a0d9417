"""What every bench stands on: a real control plane, the counting server, and the operator under the chart's rights."""

import asyncio
import json
import os
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import audit
from benchmarks.api import NAMESPACE, Api, connected
from benchmarks.counting_sqs import CountingSqs
from benchmarks.environments import OF_DEVELOPERS, Environment
from benchmarks.process import Usage, usage
from devcluster import Cluster
from devcluster.processes import Program, free_port, wait_until

ROOT = Path(__file__).parents[1]
OPERATOR_NAMESPACE = "queueworkerpool-system"
OPERATOR = "queueworkerpool"
USER = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR}"
START_SECONDS = 30


@dataclass(frozen=True)
class Bed:
    """Everything that runs."""

    cluster: Cluster
    sqs: CountingSqs
    operator: Program
    port: int
    api: Api

    def operator_usage(self) -> Usage:
        """What the operator's process has used so far."""
        return usage(self.operator.pid)

    async def metrics(self) -> str:
        """What the operator shows on /metrics."""
        return await asyncio.to_thread(self._scrape)

    def _scrape(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    def operator_requests(self, since: datetime, until: datetime | None = None) -> Counter[str]:
        """What the operator asked the API server for, by verb and resource."""
        return audit.requests(self.cluster.directory / "audit.log", USER, since, until)


@asynccontextmanager
async def made(folder: Path, environment: Environment = OF_DEVELOPERS) -> AsyncIterator[Bed]:
    """Start everything in FOLDER, end it with the body. No node, so that nothing but the control plane is busy."""
    with Cluster(folder / "cluster", node=False, audit=True) as cluster, CountingSqs(folder / "sqs.log") as sqs:
        prepare(cluster)
        credentials = credentials_of(cluster, folder / "operator.kubeconfig")
        port = free_port()
        with operating(credentials, sqs.env, folder / "operator.log", port, environment) as operator:
            async with connected(config_of(cluster)) as api:
                yield Bed(cluster, sqs, operator, port, api)


def prepare(cluster: Cluster) -> None:
    """Install what the operator needs: its custom resource, its namespace, its rights."""
    for namespace in (NAMESPACE, OPERATOR_NAMESPACE):
        cluster.kubectl("create", "namespace", namespace)
    cluster.apply((ROOT / "crds" / "queueworkerpools.yaml").read_text())
    cluster.wait_until_served("queueworkerpools.queueworker.dev")
    templates = [f"--show-only=templates/{name}.yaml" for name in ("serviceaccount", "rbac", "election")]
    chart = str(ROOT / "charts" / "queueworkerpool")
    cluster.apply(cluster.helm("template", OPERATOR, chart, "--namespace", OPERATOR_NAMESPACE, *templates))


def credentials_of(cluster: Cluster, path: Path, *bound: str) -> Path:
    """Write a kubeconfig of the operator's own user, so that its requests can be told from everybody's.

    `bound`: options of `kubectl create token`, to bind it to a pod.
    """
    token = cluster.kubectl("create", "token", OPERATOR, "-n", OPERATOR_NAMESPACE, "--duration=6h", *bound).strip()
    config = config_of(cluster)
    config["users"][0]["user"] = {"token": token}
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


def config_of(cluster: Cluster) -> dict[str, Any]:
    """The administrator's kubeconfig."""
    return dict(json.loads(cluster.kubeconfig.read_text()))


def operator_program(log: Path, port: int, own: Mapping[str, str], environment: Environment = OF_DEVELOPERS) -> Program:
    """An operator that serves on this loopback port, with these variables of its own; it is not started yet."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("QWP_", "AWS_"))}
    serving = {"QWP_HTTP_HOST": "127.0.0.1", "QWP_HTTP_PORT": str(port)}
    as_in_the_chart = {"MALLOC_ARENA_MAX": "2"}
    argv = [str(environment.python), "-m", "queueworkerpool", "operator"]
    return Program(argv, log, env={**env, **environment.variables, **as_in_the_chart, **serving, **own})


def is_ready(port: int) -> bool:
    """Whether the operator that serves on this port says so."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def operating(
    credentials: Path, sqs_env: Mapping[str, str], log: Path, port: int, environment: Environment = OF_DEVELOPERS
) -> Iterator[Program]:
    """Run the operator as a pod would, until the body ends; it is ready when the body begins."""
    program = operator_program(log, port, {"KUBECONFIG": str(credentials), **sqs_env}, environment)
    program.start()

    def ready() -> bool:
        program.check()
        return is_ready(port)

    try:
        wait_until(ready, START_SECONDS, f"the operator did not become ready; its log is {log}")
        yield program
    finally:
        program.stop()
