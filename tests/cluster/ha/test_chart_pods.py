"""Two pods of the chart, as `replicaCount: 2` starts them: one leads, the other is there when it goes."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import wait_until
from devcluster.sqs import MotoSqs
from tests.cluster.operator.conftest import NAMESPACE, Shop, install

READY_SECONDS = 90


@pytest.fixture(scope="module")
def two_replicas(
    tmp_path_factory: pytest.TempPathFactory, moto_sqs: MotoSqs, unavailable: Callable[[str], NoReturn]
) -> Iterator[Cluster]:
    """A cluster of its own, with two replicas of the chart."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path_factory.mktemp("two-replicas")) as running:
        install(running, moto_sqs, replicaCount=2)
        yield running


def leading(cluster: Cluster) -> dict[str, bool]:
    """Return the operator's pods that are ready and not about to end, and whether each leads."""
    listed = json.loads(cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", "json"))["items"]
    return {pod["metadata"]["name"]: _leads(pod["status"]["podIP"]) for pod in listed if _serves(pod)}


def _serves(pod: dict[str, Any]) -> bool:
    ready = {"type": "Ready", "status": "True"}.items()
    conditions = pod["status"].get("conditions", ())
    return "deletionTimestamp" not in pod["metadata"] and any(ready <= condition.items() for condition in conditions)


def _leads(address: str) -> bool:
    return re.search(r"^queueworkerpool_leader 1\.0$", _metrics(address), re.MULTILINE) is not None


def _metrics(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}:9090/metrics", timeout=60) as answer:
        return str(answer.read().decode())


def showing_pools(cluster: Cluster) -> set[str]:
    """Return the operator's pods whose metrics show a pool."""
    listed = json.loads(cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", "json"))["items"]
    scraped = {pod["metadata"]["name"]: _metrics(pod["status"]["podIP"]) for pod in listed if _serves(pod)}
    return {name for name, text in scraped.items() if 'pool="elected"' in text}


def settled(cluster: Cluster) -> str | None:
    """Return the name of the leader, once two pods are ready and one of them leads."""
    pods = leading(cluster)
    leaders = [name for name, leads in pods.items() if leads]
    assert len(leaders) <= 1
    return leaders[0] if leaders and len(pods) == 2 else None


def restarts(cluster: Cluster) -> str:
    chosen = "jsonpath={.items[*].status.containerStatuses[*].restartCount}"
    return cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", chosen)


def test_when_the_leaders_pod_goes_the_other_one_leads_and_the_chart_starts_a_third(
    two_replicas: Cluster, moto_sqs: MotoSqs
) -> None:
    shop = Shop(two_replicas, moto_sqs, "default")
    queue = shop.queue("elected")
    shop.deployment("elected")
    shop.pool("elected", queue)
    shop.send(queue, 50)
    shop.eventually(lambda: shop.replicas("elected") == 10, 60, "nobody scaled the pool")
    wait_until(lambda: settled(two_replicas) is not None, READY_SECONDS, "not one of two leads")
    first, before = settled(two_replicas), leading(two_replicas)
    two_replicas.kubectl("delete", "pod", "-n", NAMESPACE, str(first))
    shop.send(queue, 25)
    shop.eventually(lambda: shop.replicas("elected") == 15, 60, "nobody followed")
    wait_until(lambda: settled(two_replicas) is not None, READY_SECONDS, "the chart started no third")
    [follower] = set(before) - {first}
    assert settled(two_replicas) == follower
    assert set(leading(two_replicas)) != set(before)
    # What /metrics shows may be two seconds old.
    wait_until(lambda: showing_pools(two_replicas) == {follower}, READY_SECONDS, "not the leader alone shows the pool")
    assert restarts(two_replicas) == "0 0"
