"""The cluster of the chaos bench: its namespaces, the pools whose sizes are known, and one operator behind a proxy."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from devcluster import Cluster
from devcluster.faults import Proxy
from devcluster.processes import Program, free_port, wait_until
from testbed.api import ApiClient, connected, deployment, pool
from testbed.chaos.sts import Sts
from testbed.chaos.view import View, parse_conditions, parse_events, parse_metrics, parse_service_seconds
from testbed.chaos.workers import Workers
from testbed.counting_sqs import ACCOUNT, REGION, CountingSqs, queue_url
from testbed.interpreters import THIS_INTERPRETER, Interpreter
from testbed.operators import (
    OPERATOR,
    OPERATOR_NAMESPACE,
    ROOT,
    OperatorProcess,
    admin_config,
    is_ready,
    prepare,
    write_credentials,
)

STEADY = "steady"
"""The namespace of the pools that nothing happens to."""

TROUBLED = "troubled"
TENANT = "tenant"
"""The namespace whose queues are read by a role."""

NAMESPACES = (STEADY, TROUBLED, TENANT, "lost", "capped", "quiet", "robbed")
MESSAGES_PER_POD = 5
MOST_PODS = 40
READY_TIMEOUT_SECONDS = 60.0
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/tenant"
_TENANTS = [
    {"namespaces": [TENANT], "queues": ["arn:*:sqs:*:*:*"], "roleArn": _ROLE},
    {"namespaces": ["*"], "queues": ["arn:*:sqs:*:*:*"]},
]


def deployments(namespace: str) -> str:
    """Return the path of a namespace's Deployments."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def pools(namespace: str) -> str:
    """Return the path of a namespace's pools."""
    return f"/apis/queueworker.dev/v1alpha1/namespaces/{namespace}/queueworkerpools"


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that runs, and the pools by name.

    Args:
        cluster: The control plane.
        sqs: The queues.
        sts: What gives the credentials of the tenant's role.
        workers: The pods, for pools that have any.
        proxy: What the operator reaches the control plane through.
        operator: The operator's process.
        port: The loopback port that it serves on.
        api: An administrator's client, past the proxy.
        namespaces: The namespace of each pool.
        loads: The load of each pool, in pods that it calls for.
        fixed: Sizes of pools whose size does not follow their load.
        livez_failures: What /livez reported when it failed.
    """

    cluster: Cluster
    sqs: CountingSqs
    sts: Sts
    workers: Workers
    proxy: Proxy
    operator: Program
    port: int
    api: ApiClient
    namespaces: dict[str, str] = field(default_factory=dict)
    loads: dict[str, int] = field(default_factory=dict)
    fixed: dict[str, int] = field(default_factory=dict)
    livez_failures: list[str] = field(default_factory=list)

    async def add(
        self, name: str, namespace: str = TROUBLED, load: int = 2, scaled: Mapping[str, Any] | None = None, **spec: Any
    ) -> None:
        """Create a pool, whose load calls for this many pods, and its Deployment: a paused one when none is given."""
        body = pool(name, queue_url(name), 1)
        scale_down = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        body["spec"] |= {"scaleToZeroAfterSeconds": 1, "behavior": scale_down, "maxReplicas": MOST_PODS} | spec
        self.namespaces[name] = namespace
        self.load(name, load)
        await self.api.create(deployments(namespace), scaled or deployment(name, 0))
        await self.api.create(pools(namespace), body)

    def load(self, name: str, pods: int) -> None:
        """Let the load of a pool call for this many pods."""
        self.loads[name] = pods
        self.sqs.set_depths({name: pods * MESSAGES_PER_POD})

    async def edit(self, name: str, **spec: Any) -> None:
        """Edit a pool."""
        await self.api.patch(f"{pools(self.namespaces[name])}/{name}", {"spec": spec})

    async def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in a thread, so that proxy and workers keep running."""
        return await asyncio.to_thread(lambda: self.cluster.kubectl(*arguments, input=stdin))

    async def sizes(self) -> dict[str, int]:
        """Return the replicas of all Deployments by name."""
        listed = (await self.api.get("/apis/apps/v1/deployments"))["items"]
        return {each["metadata"]["name"]: each["spec"]["replicas"] for each in listed}

    async def view(self) -> View:
        """Return what is seen now; no metrics when the operator does not answer."""
        listed = (await self.api.get("/apis/queueworker.dev/v1alpha1/queueworkerpools"))["items"]
        events = (await self.api.get("/api/v1/events"))["items"]
        return View(
            parse_metrics(await asyncio.to_thread(self.request, "/metrics")),
            parse_conditions(listed),
            parse_events(events),
            await self.sizes(),
            parse_service_seconds(listed),
        )

    def request(self, path: str, timeout_seconds: float = 5) -> str:
        """Return what the operator serves at this path; nothing when it does not answer in this time."""
        try:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout_seconds) as answer:
                    return str(answer.read().decode())
            except urllib.error.HTTPError as error:
                with error:
                    return str(error.read().decode())
        except (OSError, HTTPException):
            return ""

    async def settle(self, timeout_seconds: float) -> dict[str, tuple[int | None, int]]:
        """Return the pools whose size is wrong after this time, none sooner: it, and the right one."""
        right = {name: self.fixed.get(name, pods) for name, pods in self.loads.items()}
        deadline = time.monotonic() + timeout_seconds
        while True:
            sizes = await self.sizes()
            wrong = {name: (sizes.get(name), size) for name, size in right.items() if sizes.get(name) != size}
            if not wrong or time.monotonic() > deadline:
                return wrong
            await asyncio.sleep(1)


