"""Runs scenarios side by side on the real operator, real workers and a queue server, and writes down what happens.

Every scenario has a queue, a Deployment and a pool of its own in one cluster. All times are of this machine's monotonic
clock.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from devcluster import Cluster
from devcluster.processes import free_port
from devcluster.sqs import ElasticMq, SqsServer
from testbed.api import DEPLOYMENTS, NAMESPACE, POOLS, ApiClient, WatchEvent, connected, holds_within
from testbed.operators import OperatorProcess, admin_config, prepare, write_credentials
from testbed.recordings.recording import Messages, PodLife, Recording, Rescale
from testbed.recordings.scenarios import SECONDS, Scenario

ROOT = Path(__file__).parents[2]
ACCOUNT = "https://sqs.eu-west-1.amazonaws.com/123456789012"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
BATCH = 10
APART_SECONDS = 7.0
"""The scenarios begin so far apart: their bursts would start all workers at once, on one machine."""

DECISION_SECONDS = 30.0
"""How long the first decision about a pool may take."""


@dataclass(slots=True)
class _Watched:
    """What watches have shown of one scenario, by the monotonic clock."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    began: float | None = None
    asked: list[tuple[float, int]] = field(default_factory=list)
    ready: list[tuple[float, int]] = field(default_factory=list)
    pods: dict[str, PodLife] = field(default_factory=dict)
    sent: dict[int, float] = field(default_factory=dict)

    def pool(self, event: WatchEvent) -> None:
        """Record the first decision about the pool."""
        if self.began is None and "lastDecision" in event.body.get("status", {}):
            self.began, self.spec = event.time, event.body["spec"]

    def deployment(self, event: WatchEvent) -> None:
        """Record sizes when they change."""
        sizes = event.body["spec"]["replicas"], event.body.get("status", {}).get("readyReplicas", 0)
        for column, size in zip((self.asked, self.ready), sizes, strict=True):
            if not column or column[-1][1] != size:
                column.append((event.time, size))

    def pod(self, event: WatchEvent) -> None:
        """Record the life of a pod."""
        life = self.pods.setdefault(event.name, PodLife(event.time))
        conditions = event.body.get("status", {}).get("conditions", ())
        if life.ready is None and ("Ready", "True") in {(each["type"], each["status"]) for each in conditions}:
            life = replace(life, ready=event.time)
        if life.told is None and "deletionTimestamp" in event.body["metadata"]:
            life = replace(life, told=event.time)
        if event.kind == "DELETED":
            life = replace(life, gone=event.time)
        self.pods[event.name] = life


