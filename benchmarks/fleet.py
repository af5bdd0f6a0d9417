"""Operators for the bench of outages, each with a proxy, a namespace, rights and pools of its own."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.api import deployment, pool
from benchmarks.bed import OPERATOR, prepare
from benchmarks.counting_sqs import CountingSqs, queue_url
from devcluster import Cluster
from devcluster.faults import Fault, Proxy
from devcluster.processes import Program, free_port

POOLS = ("first", "second", "edited")
POLL_SECONDS = 5
START_SECONDS = 120.0
SMALL = 2
MESSAGES_PER_POD = 5


@dataclass(slots=True)
class Patient:
    """One operator, and what has been seen of it."""

    fault: Fault
    proxy: Proxy
    program: Program
    port: int
    kubeconfig: Path
    complaints: list[str] = field(default_factory=list)
    """What /livez said against it."""
    died: int = 0

    @property
    def name(self) -> str:
        """The namespace, user and fault."""
        return f"{self.fault.kind} {self.fault.scope}".replace(" ", "-").lower()

    def queues(self, depth: int) -> dict[str, int]:
        """This depth for each of its queues."""
        return {f"{self.name}-{each}": depth for each in POOLS}


@dataclass(frozen=True, slots=True)
class Fleet:
    """All operators, and where they work."""

    cluster: Cluster
    sqs: CountingSqs
    patients: list[Patient]
    session: aiohttp.ClientSession

    async def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl; the proxies go on meanwhile."""
        return await asyncio.to_thread(lambda: self.cluster.kubectl(*arguments, input=stdin))

    async def targets(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Replicas and number of spec writes so far, by namespace and name of the Deployment."""
        listed = json.loads(await self.kubectl("get", "deployments", "-A", "-o", "json"))["items"]
        return {
            (each["metadata"]["namespace"], each["metadata"]["name"]): (
                each["spec"]["replicas"],
                each["metadata"]["generation"] - 1,
            )
            for each in listed
        }

    async def sign_in(self, patient: Patient) -> None:
        """Give an operator a new token."""
        await _sign_in(self.cluster, patient)

    def set_depths(self, depth: int) -> None:
        """Put this many messages into all queues."""
        self.sqs.set_depths({name: count for each in self.patients for name, count in each.queues(depth).items()})


@asynccontextmanager
async def fleet(folder: Path, faults: list[Fault]) -> AsyncIterator[Fleet]:
    """Start everything in FOLDER, end it with the body. All operators are ready, and their pools at SMALL."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(Cluster(folder / "cluster", node=False))
        sqs = stack.enter_context(CountingSqs(folder / "sqs.log"))
        prepare(cluster)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)))
        patients = []
        for fault in faults:
            proxy = Proxy(cluster.url, cluster.directory / "keys")
            await stack.enter_async_context(proxy.serving())
            patients.append(_patient(fault, proxy, folder, sqs))
        made = Fleet(cluster, sqs, patients, session)
        made.set_depths(SMALL * MESSAGES_PER_POD)
        await made.kubectl(
            "apply", "-f", "-", stdin=json.dumps({"kind": "List", "apiVersion": "v1", "items": _all(made)})
        )
        for patient in patients:
            await _sign_in(cluster, patient)
            patient.program.start()
            stack.callback(patient.program.kill)
        looking = asyncio.create_task(_look_after(made))
        stack.callback(looking.cancel)
        for patient in patients:
            await _until_ready(made, patient)
        yield made


def _patient(fault: Fault, proxy: Proxy, folder: Path, sqs: CountingSqs) -> Patient:
    port, name = free_port(), f"{fault.kind}-{fault.scope}".replace(" ", "-").lower()
    kubeconfig = folder / f"{name}.kubeconfig"
    env = {key: value for key, value in os.environ.items() if not key.startswith(("QWP_", "AWS_"))}
    own = {
        "KUBECONFIG": str(kubeconfig),
        "QWP_HTTP_HOST": "127.0.0.1",
        "QWP_HTTP_PORT": str(port),
        "QWP_NAMESPACES": name,
        "QWP_LOG_FORMAT": "text",
    }
    argv = [sys.executable, "-m", "queueworkerpool", "operator"]
    return Patient(fault, proxy, Program(argv, folder / f"{name}.log", env=env | own | sqs.env), port, kubeconfig)


def _all(made: Fleet) -> list[dict[str, Any]]:
    return [item for patient in made.patients for item in _objects(patient.name)]


def _objects(name: str) -> list[dict[str, Any]]:
    found = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, *account(name)]
    for each in POOLS:
        found += [deployment(each, SMALL), pool(each, queue_url(f"{name}-{each}"), POLL_SECONDS)]
    return [item | {"metadata": {"namespace": name} | item["metadata"]} for item in found]


def account(name: str) -> list[dict[str, Any]]:
    """A service account with the chart's rights."""
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


async def _sign_in(cluster: Cluster, patient: Patient) -> None:
    told = await asyncio.to_thread(cluster.kubectl, "create", "token", OPERATOR, "-n", patient.name, "--duration=6h")
    config = json.loads(cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = patient.proxy.url
    config["users"][0]["user"] = {"token": told.strip()}
    scratch = patient.kubeconfig.with_suffix(".new")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(config))
    scratch.replace(patient.kubeconfig)


async def _until_ready(made: Fleet, patient: Patient) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with made.session.get(f"http://127.0.0.1:{patient.port}/readyz") as answer:
                if answer.ok:
                    return
        patient.program.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"an operator did not become ready; its log is {patient.program.log}")
        await asyncio.sleep(0.2)


async def _look_after(made: Fleet) -> None:
    """Ask each operator every second whether it is alive."""
    while True:
        for patient in made.patients:
            if not patient.program.running:
                patient.died = 1
                continue
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with made.session.get(f"http://127.0.0.1:{patient.port}/livez") as answer:
                    if not answer.ok:
                        patient.complaints.append((await answer.text()).strip())
        await asyncio.sleep(1)
