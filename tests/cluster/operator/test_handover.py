"""From a real HPA to a pool and back: the replicas never change on the way, as the API server's watch shows.

KEDA itself is not here. What it keeps for a ScaledObject is: an HPA on an external metric, which goes when the
ScaledObject is paused or deleted, and comes back with it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.certificates import Authority
from testbed.hpa.external_metrics import GROUP, ExternalMetrics, registration
from tests.cluster.operator.conftest import Shop

NAME = "handover"
METRIC = "s0-aws-sqs-handover"
WATCH_SECONDS = 6
"""A watch gives what has happened at once, as far as the API server has the time."""


@pytest.fixture
def loads(shop: Shop, tmp_path: Path) -> Iterator[list[int]]:
    """The load that the HPA reads; the last one holds. The metrics' API is registered while the test runs."""
    shown = [40]

    pair = Authority(tmp_path).issue("external-metrics")
    with ExternalMetrics(pair, {METRIC: shown}, lambda _: (0, 0)) as metrics:
        for item in registration(metrics.port, shop.namespace):
            shop.apply(item)
        shop.kubectl("wait", "--for=condition=Available", f"apiservice/v1beta1.{GROUP}", "--timeout=120s")
        yield shown
        shop.kubectl("delete", "apiservice", f"v1beta1.{GROUP}")


def hpa(shop: Shop) -> None:
    """Create the HPA that KEDA keeps for a ScaledObject with a queueLength of 5."""
    target = {"type": "AverageValue", "averageValue": "5"}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
        "minReplicas": 1,
        "maxReplicas": 20,
        "metrics": [{"type": "External", "external": {"metric": {"name": METRIC}, "target": target}}],
    }
    metadata = {"name": f"keda-hpa-{NAME}"}
    shop.apply({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec})


def hpa_follows(shop: Shop) -> bool:
    """Whether the HPA has read its metric and may act on it."""
    found = json.loads(shop.kubectl("get", "hpa.v2.autoscaling", f"keda-hpa-{NAME}", "-o", "json"))
    conditions = {each["type"]: each["status"] for each in found.get("status", {}).get("conditions", ())}
    return conditions.get("ScalingActive") == "True"


def mode(shop: Shop, value: str) -> None:
    """Change the pool's mode, and wait until the operator has seen that."""
    shop.kubectl("patch", "qwp", NAME, "--type=merge", "-p", json.dumps({"spec": {"mode": value}}))
    generation = json.loads(shop.kubectl("get", "qwp", NAME, "-o", "json"))["metadata"]["generation"]
    shop.eventually(
        lambda: shop.status(NAME).get("observedGeneration") == generation, 60, f"the mode {value} was not seen"
    )


def version(shop: Shop) -> str:
    """Return the version of the list of Deployments, from which a watch can begin."""
    listed = json.loads(shop.kubectl("get", "--raw", f"/apis/apps/v1/namespaces/{shop.namespace}/deployments"))
    return str(listed["metadata"]["resourceVersion"])


def sizes_since(shop: Shop, begun: str) -> list[int]:
    """Return the Deployment's replicas in each event of the API server's watch, from a version on until now."""
    query = f"watch=1&resourceVersion={begun}&timeoutSeconds={WATCH_SECONDS}&fieldSelector=metadata.name%3D{NAME}"
    path = f"/apis/apps/v1/namespaces/{shop.namespace}/deployments?{query}"
    events: list[dict[str, Any]] = [json.loads(line) for line in shop.kubectl("get", "--raw", path).splitlines()]
    assert {event["type"] for event in events} <= {"MODIFIED"}
    return [event["object"]["spec"]["replicas"] for event in events]


def touch(shop: Shop, value: str) -> None:
    """Change something else of the Deployment, so that the watch has an event that must be seen."""
    shop.kubectl("annotate", "deployment", NAME, f"test/step={value}", "--overwrite")


def test_the_replicas_change_at_no_handover_from_the_hpa_to_the_pool_and_back(shop: Shop, loads: list[int]) -> None:
    queue = shop.queue(NAME)
    shop.send(queue, 40)
    shop.deployment(NAME, replicas=1)
    hpa(shop)
    shop.eventually(lambda: shop.replicas(NAME) == 8, 90, "the HPA did not scale: 40 messages, 5 per pod")

    # For days beside it: what would the pool do?
    shop.pool(NAME, queue, maxReplicas=20, mode="DryRun")
    shop.eventually(lambda: shop.status(NAME).get("desiredReplicas") == 8, 60, "the dry run recommends another size")

    begun, generation = version(shop), shop.generation(NAME)
    shop.kubectl("delete", "hpa.v2.autoscaling", f"keda-hpa-{NAME}")
    mode(shop, "Active")
    shop.eventually(lambda: shop.condition(NAME, "ScalingActive")[0] == "True", 60, "the pool does not scale")
    assert shop.generation(NAME) == generation, "somebody wrote the Deployment's spec"
    touch(shop, "pool")
    assert set(sizes_since(shop, begun)) == {8}

    shop.send(queue, 10)
    shop.eventually(lambda: shop.replicas(NAME) == 10, 60, "the pool does not follow its queue")
    loads.append(50)

    begun, generation = version(shop), shop.generation(NAME)
    mode(shop, "Paused")
    hpa(shop)
    shop.eventually(lambda: hpa_follows(shop), 90, "the HPA does not follow its metric")
    assert shop.generation(NAME) == generation, "somebody wrote the Deployment's spec"
    touch(shop, "hpa")
    assert set(sizes_since(shop, begun)) == {10}

    loads.append(60)
    shop.eventually(lambda: shop.replicas(NAME) == 12, 90, "the HPA does not scale any more")
    assert shop.condition(NAME, "ScaleConflict")[0] != "True"
