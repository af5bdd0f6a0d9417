"""Operators on one control plane, each behind a proxy, with a namespace, rights and pools of its own."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from devcluster import Cluster
from devcluster.faults import Fault, Proxy
from devcluster.processes import Program, free_port
from testbed.api import deployment, pool
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.operators import OPERATOR, OperatorProcess, admin_config, prepare

POOLS = ("first", "second", "edited")
POLL_SECONDS = 5
MESSAGES_PER_POD = 5
INITIAL_REPLICAS = 2
READY_TIMEOUT_SECONDS = 120.0


@dataclass(slots=True, kw_only=True)
class FaultyOperator:
    """One operator, and what was observed of it.

    Args:
        fault: What happens to its requests.
        proxy: What makes it happen.
        program: Its process.
        port: The loopback port that it serves on.
        kubeconfig: Its credentials, for the proxy's address.
        livez_failures: What /livez reported when it failed.
        restarts: 1 when the process has ended: nobody starts it again.
    """

    fault: Fault
    proxy: Proxy
    program: Program
    port: int
    kubeconfig: Path
    livez_failures: list[str] = field(default_factory=list)
    restarts: int = 0

    @property
    def name(self) -> str:
        """The name of its namespace, user and fault."""
        return _name(self.fault)

    def depths(self, depth: int) -> dict[str, int]:
        """Return this depth for each of its queues."""
        return {f"{self.name}-{each}": depth for each in POOLS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All operators, the control plane and the queues."""

    cluster: Cluster
    sqs: CountingSqs
    operators: list[FaultyOperator]
    session: aiohttp.ClientSession

    async def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in a thread, so that the proxies keep running."""
        return await asyncio.to_thread(lambda: self.cluster.kubectl(*arguments, input=stdin))

    async def deployments(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return replicas and number of spec writes so far, by namespace and name of the Deployment."""
        listed = json.loads(await self.kubectl("get", "deployments", "-A", "-o", "json"))["items"]
        return {
            (each["metadata"]["namespace"], each["metadata"]["name"]): (
                each["spec"]["replicas"],
                each["metadata"]["generation"] - 1,
            )
            for each in listed
        }

    async def sign_in(self, operator: FaultyOperator) -> None:
        """Write new credentials for an operator."""
        token = await self.kubectl("create", "token", OPERATOR, "-n", operator.name, "--duration=6h")
        config = admin_config(self.cluster)
        config["clusters"][0]["cluster"]["server"] = operator.proxy.url
        config["users"][0]["user"] = {"token": token.strip()}
        scratch = operator.kubeconfig.with_suffix(".new")
        scratch.touch(mode=0o600)
        scratch.write_text(json.dumps(config))
        scratch.replace(operator.kubeconfig)

    def set_depths(self, depth: int) -> None:
        """Set the number of messages in all queues."""
        self.sqs.set_depths({name: count for each in self.operators for name, count in each.depths(depth).items()})


@asynccontextmanager
async def fleet(folder: Path, faults: Sequence[Fault]) -> AsyncIterator[Fleet]:
    """Start a fleet in `folder` and end it with the body. All operators are ready, their pools at INITIAL_REPLICAS."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(Cluster(folder / "cluster", node=False))
        sqs = stack.enter_context(CountingSqs(folder / "sqs.log"))
        prepare(cluster)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)))
        proxies = [Proxy(cluster.url, cluster.directory / "keys") for _ in faults]
        for proxy in proxies:
            await stack.enter_async_context(proxy.serving())
        operators = [_operator(fault, proxy, folder, sqs) for fault, proxy in zip(faults, proxies, strict=True)]
        started = Fleet(cluster=cluster, sqs=sqs, operators=operators, session=session)
        started.set_depths(INITIAL_REPLICAS * MESSAGES_PER_POD)
        manifest = {"kind": "List", "apiVersion": "v1", "items": _all_objects(started)}
        await started.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        await _start(started, stack)
        yield started


async def _start(fleet: Fleet, stack: AsyncExitStack) -> None:
    """Start all operators, poll their /livez, and wait until they are ready; the stack ends them."""
    for operator in fleet.operators:
        await fleet.sign_in(operator)
        operator.program.start()
        stack.callback(operator.program.kill)
    polling = asyncio.create_task(_poll_livez(fleet))
    stack.callback(polling.cancel)
    for operator in fleet.operators:
        await _wait_until_ready(fleet, operator)


def _name(fault: Fault) -> str:
    return f"{fault.kind} {fault.scope}".replace(" ", "-").lower()


def _operator(fault: Fault, proxy: Proxy, folder: Path, sqs: CountingSqs) -> FaultyOperator:
    name = _name(fault)
    kubeconfig = folder / f"{name}.kubeconfig"
    variables = {"KUBECONFIG": str(kubeconfig), "QWP_NAMESPACES": name, "QWP_LOG_FORMAT": "text", **sqs.env}
    process = OperatorProcess(log=folder / f"{name}.log", port=free_port(), variables=variables)
    return FaultyOperator(fault=fault, proxy=proxy, program=process.program(), port=process.port, kubeconfig=kubeconfig)


def _all_objects(fleet: Fleet) -> list[dict[str, Any]]:
    return [item for operator in fleet.operators for item in _objects(operator.name)]


def _objects(name: str) -> list[dict[str, Any]]:
    found = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, *account(name)]
    for each in POOLS:
        found += [deployment(each, INITIAL_REPLICAS), pool(each, queue_url(f"{name}-{each}"), POLL_SECONDS)]
    return [item | {"metadata": {"namespace": name} | item["metadata"]} for item in found]


def account(name: str) -> list[dict[str, Any]]:
    """Return a service account with the chart's rights."""
    api = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": OPERATOR, "namespace": name}},
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": OPERATOR},
            "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": name}],
        },
    ]


async def _wait_until_ready(fleet: Fleet, operator: FaultyOperator) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while True:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with fleet.session.get(f"http://127.0.0.1:{operator.port}/readyz") as answer:
                if answer.ok:
                    return
        operator.program.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"an operator did not become ready; its log is {operator.program.log}")
        await asyncio.sleep(0.2)


async def _poll_livez(fleet: Fleet) -> None:
    """Request /livez of each operator every second, and record failures."""
    while True:
        for operator in fleet.operators:
            if not operator.program.running:
                operator.restarts = 1
                continue
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with fleet.session.get(f"http://127.0.0.1:{operator.port}/livez") as answer:
                    if not answer.ok:
                        operator.livez_failures.append((await answer.text()).strip())
        await asyncio.sleep(1)
