"""`kubectl qwp` from the archive of a release, where nothing else is installed, against a real API server."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from devcluster import Cluster, UnavailableError, tools
from queueworkerpool.cluster import KubernetesCluster, Login
from queueworkerpool.cluster.connection import Connection
from queueworkerpool.leader.fence import no_fence
from queueworkerpool.model import Event, SizeChange
from queueworkerpool.names import EventType
from release import plugin
from tests.adapters.operator.conftest import NOW, Namespace

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "queueworkerpool"
STATUS = {
    "replicas": 3,
    "readyReplicas": 2,
    "desiredReplicas": 7,
    "backlog": {"visible": 30, "inFlight": 5, "delayed": 0, "total": 35, "time": "2026-11-23T12:00:00Z"},
    "lastDecision": {
        "reason": "SizedByBacklog",
        "message": "35 messages / 5 per pod = 7 pods",
        "trail": [{"replicas": 7, "reason": "SizedByBacklog", "message": "35 messages / 5 per pod = 7 pods"}],
    },
}
Done = subprocess.CompletedProcess[str]
Qwp = Callable[..., Done]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> str:
    """A PATH with kubectl, the unpacked plugin, and a Python that has nothing but its own library."""
    folder = tmp_path_factory.mktemp("plugin")
    packed, unpacked, python = folder / "plugin.tar.gz", folder / "unpacked", folder / "python" / "python3"
    plugin.archive(ROOT, "0.1.0", packed)
    with tarfile.open(packed) as tar:
        tar.extractall(unpacked, filter="data")
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).resolve()}" -I -S "$@"\n')
    python.chmod(0o755)
    try:
        kubectl = tools.kubectl()
    except UnavailableError as error:
        unavailable(str(error))
    return os.pathsep.join(map(str, (python.parent, unpacked, kubectl.parent, "/usr/bin", "/bin")))


@pytest.fixture
def qwp(path: str, tmp_path: Path, control_plane: Cluster) -> Qwp:
    """Call as qwp("list", ...) for what `kubectl qwp list` does; with `kubeconfig=`, as somebody else."""

    def run(*arguments: str, kubeconfig: Path = control_plane.kubeconfig) -> Done:
        env = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig)}
        argv = [str(shutil.which("kubectl", path=path)), "qwp", *arguments]
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)

    return run


def decided(namespace: Namespace, name: str, **spec: Any) -> None:
    """Create a pool, and give it a status as the operator would."""
    namespace.pool(name, **spec)
    patch = json.dumps({"status": STATUS})
    namespace.kubectl("patch", "qwp", name, "--subresource=status", "--type=merge", "-p", patch)


def test_pools_are_listed_from_an_empty_folder(namespace: Namespace, qwp: Qwp) -> None:
    decided(namespace, "thumbnails")
    namespace.pool("archive")
    listed = qwp("list", "-n", namespace.name)
    assert (listed.returncode, [line.split() for line in listed.stdout.splitlines()], listed.stderr) == (
        0,
        [
            ["NAME", "PODS", "READY", "DESIRED", "RECOMMENDED", "BACKLOG", "WAITING", "REASON"],
            ["archive", *"-------"],
            ["thumbnails", "3", "2", "7", "7", "35", "0", "SizedByBacklog"],
        ],
        "",
    )
    everywhere = json.loads(qwp("list", "-A", "-o", "json").stdout)["pools"]
    assert (namespace.name, "thumbnails") in [(pool["namespace"], pool["name"]) for pool in everywhere]


def test_a_pool_is_explained_in_the_contexts_namespace(
    namespace: Namespace, qwp: Qwp, tmp_path: Path, control_plane: Cluster
) -> None:
    decided(namespace, "thumbnails")
    namespace.deployment("thumbnails", 3)
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    [context] = config["contexts"]
    context["context"]["namespace"] = namespace.name
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(config))
    for arguments in (["--kubeconfig", str(own)], ["--kubeconfig", str(own), "--context", context["name"]]):
        explained = qwp("explain", "thumbnails", *arguments)
        assert (explained.returncode, explained.stderr) == (0, "")
        assert "so: 7 pods, by SizedByBacklog" in explained.stdout


def test_a_thousand_pools_are_listed_by_pages(namespace: Namespace, qwp: Qwp) -> None:
    namespace.pool("pool-0000")
    pool = namespace.get("qwp", "pool-0000")
    connection = Connection(8, no_fence(), 15.0, login=Login(str(namespace.cluster.kubeconfig)))
    path = f"/apis/queueworker.dev/v1alpha1/namespaces/{namespace.name}/queueworkerpools"
    bodies = [
        {"apiVersion": pool["apiVersion"], "kind": pool["kind"], "spec": pool["spec"], "metadata": {"name": name}}
        for name in (f"pool-{number:04}" for number in range(1, 1000))
    ]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda body: connection.request("POST", path, body), bodies))
    connection.close()
    names = [line.split()[0] for line in qwp("list", "-n", namespace.name).stdout.splitlines()[1:]]
    assert names == [f"pool-{number:04}" for number in range(1000)]


async def test_the_history_has_what_the_operator_posted(namespace: Namespace, qwp: Qwp) -> None:
    decided(namespace, "thumbnails")
    namespace.pool("other")
    cluster = KubernetesCluster(workers=1, login=Login(str(namespace.cluster.kubeconfig)))
    for name, sizes in (("thumbnails", (3, 7)), ("other", (1, 2))):
        pool = await cluster.pool(namespace.pool(name))
        change = SizeChange(*sizes, "SizedByBacklog")
        await cluster.post_event(pool, Event(EventType.NORMAL, "SuccessfulRescale", "enough", change), NOW)
    cluster.close()
    told = qwp("history", f"{namespace.name}/thumbnails")
    assert (told.returncode, [line.split() for line in told.stdout.splitlines()][1:-1]) == (
        0,
        [["2026-11-23T12:00:00Z", "3", "->", "7", "SizedByBacklog", "enough"]],
    )


@pytest.fixture
def operators_account(namespace: Namespace, control_plane: Cluster, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of a service account with exactly the role that the chart gives the operator."""
    rendered = control_plane.helm("template", namespace.name, str(CHART), "--namespace", namespace.name)
    kinds = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Deployment"}
    objects = [each for each in yaml.safe_load_all(rendered) if each and each["kind"] in kinds]
    control_plane.apply(yaml.safe_dump_all(objects))
    [account] = [each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"]
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": namespace.kubectl("create", "token", account).strip()}
    own = tmp_path / "operator.yaml"
    own.write_text(yaml.safe_dump(config))
    yield own
    control_plane.kubectl("delete", "-f", "-", "--wait=false", input=yaml.safe_dump_all(objects))


def test_the_operators_own_role_is_enough_for_all_but_events(
    namespace: Namespace, qwp: Qwp, operators_account: Path
) -> None:
    decided(namespace, "thumbnails", mode="DryRun")
    namespace.deployment("thumbnails", 3)
    pool = f"{namespace.name}/thumbnails"
    ended = {
        command[0]: qwp(*command, kubeconfig=operators_account)
        for command in (["list", "-A"], ["explain", pool], ["compare", pool], ["history", pool], ["version"])
    }
    assert {name: done.returncode for name, done in ended.items()} == dict.fromkeys(ended, 0)
    assert {name for name, done in ended.items() if done.stderr} == {"history"}
    assert 'cannot list resource "events"' in ended["history"].stderr
    assert "now: 7 pods, by SizedByBacklog" in ended["history"].stdout
    assert (
        ended["compare"].stdout
        == "now: ours 7 pods, theirs 3 pods (last set by kubectl-client-side-apply); backlog 35\n"
    )
    _, operator, definition = ended["version"].stdout.splitlines()
    assert operator.startswith(f"operator: 0.1.0 ({namespace.name}/")
    assert definition.startswith("custom resource definition: unknown: customresourcedefinitions.apiextensions.k8s.io")


def test_a_plugin_that_pip_installed_is_found_by_kubectl() -> None:
    path = os.pathsep.join((str(Path(sys.executable).parent), str(tools.kubectl().parent), "/usr/bin", "/bin"))
    argv = [str(tools.kubectl()), "qwp", "--version"]
    told = subprocess.run(argv, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=True)
    assert "version" in told.stdout


def test_the_definition_tells_its_version(qwp: Qwp) -> None:
    assert "custom resource definition: 0.1.0" in qwp("version").stdout.splitlines()


def test_what_is_missing_is_one_sentence(namespace: Namespace, qwp: Qwp, operators_account: Path) -> None:
    denied = yaml.safe_load(operators_account.read_text())
    denied["users"][0]["user"] = {"token": "expired"}
    refused = operators_account.with_name("refused.yaml")
    refused.write_text(yaml.safe_dump(denied))
    missing = f"{namespace.name}/missing"
    sentences = [
        (qwp("explain", missing), f"Error: {missing}: there is no such pool; `qwp list --all-namespaces` shows"),
        (qwp("history", missing), f"Error: {missing}: there is no such pool; `qwp list --all-namespaces` shows"),
        (qwp("list", kubeconfig=refused), "Error: the API server does not take your credentials: log in again, or"),
        (qwp("list", kubeconfig=Path("/nonexistent")), "Error: no usable KUBECONFIG or service account"),
        (qwp("operator"), "Error: this installation lacks the library "),
    ]
    for done, sentence in sentences:
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith(sentence)
