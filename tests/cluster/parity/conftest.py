"""All series at once, each with a Deployment and an HPA of its own, under the real HPA controller."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest
from kubernetes import client, config

from devcluster import Cluster, UnavailableError, tools
from devcluster.certificates import Authority
from devcluster.processes import wait_until
from tests.cluster.parity.external_metrics import GROUP, ExternalMetrics, Sync, registration
from tests.cluster.parity.series import (
    FLAG_TOLERANCE,
    FLAG_WINDOW_SECONDS,
    PER_POD,
    SERIES,
    SYNC_SECONDS,
    Series,
)

NAMESPACE = "parity"
LONGEST = max(len(series.loads) for series in SERIES.values())


@dataclass(frozen=True)
class Recording:
    """What the HPA did with one series: its behavior as the API server stored it, and its syncs."""

    behavior: dict[str, Any]
    syncs: list[Sync]


@pytest.fixture(scope="session")
def hpa_cluster(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    """A cluster without a node, whose HPA controller syncs often: the HPA counts pods, it does not need them to run."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    flags = [
        f"--horizontal-pod-autoscaler-sync-period={SYNC_SECONDS}s",
        f"--horizontal-pod-autoscaler-downscale-stabilization={FLAG_WINDOW_SECONDS}s",
        f"--horizontal-pod-autoscaler-tolerance={FLAG_TOLERANCE}",
        f"--concurrent-horizontal-pod-autoscaler-syncs={len(SERIES)}",
    ]
    with Cluster(tmp_path_factory.mktemp("cluster"), node=False, controller_manager=flags) as running:
        yield running


@pytest.fixture(scope="session")
def recordings(hpa_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    """Play every series to its HPA."""
    names = {f"series-{number}": name for number, name in enumerate(SERIES)}
    apps = client.AppsV1Api(config.new_client_from_config(str(hpa_cluster.kubeconfig)))  # type: ignore[no-untyped-call] # it has no types

    def read_scale(name: str) -> tuple[int, int]:
        scale: Any = apps.read_namespaced_deployment_scale(name, NAMESPACE)
        return scale.spec.replicas or 0, scale.status.replicas

    pair = Authority(tmp_path_factory.mktemp("keys")).issue("external-metrics")
    loads = {short: SERIES[name].messages for short, name in names.items()}
    with ExternalMetrics(pair, loads, read_scale) as metrics:
        hpa_cluster.kubectl("create", "namespace", NAMESPACE)
        hpa_cluster.apply(_listed(registration(metrics.port, NAMESPACE)))
        hpa_cluster.kubectl("wait", "--for=condition=Available", f"apiservice/v1beta1.{GROUP}", "--timeout=60s")
        hpa_cluster.apply(_listed([_deployment(short, SERIES[name]) for short, name in names.items()]))
        wait_until(
            lambda: all(read_scale(short)[1] == SERIES[name].start for short, name in names.items()),
            60,
            "pods are missing",
        )
        hpa_cluster.apply(_listed([_hpa(short, SERIES[name]) for short, name in names.items()]))
        wait_until(lambda: metrics.played, 60 + 2 * SYNC_SECONDS * LONGEST, "the HPAs did not play their series")
        found = json.loads(hpa_cluster.kubectl("get", "hpa.v2.autoscaling", "-n", NAMESPACE, "-o", "json"))["items"]
        behaviors = {hpa["metadata"]["name"]: hpa["spec"]["behavior"] for hpa in found}
        # Read once more than it has loads: that shows what became of the last one.
        return {
            name: Recording(behaviors[short], metrics.syncs[short][: len(loads[short]) + 1])
            for short, name in names.items()
        }


def _listed(items: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _deployment(name: str, series: Series) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "main", "image": "none"}
    spec = {
        "replicas": series.start,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
        },
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _hpa(name: str, series: Series) -> dict[str, Any]:
    target = {"type": "AverageValue", "averageValue": str(PER_POD)}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": series.least,
        "maxReplicas": series.most,
        "metrics": [{"type": "External", "external": {"metric": {"name": name}, "target": target}}],
        "behavior": series.behavior,
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