class Recorder:
    """Records scenarios in one cluster."""

    def __init__(self, folder: Path, scenarios: Sequence[Scenario]) -> None:
        """Record nothing yet; `folder` gets the logs."""
        self._folder = folder
        self._journal = folder / "journal"
        self._decisions = folder / "decisions"
        self._scenarios = scenarios
        self._watched = {each.name: _Watched() for each in scenarios}

    async def record(self) -> list[Recording]:
        """Run all scenarios at the same time."""
        self._journal.touch()
        self._decisions.touch()
        with Cluster(self._folder / "cluster") as cluster, ElasticMq(self._folder / "sqs.log") as sqs:
            prepare(cluster)
            credentials = write_credentials(cluster, self._folder / "operator.kubeconfig")
            variables = {"KUBECONFIG": str(credentials), "RECORDING_DECISIONS": str(self._decisions), **sqs.env}
            process = OperatorProcess(log=self._folder / "operator.log", port=free_port(), variables=variables)
            with process.running("-m", "testbed.recordings.operator_with_journal"):
                async with connected(admin_config(cluster)) as api:
                    await self._run(api, sqs)
            return self._recordings(process.log.read_text())

    async def _run(self, api: ApiClient, sqs: SqsServer) -> None:
        with ThreadPoolExecutor(len(self._scenarios)) as senders:
            async with AsyncExitStack() as stack:
                for path, kind in ((POOLS, "pool"), (DEPLOYMENTS, "deployment"), (PODS, "pod")):
                    await stack.enter_async_context(api.watching(path, self._recording(kind)))
                sending = []
                for scenario in self._scenarios:
                    url = sqs.client().create_queue(QueueName=scenario.name)["QueueUrl"]
                    began = await self._begin(api, scenario, _container(scenario, url, sqs.env, self._journal))
                    sender = _Sender(sqs, url, began, self._watched[scenario.name].sent)
                    sending.append(asyncio.get_running_loop().run_in_executor(senders, sender.send, scenario))
                    await asyncio.sleep(APART_SECONDS)
                await asyncio.gather(*sending)
                await asyncio.sleep(max(0.0, self._ends() - time.monotonic()))

    def _ends(self) -> float:
        return max(each.began or 0.0 for each in self._watched.values()) + SECONDS + 1.0

    def _recording(self, kind: str) -> Any:
        def record(event: WatchEvent) -> None:
            name = event.body["metadata"].get("labels", {}).get("app", event.name)
            getattr(self._watched[name], kind)(event)

        return record

    async def _begin(self, api: ApiClient, scenario: Scenario, container: Mapping[str, Any]) -> float:
        """Create the Deployment and the pool; return when the pool was first decided on."""
        watched = self._watched[scenario.name]
        await api.create(DEPLOYMENTS, _deployment(scenario, container))
        await api.create(POOLS, _pool(scenario))
        if not await holds_within(lambda: watched.began is not None, DECISION_SECONDS):
            raise TimeoutError(f"nothing was decided about {scenario.name}")
        assert watched.began is not None
        return watched.began

    def _recordings(self, log: str) -> list[Recording]:
        logs = _Logs(
            rescales=[json.loads(line) for line in log.splitlines() if '"pool rescaled"' in line],
            decisions=_rows(self._decisions),
            journal=_rows(self._journal),
            epoch=time.time() - time.monotonic(),
        )
        return [_recording(each, self._watched[each.name], logs) for each in self._scenarios]


@dataclass(frozen=True, slots=True)
class _Logs:
    """What operator and workers wrote: changes of sizes, decisions, what became of messages.

    `epoch`: what turns times of the monotonic clock into times since 1970.
    """

    rescales: Sequence[Mapping[str, Any]]
    decisions: Sequence[Sequence[str]]
    journal: Sequence[Sequence[str]]
    epoch: float


def _rows(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text().splitlines()]


def _recording(scenario: Scenario, watched: _Watched, logs: _Logs) -> Recording:
    began = watched.began
    assert began is not None
    own = [row for row in logs.journal if row[2] in watched.pods]
    loaded = {pod: float(at) for event, _, pod, at in own if event == "loaded"}
    lives = [replace(life, loaded=loaded.get(name)) for name, life in watched.pods.items()]
    whole = Recording(
        name=scenario.name,
        spec=watched.spec,
        began=datetime.fromtimestamp(began + logs.epoch, UTC),
        seconds=SECONDS,
        concurrency=scenario.concurrency,
        grace_seconds=scenario.grace_seconds,
        visibility_seconds=scenario.visibility_seconds,
        failing=scenario.failing,
        retry_seconds=scenario.retry_seconds,
        ticks=sorted({float(at) - logs.epoch - began for name, at, *_ in logs.decisions if name == scenario.name}),
        messages=_messages(scenario, watched.sent, own, began),
        pods=[_since(began, life) for life in lives],
        asked=[(at - began, size) for at, size in watched.asked],
        ready=[(at - began, size) for at, size in watched.ready],
        rescales=list(_rescales(logs.rescales, scenario.name, began + logs.epoch)),
    )
    return whole.cut()