@asynccontextmanager
async def started(folder: Path, interpreter: Interpreter = THIS_INTERPRETER) -> AsyncIterator[World]:
    """Start everything in `folder`, without pools, and end it with the body."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(Cluster(folder / "cluster", node=False))
        sqs = stack.enter_context(CountingSqs(folder / "sqs.log"))
        await asyncio.to_thread(_prepare, cluster)
        api = await stack.enter_async_context(connected(admin_config(cluster)))
        sts = await stack.enter_async_context(Sts.serving())
        workers = await stack.enter_async_context(Workers.running(api, TROUBLED))
        proxy = Proxy(cluster.url, cluster.directory / "keys")
        await stack.enter_async_context(proxy.serving())
        port = free_port()
        aws = {**sqs.env, **sts.env}
        operator = _operator(cluster, folder, port, proxy=proxy, aws=aws, interpreter=interpreter)
        operator.start()
        stack.callback(operator.stop)
        ready = f"the operator did not become ready; its log is {operator.log}"
        await asyncio.to_thread(wait_until, lambda: is_ready(port), READY_TIMEOUT_SECONDS, ready)
        yield World(
            cluster=cluster,
            sqs=sqs,
            sts=sts,
            workers=workers,
            proxy=proxy,
            operator=operator,
            port=port,
            api=api,
        )


def _prepare(cluster: Cluster) -> None:
    """Give the operator rights in each namespace, and not in the whole cluster."""
    prepare(cluster)
    for namespace in NAMESPACES:
        cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("delete", "clusterrolebinding", OPERATOR)
    cluster.apply(rights(cluster, NAMESPACES))


def rights(cluster: Cluster, namespaces: Sequence[str]) -> str:
    """Return the chart's rights for these namespaces."""
    chart = str(ROOT / "charts" / "queueworkerpool")
    options = ["--namespace", OPERATOR_NAMESPACE, "--set", f"watchNamespaces={{{','.join(namespaces)}}}"]
    return cluster.helm("template", OPERATOR, chart, *options, "--show-only=templates/rbac.yaml")


def _operator(  # noqa: PLR0913 -- each is one part of its surroundings
    cluster: Cluster, folder: Path, port: int, *, proxy: Proxy, aws: Mapping[str, str], interpreter: Interpreter
) -> Program:
    credentials = write_credentials(cluster, folder / "operator.kubeconfig")
    config = json.loads(credentials.read_text())
    config["clusters"][0]["cluster"]["server"] = proxy.url
    credentials.write_text(json.dumps(config))
    variables = {
        "KUBECONFIG": str(credentials),
        "QWP_NAMESPACES": ",".join(NAMESPACES),
        "QWP_LEASE": f"{OPERATOR_NAMESPACE}/{OPERATOR}",
        "QWP_TENANTS": json.dumps(_TENANTS),
        "QWP_REGION": REGION,
        **aws,
    }
    return OperatorProcess(
        log=folder / "operator.log", port=port, variables=variables, interpreter=interpreter
    ).program()
