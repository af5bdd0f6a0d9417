"""A control plane, the counting SQS server, and one operator under the chart's rights, all running together."""

import asyncio
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from devcluster import Cluster
from devcluster.processes import Program, free_port
from testbed import audit
from testbed.api import ApiClient, connected
from testbed.counting_sqs import CountingSqs
from testbed.interpreters import THIS_INTERPRETER, Interpreter
from testbed.operators import USER, OperatorProcess, admin_config, prepare, write_credentials
from testbed.process_usage import Usage, usage


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Everything that runs.

    Args:
        cluster: The control plane.
        sqs: The queues.
        operator: The operator's process.
        port: The loopback port that the operator serves on.
        api: An administrator's client of the control plane.
        interpreter: What the operator runs in.
    """

    cluster: Cluster
    sqs: CountingSqs
    operator: Program
    port: int
    api: ApiClient
    interpreter: Interpreter

    def operator_usage(self) -> Usage:
        """Return what the operator's process has used so far."""
        return usage(self.operator.pid)

    async def metrics(self) -> str:
        """Return the operator's /metrics."""
        return await asyncio.to_thread(self._scrape)

    def _scrape(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    def operator_requests(self, since: datetime, until: datetime | None = None) -> Counter[str]:
        """Count the operator's requests to the API server, by verb and resource."""
        return audit.requests(self.cluster.directory / "audit.log", USER, since, until)


@asynccontextmanager
async def started(folder: Path, interpreter: Interpreter = THIS_INTERPRETER) -> AsyncIterator[Environment]:
    """Start an environment in `folder` and end it with the body.

    It has no node, so that nothing but the control plane is busy.
    """
    with Cluster(folder / "cluster", node=False, audit=True) as cluster, CountingSqs(folder / "sqs.log") as sqs:
        prepare(cluster)
        credentials = write_credentials(cluster, folder / "operator.kubeconfig")
        process = OperatorProcess(
            log=folder / "operator.log",
            port=free_port(),
            variables={"KUBECONFIG": str(credentials), **sqs.env},
            interpreter=interpreter,
        )
        with process.running() as operator:
            async with connected(admin_config(cluster)) as api:
                yield Environment(
                    cluster=cluster,
                    sqs=sqs,
                    operator=operator,
                    port=process.port,
                    api=api,
                    interpreter=interpreter,
                )