class _Sender:
    """Sends what a scenario says, when it says so."""

    def __init__(self, sqs: SqsServer, url: str, began: float, sent: dict[int, float]) -> None:
        self._client = sqs.client()
        self._url = url
        self._began = began
        self._sent = sent

    def send(self, scenario: Scenario) -> None:
        """Send everything, those that are due together in batches."""
        times, seconds = scenario.times(_random(scenario)), list(_seconds(scenario))
        for number, at in enumerate(times):
            if number in self._sent:
                continue
            time.sleep(max(0.0, self._began + at - time.monotonic()))
            due = [each for each in range(number, min(number + BATCH, len(times))) if times[each] <= at]
            bodies = [json.dumps({"number": each, "seconds": seconds[each]}) for each in due]
            entries: Any = [{"Id": str(each), "MessageBody": body} for each, body in zip(due, bodies, strict=True)]
            self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            self._sent.update(dict.fromkeys(due, time.monotonic()))


def _random(scenario: Scenario) -> Random:
    return Random(scenario.name)


def _seconds(scenario: Scenario) -> Iterator[float]:
    """Yield how long each message takes, the same for the same scenario."""
    random = Random(f"{scenario.name}/service")
    yield from (round(scenario.service(random), 3) for _ in scenario.times(_random(scenario)))


def _messages(
    scenario: Scenario, sent: Mapping[int, float], journal: Sequence[Sequence[str]], began: float
) -> Messages:
    first: dict[int, float] = {}
    done: dict[int, float] = {}
    attempts = dict.fromkeys(sent, 0)
    for event, number, _, at in journal:
        if event == "begun":
            first.setdefault(int(number), float(at) - began)
            attempts[int(number)] += 1
        elif event == "done":
            done.setdefault(int(number), float(at) - began)
    order = sorted(sent)
    return Messages(
        sent=[sent[each] - began for each in order],
        begun=[first.get(each) for each in order],
        done=[done.get(each) for each in order],
        seconds=list(_seconds(scenario)),
        attempts=[attempts[each] for each in order],
    )


def _since(began: float, life: PodLife) -> PodLife:
    moments = (life.loaded, life.ready, life.told, life.gone)
    return PodLife(life.created - began, *(None if each is None else each - began for each in moments))


def _rescales(log: Sequence[Mapping[str, Any]], name: str, began: float) -> Iterator[Rescale]:
    for line in log:
        if line["pool"] == f"{NAMESPACE}/{name}":
            at = datetime.fromisoformat(line["time"]).timestamp() - began
            yield Rescale(at, line["from"], line["to"], line["reason"])


def _pool(scenario: Scenario) -> dict[str, Any]:
    usual = {"scaleTargetRef": {"name": scenario.name}, "queues": [{"url": f"{ACCOUNT}/{scenario.name}"}]}
    return {
        "apiVersion": "queueworker.dev/v1alpha1",
        "kind": "QueueWorkerPool",
        "metadata": {"name": scenario.name},
        "spec": usual | dict(scenario.spec),
    }


def _deployment(scenario: Scenario, container: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"app": scenario.name}
    pod = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": scenario.grace_seconds + 5,
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": scenario.name},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def _container(scenario: Scenario, url: str, aws: Mapping[str, str], journal: Path) -> dict[str, Any]:
    worker = Path(sys.executable).with_name("queueworker")
    variables = dict(aws) | {
        "PYTHONPATH": f"{ROOT}",
        "RECORDING_JOURNAL": str(journal),
        "RECORDING_STARTUP": " ".join(map(str, scenario.startup)),
        "RECORDING_FAILING": str(scenario.failing),
    }
    options = {
        "queue": url,
        "handler": "testbed.recordings.worker:handle",
        "concurrency": scenario.concurrency,
        "grace-seconds": scenario.grace_seconds,
        "visibility-seconds": scenario.visibility_seconds,
        "retry-seconds": scenario.retry_seconds,
    }
    return {
        "name": "worker",
        "image": "none",
        "command": [str(worker), *(f"--{name}={value}" for name, value in options.items())],
        "env": [
            *({"name": name, "value": value} for name, value in variables.items()),
            {"name": "RECORDING_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8081}, "periodSeconds": 1},
    }
