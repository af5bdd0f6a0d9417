"""What the operator's adapters are tested against: real servers, and one that misbehaves by a script."""

import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pytest
from botocore.loaders import create_loader

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import wait_until
from devcluster.sqs import CREDENTIALS
from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.model import Endpoints, NamespacedName, ScaleTarget
from queueworkerpool.queues.sqs import SqsQueues
from tests.adapters.operator.faulty import Faulty, Script

CRD = Path(__file__).parents[3] / "crds" / "queueworkerpools.yaml"
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(condition: Callable[[], bool], complaint: str, seconds: float = 60.0) -> None:
    """Wait until the condition holds; fails with the complaint when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint
        await asyncio.sleep(0.02)


@pytest.fixture
def faulty() -> Iterator[Callable[[Script], Faulty]]:
    """Start a server that follows a script; it ends with the test."""
    with ExitStack() as started:
        yield lambda script: started.enter_context(Faulty(script))


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Let botocore read its models once: hundreds of sessions are made here, and it takes each a tenth of a second."""
    loader = create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", lambda _: loader)
        yield


class Connect(Protocol):
    """Makes a client of SQS at an endpoint (None: AWS itself); it is closed with the test."""

    def __call__(
        self,
        endpoint: str | None,
        *,
        default_region: str | None = None,
        workers: int = 4,
        endpoints: Mapping[str, str] | None = None,
    ) -> SqsQueues: ...


@pytest.fixture
async def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Connect]:
    """Connect to SQS, with nothing of this machine's AWS settings."""
    made: list[SqsQueues] = []
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "missing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    def connected(
        endpoint: str | None,
        *,
        default_region: str | None = None,
        workers: int = 4,
        endpoints: Mapping[str, str] | None = None,
    ) -> SqsQueues:
        if endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", endpoint)
        made.append(SqsQueues(default_region, workers, lambda: NOW, Endpoints(endpoints or {})))
        return made[-1]

    yield connected
    for queues in made:
        await queues.close()


@pytest.fixture(scope="session")
def control_plane(
    tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]
) -> Iterator[Cluster]:
    """A real API server with our custom resource, of its own: no operator works there, and no pod gets a node."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path_factory.mktemp("control-plane"), node=False) as running:
        running.apply(CRD.read_text())
        running.wait_until_served("queueworkerpools.queueworker.dev")
        yield running


class Namespace:
    """A fresh namespace of the control plane, with `kubectl` in it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl("-n", self.name, *arguments, input=stdin)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", kind, name, "-o", "json")))

    def items(self, kind: str) -> list[dict[str, Any]]:
        return list(json.loads(self.kubectl("get", kind, "-o", "json"))["items"])

    def pool(self, name: str, **spec: Any) -> NamespacedName:
        """Create or edit a pool."""
        whole = {
            "scaleTargetRef": {"name": name},
            "queues": [{"url": f"https://sqs.eu-west-1.amazonaws.com/123456789012/{name}"}],
            "maxReplicas": 10,
            "target": {"messagesPerPod": 5},
        } | spec
        self._apply("queueworker.dev/v1alpha1", "QueueWorkerPool", name, whole)
        return NamespacedName(self.name, name)

    def deployment(self, name: str, replicas: int = 0) -> ScaleTarget:
        """Create a Deployment; its pods never get a node."""
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "worker", "image": "none"}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        self._apply("apps/v1", "Deployment", name, spec)
        return ScaleTarget(self.name, name)

    def _apply(self, version: str, kind: str, name: str, spec: dict[str, Any]) -> None:
        manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))


@pytest.fixture
def namespace(control_plane: Cluster) -> Iterator[Namespace]:
    """A namespace of the control plane that ends with its test."""
    name = f"adapter-{uuid.uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    account = ("get", "serviceaccount", "default", "-n", name, "--ignore-not-found", "-o", "name")
    wait_until(lambda: control_plane.kubectl(*account) != "", 60, f"namespace {name} got no default service account")
    yield Namespace(control_plane, name)
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


Open = Callable[[Path], KubernetesCluster]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Make a client of the API server that a kubeconfig names; it is closed with the test."""
    made: list[KubernetesCluster] = []
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    def open_(kubeconfig: Path) -> KubernetesCluster:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        made.append(KubernetesCluster(4))
        return made[-1]

    yield open_
    for cluster in made:
        cluster.close()


@pytest.fixture
def cluster(namespace: Namespace, opened: Open) -> KubernetesCluster:
    """The client of the real API server."""
    return opened(namespace.cluster.kubeconfig)
