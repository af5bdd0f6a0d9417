"""What others have in the cluster, or take away from the operator, costs the pools that it can see nothing."""

import asyncio
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import free_port, wait_until
from testbed.api import DEPLOYMENTS, connected, deployment, for_each_concurrently, pool
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.operators import OPERATOR, OPERATOR_NAMESPACE, OperatorProcess, admin_config, prepare, write_credentials

CHART = str(Path(__file__).parents[3] / "charts" / "queueworkerpool")
CROWD = 2_500
PATIENCE_SECONDS = 60.0


@pytest.fixture
def sqs(tmp_path: Path) -> Iterator[CountingSqs]:
    with CountingSqs(tmp_path / "sqs.log") as running:
        yield running


@pytest.fixture
def cluster(tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path / "cluster", node=False) as running:
        prepare(running)
        yield running


def operator(cluster: Cluster, folder: Path, sqs: CountingSqs, **variables: str) -> OperatorProcess:
    own = {"KUBECONFIG": str(write_credentials(cluster, folder / "kubeconfig")), **sqs.env, **variables}
    return OperatorProcess(log=folder / "operator.log", port=free_port(), variables=own)


def add_pool(cluster: Cluster, namespace: str, name: str) -> None:
    for manifest in (deployment(name, 0), pool(name, queue_url(name), 1)):
        cluster.kubectl("-n", namespace, "apply", "-f", "-", input=yaml.safe_dump(manifest))


def size(cluster: Cluster, namespace: str, name: str) -> str:
    return cluster.kubectl("-n", namespace, "get", "deployment", name, "-o", "jsonpath={.spec.replicas}")


def metrics(process: OperatorProcess) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


def served(process: OperatorProcess, **namespaces: int) -> bool:
    """Whether /metrics, which may be two seconds old, shows of each of these namespaces whether it is served."""
    text = metrics(process)
    lines = (f'queueworkerpool_namespace_served{{namespace="{name}"}} {value}.0' for name, value in namespaces.items())
    return all(line in text for line in lines)


def test_a_namespace_that_cannot_be_listed_costs_that_one_alone_and_comes_back(
    cluster: Cluster, tmp_path: Path, sqs: CountingSqs
) -> None:
    for namespace in ("good", "refused"):
        cluster.kubectl("create", "namespace", namespace)
        add_pool(cluster, namespace, namespace)
    sqs.set_depths({"good": 10, "refused": 10})
    cluster.kubectl("delete", "clusterrolebinding", OPERATOR)
    options = ["--namespace", OPERATOR_NAMESPACE, "--set", "watchNamespaces={good,refused}"]
    rights = cluster.helm("template", OPERATOR, CHART, *options, "--show-only=templates/rbac.yaml")
    cluster.apply(rights)
    cluster.kubectl("-n", "refused", "delete", "rolebinding", OPERATOR)
    process = operator(cluster, tmp_path, sqs, QWP_NAMESPACES="good,refused")
    with process.running():
        wait_until(lambda: size(cluster, "good", "good") == "2", PATIENCE_SECONDS, "the other pool is not served")
        assert size(cluster, "refused", "refused") == "0"
        wait_until(lambda: served(process, good=1, refused=0), PATIENCE_SECONDS, "the metrics do not show it")
        cluster.apply(rights)
        wait_until(lambda: size(cluster, "refused", "refused") == "2", PATIENCE_SECONDS, "it did not come back")
        wait_until(lambda: served(process, good=1, refused=1), PATIENCE_SECONDS, "the metrics do not show it")
    assert "Traceback" not in process.log.read_text()


async def crowd(cluster: Cluster) -> None:
    async with connected(admin_config(cluster)) as api:

        async def create(name: str) -> None:
            await api.create(DEPLOYMENTS, deployment(name, 0))

        await for_each_concurrently(create, [f"other-{number:05}" for number in range(CROWD)])


def test_a_crowd_of_other_deployments_keeps_no_pool_from_its_first_decision(
    cluster: Cluster, tmp_path: Path, sqs: CountingSqs
) -> None:
    asyncio.run(crowd(cluster))
    cluster.kubectl("create", "namespace", "shop")
    add_pool(cluster, "shop", "jobs")
    sqs.set_depths({"jobs": 10})
    with operator(cluster, tmp_path, sqs).running():
        wait_until(lambda: size(cluster, "shop", "jobs") == "2", PATIENCE_SECONDS, "no decision was made")
